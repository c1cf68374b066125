import { createFileWatcher } from './file/watcher.ts';
import { KUBERNETES_DEFAULTS } from './kubernetes/options.ts';
import { KubernetesWatcher } from './kubernetes/watcher.ts';
import { type RegistryConfig, registryId } from './schema.ts';
import type { RegistrySink, Watcher } from './watcher.ts';
import { ZOOKEEPER_DEFAULTS } from './zookeeper/options.ts';
import { createZooKeeperWatcher } from './zookeeper/watcher.ts';

/** The watcher of a configured registry: the place where a new kind is added. */
export function createWatcher(config: RegistryConfig, sink: RegistrySink): Watcher {
  switch (config.kind) {
    case 'file':
      return createFileWatcher({ path: config.path }, sink);
    case 'zookeeper':
      return createZooKeeperWatcher(
        {
          ...ZOOKEEPER_DEFAULTS,
          servers: config.servers,
          root: config.root,
          digest: config.digest,
          layouts: config.layouts,
          sessionTimeoutMs: config.sessionTimeout,
        },
        sink,
      );
    case 'kubernetes':
      return new KubernetesWatcher(
        {
          ...KUBERNETES_DEFAULTS,
          id: registryId(config),
          kubeconfig: config.kubeconfig,
          context: config.context,
          namespaces: config.namespaces,
        },
        sink,
      );
  }
}
