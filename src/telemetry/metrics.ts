import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { EventLine } from '../event-line/event-line.ts';
import { type Source, snapshotAgeMs, stalenessMs } from '../intake/source.ts';
import { DifferenceCount } from '../lookup/compare-registries.ts';
import type { HistogramValues } from '../serve/counters.ts';
import type { QueryLine } from '../serve/query-line.ts';
import type { Sidecars } from '../sidecars/sidecars.ts';
import { rcodeText } from '../wire/message.ts';

const PREFIX = 'rpcdns_';
const STATES = ['syncing', 'live', 'stale', 'failed'] as const;

/** What metrics are read from, at the time they are asked for. */
export interface MetricSources {
  readonly line: QueryLine;
  /** asked when metrics are */
  readonly events: () => EventLine;
  readonly version: string;
  /** of the whole process, all threads */
  /** undefined: no sidecars are served */
  readonly sidecars: () => Sidecars | undefined;
  readonly usage: () => { readonly rssBytes: number; readonly cpuSeconds: number };
}

/** Counts of the event line; the query line counts for itself in shared memory. */
export interface EventMetrics {
  readonly published: (seconds: number) => void;
  readonly reloaded: (ok: boolean) => void;
  readonly skipped: (registry: string, reason: string) => void;
  readonly leftOutFiles: (count: number) => void;
  /** a sidecar answered what it was told, so long after it was sent */
  readonly pushAnswered: (seconds: number) => void;
}

/**
 * Prometheus metrics. Those of the DNS side have CoreDNS's names, labels and buckets with `rpcdns_` for `coredns_`, so
 * that its dashboards port by a rename.
 */
export class Metrics {
  readonly events: EventMetrics;
  readonly #registry = new Registry();
  readonly #sources: MetricSources;
  readonly #differences = new Map<string, DifferenceCount>();

