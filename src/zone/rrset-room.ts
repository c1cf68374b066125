import { MAX_LABEL } from '../name/domain-name.ts';

/**
 * Octets that the records of one RRset may take, owner names compressed, so that a TCP message holds them behind any chain
 * of aliases (contract 1.2): 2048 AAAA records. What goes beyond is left out by whoever makes the RRset.
 */
const RRSET_ROOM = 56 * 1024;

/** A pointer to the owner, type, class, TTL and the length of the data (RFC 1035 sections 4.1.3 and 4.1.4). */
const RECORD_HEAD = 12;

/** How many records a message has room for. @param dataLength octets of the longest data among them */
export function recordsThatFit(dataLength: number): number {
  return Math.floor(RRSET_ROOM / (RECORD_HEAD + dataLength));
}

/** PTR of DNS-SD instances: a label, and a pointer to the rest, which is the question's name. */
export const INSTANCES_THAT_FIT = recordsThatFit(1 + MAX_LABEL + 2);
