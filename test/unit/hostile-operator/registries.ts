import { A_KIND } from './configurations.ts';
import type { WrongText } from './rows.ts';

/** As the one entry of `registries` in rpc-dns.yaml; beside it are good.yaml and, as certificate and key, cert.pem and key.pem. */
export const REGISTRIES: readonly WrongText[] = [
  [
    'kind: eureka',
    "rpc-dns.yaml:1:14: 'servers' is missing: expected a URL such as http://eureka-1:8761/eureka, or a list of them",
  ],
  [
    'kind: eureka, servers: null',
    'rpc-dns.yaml:1:39: expected a URL such as http://eureka-1:8761/eureka, or a list of them',
  ],
  [
    'kind: eureka, servers: ""',
    "rpc-dns.yaml:1:39: '' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  ['kind: eureka, servers: []', 'rpc-dns.yaml:1:39: expected at least 1 entry, found none'],
  [
    'kind: eureka, servers: [""]',
    "rpc-dns.yaml:1:39: '' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  [
    'kind: eureka, servers: 8761',
    'rpc-dns.yaml:1:39: expected a URL such as http://eureka-1:8761/eureka, or a list of them',
  ],
  [
    'kind: eureka, servers: {a: b}',
    'rpc-dns.yaml:1:39: expected a URL such as http://eureka-1:8761/eureka, or a list of them',
  ],
  [
    'kind: eureka, server: "e:8761"',
    "rpc-dns.yaml:1:14: 'servers' is missing: expected a URL such as http://eureka-1:8761/eureka, or a list of them",
    "rpc-dns.yaml:1:30: unknown key 'server': did you mean servers?",
  ],
  [
    'kind: eureka, servers: "e:0"',
    "rpc-dns.yaml:1:39: 'e:0' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  [
    'kind: eureka, servers: "e:99999"',
    "rpc-dns.yaml:1:39: 'e:99999' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  [
    'kind: eureka, servers: "http://e:8761/eureka,"',
    "rpc-dns.yaml:1:39: '' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  [
    'kind: eureka, servers: "ftp://e/eureka"',
    "rpc-dns.yaml:1:39: 'ftp://e/eureka' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  [
    'kind: eureka, servers: "http://"',
    "rpc-dns.yaml:1:39: 'http://' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  [
    'kind: eureka, servers: "http://u:p@e:8761/eureka"',
    'rpc-dns.yaml:1:39: no user and password in a server: logs would show them; write username and passwordFile',
  ],
  [
    'kind: eureka, servers: "http://e/eureka?x=1"',
    "rpc-dns.yaml:1:39: 'http://e/eureka?x=1' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  [
    'kind: eureka, servers: "http://e/eu reka"',
    "rpc-dns.yaml:1:39: 'http://e/eu reka' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  [
    'kind: eureka, servers: "http://a/,https://b/"',
    'rpc-dns.yaml:1:39: either all servers begin with the same http:// or https://, or none does',
  ],
  [
    'kind: eureka, servers: "e e:8761"',
    "rpc-dns.yaml:1:39: 'e e:8761' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  [
    'kind: eureka, servers: "e:8761", interval: 10',
    "rpc-dns.yaml:1:59: '10': expected a number with ms, s, m, h or d, such as 24h",
  ],
  ['kind: eureka, servers: "e:8761", interval: 10ms', 'rpc-dns.yaml:1:59: expected 1s to 60s'],
  [
    'kind: eureka, servers: "e:8761", username: me',
    "rpc-dns.yaml:1:59: 'passwordFile' is missing: a file that holds the user's password",
  ],
  [
    'kind: eureka, servers: "e:8761", passwordFile: good.yaml',
    "rpc-dns.yaml:1:63: 'username' is missing: whose password it is",
  ],
  [
    'kind: eureka, servers: "e:8761", username: "a:b", passwordFile: good.yaml',
    'rpc-dns.yaml:1:59: expected no colon: HTTP cannot say it',
  ],
  [
    'kind: eureka, servers: "e:8761", username: me, passwordFile: nope',
    'rpc-dns.yaml:1:77: nope: no such file',
  ],
  [
    'kind: eureka, servers: "e:8761", username: me, passwordFile: .',
    'rpc-dns.yaml:1:77: .: is a folder: expected a file',
  ],
  [
    'kind: eureka, servers: "e:8761", username: me, password: secret',
    "rpc-dns.yaml:1:63: unknown key 'password': did you mean passwordFile?",
  ],
  [
    'kind: eureka, servers: "http://e:8761", tls: {}',
    "rpc-dns.yaml:1:61: the servers say http://: write https://, or leave 'tls' out",
  ],
  ['kind: eureka, servers: "e:8761", tls: true', "rpc-dns.yaml:1:54: 'true': expected keys and values"],
  ['kind: eureka, servers: "e:8761", tls: { ca: nope }', 'rpc-dns.yaml:1:54: nope: no such file'],
  [
    'kind: eureka, servers: "e:8761", tls: { certificate: cert.pem }',
    'rpc-dns.yaml:1:54: certificate without key: expected both or none',
  ],
  [
    'kind: eureka, servers: "e:8761", tls: { cert: nope }',
    "rpc-dns.yaml:1:56: unknown key 'cert': expected one of ca, certificate, key",
  ],
  [
    'kind: eureka, servers: "e:8761", metadata: interfaces',
    "rpc-dns.yaml:1:59: 'interfaces': expected keys and values",
  ],
  [
    'kind: eureka, servers: "e:8761", metadata: { interfaces: "" }',
    "rpc-dns.yaml:1:73: 'interfaces' is empty: expected at least 1 character",
  ],
  [
    'kind: eureka, servers: "e:8761", metadata: { interface: x }',
    "rpc-dns.yaml:1:61: unknown key 'interface': did you mean interfaces?",
  ],
  [
    'kind: eureka, servers: "e:8761", metadata: { version: 1 }',
    'rpc-dns.yaml:1:70: \'version\' is a number to YAML: quote it ("1")',
  ],
  [
    'kind: eureka, servers: "e:8761", metadata: { version: [a] }',
    'rpc-dns.yaml:1:70: expected a text, found a list',
  ],
  [
    'kind: eureka, servers: "e:8761", settleFor: 30',
    "rpc-dns.yaml:1:60: '30': expected a number with ms, s, m, h or d, such as 24h",
  ],
  [
    'kind: eureka, servers: "e:8761", settlefor: 30s',
    "rpc-dns.yaml:1:49: unknown key 'settlefor': did you mean settleFor?",
  ],
  ['kind: eureka, servers: "e:8761", probe: http', "rpc-dns.yaml:1:56: 'http': expected one of none, tcp"],
  ['kind: eureka, servers: "e:8761", probe: true', "rpc-dns.yaml:1:56: 'true': expected one of none, tcp"],
  [
    'kind: eureka, servers: "[::1"',
    "rpc-dns.yaml:1:39: '[::1' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  [
    'kind: eureka, servers: "e\\0:8761"',
    "rpc-dns.yaml:1:39: 'e\\x00:8761' is no server: expected a URL such as http://10.0.0.1:8761/eureka",
  ],
  [
    'kind: eureka, servers: "e:8761", tls: { ca: good.yaml }',
    "rpc-dns.yaml:1:54: good.yaml: expected a certificate as PEM, '-----BEGIN …'",
  ],
  [
    'kind: eureka, servers: "a:1" }, { kind: eureka, servers: "a:1"',
    'rpc-dns.yaml:1:48: registry eureka:a:1 is there twice',
  ],
  ['kind: consul', "rpc-dns.yaml:1:14: 'server' is missing: expected a text"],
  ['kind: consul, server: null', "rpc-dns.yaml:1:38: 'server' is empty: expected a text"],
  [
    'kind: consul, server: ""',
    "rpc-dns.yaml:1:38: '' is no server: expected host:port such as 10.0.0.1:8500",
  ],
  ['kind: consul, server: 8500', 'rpc-dns.yaml:1:38: \'server\' is a number to YAML: quote it ("8500")'],
  ['kind: consul, server: ["c:8500"]', 'rpc-dns.yaml:1:38: expected a text, found a list'],
  [
    'kind: consul, servers: "c:8500"',
    "rpc-dns.yaml:1:14: 'server' is missing: expected a text",
    "rpc-dns.yaml:1:30: unknown key 'servers': did you mean server?",
  ],
  [
    'kind: consul, server: "c:8500,d:8500"',
    'rpc-dns.yaml:1:38: expected one server: an agent of Consul knows the others, or write a registry for each',
  ],
  [
    'kind: consul, server: "c:0"',
    "rpc-dns.yaml:1:38: 'c:0' is no server: expected host:port such as 10.0.0.1:8500",
  ],
  [
    'kind: consul, server: "http://c:8500/v1"',
    "rpc-dns.yaml:1:38: 'http://c:8500/v1' is no server: expected host:port such as 10.0.0.1:8500",
  ],
  [
    'kind: consul, server: "http://u:secret@c:8500"',
    'rpc-dns.yaml:1:38: no user and password in a server: logs would show them; name a file instead',
  ],
  [
    'kind: consul, server: "consul://c:8500"',
    "rpc-dns.yaml:1:38: 'consul://c:8500' is no server: expected host:port such as 10.0.0.1:8500",
  ],
  [
    'kind: consul, server: "unix:///run/consul.sock"',
    "rpc-dns.yaml:1:38: 'unix:///run/consul.sock' is no server: expected host:port such as 10.0.0.1:8500",
  ],
  [
    'kind: consul, server: "c:8500", datacenter: ""',
    "rpc-dns.yaml:1:60: '' is no datacenter: expected 1 to 128 letters, digits, _ and -",
  ],
  [
    'kind: consul, server: "c:8500", datacenter: "a/b"',
    "rpc-dns.yaml:1:60: 'a/b' is no datacenter: expected 1 to 128 letters, digits, _ and -",
  ],
  [
    'kind: consul, server: "c:8500", datacenter: 1',
    'rpc-dns.yaml:1:60: \'datacenter\' is a number to YAML: quote it ("1")',
  ],
  [
    'kind: consul, server: "c:8500", token: secret',
    "rpc-dns.yaml:1:48: unknown key 'token': expected one of kind, server, datacenter, tokenFile, interval, tls, metadata, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  ['kind: consul, server: "c:8500", tokenFile: nope', 'rpc-dns.yaml:1:59: nope: no such file'],
  [
    'kind: consul, server: "c:8500", tokenFile: ""',
    "rpc-dns.yaml:1:59: 'tokenFile' is empty: expected at least 1 character",
  ],
  ['kind: consul, server: "c:8500", tokenFile: .', 'rpc-dns.yaml:1:59: .: is a folder: expected a file'],
  ['kind: consul, server: "c:8500", interval: 500ms', 'rpc-dns.yaml:1:58: expected 1s to 10m'],
  ['kind: consul, server: "c:8500", interval: 1h', 'rpc-dns.yaml:1:58: expected 1s to 10m'],
  [
    'kind: consul, server: "c:8500", interval: soon',
    "rpc-dns.yaml:1:58: 'soon' is no duration: expected a number with ms, s, m, h or d, such as 24h",
  ],
  [
    'kind: consul, server: "http://c:8500", tls: { }',
    "rpc-dns.yaml:1:60: the server says http://: write https://, or leave 'tls' out",
  ],
  ['kind: consul, server: "c:8500", tls: { ca: . }', 'rpc-dns.yaml:1:53: .: is a folder: expected a file'],
  [
    'kind: consul, server: "c:8500", tls: { key: key.pem }',
    'rpc-dns.yaml:1:53: key without certificate: expected both or none',
  ],
  [
    'kind: consul, server: "c:8500", metadata: []',
    'rpc-dns.yaml:1:58: expected keys and values, found a list',
  ],
  [
    'kind: consul, server: "c:8500", metadata: { group: null }',
    "rpc-dns.yaml:1:67: 'group' is empty: expected a text",
  ],
  [
    'kind: consul, server: "https://c:8500", tls: { certificate: cert.pem, key: cert.pem }',
    "rpc-dns.yaml:1:61: cert.pem: expected a private key as PEM, '-----BEGIN …'",
  ],
  [
    'kind: consul, server: "a:1" }, { kind: consul, server: "http://a:1"',
    'rpc-dns.yaml:1:47: registry consul:a:1 is there twice',
  ],
  ['kind: sofaregistry', "rpc-dns.yaml:1:14: 'servers' is missing: expected a text"],
  [
    'kind: sofaregistry, servers: ""',
    "rpc-dns.yaml:1:45: '' is no server: expected host:port such as 10.0.0.1:9603",
  ],
  ['kind: sofaregistry, servers: ["s:9603"]', 'rpc-dns.yaml:1:45: expected a text, found a list'],
  [
    'kind: sofaregistry, server: "s:9603"',
    "rpc-dns.yaml:1:14: 'servers' is missing: expected a text",
    "rpc-dns.yaml:1:36: unknown key 'server': did you mean servers?",
  ],
  [
    'kind: sofaregistry, servers: "s:9603;t:9603"',
    "rpc-dns.yaml:1:45: 's:9603;t:9603' is no server: expected host:port such as 10.0.0.1:9603",
  ],
  [
    'kind: sofaregistry, servers: "sofa://s:9603"',
    "rpc-dns.yaml:1:45: 'sofa://s:9603' is no server: expected host:port such as 10.0.0.1:9603",
  ],
  [
    'kind: sofaregistry, servers: "s:9603", instance: ""',
    "rpc-dns.yaml:1:65: '' is no instance: expected 1 to 128 letters, digits and . : _ -",
  ],
  [
    'kind: sofaregistry, servers: "s:9603", instance: "a#b"',
    "rpc-dns.yaml:1:65: 'a#b' is no instance: expected 1 to 128 letters, digits and . : _ -",
  ],
  [
    'kind: sofaregistry, servers: "s:9603", instance: 5',
    'rpc-dns.yaml:1:65: \'instance\' is a number to YAML: quote it ("5")',
  ],
  [
    'kind: sofaregistry, servers: "s:9603", zone: "a b"',
    "rpc-dns.yaml:1:61: 'a b' is no zone: expected up to 128 letters, digits and . : _ -",
  ],
  ['kind: sofaregistry, servers: "s:9603", interval: 1ms', 'rpc-dns.yaml:1:65: expected 100ms to 10m'],
  [
    'kind: sofaregistry, servers: "s:9603", interval: 2',
    "rpc-dns.yaml:1:65: '2': expected a number with ms, s, m, h or d, such as 24h",
  ],
  [
    'kind: sofaregistry, servers: "http://s:9603", tls: {}',
    "rpc-dns.yaml:1:67: the servers say http://: write https://, or leave 'tls' out",
  ],
  [
    'kind: sofaregistry, servers: "http://s:9603,https://t:9603"',
    'rpc-dns.yaml:1:45: either all servers begin with the same http:// or https://, or none does',
  ],
  [
    'kind: sofaregistry, servers: "u:p@s:9603"',
    'rpc-dns.yaml:1:45: no user and password in a server: logs would show them; name a file instead',
  ],
  [
    'kind: sofaregistry, servers: "s:9603", layouts: [sofarpc]',
    "rpc-dns.yaml:1:55: unknown key 'layouts': expected one of kind, servers, instance, zone, interval, tls, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  [
    'kind: sofaregistry, servers: "s:9603", username: me',
    "rpc-dns.yaml:1:55: unknown key 'username': expected one of kind, servers, instance, zone, interval, tls, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  [
    'kind: sofaregistry, servers: "s:9603", tls: { ca: good.yaml }',
    "rpc-dns.yaml:1:60: good.yaml: expected a certificate as PEM, '-----BEGIN …'",
  ],
  ['kind: istio, kubeconfig: nope', 'rpc-dns.yaml:1:41: nope: no such file'],
  ['kind: istio, kubeconfig: .', 'rpc-dns.yaml:1:41: .: is a folder: expected a file'],
  ['kind: istio, namespaces: trade', "rpc-dns.yaml:1:41: 'trade': expected a list"],
  ['kind: istio, namespaces: [""]', "rpc-dns.yaml:1:42: '': expected the name of a namespace such as trade"],
  [
    'kind: istio, namespaces: ["A_b"]',
    "rpc-dns.yaml:1:42: 'A_b': expected the name of a namespace such as trade",
  ],
  [
    'kind: istio, namespaces: [7]',
    'rpc-dns.yaml:1:42: entry 1 of \'namespaces\' is a number to YAML: quote it ("7")',
  ],
  ['kind: istio, context: ""', "rpc-dns.yaml:1:38: 'context' is empty: expected at least 1 character"],
  ['kind: istio, context: 5', 'rpc-dns.yaml:1:38: \'context\' is a number to YAML: quote it ("5")'],
  [
    'kind: istio, podCIDRs: ["10.0.0.0/8"]',
    "rpc-dns.yaml:1:29: unknown key 'podCIDRs': expected one of kind, kubeconfig, context, namespaces, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  [
    'kind: istio, servers: "istiod:15010"',
    "rpc-dns.yaml:1:29: unknown key 'servers': expected one of kind, kubeconfig, context, namespaces, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  [
    'kind: istio, join: [istio]',
    "rpc-dns.yaml:1:36: 'istio' is no registry of kind kubernetes: none is configured",
  ],
  ['kind: istio, kubeconfig: ""', "rpc-dns.yaml:1:41: 'kubeconfig' is empty: expected at least 1 character"],
  ['kind: istio, namespace: trade', "rpc-dns.yaml:1:29: unknown key 'namespace': did you mean namespaces?"],
  [
    'kind: istio, controller: false',
    "rpc-dns.yaml:1:29: unknown key 'controller': expected one of kind, kubeconfig, context, namespaces, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  ['kind: http', "rpc-dns.yaml:1:14: 'url' is missing: expected a text"],
  [
    'kind: http, url: ""',
    "rpc-dns.yaml:1:33: '': expected http:// or https:// such as https://config.example/interfaces.yaml",
  ],
  [
    'kind: http, url: nope',
    "rpc-dns.yaml:1:33: 'nope': expected http:// or https:// such as https://config.example/interfaces.yaml",
  ],
  [
    'kind: http, url: "ftp://h/x"',
    "rpc-dns.yaml:1:33: 'ftp://h/x': expected http:// or https:// such as https://config.example/interfaces.yaml",
  ],
  [
    'kind: http, url: "file:///etc/passwd"',
    "rpc-dns.yaml:1:33: 'file:///etc/passwd': expected http:// or https:// such as https://config.example/interfaces.yaml",
  ],
  [
    'kind: http, url: "http://u:secret@h/x"',
    'rpc-dns.yaml:1:33: no user and password in a url: logs would show them; name a file as tokenFile',
  ],
  ['kind: http, url: 80', 'rpc-dns.yaml:1:33: \'url\' is a number to YAML: quote it ("80")'],
  ['kind: http, url: ["http://h/"]', 'rpc-dns.yaml:1:33: expected a text, found a list'],
  [
    'kind: http, url: "http://h:99999/"',
    "rpc-dns.yaml:1:33: 'http://h:99999/': expected http:// or https:// such as https://config.example/interfaces.yaml",
  ],
  [
    'kind: http, url: "http:// h/"',
    "rpc-dns.yaml:1:33: 'http:// h/': expected http:// or https:// such as https://config.example/interfaces.yaml",
  ],
  [
    'kind: http, path: x.yaml',
    "rpc-dns.yaml:1:14: 'url' is missing: expected a text",
    "rpc-dns.yaml:1:28: unknown key 'path': expected one of kind, url, interval, tokenFile, tls, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  [
    'kind: http, url: "http://h/", interval: 1ms',
    'rpc-dns.yaml:1:56: expected at least 100ms: a server is no file',
  ],
  [
    'kind: http, url: "http://h/", interval: 10',
    "rpc-dns.yaml:1:56: '10': expected a number with ms, s, m, h or d, such as 24h",
  ],
  ['kind: http, url: "http://h/", tokenFile: nope', 'rpc-dns.yaml:1:57: nope: no such file'],
  [
    'kind: http, url: "http://h/", token: secret',
    "rpc-dns.yaml:1:46: unknown key 'token': expected one of kind, url, interval, tokenFile, tls, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  [
    'kind: http, url: "http://h/", tls: {}',
    "rpc-dns.yaml:1:51: the url says http://: write https://, or leave 'tls' out",
  ],
  ['kind: http, url: "https://h/", tls: { ca: nope }', 'rpc-dns.yaml:1:52: nope: no such file'],
  [
    'kind: http, url: "https://h/", tls: { certificate: cert.pem }',
    'rpc-dns.yaml:1:52: certificate without key: expected both or none',
  ],
  [
    'kind: http, url: "HTTP://"',
    "rpc-dns.yaml:1:33: 'HTTP://': expected http:// or https:// such as https://config.example/interfaces.yaml",
  ],
  [
    'kind: http, url: "ftp://u:secret@h/x"',
    'rpc-dns.yaml:1:33: no user and password in a url: logs would show them; name a file as tokenFile',
  ],
  [
    'kind: http, url: "http://u:secret@h:99999/"',
    'rpc-dns.yaml:1:33: no user and password in a url: logs would show them; name a file as tokenFile',
  ],
  ['kind: etcd', "rpc-dns.yaml:1:14: 'servers' is missing: expected host:port, or a list of them"],
  ['kind: etcd, servers: ""', "rpc-dns.yaml:1:37: '' is no server: expected host:port such as 10.0.0.1:2379"],
  ['kind: etcd, servers: []', 'rpc-dns.yaml:1:37: expected at least 1 entry, found none'],
  ['kind: etcd, servers: 2379', 'rpc-dns.yaml:1:37: expected host:port, or a list of them'],
  [
    'kind: etcd, servers: "etcd://e:2379"',
    "rpc-dns.yaml:1:37: 'etcd://e:2379' is no server: expected host:port such as 10.0.0.1:2379",
  ],
  [
    'kind: etcd, servers: "http://e:2379/v3"',
    "rpc-dns.yaml:1:37: 'http://e:2379/v3' is no server: expected host:port such as 10.0.0.1:2379",
  ],
  [
    'kind: etcd, servers: "http://u:secret@e:2379"',
    'rpc-dns.yaml:1:37: no user and password in a server: logs would show them; name a file instead',
  ],
  [
    'kind: etcd, servers: "http://a:1,https://b:1"',
    'rpc-dns.yaml:1:37: either all servers begin with the same http:// or https://, or none does',
  ],
  ['kind: etcd, servers: "e:2379", layouts: dubbo', "rpc-dns.yaml:1:56: 'dubbo': expected a list"],
  ['kind: etcd, servers: "e:2379", layouts: []', 'rpc-dns.yaml:1:56: expected at least 1 entry, found none'],
  [
    'kind: etcd, servers: "e:2379", layouts: [dubo]',
    "rpc-dns.yaml:1:57: 'dubo': expected one of dubbo, grpc, go-zero, kratos, kitex; did you mean dubbo?",
  ],
  ['kind: etcd, servers: "e:2379", layouts: [dubbo, dubbo]', 'rpc-dns.yaml:1:56: a layout is there twice'],
  [
    'kind: etcd, servers: "e:2379", layouts: [grpc]',
    'rpc-dns.yaml:1:56: \'prefix\' is missing: layout grpc has no usual one; "" reads all keys of the etcd',
  ],
  [
    'kind: etcd, servers: "e:2379", layouts: [grpc, dubbo], prefix: /x',
    'rpc-dns.yaml:1:79: several layouts: say whose it is, as { grpc: /x }',
  ],
  [
    'kind: etcd, servers: "e:2379", prefix: { grpc: /x }',
    "rpc-dns.yaml:1:55: layout grpc is not among 'layouts'",
  ],
  [
    'kind: etcd, servers: "e:2379", prefix: { kafka: /x }',
    "rpc-dns.yaml:1:57: unknown key 'kafka': expected one of dubbo, grpc, go-zero, kratos, kitex",
  ],
  [
    'kind: etcd, servers: "e:2379", prefix: 5',
    'rpc-dns.yaml:1:55: expected a text such as /dubbo, or one for each layout: { dubbo: /dubbo }',
  ],
  [
    'kind: etcd, servers: "e:2379", prefix: null',
    'rpc-dns.yaml:1:55: expected a text such as /dubbo, or one for each layout: { dubbo: /dubbo }',
  ],
  [
    'kind: etcd, servers: "e:2379", username: me',
    "rpc-dns.yaml:1:57: 'passwordFile' is missing: a file that holds the user's password",
  ],
  [
    'kind: etcd, servers: "e:2379", passwordFile: good.yaml',
    "rpc-dns.yaml:1:61: 'username' is missing: whose password it is",
  ],
  [
    'kind: etcd, servers: "e:2379", username: "", passwordFile: good.yaml',
    "rpc-dns.yaml:1:57: 'username' is empty: expected at least 1 character",
  ],
  [
    'kind: etcd, servers: "http://e:2379", tls: {}',
    "rpc-dns.yaml:1:59: the servers say http://: write https://, or leave 'tls' out",
  ],
  [
    'kind: etcd, servers: "e:2379", tls: { certificate: cert.pem }',
    'rpc-dns.yaml:1:52: certificate without key: expected both or none',
  ],
  [
    'kind: etcd, servers: "e:2379", root: /dubbo',
    "rpc-dns.yaml:1:47: unknown key 'root': expected one of kind, servers, layouts, prefix, username, passwordFile, tls, metadata, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  [
    'kind: etcd, servers: "e:2379", interval: 5s',
    "rpc-dns.yaml:1:47: unknown key 'interval': expected one of kind, servers, layouts, prefix, username, passwordFile, tls, metadata, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  [
    'kind: etcd, servers: "etcd://u:secret@e:2379"',
    'rpc-dns.yaml:1:37: no user and password in a server: logs would show them; name a file instead',
  ],
  ['kind: nacos', "rpc-dns.yaml:1:14: 'servers' is missing: expected a text"],
  ['kind: nacos, servers: ""', "rpc-dns.yaml:1:38: '' is no server: expected host:port such as nacos-1:8848"],
  ['kind: nacos, servers: ["n:8848"]', 'rpc-dns.yaml:1:38: expected a text, found a list'],
  [
    'kind: nacos, server: "n:8848"',
    "rpc-dns.yaml:1:14: 'servers' is missing: expected a text",
    "rpc-dns.yaml:1:29: unknown key 'server': did you mean servers?",
  ],
  [
    'kind: nacos, servers: "n:0"',
    "rpc-dns.yaml:1:38: 'n:0' is no server: expected host:port such as nacos-1:8848",
  ],
  [
    'kind: nacos, servers: "http://n:8848/nacos"',
    "rpc-dns.yaml:1:38: 'http://n:8848/nacos' is no server: expected host:port such as nacos-1:8848",
  ],
  [
    'kind: nacos, servers: "u:secret@n:8848"',
    'rpc-dns.yaml:1:38: no user and password in a server: logs would show them; write username and passwordFile',
  ],
  ['kind: nacos, servers: "n:8848", namespaces: public', "rpc-dns.yaml:1:60: 'public': expected a list"],
  [
    'kind: nacos, servers: "n:8848", namespace: public',
    "rpc-dns.yaml:1:48: unknown key 'namespace': did you mean namespaces?",
  ],
  [
    'kind: nacos, servers: "n:8848", namespaces: []',
    'rpc-dns.yaml:1:60: expected at least 1 entry, found none',
  ],
  [
    'kind: nacos, servers: "n:8848", namespaces: [""]',
    "rpc-dns.yaml:1:61: '' is no namespace: expected 1 to 128 letters, digits and . : _ -",
  ],
  ['kind: nacos, servers: "n:8848", namespaces: [a, a]', 'rpc-dns.yaml:1:60: a namespace is there twice'],
  [
    'kind: nacos, servers: "n:8848", groups: ["a b"]',
    "rpc-dns.yaml:1:57: 'a b' is no group: expected 1 to 128 letters, digits and . : _ -",
  ],
  [
    'kind: nacos, servers: "n:8848", groups: [5]',
    'rpc-dns.yaml:1:57: entry 1 of \'groups\' is a number to YAML: quote it ("5")',
  ],
  [
    'kind: nacos, servers: "n:8848", interval: 5',
    "rpc-dns.yaml:1:58: '5': expected a number with ms, s, m, h or d, such as 24h",
  ],
  [
    'kind: nacos, servers: "n:8848", interval: 1ms',
    'rpc-dns.yaml:1:58: expected at least 100ms: the list of all services is read',
  ],
  [
    'kind: nacos, servers: "n:8848", username: me',
    "rpc-dns.yaml:1:58: 'passwordFile' is missing: a file that holds the user's password",
  ],
  [
    'kind: nacos, servers: "n:8848", passwordFile: good.yaml',
    "rpc-dns.yaml:1:62: 'username' is missing: whose password it is",
  ],
  [
    'kind: nacos, servers: "n:8848", username: me, passwordFile: nope',
    'rpc-dns.yaml:1:76: nope: no such file',
  ],
  [
    'kind: nacos, servers: "n:8848", username: me, password: secret',
    "rpc-dns.yaml:1:62: unknown key 'password': did you mean passwordFile?",
  ],
  [
    'kind: nacos, servers: "n:8848", tls: { certificate: cert.pem }',
    'rpc-dns.yaml:1:53: certificate without key: expected both or none',
  ],
  ['kind: nacos, servers: "n:8848", tls: { ca: nope }', 'rpc-dns.yaml:1:53: nope: no such file'],
  ['kind: nacos, servers: "n:8848", tls: true', "rpc-dns.yaml:1:53: 'true': expected keys and values"],
  [
    'kind: nacos, servers: "n:65000"',
    "rpc-dns.yaml:1:38: 'n:65000': gRPC is 1000 above the port, expected at most 64535",
  ],
  [
    'kind: nacos, servers: "n:8848", tls: { key: key.pem }',
    'rpc-dns.yaml:1:53: key without certificate: expected both or none',
  ],
  [
    'kind: zookeeper, servers: "u:secret@zk:2181"',
    'rpc-dns.yaml:1:42: no user and password in a server: logs would show them; write digest',
  ],
  [
    'kind: zookeeper, servers: "zookeeper://zk:2181"',
    "rpc-dns.yaml:1:42: 'zookeeper://zk:2181' is no server: expected host:port without zookeeper://",
  ],
  [
    'kind: zookeeper, servers: "zk:2181", digest: secretwithoutcolon',
    'rpc-dns.yaml:1:61: expected USER:PASSWORD',
  ],
  [
    'kind: zookeeper, servers: "zk:2181", layouts: [dubbo, spring]',
    "rpc-dns.yaml:1:70: 'spring': expected one of dubbo, sofarpc, spring-cloud",
  ],
  [
    'kind: zookeeper, servers: "zk:2181", root: /a, roots: { dubbo: /b }',
    'rpc-dns.yaml:1:59: root and roots.dubbo are the same key, and differ: remove one',
  ],
  ['kind: zookeeper, servers: "zk:2181", roots: /a', "rpc-dns.yaml:1:60: '/a': expected keys and values"],
  [
    'kind: zookeeper, servers: "zk:2181", digest: 5',
    'rpc-dns.yaml:1:61: \'digest\' is a number to YAML: quote it ("5")',
  ],
  [
    'kind: zookeeper, servers: "zk:2181", metadata: { versions: v }',
    "rpc-dns.yaml:1:65: unknown key 'versions': did you mean version?",
  ],
  ['kind: [eureka]', `rpc-dns.yaml:1:22: 'kind' is a list: expected ${A_KIND}`],
  ['kind: {a: b}', `rpc-dns.yaml:1:22: 'kind' is keys and values: expected ${A_KIND}`],
  ['kind: ""', `rpc-dns.yaml:1:22: '': expected ${A_KIND}`],
  ['kind: null', `rpc-dns.yaml:1:22: 'kind' is empty: expected ${A_KIND}`],
  ['kind: 5', `rpc-dns.yaml:1:22: '5': expected ${A_KIND}`],
  ['kind: Eureka', `rpc-dns.yaml:1:22: 'Eureka': expected ${A_KIND}`],
  ['kind: file, path: 5', 'rpc-dns.yaml:1:34: \'path\' is a number to YAML: quote it ("5")'],
  [
    'kind: file, path: good.yaml, interval: 5s',
    "rpc-dns.yaml:1:45: unknown key 'interval': expected one of kind, path, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  [
    'kind: kubernetes, namespaces: ["Trade"]',
    "rpc-dns.yaml:1:47: 'Trade': expected the name of a namespace such as trade",
  ],
  [
    'kind: file, path: good.yaml, localities: [{ zone: "gz 00a", cidrs: [10.1.0.0/16] }]',
    "rpc-dns.yaml:1:66: 'gz 00a': expected ASCII without blanks",
  ],
  [
    'kind: file, path: good.yaml, localities: [{ cidrs: [10.1.0.0/16] }]',
    "rpc-dns.yaml:1:58: 'zone' is missing: expected a text",
  ],
  [
    'kind: file, path: good.yaml, localities: [{ zone: gz00a, cidrs: [10.1.0.0/33] }]',
    "rpc-dns.yaml:1:81: '10.1.0.0/33': a prefix length of 0 to 32 is possible here; expected an address or a network such as 10.0.0.7, 10.0.0.0/8 or fd00::/64",
  ],
];
