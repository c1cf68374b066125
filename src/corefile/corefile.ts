import { bad, ok, type Result } from '../base/result.ts';
import { leftOut } from './blocks.ts';
import { type CorednsVersion, type Feature, has, SINCE, versionText } from './coredns-version.ts';
import { kubeDns } from './kube-dns.ts';
import { nodeLocal } from './node-local.ts';
import { type CorefileOptions, STYLES, type Style } from './options.ts';
import { bareNames } from './patterns.ts';
import { printed, quoted, type Section } from './section.ts';
import { shared } from './shared.ts';
import { stub } from './stub.ts';
import { view } from './view.ts';

export interface Corefile {
  /** A Corefile as a whole; the texts for other servers stand in it as comments. */
  readonly text: string;
  /** for standard error */
  readonly warnings: readonly string[];
}

const FORMS: Readonly<Record<Style, (options: CorefileOptions) => Section>> = { shared, view, stub };

/** What a style cannot be without. */
const NEEDED: Readonly<Record<Style, readonly (readonly [Feature, what: string])[]>> = {
  shared: [
    ['answerAuto', 'rewrite … answer auto'],
    ['severalForwards', 'more than one forward in a server block'],
  ],
  view: [['view', 'the plugin view']],
  stub: [],
};

/** `forward` takes no more (plugin/forward/setup.go). */
const MAX_SERVERS = 15;
/** `rewrite` takes no longer one (plugin/rewrite/name.go). */
const MAX_PATTERN = 10_000;

/** The Corefile of a style, and the same for kube-dns and NodeLocal DNSCache. */
export function corefile(options: CorefileOptions): Result<Corefile> {
  const { style, version, servers } = options;
  const lack = lackOf(style, version);
  if (lack !== undefined) {
    const others = STYLES.filter((other) => lackOf(other, version) === undefined);
    return bad(
      `${lack}, so style ${style} is not for it: take --style ${others.join(' or ')}, or a newer CoreDNS`,
    );
  }
  if (servers.length > MAX_SERVERS) {
    return bad(`${servers.length} addresses of servers: CoreDNS forwards to at most ${MAX_SERVERS}`);
  }
  if (style !== 'stub' && bareNames(options).length > MAX_PATTERN) {
    return bad(
      `the regular expression for ${options.packages.length} packages is longer than the ${MAX_PATTERN} characters that CoreDNS takes: name fewer or shorter ones with --packages`,
    );
  }
  const missing = leftOut(version);
  const form = FORMS[style](options);
  const notes = [
    ...form.notes,
    ...missing.map((text) => ['Lacks', text] as const),
    ['Check', `rpc-dns corefile --style ${style} --check ADDRESS-OF-COREDNS:53`] as const,
  ];
  const lines = [
    ...printed({ ...form, notes }),
    '',
    ...quoted(kubeDns(options)),
    '',
    ...quoted(nodeLocal(options)),
  ];
  const older = version === undefined ? '' : versionText(version);
  const warnings = missing.map((text) => `left out for CoreDNS ${older}: ${text}`);
  return ok({ text: lines.join('\n'), warnings: [...warnings, ...withoutSearch(options)] });
}

/** Why a style cannot be had from a version. */
function lackOf(style: Style, version: CorednsVersion | undefined): string | undefined {
  const lack = NEEDED[style].find(([feature]) => !has(version, feature));
  if (lack === undefined || version === undefined) return undefined;
  const [feature, what] = lack;
  return `CoreDNS ${versionText(version)} lacks ${what} (since ${versionText(SINCE[feature])})`;
}

function withoutSearch({ style, search }: CorefileOptions): string[] {
  if (style === 'stub' || search.length > 0) return [];
  return [
    "no --search given: if a pod's /etc/resolv.conf has more search domains than the cluster's own, name them, or full names behind those leave the cluster",
  ];
}
