module rpc-dns.test/consul

go 1.20

require github.com/hashicorp/consul v1.14.11

replace github.com/hashicorp/consul/api => github.com/hashicorp/consul/api v1.18.1

replace github.com/hashicorp/consul/sdk => github.com/hashicorp/consul/sdk v0.13.1

replace github.com/hashicorp/consul/proto-public => github.com/hashicorp/consul/proto-public v0.2.1

replace launchpad.net/gocheck => github.com/go-check/check v0.0.0-20140225173054-eb6ee6f84d0a
