# syntax=docker/dockerfile:1
# Bursar in an image of nothing but its static binary, the public certificate authorities and a
# user. Docker, Podman and Buildah build it; for a build without an engine see
# deploy/container/build.sh.

# Only what is built with has a base; what runs is made of nothing. A tag may come to mean another image:
# who needs the same one each time names it by its digest (docs/install.md says how), which can't stand
# here, because the registry could not be asked where this was written.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-bookworm

FROM ${BUILD_IMAGE} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /src
# .dockerignore lets in what the build needs.
COPY . .
# The target is named so that static linking is asked for the program only: procedural macros are
# shared libraries of the compiler and can't be static.
RUN host="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --profile dist --bin bursar --target "${host}" \
    && install -D -m 0755 "target/${host}/dist/bursar" /out/usr/bin/bursar \
    && install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt \
    && install -d -m 0755 /out/etc/bursar \
    && printf 'bursar:x:10001:0::/var/lib/bursar:/\n' > /out/etc/passwd \
    && printf 'root:x:0:\n' > /out/etc/group \
    && install -d -m 0770 /state/bursar

FROM scratch
COPY --from=build /out/ /
# Any user of group 0 may keep the store there, as orchestrators choose them (docker run --user 54321:0).
COPY --from=build --chown=10001:0 /state/ /var/lib/
USER 10001:0
# The embedded store, and relative paths of the settings.
WORKDIR /var/lib/bursar
VOLUME ["/var/lib/bursar"]
# Memory that was needed for a moment (a forecast, a page of many seats) goes back to the system at once.
ENV MIMALLOC_PURGE_DELAY=0
# A container has no shell, so this is the program itself; exit code 0 is healthy.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["/usr/bin/bursar", "healthcheck", "-c", "/etc/bursar/bursar.yaml"]
# SIGTERM, as docker stop sends it, ends in an orderly way within 10 seconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/bursar"]
CMD ["run", "-c", "/etc/bursar/bursar.yaml"]
