# One image for every role: operator, worker, simulator, ledger, migrate (docs/image.md).
# With a digest of your own: --build-arg NODE_IMAGE=node:24-slim@sha256:…
ARG NODE_IMAGE=node:24-slim
FROM $NODE_IMAGE AS build
WORKDIR /opt/trunkline
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund
COPY capacity capacity
COPY crds crds
COPY ledger ledger
COPY operator operator
COPY providers providers
COPY roles roles
COPY simulator simulator
COPY standalone standalone
COPY workers workers
# The flags are those of the entry point: V8 takes compiled code only from a run with the same.
ENV NODE_COMPILE_CACHE=/opt/trunkline/.compile-cache
RUN node --max-semi-space-size=2 --optimize-for-size roles/warm-up.ts && chmod -R a+rX /opt/trunkline

FROM $NODE_IMAGE
COPY --from=build /opt/trunkline /opt/trunkline
ENV NODE_ENV=production NODE_COMPILE_CACHE=/opt/trunkline/.compile-cache
WORKDIR /opt/trunkline
USER 1000:1000
EXPOSE 8080
ENTRYPOINT ["node", "--max-semi-space-size=2", "--optimize-for-size", "/opt/trunkline/roles/main.ts"]
