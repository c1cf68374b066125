/** Where a query comes from. */
export interface Client {
  readonly address: string;
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
}
