/** What a server holds, against the same server on an empty registry. */
import { memoryOf } from '../../support/process-figures.ts';
import type { Figure, Part, Run } from './run.ts';

export const memory: Part = {
  title: 'memory',
  kind: 'start',
  async measure({ server, size, emptyBytes }: Run): Promise<readonly Figure[]> {
    const { residentBytes, peakBytes } = await memoryOf(server.pid);
    return [
      { name: 'peak ÷ what stays', value: peakBytes / residentBytes },
      { name: 'growth per interface, kB', value: (residentBytes - emptyBytes) / size / 1_000 },
      { name: 'stays, MB', value: residentBytes / 1e6, digits: 0 },
      { name: 'peak, MB', value: peakBytes / 1e6, digits: 0 },
      { name: 'empty, MB', value: emptyBytes / 1e6, digits: 0 },
    ];
  },
};
