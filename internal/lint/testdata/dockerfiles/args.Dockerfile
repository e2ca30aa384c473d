ARG REGISTRY=docker.io
ARG TAG
FROM $REGISTRY/library/ubuntu:latest AS base
ARG BUILD_DATE
ARG VCS_REF=unknown
RUN apt-get update && apt-get -y upgrade && apt-get install -y "curl=8.*"
ENV REVISION=$VCS_REF
RUN echo "$REVISION" > /revision
LABEL date=$BUILD_DATE
FROM example.com/app:$TAG
FROM base
COPY --chown=1000 a /a/
