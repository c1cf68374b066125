/** Publishes in a SOFARegistry as its Java client does: one connection, whose end takes all away. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BoltFrameReader,
  HEARTBEAT,
  REQUEST,
  RESPONSE,
  requestFrame,
  responseFrame,
} from '../../src/registry/sofaregistry/bolt-frames.ts';
import { HessianObject, readHessian, writeHessian } from '../../src/registry/sofaregistry/hessian.ts';

const MODEL = 'com.alipay.sofa.registry.core.model.';
const HEARTBEAT_MS = 5_000;

export interface Publication {
  readonly dataId: string;
  readonly data: readonly string[];
  /** Default `DEFAULT_INSTANCE_ID`. */
  readonly instance?: string;
  /** Default `SOFA`. */
  readonly group?: string;
}

export class SofaPublisher {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (reply: HessianObject) => void>();
  readonly #heartbeat: NodeJS.Timeout;
  #id = 0;
  /** versions of registrations */
  #version = 0n;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const frames = new BoltFrameReader();
    socket.on('error', () => {});
    socket.on('data', (piece) => {
      const read = frames.push(piece);
      if (typeof read === 'string') throw new Error(read);
      for (const { isRequest, command, id, content } of read) {
        if (isRequest) socket.write(responseFrame(id, command === HEARTBEAT ? HEARTBEAT : RESPONSE));
        else if (command !== HEARTBEAT) {
          const reply = readHessian(content);
          if (!reply.ok || !(reply.value instanceof HessianObject)) throw new Error('no reply of a registry');
          this.#waiting.get(id)?.(reply.value);
          this.#waiting.delete(id);
        }
      }
    });
    this.#heartbeat = setInterval(() => socket.write(requestFrame(++this.#id, 3_000)), HEARTBEAT_MS);
  }

  static async open(host: string, port = 9600): Promise<SofaPublisher> {
    const socket = connect(port, host);
    await new Promise<void>((done, failed) => socket.once('connect', done).once('error', failed));
    return new SofaPublisher(socket);
  }

  /** Replaces what this publisher published of the same dataId. Resolves when the session server has it. */
  async publish(publication: Publication): Promise<void> {
    await this.#register(publication, 'REGISTER');
  }

  async unpublish(publication: Publication): Promise<void> {
    await this.#register(publication, 'UNREGISTER');
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#socket.destroy();
  }

  async #register({ dataId, data, instance, group }: Publication, eventType: string): Promise<void> {
    const type = `${MODEL}PublisherRegister`;
    const content = writeHessian({
      type,
      fields: {
        dataList: data.map((text) => ({ type: `${MODEL}DataBox`, fields: { data: text } })),
        instanceId: instance ?? 'DEFAULT_INSTANCE_ID',
        zone: 'DEFAULT_ZONE',
        appName: 'sofa-app',
        dataId,
        group: group ?? 'SOFA',
        processId: null,
        registId: `${dataId} ${instance} ${group}`,
        clientId: null,
        dataInfoId: null,
        ip: null,
        port: null,
        eventType,
        version: ++this.#version,
        timestamp: BigInt(Date.now()),
        attributes: null,
      },
    });
    const id = ++this.#id;
    const reply = new Promise<HessianObject>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.write(requestFrame(id, 5_000, REQUEST, type, content));
    const late = new AbortController();
    const { fields } = await Promise.race([
      reply,
      sleep(5_000, undefined, { signal: late.signal }).then(() => {
        throw new Error('the registry does not answer');
      }),
    ]);
    late.abort();
    if (fields.get('success') !== true) throw new Error(`${dataId}: ${String(fields.get('message'))}`);
  }
}
