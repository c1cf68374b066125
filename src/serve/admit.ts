import { CLASS_IN, type Query, RCODE } from '../wire/message.ts';
import { isMetaType, TYPE } from '../zone/types.ts';

/** Whether a well-formed query is answered at all. @returns the rcode to refuse it with, or undefined */
export function admit(query: Query): number | undefined {
  if (query.edns !== undefined && query.edns.version > 0) return RCODE.BADVERS;
  if (query.class !== CLASS_IN) return RCODE.REFUSED;
  // transfers and other questions about the protocol itself; ANY is an ordinary question here
  if (isMetaType(query.type) && query.type !== TYPE.ANY) {
    return query.type === TYPE.OPT ? RCODE.FORMERR : RCODE.REFUSED;
  }
  return undefined;
}
