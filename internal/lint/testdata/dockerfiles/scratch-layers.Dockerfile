#!/usr/bin/env docker build
# check=skip=all
FROM scratch AS files
WORKDIR /app
copy ["config one.json", "/app/"]
COPY --chown=1000:1000 data /data/
COPY \
  # a comment in between
  --exclude=*.md docs /usr/share/doc/app
FROM files
COPY --from=files /data/x /srv/x
COPY --chmod=755 run.sh /run.sh
COPY --link=false a /b/
COPY late /late
