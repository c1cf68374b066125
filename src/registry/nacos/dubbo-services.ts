/**
 * What Dubbo's applications provide in its application mode: the instances do not say it. Each provider leaves a definition of each
 * service in Nacos' configuration, whose name says all that is wanted:
 *
 *     group dubbo, dataId com.foo.UserService:1.0.0:g1:provider:user-app
 */
import { ok, type Result } from '../../base/result.ts';
import type { NacosHttp } from './http-client.ts';
import type { Login } from './login.ts';
import type { ServerAddress } from './options.ts';
import { isJson, textOf } from './payload.ts';

export interface DubboService {
  readonly name: string;
  readonly version: string;
  readonly group: string;
}

const GROUP = 'dubbo';
const SIDE = ':provider:';
/** Definitions list methods and types, so a page of them is long. */
const PAGE = 50;
const MAX_PAGES = 100;

export class DubboServices {
  readonly #http: NacosHttp;
  readonly #login: Login;
  readonly #servers: readonly ServerAddress[];
  readonly #tenant: string;
  readonly #known = new Map<string, readonly DubboService[]>();
  #next = 0;

  constructor(http: NacosHttp, login: Login, servers: readonly ServerAddress[], namespace: string) {
    this.#http = http;
    this.#login = login;
    this.#servers = servers;
    // to Nacos' configuration this one has no name
    this.#tenant = namespace === 'public' ? '' : namespace;
  }

  /** As it was read last. */
  of(application: string): readonly DubboService[] {
    return this.#known.get(application) ?? [];
  }

  forget(application: string): void {
    this.#known.delete(application);
  }

  /** Reads an application's. What cannot be read leaves what was. */
  async read(application: string): Promise<Result<readonly DubboService[]>> {
    const services: DubboService[] = [];
    for (let pageNo = 1; pageNo <= MAX_PAGES; pageNo++) {
      const page = await this.#page(application, pageNo);
      if (!page.ok) return page;
      services.push(...page.value.flatMap((dataId) => readDefinitionName(dataId, application) ?? []));
      if (page.value.length < PAGE) break;
    }
    this.#known.set(application, services);
    return ok(services);
  }

  async #page(application: string, pageNo: number): Promise<Result<readonly string[]>> {
    const server = this.#servers[this.#next % this.#servers.length];
    if (server === undefined) return { ok: false, reason: 'no server' };
    const token = await this.#login.token(server);
    if (!token.ok) return token;
    const reply = await this.#http.send(server, {
      method: 'GET',
      path: '/v1/cs/configs',
      parameters: {
        search: 'blur',
        dataId: `*${SIDE}${application}`,
        group: GROUP,
        tenant: this.#tenant,
        pageNo: String(pageNo),
        pageSize: String(PAGE),
      },
      token: token.value,
    });
    const items = reply.kind === 'json' ? reply.value['pageItems'] : undefined;
    if (Array.isArray(items)) return ok(items.map((item) => (isJson(item) ? textOf(item['dataId']) : '')));
    this.#next++;
    if (reply.kind === 'status') {
      if (reply.status === 401 || reply.status === 403) this.#login.refused(token.value);
      return {
        ok: false,
        reason: `status ${reply.status} when its services are looked up in the configuration`,
      };
    }
    return { ok: false, reason: reply.kind === 'failed' ? reply.reason : 'the configuration has no list' };
  }
}

/** undefined: it is of another application, or none. */
export function readDefinitionName(dataId: string, application: string): DubboService | undefined {
  const end = `${SIDE}${application}`;
  if (!dataId.endsWith(end)) return undefined;
  const [name = '', version = '', ...group] = dataId.slice(0, -end.length).split(':');
  return { name: name.replaceAll('___', '$'), version, group: group.join(':') };
}
