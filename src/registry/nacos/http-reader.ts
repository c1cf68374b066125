/** Reads one namespace by the HTTP of Nacos 1, turn after turn: what is left where there is no gRPC. */
import type { Reader, ReaderHandlers } from './grpc-reader.ts';
import { HTTP_CONNECTIONS, type NacosHttp } from './http-client.ts';
import type { Login } from './login.ts';
import type { Namespace } from './namespace.ts';
import type { ServerAddress } from './options.ts';
import { type Json, textOf } from './payload.ts';

const PAGE = 1_000;
const MAX_PAGES = 1_000;

type Answer =
  | { readonly ok: true; readonly value: Json }
  /** the server does not want to, or there is more of it than we take */
  | { readonly ok: false; readonly reason: string; readonly isRefused: boolean };

export class HttpReader implements Reader {
  readonly #http: NacosHttp;
  readonly #server: ServerAddress;
  readonly #login: Login;
  readonly #namespace: Namespace;
  readonly #handlers: ReaderHandlers & { lost(reason: string): void };
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Begins to read. */
  constructor(
    http: NacosHttp,
    server: ServerAddress,
    login: Login,
    namespace: Namespace,
    handlers: ReaderHandlers & { lost(reason: string): void },
  ) {
    this.#http = http;
    this.#server = server;
    this.#login = login;
    this.#namespace = namespace;
    this.#handlers = handlers;
    void this.#turn();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #turn(): Promise<void> {
    const problem = (await this.#list()) ?? (await this.#readAll());
    if (this.#isClosed) return;
    if (problem !== undefined) {
      this.close();
      this.#handlers.lost(problem);
      return;
    }
    this.#handlers.complete();
    this.#timer = setTimeout(
      () => void this.#turn(),
      this.#namespace.options.interval * (1 - 0.2 * Math.random()),
    );
  }

  /** @returns why it is not whole */
  async #list(): Promise<string | undefined> {
    this.#namespace.beginList();
    let isOnePiece = true;
    for (const groupName of this.#namespace.options.groups) {
      for (let pageNo = 1, seen = 0; ; pageNo++) {
        if (pageNo > MAX_PAGES) return `the list of services has over ${MAX_PAGES * PAGE} names`;
        const page = await this.#ask('/v1/ns/service/list', {
          ...this.#about(groupName),
          pageNo: String(pageNo),
          pageSize: String(PAGE),
        });
        if (this.#isClosed) return undefined;
        if (!page.ok) return page.reason;
        const { doms, count } = page.value;
        if (!Array.isArray(doms)) return 'what answers there is no Nacos: no list of services';
        for (const name of doms) this.#namespace.see(groupName, textOf(name));
        seen += doms.length;
        if (doms.length === 0 || typeof count !== 'number' || seen >= count) break;
        isOnePiece = false;
      }
    }
    this.#namespace.endList(isOnePiece);
    return undefined;
  }

  /** @returns why not all could be read */
  async #readAll(): Promise<string | undefined> {
    const waiting = this.#namespace.keys();
    let problem: string | undefined;
    const work = async (): Promise<void> => {
      for (const key of waiting) {
        const at = key.indexOf('@@');
        // these servers want the group in front of the name, too
        const answer = await this.#ask('/v1/ns/instance/list', {
          ...this.#about(key.slice(0, at)),
          serviceName: key,
        });
        if (this.#isClosed || problem !== undefined) return;
        const service = this.#namespace.get(key);
        if (service !== undefined) service.lastRefTime = 0;
        if (answer.ok) await this.#namespace.take(key, answer.value);
        else if (answer.isRefused) this.#namespace.refuse(key, answer.reason);
        else problem = answer.reason;
      }
    };
    await Promise.all(Array.from({ length: HTTP_CONNECTIONS }, work));
    if (problem === undefined && !this.#isClosed) await this.#namespace.lookUpMissing();
    return problem;
  }

  async #ask(path: string, parameters: Readonly<Record<string, string>>): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      const token = await this.#login.token(this.#server);
      if (!token.ok) return { ok: false, reason: token.reason, isRefused: false };
      const reply = await this.#http.send(this.#server, {
        method: 'GET',
        path,
        parameters,
        token: token.value,
      });
      if (reply.kind === 'json') return { ok: true, value: reply.value };
      if (reply.kind === 'failed')
        return { ok: false, reason: reply.reason, isRefused: reply.isTooLarge === true };
      const isAboutToken = reply.status === 401 || reply.status === 403;
      if (!isAboutToken || token.value === undefined || attempt > 0)
        return { ok: false, reason: `status ${reply.status} of ${path}`, isRefused: isAboutToken };
      this.#login.refused(token.value);
    }
  }

  #about(groupName: string): Readonly<Record<string, string>> {
    return { namespaceId: this.#namespace.name, groupName };
  }
}
