import type { DomainName } from '../../name/domain-name.ts';
import type { Octets } from '../../name/octets.ts';
import { MAX_TTL } from '../period.ts';
import { domainName, seconds, uint16, uint32 } from './fields.ts';
import { type Field, sequence } from './format.ts';

/** Types whose data is names and numbers. */

/** RFC 1035 section 3.3.11 */
export const NS = sequence([domainName('a name server')], {
  names: { before: 0, count: 1, compress: true },
  additional: (rdata) => rdata as Octets as DomainName,
});

/** CNAME and PTR: RFC 1035 sections 3.3.1 and 3.3.12 */
export const ALIAS = sequence([domainName('a domain name')], {
  names: { before: 0, count: 1, compress: true },
});

/** RFC 6672 section 2.1: never compressed */
export const DNAME = sequence([domainName('a domain name')], {
  names: { before: 0, count: 1, compress: false },
});

/** RFC 1035 section 3.3.9 */
export const MX = sequence([uint16('the preference'), domainName('a mail server')], {
  names: { before: 2, count: 1, compress: true },
  additional: (rdata) => rdata.slice(2) as DomainName,
});

/** RFC 2782: the target is never compressed */
export const SRV = sequence(
  [uint16('the priority'), uint16('the weight'), uint16('the port'), domainName('a target')],
  {
    names: { before: 6, count: 1, compress: false },
    additional: (rdata) => rdata.slice(6) as DomainName,
  },
);

/** A mailbox as a name: `admin.example.com.`; an `@` in it is a common slip. */
const MAILBOX: Field = {
  parse: (reader) => {
    const token = reader.peek();
    if (token?.quoting === 'none' && /[^\\]@/.test(token.text)) {
      reader.fail(`mailbox '${token.text}': write it as a name, with a dot in place of the '@'`, token);
    }
    return reader.name('the mailbox of the zone');
  },
  text: domainName('the mailbox of the zone').text,
};

/** RFC 1035 section 3.3.13; the minimum is a TTL (RFC 2308 section 4) */
export const SOA = sequence(
  [
    domainName('the primary name server'),
    MAILBOX,
    uint32('the serial'),
    seconds('the refresh time'),
    seconds('the retry time'),
    seconds('the expire time'),
    seconds('the minimum', MAX_TTL),
  ],
  { names: { before: 0, count: 2, compress: true } },
);
