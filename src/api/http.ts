import { Hono } from 'hono';
import type { EventLine } from '../event-line/event-line.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface HttpSources {
  readonly events: EventLine;
  readonly metrics: Metrics;
  /** false from the first signal to stop on */
  readonly serving: () => boolean;
}

/** What orchestrators and monitoring ask (contract 1.6). Nothing can be written here. */
export function createHttp(sources: HttpSources): Hono {
  const http = new Hono();
  http.get('/health', (context) => context.text('OK\n'));
  http.get('/ready', (context) => {
    const { feed, intake } = sources.events;
    if (!sources.serving()) return context.text('stopping\n', 503);
    // a registry that a reload brought does not take readiness away
    const missing = feed.isReady ? [] : intake.missing();
    if (missing.length > 0) {
      const lines = missing.map(({ options, state }) => {
        const reason = 'reason' in state ? `: ${state.reason}` : '';
        return `waiting for ${options.id} (${state.kind}${reason})`;
      });
      return context.text(`${lines.join('\n')}\n`, 503);
    }
    if (!feed.isReady) return context.text('publishing\n', 503);
    const stale = intake.stale();
    if (stale.length === 0) return context.text('OK\n');
    const lines = stale.map(({ options, state }) => {
      return `stale: ${options.id}${'reason' in state ? ` (${state.reason})` : ''}`;
    });
    return context.text(`${lines.join('\n')}\n`);
  });
  http.get('/metrics', async (context) => {
    context.header('Content-Type', sources.metrics.contentType);
    return context.body(await sources.metrics.text());
  });
  http.notFound((context) => context.text('not found: /health, /ready and /metrics are here\n', 404));
  return http;
}
