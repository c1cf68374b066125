/** Whether the run has the volumes that issues name (`npm run test:full`). */
export const isFullSize = process.env['RPC_DNS_TEST_SIZE'] === 'full';

/** A volume for this run, printed so that nobody takes the small one for the full one. */
export function sized(what: string, small: number, full: number): number {
  const value = isFullSize ? full : small;
  console.log(`# size: ${value} ${what}${isFullSize ? '' : ` (npm run test:full: ${full})`}`);
  return value;
}
