/**
 * What SOFARPC writes into SOFARegistry, read: a dataInfoId and its data become registrations. Pure, and never throws: whatever
 * somebody published is a value or a reason.
 */
import { checkServiceKey, type InterfaceName, parseInterfaceName } from '../../name/interface-name.ts';
import { readHost, readPort, shown } from '../endpoint-text.ts';
import { readTraits } from '../endpoint-traits.ts';
import { type ProviderFact, registrationsOfProviders } from '../provider-directory.ts';
import type { Registration } from '../registration.ts';
import type { SkippedEntry } from '../skip-log.ts';
import type { StringPool } from '../string-pool.ts';

/** Parts the three that a dataInfoId is made of. */
const SEPARATOR = '#@#';
/** SOFARPC's; other programs have others. */
const SOFARPC_GROUP = 'SOFA';
/** SOFARPC writes its first protocol so. */
const BOLT = 'DEFAULT';
export const MAX_DATA_INFO_ID = 2_000;
/** SOFARPC's usual one. */
const USUAL_WEIGHT = 100;
/** So many reasons of one unit are told. */
const MAX_SKIPPED = 20;

/** An interface, by one protocol, as SOFARPC names it. */
export interface SofaService {
  readonly dataId: string;
  readonly name: InterfaceName;
  /** `uniqueId`; a colon in it is a dot, as it parts the version from the interface in a service's key */
  readonly group: string;
  readonly protocol: string;
}

export type DataInfoIdReading =
  | { readonly kind: 'service'; readonly service: SofaService }
  /** of another instance: it is as if it were not there */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'bad'; readonly reason: string; readonly detail: string };

/** Reads `com.foo.UserService:1.0:blue@DEFAULT#@#DEFAULT_INSTANCE_ID#@#SOFA`. */
export function readDataInfoId(dataInfoId: string, instance: string): DataInfoIdReading {
  const [dataId = '', ofInstance, group, ...rest] = dataInfoId.split(SEPARATOR);
  if (group === undefined || rest.length > 0) return bad('foreign', `${shown(dataInfoId)} is no dataInfoId`);
  if (ofInstance !== instance) return { kind: 'elsewhere' };
  // 1.0 is a constant of SOFARPC's, and no version
  const [, text, uniqueId = '', protocol] =
    /^([^:@]+):\d[\w.-]*(?::(.+))?@([A-Za-z][\w+.-]{0,63})$/.exec(dataId) ?? [];
  if (group !== SOFARPC_GROUP || text === undefined || protocol === undefined)
    return bad('foreign', `${shown(dataInfoId)} is none of SOFARPC's`);
  const name = parseInterfaceName(text);
  if (!name.ok) return bad('interface-name', shown(name.reason));
  const sofaGroup = uniqueId.replaceAll(':', '.');
  const problem = checkServiceKey('', sofaGroup);
  if (problem !== undefined) return bad('bad-version', `${shown(dataInfoId)}: ${problem}`);
  const service = {
    dataId,
    name: name.value,
    group: sofaGroup,
    protocol: protocol === BOLT ? 'bolt' : protocol,
  };
  return { kind: 'service', service };
}

/** What one provider published. */
export interface PublishedText {
  /** `192.0.2.91:12200?rpcVer=51302&appName=sofa-app` */
  readonly text: string;
  /** of the session server that it was published to; '': the usual one */
  readonly zone: string;
}

export interface ServiceContent {
  readonly registrations: readonly Registration[];
  readonly skipped: readonly SkippedEntry[];
}

/**
 * All that is published of one service.
 *
 * @param data one for each provider, in whatever order
 * @param source where a person finds it
 */
export function readData(
  service: SofaService,
  data: readonly PublishedText[],
  source: string,
  pool: StringPool,
): ServiceContent {
  const skipped: SkippedEntry[] = [];
  const providers: ProviderFact[] = [];
  for (const published of data.toSorted(byText)) {
    const { text } = published;
    const reading = readProvider(published, service);
    if (!('reason' in reading)) providers.push(reading);
    else if (skipped.length < MAX_SKIPPED)
      skipped.push({ reason: reading.reason, detail: `${source}: ${shown(text)} ${reading.detail}` });
  }
  return { registrations: registrationsOfProviders(service.name, source, providers, pool), skipped };
}

function byText(a: PublishedText, b: PublishedText): number {
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}

function readProvider(
  { text, zone }: PublishedText,
  { group, protocol }: SofaService,
): ProviderFact | SkippedEntry {
  const [, where = '', query = ''] = /^(?:[A-Za-z][\w+.-]*:\/\/)?([^/?]*)[^?]*(?:\?(.*))?$/s.exec(text) ?? [];
  const colon = where.lastIndexOf(':');
  const port = colon < 0 ? undefined : readPort(where.slice(colon + 1));
  if (port === undefined) return { reason: 'port', detail: 'has no port from 1 to 65535' };
  const host = readHost(where.slice(0, colon));
  if (host === undefined) return { reason: 'host', detail: 'has no usable host' };
  const application = parameterIn(query, 'appName') || parameterIn(query, 'app_name');
  const nothing = { version: '', organization: '', module: '', environment: '' };
  const weight = parameterIn(query, 'weight') || parameterIn(query, '_WEIGHT');
  const traits = readTraits({ zone, weight, usualWeight: USUAL_WEIGHT });
  return { ...nothing, protocol, host, port, group, application, ...traits };
}

function parameterIn(query: string, key: string): string {
  const sought = `&${key}=`;
  const at = `&${query}`.indexOf(sought);
  if (at < 0) return '';
  const [value = ''] = `&${query}`.slice(at + sought.length).split('&', 1);
  if (!value.includes('%') && !value.includes('+')) return value;
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return value;
  }
}

function bad(reason: string, detail: string): DataInfoIdReading {
  return { kind: 'bad', reason, detail };
}
