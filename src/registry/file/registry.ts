import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { unreadable } from '../../files/unreadable.ts';
import { parseInterfaces } from '../interfaces-document.ts';
import { commonKeys, FORGET_AT_ONCE, joinKey, type RegistryKind, SETTLES_AT_ONCE } from '../registry-kind.ts';
import { createFileWatcher } from './watcher.ts';

const schema = z.strictObject({
  kind: z.literal('file'),
  path: z.string().min(1),
  ...commonKeys,
  ...joinKey,
  ...FORGET_AT_ONCE,
  ...SETTLES_AT_ONCE,
});

/** A YAML file of interfaces. */
export const fileKind: RegistryKind<z.output<typeof schema>> = {
  kind: 'file',
  schema,
  idOf: ({ path }) => `file:${path}`,
  hasServices: false,
  check: ({ path }) => {
    try {
      const parsed = parseInterfaces(path, readFileSync(path, 'utf8'));
      return parsed.ok ? [] : parsed.problems.map((problem) => ({ problem }));
    } catch (error) {
      return [{ key: 'path', text: `${path}: ${unreadable(error)}` }];
    }
  },
  open: ({ path }, _id, sink) => ({ watcher: createFileWatcher({ path }, sink) }),
};
