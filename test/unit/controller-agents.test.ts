/** What Register Agents answer, and how a refusal of Dubbo's QoS port is told from silence and nonsense. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AgentError } from '../../src/controller/agent-error.ts';
import { askHttpAgent } from '../../src/controller/agent-http.ts';
import { askQosAgent, parseLs } from '../../src/controller/agent-qos.ts';
import { Agents } from '../../src/controller/agents.ts';
import type { ApiClient } from '../../src/kubernetes/api-client.ts';
import type { KeptRpcService } from '../../src/registry/kubernetes/objects.ts';
import type { FoundService } from '../../src/registry/kubernetes/parse.ts';

/** Octet by octet what Dubbo 3.3.6 says, registered in both of its modes. */
const LS = `As Provider side:
+----------------------------------------------------------------------------------------------------------------+-----------------------------+
|                                              Provider Service Name                                             |             PUB             |
+----------------------------------------------------------------------------------------------------------------+-----------------------------+
|                                              com.foo.OrderService                                              |zookeeper-A(Y)/zookeeper-I(Y)|
+----------------------------------------------------------------------------------------------------------------+-----------------------------+
|                                           com.foo.OrderService$Inner                                           |zookeeper-A(Y)/zookeeper-I(Y)|
+----------------------------------------------------------------------------------------------------------------+-----------------------------+
|                                            com.foo.StockService:1.0                                            |zookeeper-A(Y)/zookeeper-I(Y)|
+----------------------------------------------------------------------------------------------------------------+-----------------------------+
|                      DubboInternal - demo/org.apache.dubbo.metadata.MetadataService:1.0.0                      |                             |
+----------------------------------------------------------------------------------------------------------------+-----------------------------+
|                                          g1/com.foo.UserService:1.0.0                                          |zookeeper-A(Y)/zookeeper-I(Y)|
+----------------------------------------------------------------------------------------------------------------+-----------------------------+
|                                             gray/com.foo.PayService                                            |zookeeper-A(Y)/zookeeper-I(Y)|
+----------------------------------------------------------------------------------------------------------------+-----------------------------+
|some-group/org.acme.a.package.that.goes.on.for.quite.a.while.until.the.column.is.wide.LongService:2.0.0-SNAPSHOT|zookeeper-A(Y)/zookeeper-I(Y)|
+----------------------------------------------------------------------------------------------------------------+-----------------------------+
As Consumer side:
+---------------------+---+
|Consumer Service Name|NUM|
+---------------------+---+
`;

const WIDE = 'org.acme.a.package.that.goes.on.for.quite.a.while.until.the.column.is.wide.LongService';

suite('the table of ls', () => {
  const found = [
    { name: 'com.foo.OrderService', version: '', group: '' },
    { name: 'com.foo.OrderService$Inner', version: '', group: '' },
    { name: 'com.foo.StockService', version: '1.0', group: '' },
    { name: 'com.foo.UserService', version: '1.0.0', group: 'g1' },
    { name: 'com.foo.PayService', version: '', group: 'gray' },
    { name: WIDE, version: '2.0.0-SNAPSHOT', group: 'some-group' },
  ];

  test('as Dubbo writes it', () => {
    assert.deepEqual(parseLs(LS), found);
    assert.deepEqual(parseLs(LS.replaceAll('\n', '\r\n')), found);
  });

  test('without registries', () => {
    assert.deepEqual(parseLs(LS.replace(/zookeeper-A\(Y\).zookeeper-I\(Y\)/g, ' '.repeat(29))), found);
  });

  test('with a cell of several lines', () => {
    const wrapped = `As Provider side:
+-----------------------------+--------------+
|    Provider Service Name    |      PUB     |
+-----------------------------+--------------+
| g1/com.foo.a.very.long.name |zookeeper-I(Y)|
| .Service:1.0.0              |              |
+-----------------------------+--------------+
|     com.foo.OrderService    |              |
+-----------------------------+--------------+
`;
    assert.deepEqual(parseLs(wrapped), [
      { name: 'com.foo.a.very.long.name.Service', version: '1.0.0', group: 'g1' },
      { name: 'com.foo.OrderService', version: '', group: '' },
    ]);
  });

  test('of an application that provides nothing', () => {
    const [head = '', , , ...rest] = LS.split('\n');
    assert.deepEqual(parseLs([head, ...rest.slice(-5)].join('\n')), []);
    assert.deepEqual(parseLs('As Provider side:\nAs Consumer side:\n'), []);
  });

  test('that is none', () => {
    assert.throws(() => parseLs('<html>hello</html>'), isError('BadReply', /'As Provider side': <html>/));
  });
});

