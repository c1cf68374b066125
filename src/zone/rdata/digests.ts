import { type Octets, u8 } from '../../name/octets.ts';
import { hexToEnd, uint8, uint16 } from './fields.ts';
import { type Field, type Finding, sequence } from './format.ts';

/** Types that end in a digest or a certificate in hex. */

/** Digests of a known kind have a known length. `at`: the octet that names the kind, `field`: the digest's. */
function digestLength(at: number, field: number, lengths: Readonly<Record<number, number>>) {
  return (rdata: Octets): Finding | undefined => {
    const kind = rdata.charCodeAt(at);
    const length = lengths[kind];
    const found = rdata.length - at - 1;
    if (length === undefined || found === length) return undefined;
    return { field, reason: `a digest of type ${kind} has ${length} octets, found ${found}` };
  };
}

/** IANA "DNS Security Algorithm Numbers", as RFC 4034 appendix A.1 lets one write them. */
const ALGORITHMS: Readonly<Record<string, number>> = {
  RSAMD5: 1,
  DH: 2,
  DSA: 3,
  RSASHA1: 5,
  'DSA-NSEC3-SHA1': 6,
  'RSASHA1-NSEC3-SHA1': 7,
  RSASHA256: 8,
  RSASHA512: 10,
  'ECC-GOST': 12,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16,
  INDIRECT: 252,
  PRIVATEDNS: 253,
  PRIVATEOID: 254,
};

const ALGORITHM: Field = {
  parse: (reader) => {
    const token = reader.peek();
    const code = token?.quoting === 'none' ? ALGORITHMS[token.text.toUpperCase()] : undefined;
    if (code === undefined) return u8(reader.number('the algorithm', 255));
    reader.take('the algorithm');
    return u8(code);
  },
  text: uint8('the algorithm').text,
};

/** RFC 4034 section 5; digests: SHA-1, SHA-256, GOST R 34.11-94, SHA-384 */
export const DS = sequence(
  [uint16('the key tag'), ALGORITHM, uint8('the digest type'), hexToEnd('the digest')],
  { verify: digestLength(3, 3, { 1: 20, 2: 32, 3: 32, 4: 48 }) },
);

/** RFC 4255 section 3.1, RFC 6594 section 4.1 */
export const SSHFP = sequence(
  [uint8('the algorithm'), uint8('the fingerprint type'), hexToEnd('the fingerprint')],
  { verify: digestLength(1, 2, { 1: 20, 2: 32 }) },
);

/** RFC 6698 section 2.1; matching type 0 is the whole certificate */
export const TLSA = sequence(
  [uint8('the usage'), uint8('the selector'), uint8('the matching type'), hexToEnd('the certificate data')],
  { verify: digestLength(2, 3, { 1: 32, 2: 64 }) },
);
