#!/usr/bin/env bash
# Writes test/requirements.txt, test/checkers.txt and test/cdk.txt from their .in files: every package with the hashes of all its files, so that
# they install on Python 3.10 and newer, on amd64 and arm64. Needs uv (https://docs.astral.sh/uv).
set -euo pipefail
cd "$(dirname "$0")"
for name in requirements checkers cdk; do
  UV_CUSTOM_COMPILE_COMMAND=test/lock.sh uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes \
    "$name.in" --output-file "$name.txt"
done
