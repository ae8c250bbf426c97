# dccd in a container: static programs, s6 and snooze, a shell of busybox, certificates and time zones.
#
#   docker build -t dccd .       from the source, in an image of Rust
#   scripts/package image        with buildah, from what is on this machine, without a registry
#
#   docker run -d --name dccd --read-only -v ./config.yml:/etc/dccd/config.yml:ro -v dccd:/data dccd
#
# Any user may run it (--user) who may write to /data. Nothing else is written but temporary files; /tmp is a volume,
# so that a root which is read-only takes no further flags.

FROM docker.io/library/rust:1.95-bookworm AS source
COPY . /source
RUN /source/scripts/package --output /packages root

FROM scratch AS built
COPY --from=source /packages/image /

FROM scratch
COPY --from=built / /
ENV PATH=/usr/bin DCCD_DATA_PATH=/data DCCD_BUDGET_DIR=/data/.dccd/budget
USER 10001:0
WORKDIR /data
VOLUME /data /tmp
HEALTHCHECK --interval=1m --timeout=30s --start-period=10m CMD ["dccd-health", "check", "--quiet"]
ENTRYPOINT ["dccd"]
CMD ["start"]
