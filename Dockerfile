# The agent in an image: built in one stage, run in another that holds neither compiler nor sources.
# The last stage runs as a numeric user without rights and writes nothing, so its root may be read-only.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY collectors ./collectors
COPY src ./src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:24-slim
LABEL org.opencontainers.image.title="hotspot-agent" \
      org.opencontainers.image.description="Finds the hot key of a Redis or Valkey, says why it is hot and what to do about it" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
COPY --from=build /app/package.json /app/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY LICENSE /app/
# Where the agent looks for hotspot.yaml: mount one here, or set HOTSPOT_REDIS_URL.
WORKDIR /etc/hotspot
USER 1000:1000
EXPOSE 9464
HEALTHCHECK --interval=15s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HOTSPOT_LISTEN_PORT || 9464}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/src/main.js"]