  constructor(sources: MetricSources) {
    this.#sources = sources;
    const registers = [this.#registry];
    const change = new Histogram({
      name: `${PREFIX}change_to_answer_seconds`,
      help: 'Time from a registry change to its answer.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 5],
      registers,
    });
    const pushes = new Histogram({
      name: `${PREFIX}sidecar_push_seconds`,
      help: 'Time from a response to a sidecar to its acknowledgement or refusal.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5],
      registers,
    });
    const reloads = new Counter({
      name: `${PREFIX}reloads_total`,
      help: 'Reloads by result.',
      labelNames: ['result'],
      registers,
    });
    const skipped = new Counter({
      name: `${PREFIX}registry_skipped_records_total`,
      help: 'Registry entries that could not be used, by reason.',
      labelNames: ['registry', 'reason'],
      registers,
    });
    const leftOut = new Gauge({
      name: `${PREFIX}zone_file_problems`,
      help: 'Problems in zone files that were left out.',
      registers,
    });
    const build = new Gauge({
      name: `${PREFIX}build_info`,
      help: 'Version.',
      labelNames: ['version'],
      registers,
    });
    build.set({ version: sources.version }, 1);
    this.events = {
      published: (seconds) => change.observe(seconds),
      reloaded: (ok) => reloads.inc({ result: ok ? 'success' : 'failure' }),
      skipped: (registry, reason) => skipped.inc({ registry, reason }),
      leftOutFiles: (count) => leftOut.set(count),
      pushAnswered: (seconds) => pushes.observe(seconds),
    };
    this.#gauges();
    this.#processGauges();
  }

  /** The text exposition format. */
  async text(): Promise<string> {
    return (await this.#registry.metrics()) + dnsText(this.#sources.line);
  }

  readonly contentType = this.#registry.contentType;

  #gauges(): void {
    const events = () => this.#sources.events();
    const sources = () => events().intake.sources;
    this.#gauge(
      'registry_state',
      'State of each registry: 1 for the one it is in.',
      ['registry', 'state'],
      (set) => {
        for (const { options, state } of sources()) {
          for (const kind of STATES) set({ registry: options.id, state: kind }, kind === state.kind ? 1 : 0);
        }
      },
    );
    this.#gauge(
      'registry_staleness_seconds',
      'For how long a registry has not been live; 0 while it is.',
      ['registry'],
      (set) => {
        const now = events().now();
        for (const source of sources()) set({ registry: source.options.id }, stalenessMs(source, now) / 1000);
      },
    );
    this.#gauge('registry_entries', 'Registered instances.', ['registry'], (set) => {
      for (const { options, facts } of sources()) set({ registry: options.id }, facts.entries);
    });
    this.#gauge(
      'registry_held_entries',
      'Instances whose disappearance is not believed yet.',
      ['registry'],
      (set) => {
        for (const { options, facts } of sources()) set({ registry: options.id }, facts.held);
      },
    );
    this.#gauge(
      'services_sharing_vip',
      'Versions and groups that share a VIP with another: a sidecar below layer 7 cannot tell them apart.',
      [],
      (set) => set({}, events().feed.totals.sharing),
    );
    this.#sidecarGauges();
    this.#gauge(
      'registry_only_here',
      'What a registry has and another one has not; counted anew at most every 30 s.',
      ['registry', 'missing_in', 'what'],
      (set) => {
        for (const [left, right] of pairsOf(sources())) {
          const key = `${left.options.id}\n${right.options.id}`;
          const count = this.#differences.get(key) ?? new DifferenceCount();
          this.#differences.set(key, count);
          const counts = count.look(left.facts, right.facts);
          if (counts === undefined) continue;
          for (const what of ['interface', 'service', 'endpoint'] as const) {
            set({ registry: left.options.id, missing_in: right.options.id, what }, counts.left[what]);
            set({ registry: right.options.id, missing_in: left.options.id, what }, counts.right[what]);
          }
        }
      },
    );
    this.#gauge(
      'registry_refusing_endpoints',
      'Endpoints that take no connections, of registries that are probed.',
      ['registry'],
      (set) => {
        for (const { options, refusing } of sources()) {
          if (options.isProbed) set({ registry: options.id }, refusing.size);
        }
      },
    );
    this.#gauge(
      'snapshot_age_seconds',
      'Age of what a registry is answered from; 0 while it is live.',
      ['registry'],
      (set) => {
        const now = events().now();
        for (const source of sources())
          set({ registry: source.options.id }, snapshotAgeMs(source, now) / 1000);
      },
    );
    this.#gauge('interfaces', 'Interfaces that have a name.', [], (set) =>
      set({}, events().feed.totals.interfaces),
    );
    this.#gauge('interfaces_without_vip', 'Interfaces whose address cannot be had.', [], (set) => {
      set({}, events().starved);
    });
    this.#gauge(
      'refused_claims',
      'Names and pins that Kubernetes objects claim and may not have.',
      [],
      (set) => {
        set({}, events().refused);
      },
    );
    this.#gauge('vip_moves', 'VIPs that moved from the pool to the ClusterIP of a Service.', [], (set) => {
      set({}, events().moved);
    });
    this.#gauge('conflicts', 'Names lost to others, contributions overruled and pins refused.', [], (set) => {
      set({}, events().feed.totals.conflicts);
    });
    this.#gauge('occluded_names', 'Names of registries that static records hide.', [], (set) => {
      set({}, events().feed.totals.occluded);
    });
    this.#gauge(
      'left_out_endpoints',
      'Endpoints and ports beyond answers.maxRecords, or beyond a TCP message.',
      [],
      (set) => set({}, events().feed.totals.leftOut),
    );
    this.#gauge(
      'left_out_members',
      'Interfaces that applications and browsing names do not show, beyond answers.maxRecords.',
      [],
      (set) => set({}, this.#sources.line.state.leftOutMembers),
    );
    this.#gauge('vip_pool_capacity', 'Addresses that a pool can give.', ['pool'], (set) => {
      for (const { pool, capacity } of events().ledger.poolUse()) set({ pool: pool.text }, Number(capacity));
    });
    this.#gauge('vip_pool_used', 'Addresses of a pool that are answered.', ['pool'], (set) => {
      for (const { pool, used } of events().ledger.poolUse()) set({ pool: pool.text }, used);
    });
    this.#gauge('vip_pool_quarantined', 'Addresses of a pool that rest before reuse.', ['pool'], (set) => {
      for (const { pool, quarantined } of events().ledger.poolUse()) set({ pool: pool.text }, quarantined);
    });
    this.#gauge('store_failed', '1 while the store refuses to record.', [], (set) => {
      set({}, events().storeError === undefined ? 0 : 1);
    });
    this.#gauge('ready', '1 when names of registries are answered.', [], (set) =>
      set({}, events().feed.isReady ? 1 : 0),
    );
    this.#gauge('ready_replies', 'Replies held ready.', [], (set) =>
      set({}, this.#sources.line.state.readyReplies),
    );
  }

  #processGauges(): void {
    this.#gauge('process_resident_memory_bytes', 'Resident memory.', [], (set) =>
      set({}, this.#sources.usage().rssBytes),
    );
    this.#gauge('process_cpu_seconds', 'CPU time, user and system, all threads.', [], (set) => {
      set({}, this.#sources.usage().cpuSeconds);
    });
  }

  #sidecarGauges(): void {
    const values = {
      connections: ['Connections of sidecars.', (one: Sidecars) => one.connections],
      streams: ['Streams of sidecars.', (one: Sidecars) => one.streams],
      subscriptions: ['VIPs and ports that sidecars asked for, each once.', (one: Sidecars) => one.subjects],
      pushes_total: ['Clusters that were sent.', (one: Sidecars) => one.counters.pushes],
      pushed_bytes_total: ['Octets that were sent.', (one: Sidecars) => one.counters.pushedOctets],
      nacks_total: ['Responses that a sidecar did not take.', (one: Sidecars) => one.counters.refusals],
      unreadable_total: [
        'Streams that were ended since nothing could be read of them.',
        (one: Sidecars) => one.counters.garbage,
      ],
      istio_left_out: ['Interfaces that Istio would not take.', (one: Sidecars) => one.leftOut],
      rejected_total: ['Connections that were not let in.', (one: Sidecars) => one.counters.rejected],
    } as const;
    for (const [name, [help, value]] of Object.entries(values)) {
      this.#gauge(`sidecar_${name}`, help, [], (set) => {
        const sidecars = this.#sources.sidecars();
        if (sidecars !== undefined) set({}, value(sidecars));
      });
    }
  }

  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    collect: (set: (labels: Record<L, string>, value: number) => void) => void,
  ): void {
    const gauge: Gauge<L> = new Gauge<L>({
      name: PREFIX + name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect: () => {
        gauge.reset();
        collect((labels, value) => gauge.set(labels as never, value));
      },
    });
  }
}

