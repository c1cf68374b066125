import { Hono } from 'hono';
import type { Problem } from '../base/problem.ts';
import { ok, type Result } from '../base/result.ts';
import { countPackages } from '../corefile/package-prefixes.ts';
import type { EventLine } from '../event-line/event-line.ts';
import { type Explanation, explain, findInterface } from '../event-line/explain.ts';
import { type Source, stalenessMs } from '../intake/source.ts';
import { addressText, parseAddress } from '../name/address.ts';
import { type DomainName, keyOf, type NameKey, parseDomainName } from '../name/domain-name.ts';
import { serviceKeyText } from '../name/interface-name.ts';
import type { QueryLine } from '../serve/query-line.ts';
import type { AddressRow } from '../vip/ledger-rows.ts';
import { RCODE } from '../wire/message.ts';
import { parseType, TYPE } from '../zone/types.ts';
import { type MessageJson, messageJson } from './message-json.ts';

export interface ControlSources {
  readonly events: EventLine;
  readonly line: QueryLine;
  readonly zones: () => readonly DomainName[];
  /** @returns problems that kept the running configuration in place */
  readonly reload: () => Promise<readonly Problem[]>;
}

export interface LookupResult {
  /** the name that was asked, absolute */
  readonly name: string;
  readonly interface: Explanation | null;
  readonly answer: MessageJson;
}

export interface VipJson {
  readonly address: string;
  readonly service: string;
  readonly kind: 'pool' | 'pin';
  /** since when it rests, ISO 8601; null while it is answered */
  readonly retiredAt: string | null;
}

/** What the command line asks of a running server, as JSON over its control socket. */
export function createControl(sources: ControlSources): Hono {
  const control = new Hono();
  control.get('/lookup', async (context) => {
    const text = context.req.query('name') ?? '';
    const type = parseType(context.req.query('type') ?? 'A');
    if (type === undefined)
      return context.json({ error: `'${context.req.query('type')}' is no record type` }, 400);
    const { events } = sources;
    const zones = sources.zones();
    const parsed = parseDomainName(text);
    const found = findInterface(events, zones, text, parsed.ok ? parsed.value : undefined);
    const [zone] = zones;
    if (zone === undefined) return context.json({ error: 'no zone is configured' }, 500);
    const name = parsed.ok ? await completed(parsed.value, text, sources, zone) : parsed;
    if (!name.ok) return context.json({ error: name.reason }, 400);
    const answer = messageJson(await sources.line.ask(name.value, type));
    const result: LookupResult = {
      name: answer.question,
      interface: (found === undefined ? undefined : explain(events, zone, found)) ?? null,
      answer,
    };
    return context.json(result);
  });
  control.get('/packages', (context) => context.json(countPackages(sources.events.feed.names())));
  control.get('/vips', (context) => context.json([...sources.events.ledger.addresses()].map(vipJson)));
  control.post('/vips/release', async (context) => {
    const { name } = (await context.req.json()) as { name: string };
    const { ledger } = sources.events;
    const address = parseAddress(name);
    const rows = [...ledger.addresses()].filter((row) => {
      return row.address === address || row.owner.interface === name || serviceKeyText(row.owner) === name;
    });
    if (rows.length === 0) return context.json({ error: `no VIP of '${name}' is in the ledger` }, 404);
    const live = rows.find((row) => row.retiredAt === null);
    if (live !== undefined) {
      const text = `${addressText(live.address)} of ${serviceKeyText(live.owner)} is being answered: a live name is not released`;
      return context.json({ error: text }, 409);
    }
    await sources.events.release(rows.map(({ owner }) => owner));
    return context.json(rows.map(vipJson));
  });
  control.post('/query-log', async (context) => {
    const body = (await context.req.json()) as { on: boolean; name?: string; client?: string };
    if (!body.on) {
      await sources.line.setQueryLog(undefined);
      return context.json({ queryLog: 'off' });
    }
    const name = body.name === undefined ? undefined : parseDomainName(body.name);
    if (name !== undefined && !name.ok) return context.json({ error: name.reason }, 400);
    if (name === undefined && body.client === undefined) {
      return context.json(
        { error: 'expected a name or a client: a log of all queries would drown the server' },
        400,
      );
    }
    const filter: { name?: NameKey; client?: string } = {};
    if (name?.ok === true) filter.name = keyOf(name.value);
    if (body.client !== undefined) filter.client = body.client;
    await sources.line.setQueryLog(filter);
    return context.json({ queryLog: 'on' });
  });
  control.get('/registries', (context) => {
    const now = sources.events.now();
    return context.json(sources.events.intake.sources.map((source) => registryJson(source, now)));
  });
  control.post('/registries/accept', async (context) => {
    const { name } = (await context.req.json()) as { name: string };
    const ids = sources.events.intake.sources.map(({ options }) => options.id);
    if (!ids.includes(name)) {
      return context.json({ error: `no registry '${name}': there are ${ids.join(', ') || 'none'}` }, 404);
    }
    return context.json({ registry: name, believed: await sources.events.accept(name) });
  });
  control.post('/reload', async (context) => context.json({ problems: await sources.reload() }));
  control.onError((error, context) => context.json({ error: error.message }, 500));
  return control;
}

/** A name outside all zones is taken for one inside the first, as people write interfaces. */
async function completed(
  name: DomainName,
  text: string,
  sources: ControlSources,
  zone: DomainName,
): Promise<Result<DomainName>> {
  if (text.endsWith('.')) return ok(name);
  const { rcodeNumber } = messageJson(await sources.line.ask(name, TYPE.A));
  return rcodeNumber === RCODE.REFUSED ? parseDomainName(text, zone) : ok(name);
}

/** A registry as `rpc-dns registries` shows it. */
export interface RegistryJson {
  readonly registry: string;
  readonly state: string;
  /** why it is not live */
  readonly reason: string | null;
  readonly interfaces: number;
  readonly instances: number;
  /** instances whose disappearance is not believed yet, and until when, ISO 8601 */
  readonly held: number;
  readonly heldUntil: string | null;
  readonly staleSeconds: number;
  /** what it is answered from: `none`, `stored`, `delivered` */
  readonly snapshot: string;
}

function registryJson(source: Source, now: number): RegistryJson {
  const { options, state, facts, snapshot } = source;
  const until = facts.heldUntil;
  return {
    registry: options.id,
    state: state.kind,
    reason: 'reason' in state ? state.reason : null,
    interfaces: facts.interfaces,
    instances: facts.entries,
    held: facts.held,
    heldUntil: until === undefined ? null : new Date(until).toISOString(),
    staleSeconds: Math.round(stalenessMs(source, now) / 1000),
    snapshot: snapshot.kind,
  };
}

export function vipJson(row: AddressRow): VipJson {
  return {
    address: addressText(row.address),
    service: serviceKeyText(row.owner),
    kind: row.kind,
    retiredAt: row.retiredAt === null ? null : new Date(row.retiredAt).toISOString(),
  };
}
