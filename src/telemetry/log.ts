import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on standard output: one for each thing that an operator must know, none for a query. */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
