import type { DomainName } from '../name/domain-name.ts';
import type { LocalityRule } from '../name/localities.ts';
import type { Change } from '../zone/change.ts';
import type { NamesOptions } from '../zone/registry-names.ts';
import type { BlockLabels } from './counters.ts';
import type { QueryLogFilter, QueryLogLine } from './query-log.ts';
import type { EngineName } from './udp-engine.ts';

/** What a query thread is started with. */
export interface WorkerOptions {
  readonly names: NamesOptions;
  readonly udpSize: number;
  readonly engine: EngineName | 'auto';
  /** where clients and providers are; empty: it does not matter */
  readonly localities: readonly LocalityRule[];
  readonly counters: SharedArrayBuffer;
  /** other threads open the same ports */
  readonly sharesPorts: boolean;
  /** niceness that it had if it were one of the first; it takes the place of one of them. Undefined: it is one */
  readonly niceness: number | undefined;
}

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** To the query worker. Each is answered by a {@link FromWorker} `done` of the same number. */
export type ToWorker = { readonly number: number } & (
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'listen'; readonly addresses: readonly SocketAddress[] }
  | { readonly kind: 'ask'; readonly name: DomainName; readonly type: number }
  | { readonly kind: 'localities'; readonly localities: readonly LocalityRule[] }
  | { readonly kind: 'query-log'; readonly filter: QueryLogFilter | undefined }
  | { readonly kind: 'close' }
);

/** A socket that could not be opened. */
export interface ListenFailure {
  readonly address: SocketAddress;
  readonly proto: 'udp' | 'tcp';
  readonly code: string;
}

export interface Listening {
  readonly failures: readonly ListenFailure[];
  readonly engine: EngineName;
  /** why it is not `mmsg`, where that was wanted */
  readonly engineProblem: string | undefined;
}

export interface WorkerState {
  readonly interfaces: number;
  readonly names: number;
  readonly readyReplies: number;
  /** members of applications and browsing names beyond `answers.maxRecords` */
  readonly leftOutMembers: number;
}

/** What is done, by kind of request. */
export interface Results {
  readonly change: WorkerState;
  readonly listen: Listening;
  /** the reply as octets */
  readonly ask: { readonly reply: Uint8Array };
  readonly localities: undefined;
  readonly 'query-log': undefined;
  readonly close: undefined;
}

export type FromWorker =
  | { readonly kind: 'done'; readonly number: number; readonly result: Results[keyof Results] }
  | { readonly kind: 'failed'; readonly number: number; readonly error: string }
  | { readonly kind: 'block'; readonly block: number; readonly labels: BlockLabels }
  | { readonly kind: 'query'; readonly line: QueryLogLine }
  | { readonly kind: 'panic'; readonly query: string; readonly error: string };