/** The query line's counters: rendered here, since a call of a metrics library for each query would cost too much. */
function dnsText(line: QueryLine): string {
  const { counters, blocks } = line;
  const lines: string[] = [];
  const family = (name: string, help: string, type: string, rows: () => void) => {
    lines.push(`# HELP ${PREFIX}${name} ${help}`, `# TYPE ${PREFIX}${name} ${type}`);
    rows();
  };
  const each = (row: (block: number, labels: string, proto: string) => void) => {
    for (const [block, { server, zone, proto }] of blocks)
      row(block, `server="${server}",zone=${JSON.stringify(zone)},view=""`, proto);
  };
  const histogram = (name: string, labels: string, { cumulative, count, sum }: HistogramValues) => {
    for (const { bound, count: below } of cumulative) {
      lines.push(`${PREFIX}${name}_bucket{${labels},le="${bound}"} ${below}`);
    }
    lines.push(`${PREFIX}${name}_bucket{${labels},le="+Inf"} ${count}`);
    lines.push(`${PREFIX}${name}_sum{${labels}} ${sum}`, `${PREFIX}${name}_count{${labels}} ${count}`);
  };
  family('dns_requests_total', 'Queries.', 'counter', () => {
    each((block, labels, proto) => {
      for (const { family: ip, type, value } of counters.requests(block)) {
        lines.push(
          `${PREFIX}dns_requests_total{${labels},proto="${proto}",family="${ip === 1 ? 2 : 1}",type="${type}"} ${value}`,
        );
      }
    });
  });
  family('dns_responses_total', 'Replies by response code.', 'counter', () => {
    each((block, labels, proto) => {
      for (const { rcode, value } of counters.responses(block)) {
        const text = rcode < 0 ? 'other' : rcodeText(rcode);
        lines.push(
          `${PREFIX}dns_responses_total{${labels},proto="${proto}",rcode="${text}",plugin=""} ${value}`,
        );
      }
    });
  });
  family(
    'dns_request_duration_seconds',
    'Time from a decoded query to the written reply.',
    'histogram',
    () => {
      each((block, labels, proto) => {
        histogram('dns_request_duration_seconds', `${labels},proto="${proto}"`, counters.duration(block));
      });
    },
  );
  family('dns_request_size_bytes', 'Octets of queries.', 'histogram', () => {
    each((block, labels, proto) => {
      histogram('dns_request_size_bytes', `${labels},proto="${proto}"`, counters.requestSize(block));
    });
  });
  family('dns_response_size_bytes', 'Octets of replies.', 'histogram', () => {
    each((block, labels, proto) => {
      histogram('dns_response_size_bytes', `${labels},proto="${proto}"`, counters.responseSize(block));
    });
  });
  const totals = [
    ['composed_replies_total', 'Queries answered from packed records.', 'composed'],
    ['ready_reply_hits_total', 'Queries answered by a ready reply.', 'readyHits'],
    ['ready_reply_misses_total', 'Queries that had to be resolved.', 'readyMisses'],
    ['dns_truncated_total', 'Replies with TC set.', 'truncated'],
    ['dns_dropped_total', 'Packets that no reply is due to.', 'dropped'],
    ['dns_malformed_total', 'Packets answered with FORMERR or NOTIMP.', 'malformed'],
    ['panics_total', 'Queries that met a bug and got SERVFAIL.', 'panics'],
  ] as const;
  for (const [name, help, total] of totals) {
    family(name, help, 'counter', () => lines.push(`${PREFIX}${name} ${counters.total(total)}`));
  }
  family('query_threads_replaced_total', 'Query threads that died and were replaced.', 'counter', () => {
    lines.push(`${PREFIX}query_threads_replaced_total ${line.replaced}`);
  });
  return `${lines.join('\n')}\n`;
}

/** So many are compared, each with each: a company moves from one to the next. */
const MAX_COMPARED = 3;

/** Pairs of registries that have been read; a Kubernetes cluster has Services, not instances. */
function pairsOf(sources: readonly Source[]): (readonly [Source, Source])[] {
  const compared = sources
    .filter(({ options, snapshot }) => !options.hasServices && snapshot.kind !== 'none')
    .slice(0, MAX_COMPARED);
  return compared.flatMap((left, i) => compared.slice(i + 1).map((right) => [left, right] as const));
}
