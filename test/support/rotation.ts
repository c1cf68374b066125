/** Replies whose order rotates, made comparable. */

interface Place {
  /** where its type begins, behind the owner name, and where it ends */
  readonly at: number;
  readonly end: number;
  /** section, owner and type: what an RRset has in common */
  readonly rrset: string;
}

/**
 * The same reply with each RRset beginning with the record whose octets come first; the cycle stays. Owner names stay where
 * they are, as those behind may point to the first one.
 */
export function unrotated(reply: Buffer): Buffer {
  let at = 12;
  for (let questions = reply.readUInt16BE(4); questions > 0; questions--) at = nameEnd(reply, at) + 4;
  const places: Place[] = [];
  for (const section of [6, 8, 10]) {
    for (let left = reply.readUInt16BE(section); left > 0; left--) {
      const owner = nameAt(reply, at);
      const head = nameEnd(reply, at);
      at = head + 10 + reply.readUInt16BE(head + 8);
      places.push({ at: head, end: at, rrset: `${section} ${owner} ${reply.readUInt16BE(head)}` });
    }
  }
  const parts: Buffer[] = [];
  let copied = 0;
  for (let from = 0, to = 0; from < places.length; from = to) {
    while (places[to]?.rrset === places[from]?.rrset && to < places.length) to++;
    const set = places.slice(from, to);
    const octets = set.map((place) => reply.subarray(place.at, place.end));
    const smallest = octets.indexOf([...octets].sort(Buffer.compare)[0] as Buffer);
    const cycle = [...octets.slice(smallest), ...octets.slice(0, smallest)];
    for (const [i, place] of set.entries()) {
      parts.push(reply.subarray(copied, place.at), cycle[i] as Buffer);
      copied = place.end;
    }
  }
  return Buffer.concat([...parts, reply.subarray(copied)]);
}

function nameAt(reply: Buffer, start: number): string {
  let name = '';
  let at = start;
  for (let length = reply[at] as number; length > 0; length = reply[at] as number) {
    if (length >= 0xc0) at = reply.readUInt16BE(at) & 0x3fff;
    else {
      name += reply.toString('latin1', at, at + length + 1);
      at += length + 1;
    }
  }
  return name;
}

function nameEnd(reply: Buffer, start: number): number {
  let at = start;
  for (let length = reply[at] as number; length > 0; length = reply[at] as number) {
    if (length >= 0xc0) return at + 2;
    at += length + 1;
  }
  return at + 1;
}
