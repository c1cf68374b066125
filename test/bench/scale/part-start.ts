/** How long a server takes to be of use: with its registry, and without it from what it stored. */
import { Asker, hasAnyAddress } from './asker.ts';
import { interfaceAt } from './interfaces.ts';
import type { Figure, Part, Run } from './run.ts';

export const ready: Part = {
  title: 'start to ready',
  kind: 'start',
  async measure({ readySeconds, listSeconds }: Run): Promise<readonly Figure[]> {
    return [
      { name: 'ready ÷ listing alone', value: readySeconds / listSeconds },
      { name: 'ready, s', value: readySeconds },
      { name: 'listing alone, s', value: listSeconds },
    ];
  },
};

/** The last of all parts: it leaves no server behind. */
export const restart: Part = {
  title: 'restart while the registry is away',
  kind: 'once',
  async measure({ server, source, subject, folder, size, readySeconds }: Run): Promise<readonly Figure[]> {
    await server.stop();
    const again = await subject.start(folder, source.registriesAway);
    const startedAt = performance.now();
    const asker = await Asker.open(again.dnsPort);
    try {
      const [seconds, firstMs] = await Promise.all([
        again.untilReady(),
        asker.until(interfaceAt(size - 1).callName, hasAnyAddress),
      ]);
      const { text = '' } = (await again.ready()) ?? {};
      if (!text.includes('stale')) throw new Error(`without its registry /ready says '${text.trim()}'`);
      const answered = Math.max(seconds, (performance.now() - startedAt) / 1_000);
      return [
        { name: 'restart ÷ ready', value: answered / readySeconds },
        { name: 'ready (stale) and answering, s', value: answered },
        { name: 'first right answer, s', value: firstMs / 1_000 },
      ];
    } finally {
      asker.close();
      await again.stop();
    }
  },
};
