import { dubboLayout } from './layouts/dubbo.ts';
import { goZeroLayout } from './layouts/go-zero.ts';
import { grpcLayout } from './layouts/grpc.ts';
import { kitexLayout } from './layouts/kitex.ts';
import { kratosLayout } from './layouts/kratos.ts';
import type { EtcdLayout } from './layouts/layout.ts';

/** Who wrote what is read: the one place where a new layout is named. */
export const ETCD_LAYOUTS = {
  dubbo: dubboLayout,
  grpc: grpcLayout,
  'go-zero': goZeroLayout,
  kratos: kratosLayout,
  kitex: kitexLayout,
} satisfies Readonly<Record<string, EtcdLayout>>;

export type EtcdLayoutName = keyof typeof ETCD_LAYOUTS;
