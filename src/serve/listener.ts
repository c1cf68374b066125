/** Where queries come in; the handler keeps what it counts by it. */
export class Listener {
  /** `dns://127.0.0.1:5300` */
  readonly server: string;
  readonly proto: 'udp' | 'tcp';
  /** counter blocks by zone; '' for names outside all zones */
  readonly blocks = new Map<string, number>();
  /** the block that was counted in last, and its key: of a zone itself nothing is kept here, as it may be large and gone */
  lastBlock = -1;
  lastKey = '';

  constructor(server: string, proto: 'udp' | 'tcp') {
    this.server = server;
    this.proto = proto;
  }
}
