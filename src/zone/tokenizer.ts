import type { Quoting, Token } from './token.ts';

/** Something that no token can be made of. */
export interface LexicalProblem {
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const OPEN = 0x28;
const CLOSE = 0x29;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const BYTE_ORDER_MARK = 0xfeff;

/** By character code: 1 where a word, or the inside of a quoted string, goes on without a second look. */
const IN_WORD = new Uint8Array(0x80).fill(1, 0x21, 0x7f);
const IN_QUOTES = new Uint8Array(0x80).fill(1, 0x20, 0x7f);
for (const code of [QUOTE, OPEN, CLOSE, SEMICOLON, BACKSLASH]) IN_WORD[code] = 0;
for (const code of [QUOTE, BACKSLASH]) IN_QUOTES[code] = 0;
IN_QUOTES[TAB] = 1;

/** So often the reading resumes behind a '(' that is never closed; each time costs a walk to the end of the text. */
const MAX_RESUMES = 20;

/**
 * Cuts the text of a master file (RFC 1035 section 5.1) into entries: the tokens of one line, or of several lines
 * that parentheses join. Comments and empty lines vanish.
 */
export class Tokenizer {
  /** The tokens of the current entry. */
  tokens: Token[] = [];
  /** What is wrong with the current entry; when there is anything, its tokens are not to be trusted. */
  problems: LexicalProblem[] = [];
  /** Whether the entry starts with a blank, and so belongs to the owner of the one above. */
  blankOwner = false;
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #open: { line: number; column: number; next: number }[] = [];
  #resumes = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.charCodeAt(0) === BYTE_ORDER_MARK) this.#at = this.#lineStart = 1;
  }

  /** Goes on to the next entry. @returns false at the end of the text */
  next(): boolean {
    this.tokens = [];
    this.problems = [];
    this.blankOwner = false;
    this.#open = [];
    while (this.#at < this.#text.length) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === NEWLINE) {
        this.#at++;
        this.#startLine();
        if (this.#open.length > 0) continue;
        if (this.#hasEntry) return true;
        this.blankOwner = false;
      } else if (
        code === RETURN &&
        !this.#text.startsWith('\r\n', this.#at) &&
        this.#at + 1 < this.#text.length
      ) {
        this.#strange(this.#at);
        this.#at++;
      } else if (code === SPACE || code === TAB || code === RETURN) {
        if (this.#at === this.#lineStart && !this.#hasEntry && this.#open.length === 0)
          this.blankOwner = true;
        this.#at++;
      } else if (code === SEMICOLON) {
        this.#at = this.#lineEnd(this.#at);
      } else if (code === OPEN) {
        this.#at++;
        this.#open.push({ line: this.#line, column: this.#column(this.#at - 1), next: this.#at });
      } else if (code === CLOSE) {
        this.#at++;
        if (this.#open.pop() === undefined) this.#problem("')' without '('", this.#at - 1);
      } else if (code === QUOTE) {
        const start = this.#at;
        const end = this.#quoted();
        this.#push(this.#text.slice(start + 1, end), 'whole', start);
      } else {
        this.#word();
      }
    }
    if (this.#open.length > 0) this.#resumeBehindOpen();
    return this.#hasEntry;
  }

  get #hasEntry(): boolean {
    return this.tokens.length > 0 || this.problems.length > 0;
  }

  #word(): void {
    const text = this.#text;
    const start = this.#at;
    let quoting: Quoting = 'none';
    let at = start;
    while (quoting === 'none') {
      const code = text.charCodeAt(at);
      if (IN_WORD[code] === 1) {
        at++;
      } else if (code === BACKSLASH) {
        at += isPrintable(text.charCodeAt(at + 1)) ? 2 : 1;
      } else if (code === QUOTE && text.charCodeAt(at - 1) === EQUALS) {
        this.#at = at;
        this.#quoted();
        at = this.#at;
        quoting = 'value';
      } else if (code === QUOTE) {
        this.#problem('\'"\' inside a word: quote the whole word, or write \\"', at);
        at++;
      } else if (endsWord(code)) {
        break;
      } else {
        this.#strange(at);
        at += code >= 0xd800 && code < 0xdc00 ? 2 : 1;
      }
    }
    this.#at = at;
    this.#push(text.slice(start, at), quoting, start);
  }

  /** From the opening quote to behind the closing one. @returns where the closing quote stands, or should */
  #quoted(): number {
    const text = this.#text;
    const start = this.#at;
    for (let at = start + 1; ; ) {
      const code = text.charCodeAt(at);
      if (IN_QUOTES[code] === 1) {
        at++;
      } else if (code === BACKSLASH) {
        at += isPrintable(text.charCodeAt(at + 1)) ? 2 : 1;
      } else if (code === QUOTE) {
        this.#at = at + 1;
        return at;
      } else if (code === NEWLINE || code === RETURN || Number.isNaN(code)) {
        this.#problem("'\"' is not closed on its line", start);
        this.#at = at;
        return at;
      } else {
        this.#strange(at);
        at += code >= 0xd800 && code < 0xdc00 ? 2 : 1;
      }
    }
  }

  #push(text: string, quoting: Quoting, start: number): void {
    const column = this.#column(start);
    this.tokens.push({ text, quoting, line: this.#line, column, end: this.#column(this.#at) });
  }

  #strange(at: number): void {
    const code = this.#text.codePointAt(at) ?? 0;
    const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
    if (code < 0x80) {
      this.#problem(`control character ${name}: write it as \\${code.toString().padStart(3, '0')}`, at);
      return;
    }
    const char = String.fromCodePoint(code);
    this.#problem(`'${char}' (${name}) is not ASCII: write octets as \\DDD, and names in punycode`, at);
  }

  #problem(text: string, at: number): void {
    this.problems.push({ line: this.#line, column: this.#column(at), text });
  }

  #column(at: number): number {
    return at - this.#lineStart + 1;
  }

  #startLine(): void {
    this.#line++;
    this.#lineStart = this.#at;
  }

  #lineEnd(from: number): number {
    const end = this.#text.indexOf('\n', from);
    return end < 0 ? this.#text.length : end;
  }

  /**
   * At the end of the text with a '(' open: its ')' was most likely forgotten before the first line that does not
   * start with a blank. The reading resumes there, so that the rest of the file is looked at too.
   */
  #resumeBehindOpen(): void {
    const open = this.#open[0];
    if (open === undefined) return;
    this.#line = open.line;
    this.#at = this.#lineEnd(open.next);
    while (this.#at < this.#text.length) {
      this.#at++;
      this.#startLine();
      if (!' \t\r\n;)'.includes(this.#text.charAt(this.#at))) break;
      this.#at = this.#lineEnd(this.#at);
    }
    if (++this.#resumes > MAX_RESUMES) this.#at = this.#text.length;
    this.problems = this.problems.filter((problem) => problem.line < this.#line);
    this.problems.push({ line: open.line, column: open.column, text: "'(' is never closed" });
  }
}

function isPrintable(code: number): boolean {
  return (code >= SPACE && code < 0x7f) || code === TAB;
}

/** Whether a word ends in front of this character; NaN: at the end of the text. */
function endsWord(code: number): boolean {
  return (
    code === SPACE ||
    code === TAB ||
    code === NEWLINE ||
    code === RETURN ||
    code === OPEN ||
    code === CLOSE ||
    code === SEMICOLON ||
    Number.isNaN(code)
  );
}
