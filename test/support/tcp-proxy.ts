import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Between a client and a server: passes on, refuses, cuts, holds back, is slow, or spoils what the server sends. */
export class TcpProxy {
  readonly port: number;
  #target: number;
  readonly #host: string;
  readonly #targetHost: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  accepted = 0;
  /** Deals with a piece from the server; true: that was all, it is not passed on. */
  spoil: (piece: Buffer, client: Socket) => boolean = () => false;
  /** Each piece from the server comes so much later. */
  delayMs = 0;
  #isHeld = false;

  constructor(port: number, target: number, host = '127.0.0.1', targetHost = '127.0.0.1') {
    this.port = port;
    this.#target = target;
    this.#host = host;
    this.#targetHost = targetHost;
  }

  async open(): Promise<void> {
    this.#server = createServer((client) => this.#pass(client)).listen(this.port, this.#host);
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) =>
      this.#server?.listening ? this.#server.close(resolve) : resolve(null),
    );
    this.cut();
    await closed;
  }

  /** Cuts all connections; new ones are welcome. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** New connections go to another port from now on, as a Service's do when its pod is replaced. */
  leadTo(target: number): void {
    this.#target = target;
  }

  /** Accepts, and passes on nothing in either direction until it is let go. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    for (const socket of this.#sockets) isHeld ? socket.pause() : socket.resume();
  }

  #pass(client: Socket): void {
    this.accepted++;
    const server = connect(this.#target, this.#targetHost);
    for (const socket of [client, server]) {
      this.#sockets.add(socket.setNoDelay());
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (piece) => server.write(piece));
    server.on('data', (piece) => {
      if (this.spoil(piece, client)) return;
      if (this.delayMs === 0) client.write(piece);
      else setTimeout(() => client.writable && client.write(piece), this.delayMs);
    });
    if (this.#isHeld) for (const socket of [client, server]) socket.pause();
  }
}
