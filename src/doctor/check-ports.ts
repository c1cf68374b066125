import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import type { HostPort } from '../files/fields.ts';
import { type DomainName, keyOf, toShortText } from '../name/domain-name.ts';
import { portHolder } from '../serve/port-holder.ts';
import { FLAG, rcodeText } from '../wire/message.ts';
import type { ReadMessage } from '../wire/read-message.ts';
import { TYPE } from '../zone/types.ts';
import { type Asked, askDns } from './ask-dns.ts';
import { udpSockets } from './socket-table.ts';
import {
  type Check,
  finding,
  good,
  hostPort,
  inMs,
  type Seen,
  type Surroundings,
  warning,
} from './surroundings.ts';

/** Whether each address of `listen` answers, over UDP and TCP; of one that does not, who holds it and why. */
export const checkPorts: Check = {
  title: 'ports',
  async look(surroundings) {
    const { dns, http } = surroundings.config.listen;
    const seen = await Promise.all([
      ...dns.map((address) => lookAtDns(address, surroundings)),
      ...(http === null ? [] : [lookAtHttp(http, surroundings)]),
    ]);
    return seen.flat();
  },
};

/** Where a server that listens everywhere is asked by its own machine. */
export function reachable({ host, port }: HostPort): HostPort {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port };
  return { host: host === '::' ? '::1' : host, port };
}

async function lookAtDns(listen: HostPort, surroundings: Surroundings): Promise<readonly Seen[]> {
  const { config, timeoutMs } = surroundings;
  const [zone] = config.zone;
  if (zone === undefined) return [];
  if (listen.port === 0) {
    return [
      warning(
        `${hostPort(listen)}: the system chooses the port`,
        'the start line of the log says which; set one that callers can know',
      ),
    ];
  }
  const address = reachable(listen);
  const question = { name: zone, type: TYPE.SOA };
  const ask = (proto: 'udp' | 'tcp') => askDns(proto, address, question, timeoutMs);
  let [udp, tcp] = await Promise.all([ask('udp'), ask('tcp')]);
  // the first question of a process takes longest, and that is doctor's own time
  if (udp.kind === 'answered' && tcp.kind === 'answered') [udp, tcp] = [await ask('udp'), await ask('tcp')];
  const at = hostPort(address);
  const troubles = {
    UDP: troubleOf('udp', address, udp, tcp, surroundings),
    TCP: troubleOf('tcp', address, tcp, tcp, surroundings),
  };
  // the same over both is told once
  if (troubles.UDP !== undefined && troubles.UDP.remedy === troubles.TCP?.remedy) {
    return [finding(`${at} ${troubles.UDP.text}, over UDP and TCP`, troubles.UDP.remedy)];
  }
  const seen = (['UDP', 'TCP'] as const).flatMap((proto) => {
    const trouble = troubles[proto];
    return trouble === undefined ? [] : [finding(`${at} ${trouble.text}, over ${proto}`, trouble.remedy)];
  });
  const times = [timeText('UDP', udp, troubles.UDP), timeText('TCP', tcp, troubles.TCP)].filter(
    (text) => text !== undefined,
  );
  return times.length === 0 ? seen : [good(`${at} answers ${times.join(', ')}`), ...seen];
}

function timeText(proto: string, asked: Asked, trouble: Trouble | undefined): string | undefined {
  if (asked.kind !== 'answered' || trouble !== undefined) return undefined;
  return `${proto} in ${inMs(asked.milliseconds)}`;
}

/** Whether it is what an rpc-dns with this configuration answers to the SOA of its zone. */
function isOurs({ flags, answer }: ReadMessage, zone: DomainName): boolean {
  return (flags & FLAG.AA) !== 0 && answer.some(({ name }) => keyOf(name) === keyOf(zone));
}

interface Trouble {
  readonly text: string;
  readonly remedy: string;
}

function troubleOf(
  proto: 'udp' | 'tcp',
  address: HostPort,
  asked: Asked,
  tcp: Asked,
  { pid, configFile, config }: Surroundings,
): Trouble | undefined {
  const holder = portHolder(address.port, proto)?.text;
  switch (asked.kind) {
    case 'answered': {
      const [zone] = config.zone;
      if (zone === undefined || isOurs(asked.reply, zone)) return undefined;
      return {
        text: `answers ${rcodeText(asked.reply.rcode)} to ${toShortText(zone)} SOA, as no rpc-dns of this configuration does${heldBy(holder)}`,
        remedy: `stop what answers there, or give rpc-dns another address (listen.dns in ${configFile})`,
      };
    }
    case 'garbled':
      return {
        text: `sends what is no reply to a question${heldBy(holder)}`,
        remedy: 'stop what listens there, or give rpc-dns another address (listen.dns)',
      };
    case 'unreachable':
      return {
        text: `cannot be reached (${asked.code})`,
        remedy:
          'this machine has no such address, or no way to it: correct listen.dns, or bring the address up',
      };
    case 'refused':
      return {
        text:
          holder === undefined ? 'refuses: nobody listens there' : `refuses, though ${holder} has the port`,
        remedy:
          holder === undefined
            ? `start it: rpc-dns serve -c ${configFile}; if it ends again, its last line says why`
            : 'it listens on another address of this port, or in front of it a firewall rejects: compare listen.dns',
      };
    case 'silent': {
      const isHanging =
        (tcp.kind === 'silent' && tcp.connected) ||
        udpSockets(pid).some(({ port, waiting }) => port === address.port && waiting > 0);
      return isHanging ? hanging(holder, pid) : firewalled(holder);
    }
  }
}

function heldBy(holder: string | undefined): string {
  return holder === undefined ? '' : `: ${holder} has the port`;
}

function hanging(holder: string | undefined, pid: number | undefined): Trouble {
  const text = `takes questions and answers none${heldBy(holder)}`;
  if (pid !== undefined && isStopped(pid)) {
    return { text: `${text}, and is stopped by a signal`, remedy: `let it go on: kill -CONT ${pid}` };
  }
  const who = pid === undefined ? 'it' : `pid ${pid}`;
  return {
    text: `${text}: it hangs`,
    remedy: `look at the log and at the CPU of ${who}, then start it anew (kill -9 is safe: what it answered is stored)`,
  };
}

function isStopped(pid: number): boolean {
  try {
    return /^State:\s+[Tt]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function firewalled(holder: string | undefined): Trouble {
  return {
    text: `says nothing and nobody refuses${heldBy(holder)}: what is sent there is dropped on the way`,
    remedy:
      'a firewall drops it: look at nft list ruleset, iptables -nvL, NetworkPolicies and security groups for this port, UDP and TCP',
  };
}

async function lookAtHttp(listen: HostPort, { timeoutMs }: Surroundings): Promise<readonly Seen[]> {
  const address = reachable(listen);
  const at = `http ${hostPort(address)}`;
  const start = performance.now();
  const result = await getStatus(address, timeoutMs);
  if (result === 200) return [good(`${at} answers in ${inMs(performance.now() - start)}`)];
  const holder = portHolder(address.port, 'tcp')?.text;
  return [
    finding(
      `${at}/health: ${typeof result === 'number' ? `status ${result}` : result}${heldBy(holder)}`,
      'orchestrators and monitoring ask there: start rpc-dns, stop what else has the port, or change listen.http',
    ),
  ];
}

function getStatus({ host, port }: HostPort, timeoutMs: number): Promise<number | string> {
  return new Promise((resolve) => {
    const call = get({ host, port, path: '/health', timeout: timeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('timeout', () => {
      resolve(`no answer within ${timeoutMs} ms`);
      call.destroy();
    });
    call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
