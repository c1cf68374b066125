/** Questions, and whether the model allows what was answered to them. */
import type { Reply } from '../support/server.ts';
import type { Addresses } from './addresses.ts';
import { type Form, type InterfaceModel, isOnly, type Model } from './model.ts';
import type { Random } from './random.ts';
import { CHANGE_MS, RECOVERY_MS } from './timeline.ts';
import {
  ALL_INTERFACES,
  domainOf,
  PORT,
  reverseName,
  SECOND_ZONE,
  specOfDomain,
  ZK_INTERFACES,
  ZONE,
} from './universe.ts';
import { Violation } from './violation.ts';

export type Kind = 'call' | 'domain' | 'form' | 'srv' | 'endpoints' | 'txt' | 'ptr' | 'nothing' | 'soa';

export interface Question {
  readonly kind: Kind;
  readonly text: string;
  readonly zone: string;
  readonly interface?: string;
  readonly form?: Form;
  readonly vip?: string;
}

const NOERROR = 0;
const SERVFAIL = 2;
const NXDOMAIN = 3;
const REFUSED = 5;

export function makeQuestion(random: Random, addresses: Addresses): Question {
  const zone = random.chance(0.12) ? SECOND_ZONE : ZONE;
  const over = random.chance(0.2) ? '+tcp' : '+udp';
  const spec = random.chance(0.5) ? random.pick(ALL_INTERFACES) : random.pick(ZK_INTERFACES);
  const { name } = spec;
  const call = `${name}.${zone}`;
  const domain = domainOf(name, zone);
  const lot = random.next();
  const about = { interface: name, zone };
  if (lot < 0.3) return { kind: 'call', form: 'plain', text: `${call} A ${over}`, ...about };
  if (lot < 0.45) return { kind: 'domain', form: 'plain', text: `${domain} A ${over}`, ...about };
  if (lot < 0.6) {
    const form = random.pick(['version', 'group'] as const);
    const label = form === 'version' ? 'ver-1-0-0' : random.pick(['grp-gray', 'ver-1-0-0.grp-gray']);
    const base = random.chance(0.5) ? call : domain;
    return { kind: 'form', form, text: `${label}.${base} A ${over}`, ...about };
  }
  if (lot < 0.68) return { kind: 'srv', form: 'plain', text: `_dubbo._tcp.${call} SRV ${over}`, ...about };
  if (lot < 0.8) {
    return { kind: 'endpoints', form: 'plain', text: `_endpoints.${domain} A ${over}`, ...about };
  }
  if (lot < 0.85) return { kind: 'txt', form: 'plain', text: `${domain} TXT ${over}`, ...about };
  if (lot < 0.93 && addresses.known.length > 0) {
    const vip = random.pick(addresses.known);
    return { kind: 'ptr', text: `${reverseName(vip)} PTR ${over}`, zone: ZONE, vip };
  }
  if (lot < 0.96)
    return { kind: 'nothing', text: `com.soak.zk.Nothing${random.below(9)}.${zone} A ${over}`, zone };
  return { kind: 'soa', text: `${zone} SOA ${over}`, zone };
}

/** When a question was asked, and when its reply was there. */
export interface Times {
  readonly asked: number;
  readonly replied: number;
}

export class Judge {
  readonly #model: Model;
  readonly #addresses: Addresses;
  readonly #serials = new Map<string, { serial: number; replied: number }[]>();
  /** SERVFAIL by what it said */
  readonly failures = new Map<string, number>();

  constructor(model: Model, addresses: Addresses) {
    this.#model = model;
    this.#addresses = addresses;
  }

  /** Throws a {@link Violation}. */
  judge(question: Question, reply: Reply, times: Times): void {
    const settings = this.#model.settingsBetween(times.asked, times.replied);
    if (question.zone === SECOND_ZONE && reply.rcode === REFUSED) {
      if (settings.some(({ hasSecondZone }) => !hasSecondZone)) return;
    } else if (question.zone === SECOND_ZONE && settings.every(({ hasSecondZone }) => !hasSecondZone)) {
      throw wrong('a zone that is not configured is refused', 'REFUSED', question, reply);
    }
    const ttls = new Set(settings.map(({ ttl }) => ttl));
    for (const line of question.kind === 'soa' ? [] : reply.answer) {
      const ttl = Number(line.split(' ')[1]);
      if (!ttls.has(ttl)) throw wrong('the TTL is as configured', [...ttls].join(' or '), question, reply);
    }
    if (question.kind === 'soa') this.#judgeSerial(question, reply, times);
    else if (question.kind === 'ptr') this.#judgePointer(question, reply, times);
    else if (question.kind === 'nothing') {
      if (reply.rcode !== NXDOMAIN)
        throw wrong('what nobody registered does not exist', 'NXDOMAIN', question, reply);
    } else this.#judgeInterface(question, reply, times);
  }

