# syntax=docker/dockerfile:1
# The images, one target for each:
#
#   docker build --target operator  --tag complaint-operator:0.1.0  .
#   docker build --target trainer   --tag complaint-trainer:0.1.0   .
#   docker build --target inference --tag complaint-inference:0.1.0 .
#   docker build --target dashboard --tag complaint-dashboard:0.1.0 .
#
# Each image holds one static program, the CA certificates and the licence. It has no shell and no package manager, and
# its only user is 65532.

FROM rust:1.95-slim-bookworm AS source
WORKDIR /src
# Static against glibc, because musl's allocator slows down the trainer's threads. Since glibc 2.34, DNS look-ups need
# no shared library. With an explicit --target the flags don't apply to build scripts and procedural macros. Paths are
# remapped so that the program's bytes don't depend on the build folder.
ENV RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=/src=/complaint --remap-path-prefix=/usr/local/cargo=/cargo" \
    CARGO_TARGET_DIR=/target
RUN mkdir -p /out /root-tmp
COPY . .

FROM source AS build-operator
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked --mount=type=cache,target=/target,sharing=locked \
    host=$(rustc --print host-tuple) \
    && cargo build --profile image --locked --target "$host" -p complaint-operator --bin complaint-operator \
    && cp "/target/$host/image/complaint-operator" /out/

FROM source AS build-trainer
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked --mount=type=cache,target=/target,sharing=locked \
    host=$(rustc --print host-tuple) \
    && cargo build --profile image --locked --target "$host" -p complaint-trainer --bin complaint-trainer \
    && cp "/target/$host/image/complaint-trainer" /out/

FROM source AS build-inference
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked --mount=type=cache,target=/target,sharing=locked \
    host=$(rustc --print host-tuple) \
    && cargo build --profile image --locked --target "$host" -p complaint-inference --bin complaint-inference \
    && cp "/target/$host/image/complaint-inference" /out/

FROM source AS build-dashboard
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked --mount=type=cache,target=/target,sharing=locked \
    host=$(rustc --print host-tuple) \
    && cargo build --profile image --locked --target "$host" -p complaint-cli --bin kubectl-complaints \
    && cp "/target/$host/image/kubectl-complaints" /out/

FROM scratch AS base
ARG VERSION=0.1.0
ARG REVISION=""
ARG SOURCE=""
LABEL org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.source=$SOURCE \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=source /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=source /src/LICENSE /licenses/LICENSE
# In a cluster an emptyDir covers it. `docker run` without a volume needs a place for temporary files.
COPY --from=source --chown=65532:65532 /root-tmp /tmp
USER 65532:65532

FROM base AS operator
LABEL org.opencontainers.image.title="complaint-operator" \
      org.opencontainers.image.description="Controllers that train, promote and serve complaint classifiers"
COPY --from=build-operator /out/complaint-operator /complaint-operator
EXPOSE 8081
ENTRYPOINT ["/complaint-operator"]
CMD ["run"]

FROM base AS trainer
LABEL org.opencontainers.image.title="complaint-trainer" \
      org.opencontainers.image.description="Trainer for complaint classifiers"
COPY --from=source /src/inference/model/data/LICENSE-WordNet /licenses/LICENSE-WordNet
COPY --from=build-trainer /out/complaint-trainer /complaint-trainer
ENTRYPOINT ["/complaint-trainer"]

FROM base AS inference
LABEL org.opencontainers.image.title="complaint-inference" \
      org.opencontainers.image.description="HTTP inference server for complaint classifiers"
COPY --from=source /src/inference/model/data/LICENSE-WordNet /licenses/LICENSE-WordNet
COPY --from=build-inference /out/complaint-inference /complaint-inference
EXPOSE 8080
ENTRYPOINT ["/complaint-inference"]

FROM base AS dashboard
LABEL org.opencontainers.image.title="complaint-dashboard" \
      org.opencontainers.image.description="Dashboard for complaint classifiers: the kubectl plugin, serving"
COPY --from=build-dashboard /out/kubectl-complaints /kubectl-complaints
EXPOSE 8080
ENTRYPOINT ["/kubectl-complaints"]
CMD ["dashboard", "--address=0.0.0.0", "--port=8080", "--authentication=token"]