suite('a QoS port', () => {
  const ask = async (t: TestContext, talk: (socket: Socket) => void, timeoutMs = 2_000) => {
    return askQosAgent('127.0.0.1', await listen(t, talk), timeoutMs);
  };
  const reply =
    (status: string, body = '') =>
    (socket: Socket) => {
      socket.once('data', () =>
        socket.end(`HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`),
      );
    };
  const refused = isError('QosForeignIpRefused', /dubbo\.application\.qos-accept-foreign-ip-whitelist/);

  test('that answers', async (t) => {
    assert.equal((await ask(t, reply('200 OK', LS))).length, 6);
  });

  test('that lets a stranger ask nothing that is protected: Dubbo 3.2 and newer', async (t) => {
    await assert.rejects(ask(t, reply('403 Forbidden')), refused);
  });

  test('that closes without a word', async (t) => {
    await assert.rejects(
      ask(t, (socket) => socket.end()),
      refused,
    );
    await assert.rejects(
      ask(t, (socket) => socket.once('data', () => socket.resetAndDestroy())),
      refused,
    );
  });

  test('that says so as older Dubbo does, without HTTP, before it is asked', async (t) => {
    const text = '\r\nForeign Ip Not Permitted, Consider Config It In Whitelist.\r\n';
    await assert.rejects(
      ask(t, (socket) => socket.end(text)),
      refused,
    );
  });

  test('that is none', async (t) => {
    await assert.rejects(ask(t, reply('404 Not Found')), isError('BadReply', /status 404/));
    await assert.rejects(
      ask(t, (socket) => socket.end('SSH-2.0-x\r\n')),
      isError('BadReply', /not HTTP: SSH-2/),
    );
  });

  test('that says nothing', async (t) => {
    await assert.rejects(
      ask(t, () => {}, 100),
      isError('Timeout', /within 100 ms/),
    );
  });

  test('that is not there', async () => {
    await assert.rejects(askQosAgent('127.0.0.1', 1, 2_000), isError('Unreachable', /ECONNREFUSED/));
  });
});

suite('an http agent', () => {
  const ask = async (t: TestContext, body: string, status = '200 OK') => {
    const port = await listen(t, (socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 ${status}\r\n\r\n${body}`));
    });
    return askHttpAgent('127.0.0.1', port, '/interfaces', 2_000);
  };
  const interfaces = (count: number) =>
    JSON.stringify({ interfaces: Array.from({ length: count }, (_, i) => ({ name: `com.foo.S${i}` })) });

  test('that answers', async (t) => {
    assert.equal((await ask(t, interfaces(1000))).length, 1000);
  });

  test('that answers too much', async (t) => {
    await assert.rejects(ask(t, interfaces(1001)), isError('TooLarge', /more than 1000 interfaces/));
    await assert.rejects(ask(t, ' '.repeat(2 ** 20 + 1)), isError('TooLarge', /over 1048576 octets/));
  });

  test('that answers something else', async (t) => {
    await assert.rejects(ask(t, '<html>'), isError('BadReply', /not JSON: <html>/));
    await assert.rejects(ask(t, '{"interfaces":[{"name":""}]}'), isError('BadReply', /interfaces\.0\.name/));
    await assert.rejects(
      ask(t, '', '302 Found\r\nlocation: http://127.0.0.1/'),
      isError('BadReply', /status 302/),
    );
  });
});

suite('fault 8: an agent that answers late', () => {
  const object = (port: number, path: string): KeptRpcService => ({
    resourceVersion: '1',
    namespace: 'trade',
    name: 'user',
    uid: 'u',
    createdAt: 1,
    generation: 1,
    problem: undefined,
    spec: {
      protocol: 'dubbo',
      interfaces: [],
      organization: '',
      agent: { kind: 'http', port, path, interval: 30_000, timeout: 3_000, policy: 'newest' },
    },
    notes: undefined,
    application: '',
    found: [],
    foundIn: '',
    foundAt: 0,
    statusPrint: '',
  });
  const service = {
    resourceVersion: '1',
    service: {
      namespace: 'trade',
      name: 'user',
      uid: 'u',
      createdAt: 1,
      addresses: [],
      ports: [],
      joins: true,
    },
  };
  const found = { ok: true, service } as unknown as FoundService;
  // one ready pod, at this machine
  const client = {
    request: async (_: string, path: string) =>
      path.includes('endpointslices')
        ? { items: [{ endpoints: [{ addresses: ['127.0.0.1'], targetRef: { kind: 'Pod', name: 'p' } }] }] }
        : {
            metadata: { name: 'p', creationTimestamp: '2026-01-01T00:00:00Z' },
            status: { podIP: '127.0.0.1' },
          },
  } as unknown as ApiClient;

  test('does not take the place of what the changed object asked', async (t) => {
    const old: Socket[] = [];
    const [asked, waiting] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const port = await listen(t, (socket) => {
      socket.once('data', (octets) => {
        if (octets.toString().startsWith('GET /old')) {
          old.push(socket);
          asked.resolve();
        } else socket.end('HTTP/1.1 200 OK\r\n\r\n{"interfaces":[{"name":"com.foo.New"}]}');
      });
    });
    const results: string[] = [];
    const agents = new Agents(
      client,
      () => found,
      (_, { found }) => {
        results.push(found.map(({ name }) => name).join());
        waiting.resolve();
      },
    );
    t.after(() => agents.stop());
    agents.note('trade/user', object(port, '/old'));
    await asked.promise;
    agents.note('trade/user', object(port, '/new'));
    await waiting.promise;
    const ended = once(old[0] as Socket, 'close');
    old[0]?.end('HTTP/1.1 200 OK\r\n\r\n{"interfaces":[{"name":"com.foo.Old"}]}');
    await ended;
    await nextTurn();
    assert.deepEqual(results, ['com.foo.New']);
    assert.deepEqual(
      agents.result('trade/user')?.found.map(({ name }) => name),
      ['com.foo.New'],
    );
  });
});

function isError(reason: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AgentError);
    assert.equal(error.reason, reason, error.message);
    assert.match(error.message, message);
    return true;
  };
}

/** A server that talks as it is told. @returns its port */
async function listen(t: TestContext, talk: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    talk(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
