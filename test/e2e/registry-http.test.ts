/** The http registry behind a whole server: by its configuration, to the answer, and over a restart. */
import assert from 'node:assert/strict';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { until } from '../support/process.ts';
import { createSite, type Server, startOn } from '../support/server.ts';

const Z = 'rpc.cluster.local.';

async function listen(server: HttpServer, port = 0): Promise<number> {
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

const vipOf = async (server: Server, name: string) =>
  (await server.query(`${name}.${Z} A`)).answer
    .find((line) => / A /.test(line))
    ?.split(' ')
    .at(-1);

test('what a document at a URL names is answered, follows it, and outlives its server', async (t) => {
  let names = ['com.foo.A'];
  const web = createServer((_request, response) => {
    response.end(JSON.stringify({ interfaces: names.map((name) => ({ name, port: 20880 })) }));
  });
  t.after(() => web.close());
  const port = await listen(web);
  const site = await createSite({
    config: `registries: [{ kind: http, url: "http://127.0.0.1:${port}/interfaces.yaml?key=secret", interval: 100ms }]\n`,
  });
  let server = await startOn(site, t, { until: 'ready' });
  const vip = await vipOf(server, 'com.foo.A');
  assert.match(vip ?? '', /^247\./);
  const told = await server.cli('lookup', 'com.foo.A', '-c', 'rpc-dns.yaml');
  assert.match(
    told.stdout,
    new RegExp(`registered in {4}http:http://127\\.0\\.0\\.1:${port}/interfaces\\.yaml at `),
  );
  names = ['com.foo.A', 'com.foo.B'];
  await until('the new one', async () => (await vipOf(server, 'com.foo.B')) !== undefined);
  names = ['com.foo.B'];
  await until('the old one is gone', async () => (await server.query(`com.foo.A.${Z} A`)).rcode === 3);

  const other = await vipOf(server, 'com.foo.B');
  web.closeAllConnections();
  await new Promise((done) => web.close(done));
  await until('stale', async () => (await server.http('/ready')).text.includes('stale'));
  assert.equal(await vipOf(server, 'com.foo.B'), other);
  await server.stop();
  server = await startOn(site, t, { until: 'ready' });
  assert.equal(await vipOf(server, 'com.foo.B'), other);
  await listen(web, port);
  await until('live', async () => !(await server.http('/ready')).text.includes('stale'));
  assert.doesNotMatch(server.child.output() + told.stdout, /secret/);
  await server.stop();
});

test('files that it names have to be there', async (t) => {
  const site = await createSite({
    config:
      'registries: [{ kind: http, url: "https://config.example/", tokenFile: no.token, tls: { ca: no.pem } }]\n',
  });
  await assert.rejects(startOn(site, t), /no\.token: no such file[\s\S]*no\.pem: no such file/);
});
