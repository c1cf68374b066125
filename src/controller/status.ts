import type { InterfaceEntry, KeptRpcService } from '../registry/kubernetes/objects.ts';
import type { FoundService } from '../registry/kubernetes/parse.ts';

/*
 * The status of an RPCService (contract 1.7): what became of each interface that it names.
 */

/** What a plan made of one claimed interface. */
export interface Verdict {
  /** the structured domain in the first zone; undefined when it is not answered */
  readonly domain: string | undefined;
  readonly vips: readonly string[];
  /** why the claim was refused */
  readonly refusal: { readonly reason: string; readonly text: string } | undefined;
  /** why there is no address */
  readonly failure: string | undefined;
}

/** How the Register Agent of an object stands. */
export interface AgentResult {
  readonly reason: AgentReason;
  readonly message: string;
  /** the pod that answered last */
  readonly pod: string;
  /** Unix milliseconds; 0: never */
  readonly lastSuccess: number;
  readonly found: readonly InterfaceEntry[];
}

export type AgentReason =
  | 'Answered'
  | 'NotAskedYet'
  | 'NoReadyPod'
  | 'Timeout'
  | 'TooLarge'
  | 'QosForeignIpRefused'
  | 'BadReply'
  | 'Unreachable';

export interface Condition {
  readonly type: 'Accepted' | 'PartiallyRefused' | 'Resolved' | 'AgentReady';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

export interface InterfaceStatus {
  readonly name: string;
  readonly version?: string;
  readonly group?: string;
  readonly protocol?: string;
  readonly port?: number;
  readonly domain?: string;
  readonly vips?: readonly string[];
  readonly accepted: boolean;
  readonly reason: string;
  readonly source: 'spec' | 'agent';
}

export interface RpcServiceStatus {
  readonly vips: readonly string[];
  readonly interfaceCount: number;
  readonly interfaces: readonly InterfaceStatus[];
  readonly agent?: { readonly pod: string; readonly lastSuccess: string };
  readonly conditions: readonly Condition[];
}

/** An object of the API may be 1.5 MB large; an entry is some 300 octets. */
export const MAX_INTERFACES = 1000;

/** @param before conditions as they stand, which keep their times while their status does not change */
export function statusOf(
  object: KeptRpcService,
  found: FoundService,
  agent: AgentResult | undefined,
  verdictOf: (entry: InterfaceEntry) => Verdict,
  before: readonly Condition[],
  now: Date,
): RpcServiceStatus {
  const { spec, problem } = object;
  const isInvalid = problem !== undefined;
  const verdicts: { readonly status: InterfaceStatus; readonly verdict: Verdict }[] = [];
  const read = (entries: readonly InterfaceEntry[], source: InterfaceStatus['source']) => {
    for (const entry of isInvalid ? [] : entries.slice(0, MAX_INTERFACES)) {
      const verdict = verdictOf(entry);
      verdicts.push({ verdict, status: interfaceStatus(entry, verdict, source) });
    }
  };
  read(spec.interfaces, 'spec');
  read(spec.agent === undefined ? [] : (agent?.found ?? object.found), 'agent');
  const interfaces = verdicts.map(({ status }) => status);
  const accepted = interfaces.filter((one) => one.accepted);
  const refused = verdicts.filter(({ status }) => !status.accepted);
  const reasons: Omit<Condition, 'observedGeneration' | 'lastTransitionTime'>[] = [
    acceptedCondition(problem, accepted.length, refused),
  ];
  const [firstRefused] = refused;
  if (accepted.length > 0 && firstRefused !== undefined) {
    const { reason } = firstRefused.status;
    reasons.push({ type: 'PartiallyRefused', status: 'True', reason, message: refusedText(refused) });
  }
  reasons.push(resolvedCondition(object, found, verdicts));
  if (spec.agent !== undefined) {
    const { reason, message } = agent ?? { reason: 'NotAskedYet', message: 'no replica has asked a pod yet' };
    const status = reason === 'Answered' ? 'True' : reason === 'NotAskedYet' ? 'Unknown' : 'False';
    reasons.push({ type: 'AgentReady', status, reason, message });
  }
  const pod = agent?.pod || object.foundIn;
  const lastSuccess = agent?.lastSuccess || object.foundAt;
  return {
    vips: [...new Set(accepted.flatMap(({ vips }) => vips ?? []))].sort(),
    interfaceCount: accepted.length,
    interfaces,
    ...(spec.agent === undefined || lastSuccess === 0
      ? {}
      : { agent: { pod, lastSuccess: new Date(lastSuccess).toISOString() } }),
    conditions: reasons.map((condition): Condition => {
      const old = before.find(({ type }) => type === condition.type);
      const lastTransitionTime =
        old?.status === condition.status ? old.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`;
      return { ...condition, observedGeneration: object.generation, lastTransitionTime };
    }),
  };
}

function interfaceStatus(
  { name, version, group, protocol, port }: InterfaceEntry,
  verdict: Verdict,
  source: InterfaceStatus['source'],
): InterfaceStatus {
  const { refusal, domain, vips } = verdict;
  const accepted = refusal === undefined;
  return {
    name,
    ...(version === '' ? {} : { version }),
    ...(group === '' ? {} : { group }),
    ...(source === 'agent' && protocol !== undefined ? { protocol } : {}),
    ...(source === 'agent' && port !== undefined ? { port } : {}),
    ...(accepted && domain !== undefined ? { domain } : {}),
    ...(accepted && vips.length > 0 ? { vips } : {}),
    accepted,
    reason: refusal?.reason ?? 'Accepted',
    source,
  };
}

function acceptedCondition(
  problem: string | undefined,
  accepted: number,
  refused: readonly { readonly status: InterfaceStatus; readonly verdict: Verdict }[],
): Omit<Condition, 'observedGeneration' | 'lastTransitionTime'> {
  if (problem !== undefined)
    return { type: 'Accepted', status: 'False', reason: 'InvalidSpec', message: problem };
  const [first] = refused;
  if (accepted === 0 && first !== undefined) {
    return { type: 'Accepted', status: 'False', reason: first.status.reason, message: refusedText(refused) };
  }
  const message = accepted === 1 ? '1 interface is named' : `${accepted} interfaces are named`;
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message };
}

function refusedText(refused: readonly { readonly verdict: Verdict }[]): string {
  const texts = refused.flatMap(({ verdict }) => verdict.refusal?.text ?? []);
  const more = texts.length > 3 ? `; and ${texts.length - 3} more` : '';
  return texts.slice(0, 3).join('; ') + more;
}

function resolvedCondition(
  { spec }: KeptRpcService,
  found: FoundService,
  verdicts: readonly { readonly verdict: Verdict }[],
): Omit<Condition, 'observedGeneration' | 'lastTransitionTime'> {
  const type = 'Resolved';
  if (!found.ok) return { type, status: 'False', reason: found.reason, message: found.text };
  const { service } = found.service;
  const text = `Service ${service.namespace}/${service.name}`;
  if (service.addresses.length === 0) {
    const failure = verdicts.find(({ verdict }) => verdict.failure !== undefined)?.verdict.failure;
    if (failure !== undefined) return { type, status: 'False', reason: 'PoolFull', message: failure };
    return {
      type,
      status: 'True',
      reason: 'HeadlessUsesPool',
      message: `${text} has no ClusterIP: the pool serves`,
    };
  }
  const isExposed =
    spec.port === undefined ||
    service.ports.some(({ port, name }) => port === Number(spec.port) || name === spec.port);
  if (!isExposed) {
    const ports = service.ports
      .map(({ port, name }) => (name === '' ? String(port) : `${port} (${name})`))
      .join(', ');
    const message = `${text} has no port ${spec.port}, but ${ports || 'none'}: callers cannot connect to it`;
    return { type, status: 'True', reason: 'PortNotExposed', message };
  }
  return { type, status: 'True', reason: 'ClusterIP', message: `${text} answers` };
}
