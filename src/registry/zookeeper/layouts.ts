import {
  type DirectoryReading,
  type ProviderReading,
  readDirectoryName,
  readProviderName,
  readSofaDirectoryName,
  readSofaProviderName,
} from '../provider-directory.ts';
import type { ProviderLayout } from './options.ts';

/** How one framework writes `ROOT/<interface>/providers/<URL>`. */
export interface Layout {
  readonly name: ProviderLayout;
  /** stands before its units: two frameworks may announce one interface */
  readonly unitPrefix: string;
  /** Reads a child of the root. */
  readDirectoryName(node: string): DirectoryReading;
  /** Reads a child of `providers`. */
  readProviderName(node: string): ProviderReading;
}

export const LAYOUTS: Readonly<Record<ProviderLayout, Layout>> = {
  // without a prefix, as it was when it was the only one: what is stored of it counts
  dubbo: { name: 'dubbo', unitPrefix: '', readDirectoryName, readProviderName },
  sofarpc: {
    name: 'sofarpc',
    unitPrefix: 'sofarpc:',
    readDirectoryName: readSofaDirectoryName,
    readProviderName: readSofaProviderName,
  },
};
