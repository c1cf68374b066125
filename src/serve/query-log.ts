import { type DomainName, isAtOrBelow, keyOf, type NameKey, toText } from '../name/domain-name.ts';
import { clientAddress, type Network, networkContains } from '../name/network.ts';
import { HEADER_LENGTH, rcodeText } from '../wire/message.ts';
import { typeText } from '../zone/types.ts';
import type { Client } from './client.ts';
import type { Exchange } from './exchange.ts';

/** Which queries are logged: all that meet every given condition. */
export interface QueryLogFilter {
  /** one of these names, and all below it */
  readonly names?: readonly NameKey[];
  readonly client?: Network;
}

export interface QueryLogLine {
  readonly client: string;
  readonly proto: string;
  readonly name: string;
  readonly type: string;
  readonly rcode: string;
  /** octets of the reply */
  readonly size: number;
  readonly microseconds: number;
}

/** More in one second are counted, not written: a log must not drown the server it explains. */
const MAX_LINES_A_SECOND = 200;

/** A log of queries: off until an operator turns it on, and never for all of a busy server at once. */
export class QueryLog {
  active = false;
  #filter: QueryLogFilter = {};
  readonly #emit: (line: QueryLogLine) => void;
  #second = 0;
  #lines = 0;

  constructor(emit: (line: QueryLogLine) => void) {
    this.#emit = emit;
  }

  /** @param filter undefined turns the log off */
  set(filter: QueryLogFilter | undefined): void {
    this.active = filter !== undefined;
    this.#filter = filter ?? {};
  }

  /** @returns whether the query met the filter */
  write(exchange: Exchange, length: number, seconds: number): boolean {
    const { client, message, nameLength } = exchange;
    if (!this.#isFrom(client)) return false;
    const name = message.toString('latin1', HEADER_LENGTH, HEADER_LENGTH + nameLength) as DomainName;
    if (!this.#isFor(keyOf(name))) return false;
    const now = Math.floor(performance.now() / 1000);
    if (now !== this.#second) {
      this.#second = now;
      this.#lines = 0;
    }
    if (this.#lines++ >= MAX_LINES_A_SECOND) return true;
    this.#emit({
      client: client.address,
      proto: exchange.listener.proto,
      name: toText(name),
      type: typeText(exchange.type),
      rcode: rcodeText(exchange.rcode),
      size: length,
      microseconds: Math.round(seconds * 1e6),
    });
    return true;
  }

  #isFrom({ address: text }: Client): boolean {
    const network = this.#filter.client;
    if (network === undefined) return true;
    const address = clientAddress(text);
    return address !== undefined && networkContains(network, address);
  }

  #isFor(name: NameKey): boolean {
    return this.#filter.names?.some((wanted) => isAtOrBelow(name, wanted)) ?? true;
  }
}
