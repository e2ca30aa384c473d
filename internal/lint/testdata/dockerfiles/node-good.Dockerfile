# syntax=docker/dockerfile:1
FROM node:22.9-slim@sha256:0f1c6a4ac7a4bd5d3f1a1e9b5d6c7e8f90123456789abcdef0123456789abcde AS build
WORKDIR /app
COPY --link package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY --link src/ ./src/
RUN npm run build
