# What sends a pod's connections to Envoy: nft, and nothing of rpc-dns.
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends nftables && rm -rf /var/lib/apt/lists/*
