import type { DomainName } from '../../name/domain-name.ts';
import { type Octets, octets } from '../../name/octets.ts';
import type { Token } from '../token.ts';
import type { FieldReader } from './field-reader.ts';
import { WireCursor } from './wire-cursor.ts';

/** What the server knows of a type's RDATA. */
export interface RdataFormat {
  /** Presentation to wire form; what is wrong sticks to the reader. */
  parse(reader: FieldReader): Octets;
  /** Wire to presentation form, of RDATA that {@link check} accepts. */
  text(rdata: Octets): string;
  /** @returns the reason when the wire form is malformed */
  check(rdata: Octets): string | undefined;
  /** Where domain names stand in it, for types whose names come first or behind octets of fixed length. */
  readonly names?: NameLayout;
  /** The name whose addresses belong into a reply's additional section. */
  readonly additional?: (rdata: Octets) => DomainName;
}

export interface NameLayout {
  /** So many octets come first, */
  readonly before: number;
  /** then so many names, then octets that are no names. */
  readonly count: number;
  /** Whether a writer may compress them: only in the types of RFC 1035 (RFC 3597 section 4). */
  readonly compress: boolean;
}

/** One field in its two forms. */
export interface Field {
  readonly parse: (reader: FieldReader) => string;
  readonly text: (cursor: WireCursor) => string;
}

/** What a check over several fields found: the reason and the field to point at. */
export interface Finding {
  readonly field: number;
  readonly reason: string;
}

type Extras = Pick<RdataFormat, 'names' | 'additional'> & {
  /** Rules over several fields; sees RDATA whose fields are well-formed, each for itself. */
  readonly verify?: (rdata: Octets) => Finding | undefined;
};

/** The format of RDATA that is one field after another. */
export function sequence(fields: readonly Field[], { verify, ...extras }: Extras = {}): RdataFormat {
  const walk = (rdata: Octets) => {
    const cursor = new WireCursor(rdata);
    const texts = fields.map((field) => field.text(cursor));
    cursor.finish();
    return { failure: cursor.failure, text: texts.filter((text) => text !== '').join(' ') };
  };
  return {
    ...extras,
    parse(reader) {
      let rdata = '';
      const starts: (Token | undefined)[] = [];
      for (const field of fields) {
        if (verify !== undefined) starts.push(reader.peek());
        rdata += field.parse(reader);
      }
      if (verify !== undefined && reader.failure === undefined) {
        const finding = verify(octets(rdata));
        if (finding !== undefined) reader.fail(finding.reason, starts[finding.field]);
      }
      return octets(rdata);
    },
    text: (rdata) => walk(rdata).text,
    check: (rdata) => walk(rdata).failure ?? verify?.(rdata)?.reason,
  };
}
