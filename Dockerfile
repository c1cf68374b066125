# rpc-dns and what it runs on, nothing else: no shell, no package manager. Its files belong to root and are read-only for
# the user that it runs as.
#
#     docker build -t registry.example/rpc-dns:0.1.0 .

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# without install scripts: that of the package "node" would bring a second Node
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# Node with the libraries that it is linked with
RUN install -D "$(command -v node)" /image/usr/local/bin/node && \
    for library in $(ldd /image/usr/local/bin/node | grep -o '/[^ ]*'); do \
      install -D "$library" "/image$library"; \
    done
# env, which finds the interpreter of a script elsewhere, is not there
RUN mkdir -p /image/app/src/bin /image/etc && \
    cp -R package.json dist node_modules /image/app && \
    sed '1s|.*|#!/usr/local/bin/node|' src/bin/rpc-dns.js > /image/app/src/bin/rpc-dns.js && \
    chmod 755 /image/app/src/bin/rpc-dns.js && \
    ln -s /app/src/bin/rpc-dns.js /image/usr/local/bin/rpc-dns && \
    echo 'rpc-dns:x:65532:65532::/app:/nonexistent' > /image/etc/passwd && \
    echo 'rpc-dns:x:65532:' > /image/etc/group && \
    echo 'hosts: files dns' > /image/etc/nsswitch.conf

FROM scratch
LABEL org.opencontainers.image.title="rpc-dns" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
ENV PATH=/usr/local/bin
WORKDIR /app
USER 65532:65532
EXPOSE 5300/udp 5300/tcp 8080/tcp
ENTRYPOINT ["rpc-dns"]
CMD ["serve", "-c", "/etc/rpc-dns/rpc-dns.yaml"]
