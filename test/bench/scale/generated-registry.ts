/** A registry that makes up its interfaces: what no real one can hold on this machine. A kind of the bench's own. */
import { createServer, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import type { InterfaceName } from '../../../src/name/interface-name.ts';
import { EMPTY_REGISTRATION, type Registration } from '../../../src/registry/registration.ts';
import {
  commonKeys,
  FORGET_AFTER_A_DAY,
  joinKey,
  type RegistryKind,
  SETTLES_AT_ONCE,
} from '../../../src/registry/registry-kind.ts';
import type { RegistrySink, Watcher } from '../../../src/registry/watcher.ts';
import { interfaceAt, providerAddress } from './interfaces.ts';

const schema = z.strictObject({
  kind: z.literal('generated'),
  interfaces: z.int(),
  providers: z.int(),
  /** a Unix socket on which it is told what changes */
  control: z.string(),
  /** it is never reached */
  away: z.boolean().default(false),
  ...commonKeys,
  ...joinKey,
  ...FORGET_AFTER_A_DAY,
  ...SETTLES_AT_ONCE,
});

type Options = z.output<typeof schema>;

/** One line of JSON on the control socket; each is answered by a line when it is delivered. */
export type Command =
  | { readonly kind: 'change'; readonly index: number; readonly present: boolean }
  | { readonly kind: 'new'; readonly index: number }
  | { readonly kind: 'gone'; readonly index: number }
  | { readonly kind: 'resync' };

/** Between two turns of the event loop so many are delivered. */
const AT_ONCE = 500;

export const generatedKind: RegistryKind<Options> = {
  kind: 'generated',
  schema,
  idOf: ({ control }) => `generated:${control}`,
  hasServices: false,
  open: (options, _id, sink) => ({ watcher: new GeneratedWatcher(options, sink) }),
};

class GeneratedWatcher implements Watcher {
  readonly #options: Options;
  readonly #sink: RegistrySink;
  readonly #changed = new Set<number>();
  readonly #added = new Set<number>();
  #server: Server | undefined;

  constructor(options: Options, sink: RegistrySink) {
    this.#options = options;
    this.#sink = sink;
  }

  start(): void {
    if (this.#options.away) {
      this.#sink.state({ kind: 'failed', reason: 'away' });
      return;
    }
    this.#sink.state({ kind: 'syncing' });
    this.#server = createServer((socket) => {
      createInterface(socket).on('line', (line) => {
        void this.#obey(JSON.parse(line) as Command).then(() => socket.write('done\n'));
      });
      socket.on('error', () => {});
    }).listen(this.#options.control);
    void this.#deliver();
  }

  async stop(): Promise<void> {
    this.#server?.close();
  }

  async #obey(command: Command): Promise<void> {
    if (command.kind === 'resync') return await this.#deliver();
    const { index } = command;
    if (command.kind === 'change') {
      if (command.present) this.#changed.add(index);
      else this.#changed.delete(index);
    } else if (command.kind === 'new') this.#added.add(index);
    else this.#added.delete(index);
    const registration = this.#registration(index);
    this.#sink.update(registration.interface, command.kind === 'gone' ? [] : [registration]);
  }

  async #deliver(): Promise<void> {
    const replacement = this.#sink.replace();
    let count = 0;
    const put = (index: number) => {
      const registration = this.#registration(index);
      replacement.put(registration.interface, [registration]);
    };
    for (let index = 0; index < this.#options.interfaces; index++) {
      put(index);
      if (++count % AT_ONCE === 0) await nextTurn();
    }
    for (const index of this.#added) put(index);
    replacement.done();
    this.#sink.state({ kind: 'live' });
  }

  #registration(index: number): Registration {
    const { providers } = this.#options;
    const { interfaceName, application } = interfaceAt(index);
    const count = providers + (this.#changed.has(index) ? 1 : 0);
    return {
      ...EMPTY_REGISTRATION,
      interface: interfaceName as InterfaceName,
      version: '1.0.0',
      application,
      port: 20_880,
      endpoints: Array.from({ length: count }, (_, provider) => {
        return { host: providerAddress(index, provider, providers), port: 20_880, protocol: 'dubbo' };
      }),
      source: `/generated/${interfaceName}`,
    };
  }
}
