# syntax=docker/dockerfile:1
FROM alpine:3.20
RUN <<EOF
set -e
apk add curl
date > /built
EOF
COPY <<-"CONF" /etc/app.conf
	$HOME
	CONF
RUN python3 <<PY
print("npm ci")
PY
FROM scratch
WORKDIR /etc/app
COPY <<one <<two /etc/app/
1
one
2
two
COPY --from=0 /built /var/built