  #judgeInterface(question: Question, reply: Reply, times: Times): void {
    const one = this.#model.of(question.interface ?? '');
    const { asked, replied } = times;
    const { must, may, why } = this.#model.expectation(one, question.form ?? 'plain', asked, replied);
    if (reply.rcode === NXDOMAIN) {
      if (must) throw wrong('what is registered exists', why, question, reply);
      return;
    }
    if (!may) throw wrong('what is gone does not exist', `NXDOMAIN: ${why}`, question, reply);
    if (reply.rcode === SERVFAIL) {
      this.#judgeFailure(one, question, reply, times);
      return;
    }
    if (reply.rcode !== NOERROR) throw wrong('a registered name is answered', 'NOERROR', question, reply);
    if (question.kind === 'endpoints') this.#judgeEndpoints(one, question, reply, times);
    else if (question.kind === 'srv') this.#judgeServices(one, question, reply);
    else if (question.kind === 'txt') {
      const isThere = reply.answer.length === 1 && reply.answer[0]?.includes(`"interface=${one.spec.name}"`);
      if (isThere !== true) throw wrong('TXT names the interface', one.spec.name, question, reply);
    } else this.#judgeAddress(one, question, reply, times);
  }

  #judgeAddress(one: InterfaceModel, question: Question, reply: Reply, { asked, replied }: Times): void {
    const addresses = reply.answer.filter((line) => line.split(' ')[2] === 'A');
    const [line = '', ...others] = addresses;
    const vip = line.split(' ')[3];
    if (vip === undefined || others.length > 0) throw wrong('a name has one VIP', 'one A', question, reply);
    const owner = line.split(' ')[0] ?? '';
    const domain = domainOf(one.spec.name, question.zone);
    if (!owner.toLowerCase().endsWith(domain.toLowerCase()))
      throw wrong('the structured domain owns the A', domain, question, reply);
    // forms share the VIP, but for a moment in which only one of them is planned anew
    this.#addresses.saw(one, vip, asked, replied);
  }

  #judgeServices(one: InterfaceModel, question: Question, reply: Reply): void {
    const lines = reply.answer.filter((line) => line.split(' ')[2] === 'SRV');
    const data = lines.map((line) => line.split(' ').slice(3).join(' '));
    const wanted = `0 0 ${PORT} ${domainOf(one.spec.name, question.zone)}`;
    if (data.length !== 1 || data[0]?.toLowerCase() !== wanted.toLowerCase())
      throw wrong('SRV has the port and the structured domain', wanted, question, reply);
  }

  #judgeEndpoints(one: InterfaceModel, question: Question, reply: Reply, { asked, replied }: Times): void {
    const { must, may } = this.#model.hosts(one, asked, replied);
    const found = reply.answer.map((line) => line.split(' ')[3] ?? '');
    const lacks = must.filter((host) => !found.includes(host));
    const strange = found.filter((host) => !may.includes(host));
    if (lacks.length === 0 && strange.length === 0) return;
    throw wrong('_endpoints are the providers', `${must} of ${may}`, question, reply);
  }

  #judgeFailure(one: InterfaceModel, question: Question, reply: Reply, { asked, replied }: Times): void {
    const text = reply.errors.map((error) => error.text).join('; ');
    const kind = text.replace(/:.*/, '');
    this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1);
    if (!['call', 'domain', 'form'].includes(question.kind))
      throw wrong('a missing address harms addresses alone', 'NOERROR', question, reply);
    const fault = this.#model.timeline.storeFaultIn(asked - CHANGE_MS - RECOVERY_MS, replied);
    if (!text.includes('could not be recorded') || fault === undefined)
      throw wrong('an address can be had', 'NOERROR', question, reply);
    // one that was answered while the store refused had its address in the store
    const seen = this.#addresses.askedOf(one.spec.name);
    if (seen < fault.begin || this.#model.timeline.isDown(seen, replied)) return;
    const { registry, name } = one.spec;
    const oldest = this.#model.timeline.oldestView(registry, name, seen);
    const isSteady =
      isOnly(one.forms.plain.registered.between(oldest, replied), true) &&
      isOnly(one.pin.between(oldest, replied), '');
    if (isSteady)
      throw wrong('what was answered stays answered while the store refuses', 'NOERROR', question, reply);
  }

  #judgePointer(question: Question, reply: Reply, { asked, replied }: Times): void {
    const vip = question.vip ?? '';
    const owner = this.#addresses.ownerOf(vip);
    if (reply.rcode === NXDOMAIN) {
      if (owner === undefined || this.#addresses.vipOf(owner) !== vip) return;
      if (this.#addresses.mustHave(this.#model.of(owner), asked, replied) === vip)
        throw wrong('a VIP that is answered leads back', domainOf(owner), question, reply);
      return;
    }
    const target = reply.answer[0]?.split(' ')[3] ?? '';
    const spec = specOfDomain(target);
    if (reply.rcode !== NOERROR || reply.answer.length !== 1 || spec === undefined)
      throw wrong('PTR leads to a structured domain', owner ?? 'an interface', question, reply);
    const one = this.#model.of(spec.name);
    const { may, why } = this.#model.expectation(one, 'plain', asked, replied);
    if (!may) throw wrong('what is gone does not exist', `NXDOMAIN: ${why}`, question, reply);
    this.#addresses.saw(one, vip, asked, replied);
  }

  #judgeSerial(question: Question, reply: Reply, { asked, replied }: Times): void {
    const serial = Number(reply.answer[0]?.split(' ')[5]);
    if (reply.rcode !== NOERROR || !Number.isInteger(serial))
      throw wrong('a zone has a SOA', 'NOERROR', question, reply);
    const seen = this.#serials.get(question.zone) ?? [];
    const before = Math.max(0, ...seen.filter((one) => one.replied < asked).map((one) => one.serial));
    if (serial < before) throw wrong('a serial never falls', `at least ${before}`, question, reply);
    this.#serials.set(question.zone, [...seen.slice(-20), { serial, replied }]);
  }
}

function wrong(invariant: string, expected: string, { text }: Question, reply: Reply): Violation {
  const errors = reply.errors.map((error) => `${error.code} ${error.text}`).join('; ');
  const found = `${text}: rcode ${reply.rcode} ${reply.answer.join(' | ')} ${errors}`;
  return new Violation(invariant, expected, found);
}
