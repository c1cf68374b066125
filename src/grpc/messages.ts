/** Messages of our `.proto` files as octets, and back. */
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { bad, ok, type Result } from '../base/result.ts';

export function encoded<Schema extends DescMessage>(
  schema: Schema,
  message: MessageInitShape<Schema>,
): Uint8Array {
  return toBinary(schema, create(schema, message));
}

/** Fields that the schema does not know are passed over, not kept. */
export function decoded<Schema extends DescMessage>(
  schema: Schema,
  octets: Uint8Array,
): Result<MessageShape<Schema>> {
  try {
    return ok(fromBinary(schema, octets, { readUnknownFields: false }));
  } catch (error) {
    return bad(`no ${schema.typeName}: ${(error as Error).message.slice(0, 200)}`);
  }
}
