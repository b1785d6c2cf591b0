FROM caddy:2.11.9-builder AS builder
COPY . /src
RUN xcaddy build v2.11.9 --with github.com/d13c7061/caddy-tim-callback=/src

FROM caddy:2.11.9
COPY --from=builder /usr/bin/caddy /usr/bin/caddy
