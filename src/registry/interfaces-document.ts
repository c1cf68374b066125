import { z } from 'zod';
import type { Problem } from '../base/problem.ts';
import { pin, port, ttl } from '../files/fields.ts';
import { validate } from '../files/validate.ts';
import { readYaml } from '../files/yaml-file.ts';
import { parseAddress, splitHostPort } from '../name/address.ts';
import { parseDomainName } from '../name/domain-name.ts';
import {
  checkServiceKey,
  type InterfaceName,
  parseInterfaceName,
  serviceKeyText,
} from '../name/interface-name.ts';
import type { Registration } from './registration.ts';

const interfaceName = z.string().transform((text, context): InterfaceName => {
  const result = parseInterfaceName(text);
  if (result.ok) return result.value;
  context.issues.push({ code: 'custom', message: result.reason, input: text });
  return z.NEVER;
});

const endpoint = z.string().transform((text, context) => {
  const split = splitHostPort(text);
  if (split !== undefined && (parseAddress(split.host) !== undefined || isHostName(split.host))) return split;
  const message = `'${text}': expected ADDRESS:PORT or HOST:PORT such as 10.0.0.1:20880 or [fd00::1]:20880`;
  context.issues.push({ code: 'custom', message, input: text });
  return z.NEVER;
});

/** Four numbers are a mistyped address, not a host name. */
function isHostName(text: string): boolean {
  return (
    /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/.test(text) &&
    !/^[\d.]+$/.test(text) &&
    parseDomainName(text).ok
  );
}

/** The format of the file registry (contract 1.4). */
export const interfacesSchema = z.strictObject({
  interfaces: z.array(
    z.strictObject({
      name: interfaceName,
      application: z.string().default(''),
      organization: z.string().default(''),
      module: z.string().default(''),
      environment: z.string().default(''),
      namespace: z.string().default(''),
      protocol: z.string().min(1).default('dubbo'),
      port: port.optional(),
      version: z.string().default(''),
      group: z.string().default(''),
      vip: pin.optional(),
      ttl: ttl.optional(),
      endpoints: z.array(endpoint).default([]),
    }),
  ),
});

export type ParsedInterfaces =
  | { readonly ok: true; readonly registrations: readonly Registration[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads a document of interfaces; with anything wrong in it none of it is taken. */
export function parseInterfaces(file: string, text: string): ParsedInterfaces {
  const yaml = readYaml(file, text, undefined);
  const result = validate(interfacesSchema, yaml);
  if (!result.ok) return result;
  const problems: Problem[] = [];
  const seen = new Map<string, number>();
  const registrations = result.value.interfaces.map((entry, i): Registration => {
    const { name, endpoints, ...rest } = entry;
    const position = yaml.positionOf(['interfaces', i]);
    const registration: Registration = {
      ...rest,
      interface: name,
      port: entry.port,
      ttl: entry.ttl,
      vip: entry.vip,
      service: undefined,
      claim: undefined,
      endpoints: endpoints.map((split) => ({ ...split, protocol: entry.protocol })),
      source: `${file}:${position.line}`,
    };
    const reason = checkServiceKey(entry.version, entry.group);
    if (reason !== undefined) {
      const key = reason.startsWith('version') ? 'version' : 'group';
      problems.push({ file, ...yaml.positionOf(['interfaces', i, key]), text: reason });
    }
    const key = serviceKeyText(registration);
    const first = seen.get(key);
    if (first !== undefined)
      problems.push({ file, ...position, text: `${key} is there twice, first at line ${first}` });
    else seen.set(key, position.line);
    return registration;
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, registrations };
}
