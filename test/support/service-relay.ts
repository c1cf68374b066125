/**
 * What kube-proxy does for the Service of rpc-dns, inside a network namespace: UDP and TCP on port 53 of the Service's
 * address lead to the pod's port.
 *
 *     node test/support/service-relay.ts ADDRESS PORT
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Namespace } from './netns.ts';

export async function relayService(network: Namespace, address: string, port: number): Promise<void> {
  await network.addLocalRange(`${address}/32`);
  const args = [fileURLToPath(import.meta.url), address, String(port)];
  const child = network.run(process.execPath, args, { name: `relay of ${address}` });
  await child.waitFor(/^READY$/m);
}

async function relay(address: string, port: number): Promise<void> {
  // reusePort: a CoreDNS beside it listens on port 53 of every address
  const tcp = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on('error', () => near.destroy());
  });
  await new Promise<void>((done) => tcp.listen({ host: address, port: 53, reusePort: true }, done));
  const udp = createSocket({ type: 'udp4', reusePort: true });
  udp.on('message', (query, client) => {
    const far = createSocket('udp4');
    const timer = setTimeout(() => far.close(), 5_000);
    far.once('message', (reply) => {
      udp.send(reply, client.port, client.address);
      clearTimeout(timer);
      far.close();
    });
    far.send(query, port, '127.0.0.1');
  });
  await new Promise<void>((done) => udp.bind({ address, port: 53 }, done));
}

if (import.meta.main) {
  const [address = '', port = ''] = process.argv.slice(2);
  await relay(address, Number(port));
  console.log('READY');
}
