import {
  type ApiClient,
  ApiError,
  type Method,
  type RequestOptions,
} from '../../src/kubernetes/api-client.ts';

export interface Asked {
  readonly method: Method;
  readonly path: string;
  readonly options: RequestOptions;
}

interface Versioned {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
}

/** One stream that the server has open. */
export interface Stream {
  readonly query: Readonly<Record<string, string>>;
  /** the server sends an event */
  readonly send: (event: unknown) => void;
  /** the server ends it; with an error the connection broke, or it was refused */
  readonly end: (error?: Error) => void;
}

/** An API server in memory: objects with versions, and streams whose events the test sends. */
export class FakeApi {
  readonly asked: Asked[] = [];
  readonly objects = new Map<string, Versioned>();
  readonly streams: Stream[] = [];
  /** refuses what is asked, when it returns an error */
  refusal: (asked: Asked) => ApiError | undefined = () => undefined;
  #version = 100;
  #opened: (() => void)[] = [];

  get client(): ApiClient {
    return this as unknown as ApiClient;
  }

  async request(method: Method, path: string, options: RequestOptions = {}): Promise<unknown> {
    const asked = { method, path, options };
    this.asked.push(asked);
    await undefined;
    const refusal = this.refusal(asked);
    if (refusal !== undefined) throw refusal;
    if (method === 'POST') return this.#create(path, options.body as Versioned);
    const known = this.objects.get(path);
    if (known === undefined) throw new ApiError(404, 'NotFound', `no ${path}`);
    if (method === 'GET') return structuredClone(known);
    if (method !== 'PUT') throw new ApiError(405, 'MethodNotAllowed', method);
    const body = options.body as Versioned;
    if (body.metadata.resourceVersion !== known.metadata.resourceVersion) {
      throw new ApiError(409, 'Conflict', 'the object has been modified');
    }
    return this.#put(path, body);
  }

  stream(
    _path: string,
    query: Readonly<Record<string, string>>,
    _silenceMs: number,
    signal: AbortSignal,
    onLine: (value: unknown) => void,
    onOpen: () => void = () => {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => reject(error as Error);
      signal.addEventListener('abort', () => fail(new Error('aborted')));
      this.streams.push({
        query,
        send: (event) => {
          try {
            onLine(event);
          } catch (error) {
            fail(error);
          }
        },
        end: (error) => (error === undefined ? resolve() : fail(error)),
      });
      onOpen();
      for (const tell of this.#opened.splice(0)) tell();
    });
  }

  /** The stream that is opened next, or the one of this number when it is there already. */
  async opened(number: number): Promise<Stream> {
    while (this.streams.length <= number) await new Promise<void>((tell) => this.#opened.push(tell));
    return this.streams[number] as Stream;
  }

  /** Somebody else writes an object. */
  write(path: string, object: object): void {
    const { metadata } = object as Partial<Versioned>;
    this.#put(path, { ...object, metadata: { name: 'x', ...metadata } });
  }

  #create(collection: string, body: Versioned): Versioned {
    const path = `${collection}/${body.metadata.name}`;
    if (this.objects.has(path)) throw new ApiError(409, 'AlreadyExists', path);
    return this.#put(path, body);
  }

  #put(path: string, body: Versioned): Versioned {
    const stored = { ...body, metadata: { ...body.metadata, resourceVersion: String(++this.#version) } };
    this.objects.set(path, stored);
    return structuredClone(stored);
  }
}
