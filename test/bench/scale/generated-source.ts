/** Interfaces that the server's own registry makes up; told by a socket what changes. */
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { tempFolder } from '../../support/temp.ts';
import type { Command } from './generated-registry.ts';
import { interfaceAt, providerAddress } from './interfaces.ts';
import type { Change, InterfaceSource } from './source.ts';

const RETRY_MS = 100;

export class GeneratedSource implements InterfaceSource {
  readonly providers: number;
  readonly #control = join(tempFolder('generated'), 'control.sock');
  readonly #changed = new Set<number>();
  readonly #added = new Set<number>();
  #size = 0;
  #link: Link | undefined;

  /** @param providers of each interface */
  constructor(providers: number) {
    this.providers = providers;
  }

  get registries(): string {
    return this.#described(false);
  }

  get registriesAway(): string {
    return this.#described(true);
  }

  async plant(size: number): Promise<void> {
    this.#size = size;
  }

  async change(index: number): Promise<Change> {
    const present = !this.#changed.has(index);
    if (present) this.#changed.add(index);
    else this.#changed.delete(index);
    await this.#tell({ kind: 'change', index, present });
    const address = providerAddress(index, this.providers, this.providers);
    // the instance's own name: hundreds of addresses at once do not fit a reply
    const name = `${address.replaceAll('.', '-')}._endpoints.${interfaceAt(index).structuredDomain}`;
    return { name, address, present };
  }

  async newInterface(index: number): Promise<void> {
    this.#added.add(index);
    await this.#tell({ kind: 'new', index });
  }

  async reset(): Promise<void> {
    // the next server begins anew
    this.#changed.clear();
    this.#added.clear();
    this.#link?.close();
    this.#link = undefined;
  }

  async listAlone(): Promise<number> {
    return Number.NaN;
  }

  async cutOff(): Promise<void> {
    void this.#tell({ kind: 'resync' });
  }

  async remove(): Promise<void> {
    this.#link?.close();
  }

  #described(away: boolean): string {
    const keys = `interfaces: ${this.#size}, providers: ${this.providers}, control: ${this.#control}, away: ${away}`;
    return `[{ kind: generated, name: scale, ${keys} }]`;
  }

  async #tell(command: Command): Promise<void> {
    this.#link ??= await Link.open(this.#control);
    await this.#link.tell(command);
  }
}

/** A connection to the registry inside the server. */
class Link {
  readonly #socket: Socket;
  readonly #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    createInterface(socket).on('line', () => this.#waiting.shift()?.());
    socket.on('error', () => {});
  }

  static async open(path: string): Promise<Link> {
    for (;;) {
      const socket = connect(path);
      const isOpen = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      if (isOpen) return new Link(socket);
      await sleep(RETRY_MS);
    }
  }

  tell(command: Command): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#socket.write(`${JSON.stringify(command)}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
