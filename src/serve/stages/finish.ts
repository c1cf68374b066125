import { finishReply } from '../../wire/encode.ts';
import type { Exchange } from '../exchange.ts';
import type { Seats } from './seats.ts';

/**
 * Writes what all replies have: the header in front, and behind them the OPT where the query had one.
 *
 * @param udpSize what our own OPT says
 * @returns the length of the reply; 0 when it is not sent
 */
export function finish(exchange: Exchange, udpSize: number, seats: Seats): number {
  if (seats.rateLimit !== undefined && seats.rateLimit(exchange) === 'drop') return 0;
  if (seats.identifier !== undefined && exchange.hasEdns) seats.identifier(exchange);
  const length = finishReply(exchange.out, exchange, udpSize, exchange.options);
  return seats.sign === undefined ? length : seats.sign(exchange, length);
}
