/** Replies whose order rotates, made comparable. */

/** The same reply with the last RRset of its answer beginning with the record whose octets come first; the cycle stays. */
export function unrotated(reply: Buffer): Buffer {
  const answers = reply.readUInt16BE(6);
  let at = 12;
  for (let questions = reply.readUInt16BE(4); questions > 0; questions--) at = nameEnd(reply, at) + 4;
  const records: { readonly at: number; readonly end: number; readonly type: number }[] = [];
  for (let i = 0; i < answers; i++) {
    const head = nameEnd(reply, at);
    const end = head + 10 + reply.readUInt16BE(head + 8);
    records.push({ at, end, type: reply.readUInt16BE(head) });
    at = end;
  }
  const last = records.at(-1);
  const set = records.filter(({ type }) => type === last?.type);
  const first = set[0];
  if (first === undefined || last === undefined || set.length < 2) return reply;
  const octets = set.map((record) => reply.subarray(record.at, record.end));
  const smallest = octets.indexOf([...octets].sort(Buffer.compare)[0] as Buffer);
  const cycle = [...octets.slice(smallest), ...octets.slice(0, smallest)];
  return Buffer.concat([reply.subarray(0, first.at), ...cycle, reply.subarray(last.end)]);
}

function nameEnd(reply: Buffer, start: number): number {
  let at = start;
  for (let length = reply[at] as number; length > 0; length = reply[at] as number) {
    if (length >= 0xc0) return at + 2;
    at += length + 1;
  }
  return at + 1;
}
