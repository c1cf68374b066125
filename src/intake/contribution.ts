import type { BlobAt } from '../packed/arena.ts';
import type { Registration } from '../registry/registration.ts';

/** A registration and the registry that it comes from. */
export interface Contribution {
  readonly registry: string;
  readonly registration: Registration;
  /** the set that its endpoints are, where they are kept as one */
  readonly set?: BlobAt | undefined;
  /** registered no more, but remembered for `forgetAfter` */
  readonly isRemembered?: boolean;
}
