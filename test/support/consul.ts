/** A real Consul agent in development mode: it keeps nothing over a restart. */
import { freePorts } from './ports.ts';
import { type Child, startChild, until } from './process.ts';
import { consulPath } from './provision.ts';

export interface ConsulInstance {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly meta?: Readonly<Record<string, string>>;
}

export interface Consul {
  readonly port: number;
  readonly url: string;
  /** Registers an instance with a check that passes until `setStatus` says otherwise. */
  put(instance: ConsulInstance): Promise<void>;
  remove(id: string): Promise<void>;
  setStatus(id: string, status: 'passing' | 'warning' | 'critical'): Promise<void>;
  setMaintenance(id: string, isOn: boolean): Promise<void>;
  /** `kill -9` */
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): void;
  resume(): void;
}

export async function startConsul(): Promise<Consul> {
  const [port = 0, dns = 0, lan = 0, wan = 0, server = 0] = await freePorts(5);
  const url = `http://127.0.0.1:${port}`;
  let child: Child | undefined;
  const put = async (path: string, body?: unknown): Promise<void> => {
    const reply = await fetch(`${url}/v1/agent/${path}`, {
      method: 'PUT',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!reply.ok) throw new Error(`consul ${path}: ${reply.status} ${await reply.text()}`);
  };
  const start = async (): Promise<void> => {
    const started = startChild(
      consulPath(),
      [
        ...[
          'agent',
          '-dev',
          '-bind=127.0.0.1',
          '-client=127.0.0.1',
          '-grpc-port=-1',
          '-grpc-tls-port=-1',
          '-log-level=warn',
        ],
        ...[`-http-port=${port}`, `-dns-port=${dns}`, `-server-port=${server}`],
        ...[`-serf-lan-port=${lan}`, `-serf-wan-port=${wan}`, '-hcl=disable_update_check=true'],
      ],
      { name: 'consul' },
    );
    child = started;
    await until(`consul serves on ${url}`, async () => {
      if (!started.running) throw new Error(`consul ended at its start:\n${started.output()}`);
      const reply = await fetch(`${url}/v1/health/service/consul?passing`).catch(() => null);
      return reply?.ok === true && ((await reply.json()) as unknown[]).length > 0;
    });
  };
  await start();
  return {
    port,
    url,
    put: ({ name, id, address, port: own, meta = {} }) =>
      put('service/register', {
        ...{ ID: id, Name: name, Address: address, Port: own, Meta: meta, Tags: ['blue', 'dubbo'] },
        Check: { CheckID: `service:${id}`, TTL: '1h', Status: 'passing' },
      }),
    remove: (id) => put(`service/deregister/${encodeURIComponent(id)}`),
    setStatus: (id, status) => put(`check/update/service:${encodeURIComponent(id)}`, { Status: status }),
    setMaintenance: (id, isOn) => put(`service/maintenance/${encodeURIComponent(id)}?enable=${isOn}`),
    kill: async () => void (await child?.kill()),
    start,
    pause: () => child?.signal('SIGSTOP'),
    resume: () => child?.signal('SIGCONT'),
  };
}
