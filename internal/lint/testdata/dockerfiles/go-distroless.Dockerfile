# syntax=docker/dockerfile:1.7
ARG GO_VERSION=1.26
ARG BASE=gcr.io/distroless/static-debian12
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-alpine AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
RUN --mount=type=bind,source=go.mod,target=go.mod --mount=type=bind,source=go.sum,target=go.sum \
    --mount=type=cache,target=/go/pkg/mod go mod download
RUN --mount=type=bind,target=. --mount=type=cache,target=/go/pkg/mod \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /out/app .
FROM ${BASE}
COPY --from=build --chown=65532:65532 /out/app /usr/local/bin/
