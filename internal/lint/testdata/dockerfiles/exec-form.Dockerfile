FROM alpine:3.20
RUN ["/bin/sh", "-ec", "apk add --no-cache git && git clone https://example.com/x.git"]
RUN ["apk", "add", "curl"]
RUN set -eux; \
    # tools
    if ! command -v make; then \
      apk add make; \
    fi
