import { EAGAIN, errorName, type Libc, MSG_DONTWAIT } from './libc.ts';
import { MessageBatch } from './message-batch.ts';
import { type BoundSocket, openSocket } from './open-socket.ts';
import { type Family, hostOf, portOf } from './socket-name.ts';

const LENGTHS = [12, 300, 1] as const;
/** A busy kernel brings datagrams later, even to itself. */
const DEADLINE_MS = 1000;
const LOOPBACK = { 4: '127.0.0.1', 6: '::1' } as const;

/**
 * Sends datagrams between sockets of this machine as the engine does: the layout in memory, the calls and the kernel's leave
 * to use them are seen to hold before a query depends on them. Throws with what does not.
 */
export function selfTest(libc: Libc, family: Family): void {
  let here: BoundSocket | undefined;
  let there: BoundSocket | undefined;
  try {
    here = openSocket(libc, LOOPBACK[family], 0);
    there = openSocket(libc, LOOPBACK[family], 0);
    exchange(libc, family, here, there);
  } finally {
    for (const socket of [here, there]) if (socket !== undefined) libc.close(socket.fd);
  }
}

function exchange(libc: Libc, family: Family, here: BoundSocket, there: BoundSocket): void {
  const [hereName, thereName] = [nameOf(libc, here), nameOf(libc, there)];
  const asked = new MessageBatch(libc, family, LENGTHS.length, 512);
  for (const [i, length] of LENGTHS.entries()) {
    hereName.copy(asked.names[i] as Buffer);
    (asked.buffers[i] as Buffer).fill(i + 1, 0, length);
    asked.setLength(i, length);
  }
  expect('sendmmsg', libc, libc.sendmmsg(there.fd, asked.address, LENGTHS.length, 0));

  const heard = new MessageBatch(libc, family, LENGTHS.length + 1, 512);
  expect('recvmmsg', libc, receive(libc, here, heard));
  check(heard, thereName, family);

  // back to whoever sent it, one by itself, and the rest from the middle on
  for (const [i, length] of LENGTHS.entries()) heard.setLength(i, length);
  expect('sendmmsg', libc, libc.sendmmsg(here.fd, heard.headerAt(0), 1, 0), 1);
  expect(
    'sendmmsg',
    libc,
    libc.sendmmsg(here.fd, heard.headerAt(1), LENGTHS.length - 1, 0),
    LENGTHS.length - 1,
  );

  const answered = new MessageBatch(libc, family, heard.size, 512);
  expect('recvmmsg', libc, receive(libc, there, answered));
  check(answered, hereName, family);
  const rest = libc.recvmmsg(there.fd, answered.address, answered.size, MSG_DONTWAIT, null);
  if (rest !== -1) throw new Error(`recvmmsg of an empty socket returned ${rest}`);
}

/** Waits for all of them. @returns how many came, or -1 */
function receive(libc: Libc, { fd }: BoundSocket, batch: MessageBatch): number {
  const deadline = performance.now() + DEADLINE_MS;
  for (let count = 0; ; ) {
    const found = libc.recvmmsg(fd, batch.headerAt(count), batch.size - count, MSG_DONTWAIT, null);
    if (found < 0 && libc.errno() !== EAGAIN) return found;
    count += Math.max(0, found);
    if (count >= LENGTHS.length || performance.now() > deadline) return count;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

function nameOf(libc: Libc, { fd, family }: BoundSocket): Buffer {
  const name = Buffer.alloc(family === 4 ? 16 : 28);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(name.length);
  if (libc.getsockname(fd, name, length) !== 0) throw new Error(`getsockname: ${errorName(libc.errno())}`);
  return name;
}

function expect(call: string, libc: Libc, result: number, wanted: number = LENGTHS.length): void {
  if (result === wanted) return;
  throw new Error(`${call}: ${result < 0 ? errorName(libc.errno()) : `${result} messages of ${wanted}`}`);
}

function check(batch: MessageBatch, from: Buffer, family: Family): void {
  for (const [i, length] of LENGTHS.entries()) {
    const octets = (batch.buffers[i] as Buffer).subarray(0, length);
    const name = batch.names[i] as Buffer;
    const isRight =
      batch.receivedLength(i) === length &&
      octets.every((octet) => octet === i + 1) &&
      hostOf(name, family) === hostOf(from, family) &&
      portOf(name) === portOf(from);
    if (!isRight) throw new Error('the layout of messages in memory is another one');
  }
}
