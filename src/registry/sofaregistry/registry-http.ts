/** What session and data servers tell by HTTP: where the others are, and which dataInfoIds there are. */
import { hash } from 'node:crypto';
import { bad, ok, type Result } from '../../base/result.ts';
import { hostPortText, splitHostPort } from '../../name/address.ts';
import { collect, HttpExchange } from '../http-exchange.ts';
import { reasonOf } from '../request-problem.ts';
import type { ServerAddress } from '../server-list.ts';
import { readTexts } from './name-list.ts';
import type { SofaRegistryOptions } from './options.ts';

/** 300,000 names. */
const MAX_OCTETS = 32 * 2 ** 20;
const MAX_SERVERS = 500;
const PARALLEL = 8;

/** What one list of names says. */
interface NameSource {
  readonly server: ServerAddress;
  readonly path: string;
  /** the dataInfoId in one of its texts */
  nameIn(text: string): string;
}

export class RegistryHttp {
  readonly #options: SofaRegistryOptions;
  readonly #exchanges = new Map<string, HttpExchange>();
  /** hashes of lists that were taken */
  readonly #taken = new Map<string, string>();
  #isClosed = false;

  constructor(options: SofaRegistryOptions) {
    this.#options = options;
  }

  close(): void {
    this.#isClosed = true;
    for (const exchange of this.#exchanges.values()) exchange.close();
    this.#exchanges.clear();
  }

  /** Lists are taken anew, however they were before. */
  forgetLists(): void {
    this.#taken.clear();
  }

  /** Session servers, by their SOFABolt ports, as one of them says. */
  async sessionServers(server: ServerAddress): Promise<Result<readonly ServerAddress[]>> {
    const { zone } = this.#options;
    const query = zone === '' ? '' : `?zone=${encodeURIComponent(zone)}`;
    const reply = await this.#get(server, `/api/servers/query${query}`);
    if (!reply.ok) return reply;
    const text = reply.value.toString('utf8', 0, 65_536).trim();
    if (text === '')
      return bad(zone === '' ? 'it knows no session server' : `it knows no session server of zone ${zone}`);
    const servers: ServerAddress[] = [];
    for (const item of text.split(/[;,]/, MAX_SERVERS)) {
      const found = splitHostPort(item.trim());
      if (found === undefined || !isHost(found.host)) return bad('what answers there is no session server');
      servers.push(found);
    }
    return ok(servers);
  }

  /**
   * Reads the names of all that is published, from every data server, as each has its own slots only; when one of them cannot be
   * asked, from every session server, as each has what its own clients publish. A list that is as it was is not read again.
   *
   * @param server a session server
   * @param sessions hosts of all
   * @returns why there may be names that were not read; undefined: all were
   */
  async readNames(
    server: ServerAddress,
    sessions: readonly string[],
    take: (dataInfoId: string) => void,
  ): Promise<{ readonly problem: string | undefined; readonly isOfDataServers: boolean }> {
    const problem = await this.#readFromDataServers(server, take);
    if (problem === undefined) return { problem, isOfDataServers: true };
    const sources = sessions.map((host) => ({
      server: { host, port: server.port },
      path: '/digest/getDataInfoIdList',
      nameIn: (text: string) => text,
    }));
    const other = await this.#readAll(sources, take);
    return { problem: other === undefined ? undefined : `${problem}; ${other}`, isOfDataServers: false };
  }

  async #readFromDataServers(
    server: ServerAddress,
    take: (dataInfoId: string) => void,
  ): Promise<string | undefined> {
    const reply = await this.#get(server, '/digest/data/serverList/query');
    if (!reply.ok) return reply.reason;
    const hosts: string[] = [];
    const problem = readTexts(reply.value, (text) => {
      if (hosts.length < MAX_SERVERS) hosts.push(splitHostPort(text)?.host ?? text);
    });
    if (problem !== undefined || !hosts.every(isHost))
      return `${hostPortText(server)} gives no list of data servers`;
    // as long as a server starts
    if (hosts.length === 0) return `${hostPortText(server)} knows no data server`;
    const sources = hosts.map((host) => ({
      server: { host, port: this.#options.dataPort },
      path: '/digest/datum/getDataInfoIdList',
      nameIn: dataInfoIdIn,
    }));
    return this.#readAll(sources, take);
  }

  /** @returns what is wrong with the first of those that cannot be read */
  async #readAll(
    sources: readonly NameSource[],
    take: (dataInfoId: string) => void,
  ): Promise<string | undefined> {
    if (sources.length === 0) return 'no server has names';
    const problems: string[] = [];
    const waiting = sources.values();
    const work = async (): Promise<void> => {
      for (const source of waiting) {
        const problem = await this.#readList(source, take);
        if (problem !== undefined) problems.push(problem);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
    return problems[0];
  }

  async #readList(
    { server, path, nameIn }: NameSource,
    take: (dataInfoId: string) => void,
  ): Promise<string | undefined> {
    const reply = await this.#get(server, path);
    if (!reply.ok) return reply.reason;
    const key = hostPortText(server);
    const digest = hash('sha1', reply.value, 'base64');
    if (this.#taken.get(key) === digest) return undefined;
    const problem = readTexts(reply.value, (text) => take(nameIn(text)));
    if (problem !== undefined) return `${key}: ${problem}`;
    this.#taken.set(key, digest);
    return undefined;
  }

  async #get(server: ServerAddress, path: string): Promise<Result<Buffer>> {
    const where = hostPortText(server);
    try {
      const timeoutMs = this.#options.requestTimeoutMs;
      const { response, deadline } = await this.#exchange(server).send({
        method: 'GET',
        path,
        headers: {},
        timeoutMs,
      });
      try {
        if (response.statusCode !== 200) {
          response.destroy();
          return bad(`${where}: status ${response.statusCode} to ${path.replace(/\?.*$/s, '')}`);
        }
        return ok(await collect(response, MAX_OCTETS));
      } finally {
        clearTimeout(deadline);
      }
    } catch (error) {
      return bad(`${where}: ${reasonOf(error as NodeJS.ErrnoException)}`);
    }
  }

  #exchange(server: ServerAddress): HttpExchange {
    if (this.#isClosed) throw new Error('closed');
    const key = hostPortText(server);
    let exchange = this.#exchanges.get(key);
    if (exchange === undefined) {
      if (this.#exchanges.size > 2 * MAX_SERVERS) {
        for (const other of this.#exchanges.values()) other.close();
        this.#exchanges.clear();
      }
      exchange = new HttpExchange(server, this.#options.tls);
      this.#exchanges.set(key, exchange);
    }
    return exchange;
  }
}

/** `DefaultDataCenter,<dataInfoId>,<publishers>` */
function dataInfoIdIn(text: string): string {
  const [start, end] = [text.indexOf(',') + 1, text.lastIndexOf(',')];
  return end > start ? text.slice(start, end) : text;
}

function isHost(text: string): boolean {
  return text.length <= 253 && /^[\w.:-]+$/.test(text);
}
