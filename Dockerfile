# The service, without build tools. Node is the version that package.json has; a release gives NODE_IMAGE the same tag with
# its digest (docs/OPERATIONS.md, The container), a closed network its own base.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# A registry of one's own, and its token, come as the secret "npmrc": in no layer, in no history.
# Nothing of what is built here needs an install script.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY .swcrc nest-cli.json tsconfig.json ./
COPY tools/bundle.mjs tools/sbom.mjs tools/setup.mjs ./tools/
COPY src ./src
# What is only needed to build goes away again, and of the packages what Node never reads: half of their size.
RUN npm run build && npm run sbom && npm prune --omit=dev --ignore-scripts --no-audit --no-fund --offline \
  && find dist node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete \
  && rm -f dist/.build-stamp && mkdir data

FROM ${NODE_IMAGE} AS runtime
ENV NODE_ENV=production
WORKDIR /app
# The bill of materials stands beside what it lists, for scanners.
COPY --from=build /app/package.json /app/sbom.cdx.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# Used where ROUTER_CONFIG names it: on Azure, so that a revision is code and configuration together (docs/adr/0031).
COPY infra/router.config.azure.yaml ./
# The embedded SQLite database lives here; mount a volume to keep it. Only this directory can be written to.
COPY --from=build --chown=1000:1000 /app/data ./data
# The user "node" of the base image, by number: Kubernetes' runAsNonRoot cannot check names.
USER 1000:1000

# In a container the service must listen on 0.0.0.0, and off loopback it starts only with callers that sign in. So
# mount a configuration with server.host: 0.0.0.0 and auth.keys at /app/router.config.yaml (or set ROUTER_CONFIG).
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Exec form: SIGTERM must reach the service itself, or nothing drains. It is process 1 and starts no other, so needs no init.
STOPSIGNAL SIGTERM
# The flags keep V8's young generation from growing to 130 MB, and what lives on from taking its request along
# (docs/OPERATIONS.md, Memory; tools/node-flags.json).
ENTRYPOINT ["node", "--max-semi-space-size=16", "--no-allocation-site-pretenuring", "dist/main.js"]

# Last, so that a new commit changes no layer that holds files.
ARG VERSION=0.0.0-dev
ARG REVISION=
ARG CREATED=
ARG SOURCE=
LABEL org.opencontainers.image.title="hybrid-llm-router" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}" \
  org.opencontainers.image.source="${SOURCE}"
