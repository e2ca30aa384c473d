FROM rust:1.80 as builder
WORKDIR /usr/src/app
COPY src ./src
COPY Cargo.toml Cargo.lock ./
RUN cargo build --release
FROM debian:bookworm-slim
COPY --from=builder /usr/src/app/target/release/app /usr/local/bin/app
