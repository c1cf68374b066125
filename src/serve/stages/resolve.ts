import type { Answer } from '../../answer/answer.ts';
import { NearClient } from '../../answer/near-client.ts';
import { resolve as resolveAnswer } from '../../answer/resolve.ts';
import { type DomainName, keyOf } from '../../name/domain-name.ts';
import { Localities, type LocalityRule } from '../../name/localities.ts';
import { clientAddress } from '../../name/network.ts';
import {
  type Encoded,
  encodeSections,
  OPT_LENGTH,
  type Rotating,
  SCRATCH_LENGTH,
} from '../../wire/encode.ts';
import { HEADER_LENGTH } from '../../wire/message.ts';
import { TYPE } from '../../zone/types.ts';
import type { Fact } from '../../zone/zone.ts';
import type { LiveZone, ZoneData } from '../../zone/zone-data.ts';
import { type Exchange, MAX_TCP } from '../exchange.ts';
import type { ReadyReplies, Rotation } from '../ready-replies.ts';

/** The general way: from question and zones to an {@link Answer}, and that to octets, which are held ready. */
export class Resolve {
  readonly #data: ZoneData;
  readonly #ready: ReadyReplies;
  /** with room for a record beyond the limit, which a reply's own memory may not have */
  readonly #scratch = Buffer.alloc(SCRATCH_LENGTH);
  #localities = new Localities([]);
  /** with which record the next reply of one whose order rotates begins */
  #turn = 0;

  constructor(data: ZoneData, ready: ReadyReplies) {
    this.#data = data;
    this.#ready = ready;
  }

  setLocalities(rules: readonly LocalityRule[]): void {
    this.#localities = new Localities(rules);
  }

  resolve(exchange: Exchange): void {
    const { message, out, questionEnd, type, limit, hasEdns, client } = exchange;
    const name = message.toString('latin1', HEADER_LENGTH, questionEnd - 4) as DomainName;
    const facts = new Set<Fact>();
    const near = this.#localities.isEmpty
      ? undefined
      : new NearClient(this.#localities, clientAddress(client.address));
    const found = resolveAnswer(this.#data, { name, type }, (fact) => facts.add(fact));
    const answer = near?.choose(found) ?? found;
    const scratch = this.#scratch;
    const encoded = encodeSections(scratch, { name, questionEnd, hasEdns }, answer, limit, this.#turn++);
    scratch.copy(out, questionEnd, questionEnd, encoded.end);
    exchange.rcode = encoded.rcode;
    exchange.authoritative = encoded.authoritative;
    exchange.truncated = encoded.truncated;
    [exchange.answers, exchange.authorities, exchange.additionals] = encoded.counts;
    exchange.end = encoded.end;
    exchange.error = encoded.error;
    const holdable = answer.kind === 'data' || answer.kind === 'nodata' || answer.kind === 'nxdomain';
    if (holdable && near?.hasChosen !== true) this.#hold(exchange, encoded, answer, facts);
  }

  #hold(exchange: Exchange, encoded: Encoded, answer: Answer, facts: ReadonlySet<Fact>): void {
    const { complete, truncated, chainRecords, rotating, counts } = encoded;
    const { questionEnd: from, limit, hasEdns, out } = exchange;
    // that a reply is too large is worth knowing too, but not where already the chain is
    const isCut = truncated && counts[0] === chainRecords;
    // over TCP there is no more room than this: what was left out of it would always be
    if (!complete && !isCut && limit < MAX_TCP) return;
    const reply = {
      tail: Buffer.from(out.subarray(from, encoded.end)),
      rcode: encoded.rcode,
      authoritative: encoded.authoritative,
      counts,
      chainEnd: encoded.chainAt - from,
      chainRecords,
      neededEnd: isCut ? limit - from - (hasEdns ? OPT_LENGTH : 0) + 1 : encoded.neededAt - from,
      isCut,
      rotating: rotating.length === 0 ? undefined : rotating.map((one) => rotationIn(one, from)),
      serialAt: encoded.serialAt === 0 ? -1 : encoded.serialAt - from,
      serialOf: this.#serialOf(answer),
      negative: answer.kind !== 'data',
      facts,
    };
    // this one began with the first record of the order that is held
    this.#ready.hold(exchange, reply, 1);
  }

  /** The serial of the zone whose SOA is in the reply. */
  #serialOf(answer: Answer): LiveZone['current'] | undefined {
    const soa = 'soa' in answer ? answer.soa : answer.kind === 'data' ? answer.rrset : undefined;
    return soa?.rrset.type === TYPE.SOA ? this.#data.zoneOf(keyOf(soa.name))?.current : undefined;
  }
}

function rotationIn({ starts, ownerLength }: Rotating, tailAt: number): Rotation {
  return { starts: Uint16Array.from(starts, (at) => at - tailAt), ownerLength };
}
