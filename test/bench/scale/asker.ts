/** Asks a server over UDP until the answer is the awaited one, and says how long that took. */
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ReadMessage, readMessage } from '../../../src/wire/read-message.ts';
import { rdataText } from '../../../src/zone/rdata/formats.ts';
import { TYPE } from '../../../src/zone/types.ts';
import { parseQuestion, queryOctets } from '../../support/question.ts';
import type { Change } from './source.ts';

const EVERY_MS = 2;
/** A late answer is asked for less often: a hundred that wait at once are not to be a load of their own. */
const EVERY_SHARE = 1 / 50;
const REPLY_DEADLINE_MS = 1_000;
const DEADLINE_MS = 300_000;

export type Expected = (addresses: readonly string[]) => boolean;

export class Asker {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (reply: Buffer | undefined) => void>();
  #id = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (reply) => this.#waiting.get(reply.readUInt16BE(0))?.(reply));
    // nobody listens yet: then no reply is worth waiting for
    socket.on('error', () => {
      for (const finish of [...this.#waiting.values()]) finish(undefined);
    });
  }

  static open(port: number): Promise<Asker> {
    const socket = createSocket('udp4');
    return new Promise((resolve) => socket.connect(port, '127.0.0.1', () => resolve(new Asker(socket))));
  }

  /** Milliseconds from now until the name's A records are as expected; one question is under way at a time. */
  async until(name: string, expected: Expected): Promise<number> {
    const startedAt = performance.now();
    const { name: domain, type, options } = parseQuestion(`${name} A`);
    for (;;) {
      const askedAt = performance.now();
      const reply = await this.#ask((id) => queryOctets(domain, type, { ...options, id }));
      const now = performance.now();
      if (reply !== undefined && expected(addressesOf(reply))) return now - startedAt;
      if (now - startedAt > DEADLINE_MS) throw new Error(`${name} is not answered as it should be`);
      const everyMs = Math.max(EVERY_MS, (now - startedAt) * EVERY_SHARE);
      await sleep(Math.max(0, everyMs - (now - askedAt)));
    }
  }

  close(): void {
    this.#socket.close();
  }

  /** @returns undefined when no reply comes */
  #ask(query: (id: number) => Buffer): Promise<ReadMessage | undefined> {
    const id = this.#id++ & 0xffff;
    return new Promise((resolve) => {
      const finish = (octets: Buffer | undefined): void => {
        this.#waiting.delete(id);
        clearTimeout(timer);
        resolve(octets && readMessage(octets));
      };
      const timer = setTimeout(() => finish(undefined), REPLY_DEADLINE_MS);
      this.#waiting.set(id, finish);
      this.#socket.send(query(id));
    });
  }
}

/** What a change has to look like. */
export function tells({ address, present }: Change): Expected {
  return (addresses) => addresses.includes(address) === present;
}

export const hasAnyAddress: Expected = (addresses) => addresses.length > 0;

function addressesOf(reply: ReadMessage): string[] {
  const records = reply.answer.filter(({ type }) => type === TYPE.A);
  return records.map(({ rdata }) => rdataText(TYPE.A, rdata));
}
