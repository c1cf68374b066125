/** A ZooKeeper of a few lines that keeps the real one's promises about watches. */
import assert from 'node:assert/strict';
import type { NameFilter } from '../../src/registry/zookeeper/protocol.ts';
import type { DataReply, ExistsReply, ListReply } from '../../src/registry/zookeeper/session.ts';
import type { NodeSource } from '../../src/registry/zookeeper/watched-nodes.ts';

/**
 * Nodes, and one client's watches, each good for one event. Replies and events reach the client in one order, that of the
 * server; how many of them at a time is for the test to say.
 */
export class FakeZooKeeper implements NodeSource {
  readonly nodes = new Set<string>();
  readonly #data = new Map<string, { readonly text: string; readonly version: number }>();
  /** by path: when a child came or went */
  readonly #versions = new Map<string, number>();
  #transactions = 0;
  readonly #childWatches = new Set<string>();
  readonly #nodeWatches = new Set<string>();
  /** what the client has asked and the server not yet seen; then what is on its way back */
  readonly #requests: (() => () => void)[] = [];
  readonly #toClient: (() => void)[] = [];
  onEvent: (path: string) => void = () => {};
  /** swallows so many events: a fault that the real one never has */
  losesEvents = 0;

  list(path: string, knownVersion?: number, leaveOut?: NameFilter): Promise<ListReply> {
    const isLeftOut = (name: string): boolean => {
      const octets = Buffer.from(`(${name})`);
      return leaveOut?.(octets, 1, octets.length - 1) ?? false;
    };
    const filtered = (reply: ListReply): ListReply =>
      reply.kind === 'list' ? { ...reply, names: reply.names.filter((name) => !isLeftOut(name)) } : reply;
    return this.#ask<ListReply>(() => {
      if (!this.nodes.has(path)) return { kind: 'no-node' };
      this.#childWatches.add(path);
      const names = [...this.nodes]
        .filter((node) => parentOf(node) === path)
        .map((node) => node.slice(path.length + 1));
      const version = this.#versions.get(path) ?? 0;
      if (version === knownVersion) return { kind: 'unchanged' };
      return { kind: 'list', names, version };
    }, filtered);
  }

  get(path: string, knownVersion?: number): Promise<DataReply> {
    return this.#ask<DataReply>(() => {
      if (!this.nodes.has(path)) return { kind: 'no-node' };
      this.#nodeWatches.add(path);
      const { text, version } = this.#data.get(path) ?? { text: '', version: 1 };
      return version === knownVersion
        ? { kind: 'unchanged' }
        : { kind: 'data', data: Buffer.from(text), version };
    });
  }

  exists(path: string): Promise<ExistsReply> {
    return this.#ask<ExistsReply>(() => {
      this.#nodeWatches.add(path);
      return { kind: this.nodes.has(path) ? 'exists' : 'no-node' };
    });
  }

  drop(reason: string): void {
    assert.fail(reason);
  }

  /** Makes a node and those above it. */
  create(path: string): void {
    if (path === '' || this.nodes.has(path)) return;
    this.create(parentOf(path));
    this.nodes.add(path);
    this.#data.set(path, { text: '', version: ++this.#transactions });
    this.#note(path);
    this.#note(parentOf(path));
    this.#fire(this.#nodeWatches, path);
    this.#fire(this.#childWatches, parentOf(path));
  }

  /** Writes a node's data, and makes it and those above it where they are not. */
  write(path: string, text: string): void {
    const isThere = this.nodes.has(path);
    this.create(path);
    this.#data.set(path, { text, version: ++this.#transactions });
    if (isThere) this.#fire(this.#nodeWatches, path);
  }

  /** '' for a node without data, and for none. */
  textOf(path: string): string {
    return this.#data.get(path)?.text ?? '';
  }

  /** Deletes a node and all below. */
  delete(path: string): void {
    for (const node of [...this.nodes]) if (parentOf(node) === path) this.delete(node);
    if (!this.nodes.delete(path)) return;
    this.#data.delete(path);
    this.#note(parentOf(path));
    const watched = this.#childWatches.delete(path);
    if (watched) this.#nodeWatches.add(path);
    this.#fire(this.#nodeWatches, path);
    this.#fire(this.#childWatches, parentOf(path));
  }

  /** Serves and delivers up to `steps` things. @returns whether anything was left to do */
  async step(steps: number): Promise<boolean> {
    for (let i = 0; i < steps; i++) {
      const request = this.#requests.shift();
      if (request !== undefined) this.#toClient.push(request());
      if (i % 2 === 0 || request === undefined) this.#toClient.shift()?.();
      await Promise.resolve();
    }
    return this.#requests.length + this.#toClient.length > 0;
  }

  #note(path: string): void {
    this.#versions.set(path, ++this.#transactions);
  }

  /** @param read what the client makes of the reply when it comes */
  #ask<Reply>(serve: () => Reply, read = (reply: Reply) => reply): Promise<Reply> {
    return new Promise((resolve) => {
      this.#requests.push(() => {
        const reply = serve();
        return () => resolve(read(reply));
      });
    });
  }

  #fire(watches: Set<string>, path: string): void {
    if (!watches.delete(path)) return;
    if (this.losesEvents > 0) this.losesEvents--;
    else this.#toClient.push(() => this.onEvent(path));
  }
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
