import type { Config } from '../config/schema.ts';
import type { EventLine } from '../event-line/event-line.ts';
import type { ServerTls } from '../grpc/server.ts';
import { ROOT } from '../name/domain-name.ts';
import { readNamed } from '../registry/tls-files.ts';
import { Sidecars } from '../sidecars/sidecars.ts';
import type { Logger } from '../telemetry/log.ts';
import { oncePerMinute } from '../telemetry/seldom.ts';

type SidecarConfig = NonNullable<Config['sidecars']>;

/** Opens the port at which sidecars ask. Rejects with the system's error, or one that names a file that cannot be read. */
export async function openSidecarPort(
  events: EventLine,
  { listen, tls }: SidecarConfig,
  config: Config,
  log: Logger,
  pushAnswered: (seconds: number) => void,
): Promise<Sidecars> {
  const isDue = oncePerMinute();
  const options = {
    ...listen,
    ...sidecarOptions(config),
    tls: tls === undefined ? undefined : readServerTls(tls),
  };
  const sidecars = new Sidecars(events, options, {
    met: (peer, node) => log.debug({ peer, node }, 'a sidecar is here'),
    left: (peer, node) => log.debug({ peer, node }, 'a sidecar has left'),
    refused: (peer, node, reason) => {
      if (isDue('refused', peer))
        log.warn({ peer, node, reason }, 'a sidecar does not take what it was told (NACK)');
    },
    garbage: (peer, reason) => {
      if (isDue('garbage', peer)) log.warn({ peer, reason }, 'what a sidecar sends cannot be read');
    },
    rejected: (peer, reason) => {
      if (isDue('rejected', peer)) log.warn({ peer, reason }, 'a sidecar is not let in');
    },
    leftOut: (name, reason) =>
      log.warn({ interface: name, reason }, 'an interface cannot be told to Istio: it is left out there'),
    tooManyNames: (peer, node, most) => {
      if (isDue('names', peer))
        log.warn({ peer, node, most }, 'a sidecar asks for too many names: further ones are not answered');
    },
    answered: pushAnswered,
  });
  await sidecars.listen();
  return sidecars;
}

/** What of the configuration a running port goes by. */
export function sidecarOptions({ sidecars, localities, zone }: Config) {
  const { istio = { namespace: 'rpc-dns', portNames: 'protocol' } as const } = sidecars ?? {};
  return { localities, zone: zone[0] ?? ROOT, istio };
}

/** Throws an error that names the file which cannot be read. */
export function readServerTls(tls: NonNullable<SidecarConfig['tls']>): ServerTls {
  return {
    certificate: readNamed(tls.certificate),
    key: readNamed(tls.key),
    clientCa: readNamed(tls.clientCa),
  };
}
