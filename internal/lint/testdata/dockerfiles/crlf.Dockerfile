FROM scratch
# first
COPY a /a/

copy   b \
  /b/
COPY c /c