# One image for Docker, Compose and the Home Assistant app (amd64, arm64). What is in it, and what each megabyte is for:
# docs/docker.md. To build it you need nothing but Docker: docker build -t kaifa2mqtt .
#
# `built` here; `given` in the folder created by scripts/addon-folder.mjs, which already contains the bundled program.
ARG APP=built
# Releases are built on Debian 13: --build-arg NODE_IMAGE=node:24-trixie-slim (.github/workflows/release.yml).
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS base

FROM base AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY tsconfig.json LICENSE ./
COPY docs/troubleshooting.md docs/troubleshooting.de.md docs/openapi.yaml docs/
COPY scripts scripts
COPY src src
RUN npm run build && node scripts/assemble.mjs /app
# The commit's time, if given: two builds of one commit have identical layers (docs/supply-chain.md).
ARG SOURCE_DATE_EPOCH
RUN [ -z "$SOURCE_DATE_EPOCH" ] || find /app -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +

FROM scratch AS app-built
COPY --from=build /app /
FROM scratch AS app-given
COPY app* /
FROM app-${APP} AS app

# The file system: Node, the libraries that it loads, and a small shell for debugging. No package manager, no npm, no
# compiler, no set-uid files. The list of Debian packages is kept for image scanners.
FROM base AS rootfs
ARG SOURCE_DATE_EPOCH
RUN <<END
set -e
mkdir -p /rootfs && cd /rootfs
mkdir -p etc tmp data config solarview var/lib/dpkg usr/bin usr/local/bin
for link in bin lib lib64 sbin; do [ ! -L /$link ] || cp -a /$link .; done
cp /usr/local/bin/node usr/local/bin/
for tool in cat dash env id ls; do cp /usr/bin/$tool usr/bin/; done
ln -s dash usr/bin/sh
ldd /usr/local/bin/node /usr/bin/ls /usr/bin/id | grep -o '/[^ ]*' | grep '\.so' | sort -u | while read -r library; do
  install -D "$library" "usr${library#/usr}"
done
cp /etc/passwd /etc/group /etc/os-release etc/
echo 'hosts: files dns' > etc/nsswitch.conf
packages='base-files coreutils dash libacl1 libc6 libgcc-s1 libpcre2-8-0 libselinux1 libstdc++6'
dpkg-query --status $packages > var/lib/dpkg/status
for package in $packages; do cp --parents /usr/share/doc/$package/copyright . 2>/dev/null || true; done
ln -s /app/dist/main.js usr/local/bin/kaifa2mqtt
chown node:node data config solarview
chmod 1777 tmp
[ -z "$SOURCE_DATE_EPOCH" ] || find . -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
END

FROM scratch AS arch-amd64
LABEL io.hass.arch="amd64"
FROM scratch AS arch-arm64
LABEL io.hass.arch="aarch64"

FROM arch-${TARGETARCH}
COPY --from=rootfs /rootfs /
COPY --link --from=app / /app

ENV NODE_ENV=production PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp
# glibc's default, but constant: left alone, it grows with what is freed, and a thousand meters take 7 MB more.
ENV MALLOC_TRIM_THRESHOLD_=131072
# The image starts as root, because the app's options belong to root. Elsewhere the program first drops its privileges to
# this user, in the group of the serial devices. docker-compose.yml starts it as that user directly.
ENV RUN_AS=node

WORKDIR /data
ENTRYPOINT ["kaifa2mqtt"]
CMD ["run"]
STOPSIGNAL SIGTERM
# `--wait`: waits up to a minute while the health is undecided. A wrong key fails after two checks.
HEALTHCHECK --interval=10s --timeout=70s --retries=2 CMD ["kaifa2mqtt", "health", "--wait"]

ARG BUILD_VERSION=1.2.4
ARG BUILD_ARCH
LABEL io.hass.type="app" \
  io.hass.version="${BUILD_VERSION}" \
  org.opencontainers.image.title="kaifa2mqtt" \
  org.opencontainers.image.description="Smart-meter bridge: reads Kaifa and other DLMS meters, publishes to MQTT, Home Assistant and Solarview" \
  org.opencontainers.image.version="${BUILD_VERSION}" \
  org.opencontainers.image.licenses="MIT"
