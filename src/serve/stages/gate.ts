import { HEADER_LENGTH } from '../../wire/message.ts';
import type { Exchange } from '../exchange.ts';
import type { Seats, Verdict } from './seats.ts';

const QR = 0x80;

/**
 * Who may ask. No reply is due to what is too short to have an id, nor to a response (RFC 1035 section 4.1.1): two servers
 * would answer each other for ever.
 */
export function gate(exchange: Exchange, seats: Seats): Verdict {
  const { message } = exchange;
  if (exchange.size < HEADER_LENGTH || ((message[2] as number) & QR) !== 0) return 'drop';
  exchange.id = ((message[0] as number) << 8) | (message[1] as number);
  exchange.flags = ((message[2] as number) << 8) | (message[3] as number);
  return seats.accessList === undefined ? 'on' : seats.accessList(exchange);
}
