import type { WrongCommand } from './rows.ts';

/** Where good.yaml is a good configuration, and no server runs. */
export const COMMANDS: readonly WrongCommand[] = [
  [['serv'], 2, "error: unknown command 'serv'\n(Did you mean serve?)"],
  [['serve', 'x.yaml'], 2, "error: too many arguments for 'serve'. Expected 0 arguments but got 1: x.yaml."],
  [['serve', '-c'], 2, "error: option '-c, --config <file>' argument missing"],
  [['serve', '--port', '53'], 2, "error: unknown option '--port'"],
  [['check', '-c', 'nope.yaml'], 2, 'nope.yaml:1:1: no such file'],
  [['check', 'nope.zone'], 2, 'nope.zone:1:1: no such file'],
  [['check', '.'], 2, '.:1:1: is a folder: expected a file'],
  [['check', '-c', '.'], 2, '.:1:1: is a folder: expected a file'],
  [['check'], 2, 'rpc-dns.yaml:1:1: no such file'],
  [['lookup'], 2, "error: missing required argument 'name'"],
  [
    ['lookup', 'a', 'b', 'c'],
    2,
    "error: too many arguments for 'lookup'. Expected 2 arguments but got 3: a, b, c.",
  ],
  [
    ['lookup', 'a.example', '--server', 'localhost'],
    2,
    "'localhost': expected ADDRESS:PORT such as 127.0.0.1:5300",
  ],
  [['lookup', 'a.example', '-c', 'nope.yaml'], 2, 'nope.yaml:1:1: no such file'],
  [
    ['lookup', 'a.example', '-c', 'good.yaml'],
    1,
    'no server is running on the control socket data/rpc-dns.sock: start one, or name its configuration with -c',
  ],
  [['mosn', '-c', 'good.yaml'], 2, "error: required option '--interfaces <names>' not specified"],
  [
    ['mosn', '--interfaces', 'com.foo.A', '-c', 'good.yaml'],
    2,
    "no sidecars are served: configure 'sidecars.listen', or name the server as --server HOST:PORT",
  ],
  [
    ['mosn', '--interfaces', 'com.foo.A', '--server', 'h:1', '-c', 'good.yaml'],
    1,
    'no server is running on the control socket data/rpc-dns.sock: start one, or name its configuration with -c',
  ],
  [['vips', 'lst'], 2, "error: too many arguments for 'list'. Expected 0 arguments but got 1: lst."],
  [['vips', 'release'], 2, "error: missing required argument 'name'"],
  [
    ['vips', 'release', 'com.foo.A', '-c', 'good.yaml'],
    1,
    'no server is running on the control socket data/rpc-dns.sock: start one, or name its configuration with -c',
  ],
  [['vips', '-c', 'nope.yaml'], 2, 'nope.yaml:1:1: no such file'],
  [['registries', 'accept'], 2, "error: missing required argument 'name'"],
  [
    ['registries', 'accept', 'x', '-c', 'good.yaml'],
    1,
    'no server is running on the control socket data/rpc-dns.sock: start one, or name its configuration with -c',
  ],
  [
    ['registries', '-c', 'good.yaml'],
    1,
    'no server is running on the control socket data/rpc-dns.sock: start one, or name its configuration with -c',
  ],
  [['querylog'], 2, "error: missing required argument 'on|off'"],
  [['querylog', 'maybe'], 2, "'maybe': expected on or off"],
  [
    ['querylog', 'on', '-c', 'good.yaml'],
    2,
    "'querylog on' needs a name or a client (--name NAME, --client ADDRESS): a log of all queries would drown the server",
  ],
  [
    ['querylog', 'on', '--client', '10.0.0.0/33', '-c', 'good.yaml'],
    2,
    "--client '10.0.0.0/33': a prefix length of 0 to 32 is possible here; expected an address or a network such as 10.0.0.7, 10.0.0.0/8 or fd00::/64",
  ],
  [
    ['querylog', 'on', '--name', 'com.foo.A', '-c', 'good.yaml'],
    1,
    'no server is running on the control socket data/rpc-dns.sock: start one, or name its configuration with -c',
  ],
  [
    ['corefile', '--style', 'round'],
    2,
    "error: option '--style <style>' argument 'round' is invalid. Allowed choices are shared, view, stub.",
  ],
  [
    ['corefile', '--packages', 'com..foo', '--server', '10.0.0.1', '-c', 'good.yaml'],
    2,
    "--packages 'com..foo': expected a package such as com.foo",
  ],
  [['--verbose'], 2, "error: unknown option '--verbose'"],
];
