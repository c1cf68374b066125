import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { unreadable } from '../files/unreadable.ts';
import { homePath } from '../kubernetes/home-path.ts';

/** A namespace's name is one label (RFC 1123). */
export const namespace = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, {
  error: ({ input }) => `'${String(input)}': expected the name of a namespace such as trade`,
});

/** Keys of registries that read a Kubernetes API. */
export const clusterKeys = {
  /** a kubeconfig file; without it the ServiceAccount of the pod that the server runs in */
  kubeconfig: z.string().min(1).optional(),
  /** of the kubeconfig; default: its current one */
  context: z.string().min(1).optional(),
  /** what is watched; empty: all */
  namespaces: z.array(namespace).default([]),
};

/** @returns why it cannot be read; what stands in it is for the API server to accept */
export function unreadableKubeconfig(path: string): string | undefined {
  try {
    readFileSync(homePath(path));
    return undefined;
  } catch (error) {
    return unreadable(error);
  }
}
