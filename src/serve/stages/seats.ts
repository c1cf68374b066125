import type { Exchange } from '../exchange.ts';

/** What a seat says of a query: it goes on, nothing is sent, or the reply that the seat has set is sent as it is. */
export type Verdict = 'on' | 'drop' | 'reply';

/**
 * Where in the stages those stand that are not DNS itself. Each is free until somebody takes it, and a free one costs a
 * comparison.
 */
export interface Seats {
  /** `gate`: who may ask at all, by the client's address and the listener */
  readonly accessList?: (exchange: Exchange) => Verdict;
  /** `question`: server cookies (RFC 7873), which may end it with BADCOOKIE; sees the query's OPT in `message` */
  readonly cookies?: (exchange: Exchange) => Verdict;
  /** `question`: a key's signature (RFC 8945), before anything is looked for */
  readonly verify?: (exchange: Exchange) => Verdict;
  /** `finish`: replies that are alike and too many (response rate limiting) */
  readonly rateLimit?: (exchange: Exchange) => Verdict;
  /** `finish`: the name of the server that answered (RFC 5001), as an option of the reply's OPT */
  readonly identifier?: (exchange: Exchange) => void;
  /** `finish`: signs what is written, behind its end. @returns the length of the reply (RFC 8945) */
  readonly sign?: (exchange: Exchange, length: number) => number;
}
