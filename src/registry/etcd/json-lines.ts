const NEWLINE = 0x0a;

/** Parts a stream into lines of JSON. Throws when a line is none, or longer than it may be. */
export class JsonLines {
  readonly #maxOctets: number;
  readonly #onLine: (value: unknown) => void;
  #begun: Buffer[] = [];
  #octets = 0;

  constructor(maxOctets: number, onLine: (value: unknown) => void) {
    this.#maxOctets = maxOctets;
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#add(chunk.subarray(from, end));
      from = end + 1;
      const line = Buffer.concat(this.#begun).toString('utf8').trim();
      this.#begun = [];
      this.#octets = 0;
      if (line !== '') this.#onLine(parse(line));
    }
    this.#add(chunk.subarray(from));
  }

  #add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#octets += piece.length;
    if (this.#octets > this.#maxOctets) throw new Error(`a line of over ${this.#maxOctets} octets`);
    this.#begun.push(piece);
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error('a line of the watch is not JSON');
  }
}
