import { Hono } from 'hono';
import type { Problem } from '../base/problem.ts';
import { countPackages } from '../corefile/package-prefixes.ts';
import type { EventLine } from '../event-line/event-line.ts';
import { type Source, stalenessMs } from '../intake/source.ts';
import { addressText, parseAddress } from '../name/address.ts';
import { applicationOf } from '../name/application-name.ts';
import { type DomainName, keyOf, toShortText } from '../name/domain-name.ts';
import { serviceKeyText } from '../name/interface-name.ts';
import { networkText, parseNetwork } from '../name/network.ts';
import type { QueryLine } from '../serve/query-line.ts';
import type { Sidecars } from '../sidecars/sidecars.ts';
import type { AddressRow } from '../vip/ledger-rows.ts';
import { parseType } from '../zone/types.ts';
import { compare } from './compare.ts';
import { lookUp, namesMeant } from './look-up.ts';
import type { StaticFile } from './static-place.ts';

export interface ControlSources {
  readonly events: EventLine;
  readonly line: QueryLine;
  readonly zones: () => readonly DomainName[];
  readonly staticFiles: () => readonly StaticFile[];
  readonly process: { readonly pid: number; readonly version: string };
  /** @returns problems that kept the running configuration in place */
  readonly reload: () => Promise<readonly Problem[]>;
  /** undefined: none are served */
  readonly sidecars: () => Sidecars | undefined;
}

/** What `doctor` asks first. */
export interface StatusJson {
  readonly pid: number;
  readonly version: string;
  readonly ready: boolean;
  /** registries that it waits for */
  readonly missing: readonly string[];
  readonly interfaces: number;
  /** why the store takes nothing now */
  readonly storeError: string | null;
}

/** Of `querylog`: without a name every name, without a client every client. */
export interface QueryLogRequest {
  readonly on: boolean;
  readonly name?: string;
  /** an address or a network */
  readonly client?: string;
}

/** What is logged from now on. */
export interface QueryLogJson {
  readonly queryLog: 'on' | 'off';
  /** one of these and all below it; none: all */
  readonly names: readonly string[];
  readonly client: string | null;
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
  const lookUpSources = {
    ...sources,
    ask: (name: DomainName, type: number) => sources.line.ask(name, type),
  };
  control.get('/lookup', async (context) => {
    const text = context.req.query('name') ?? '';
    const typeText = context.req.query('type');
    const type = typeText === undefined ? undefined : parseType(typeText);
    if (typeText !== undefined && type === undefined)
      return context.json(
        { error: `'${typeText}' is no record type: expected A, SRV, TYPE64 or the like` },
        400,
      );
    const result = await lookUp(lookUpSources, text, type);
    return result.ok ? context.json(result.value) : context.json({ error: result.reason }, 400);
  });
  control.get('/status', (context) => {
    const { feed, intake, storeError } = sources.events;
    const missing = feed.isReady ? [] : intake.missing().map(({ options }) => options.id);
    const status: StatusJson = {
      ...sources.process,
      ready: feed.isReady,
      missing,
      interfaces: feed.totals.interfaces,
      storeError: storeError?.message ?? null,
    };
    return context.json(status);
  });
  control.get('/packages', (context) => context.json(countPackages(sources.events.feed.names())));
  control.get('/vips', (context) => context.json([...sources.events.ledger.addresses()].map(vipJson)));
  control.post('/vips/release', async (context) => {
    const { name } = (await context.req.json()) as { name: string };
    const { ledger } = sources.events;
    const address = parseAddress(name);
    const rows = [...ledger.addresses()].filter((row) => {
      const { interface: owner } = row.owner;
      const isOwner = owner === name || applicationOf(owner) === name;
      return row.address === address || isOwner || serviceKeyText(row.owner) === name;
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
    const body = (await context.req.json()) as QueryLogRequest;
    if (!body.on) {
      await sources.line.setQueryLog(undefined);
      return context.json({ queryLog: 'off', names: [], client: null } satisfies QueryLogJson);
    }
    const names = body.name === undefined ? undefined : await namesMeant(lookUpSources, body.name);
    if (names?.ok === false) return context.json({ error: names.reason }, 400);
    const client = body.client === undefined ? undefined : parseNetwork(body.client);
    if (client?.ok === false) return context.json({ error: client.reason }, 400);
    if (names === undefined && client === undefined) {
      return context.json(
        { error: 'expected a name or a client: a log of all queries would drown the server' },
        400,
      );
    }
    await sources.line.setQueryLog({
      ...(names === undefined ? {} : { names: names.value.map(keyOf) }),
      ...(client === undefined ? {} : { client: client.value }),
    });
    const shown: QueryLogJson = {
      queryLog: 'on',
      names: names?.value.map(toShortText) ?? [],
      client: client === undefined ? null : networkText(client.value),
    };
    return context.json(shown);
  });
  control.get('/registries', (context) => {
    const now = sources.events.now();
    return context.json(sources.events.intake.sources.map((source) => registryJson(source, now)));
  });
  control.get('/compare', async (context) => {
    const [left, right] = ['left', 'right'].map((side) => context.req.query(side) ?? '');
    const result = await compare(sources.events.intake, left ?? '', right ?? '');
    return result.ok ? context.json(result.value) : context.json({ error: result.reason }, 400);
  });
  control.post('/registries/accept', async (context) => {
    const { name } = (await context.req.json()) as { name: string };
    const ids = sources.events.intake.sources.map(({ options }) => options.id);
    if (!ids.includes(name)) {
      return context.json({ error: `no registry '${name}': there are ${ids.join(', ') || 'none'}` }, 404);
    }
    return context.json({ registry: name, believed: await sources.events.accept(name) });
  });
  control.get('/sidecars', (context) => {
    const sidecars = sources.sidecars();
    if (sidecars === undefined)
      return context.json({ error: 'no sidecars are served: sidecars.listen is not configured' }, 404);
    return context.json([...sidecars.list()]);
  });
  control.post('/reload', async (context) => context.json({ problems: await sources.reload() }));
  control.onError((error, context) => context.json({ error: error.message }, 500));
  return control;
}

/** A registry as `rpc-dns registries` shows it. */
export interface RegistryJson {
  readonly registry: string;
  readonly state: string;
  /** why it is not live */
  readonly reason: string | null;
  readonly interfaces: number;
  readonly instances: number;
  /** instances whose disappearance is not believed yet */
  readonly held: number;
  /** the key that says so */
  readonly heldBy: 'distrustFor' | 'settleFor' | null;
  /** ISO 8601; null: none is held, or the registry is away */
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
    heldBy: facts.isSettling ? 'settleFor' : facts.distrusting ? 'distrustFor' : null,
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
