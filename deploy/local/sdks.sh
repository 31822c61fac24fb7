#!/bin/sh
# Gets what the tests with stock SDKs need besides `make install`: Node packages, and a Chromium from the distribution.
# Without it those tests are skipped, visibly.
set -eu
packages=tests/e2e
missing=""
for program in node npm; do
  command -v "$program" >/dev/null || missing="$missing $program"
done
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$chromium" ] || missing="$missing chromium"
if [ -n "$missing" ]; then
  wanted=$(echo "$missing" | sed 's/\bnode\b/nodejs/')
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $wanted
  else
    echo "Missing:$missing. Install them, e.g. with 'sudo apt-get install -y$wanted', and run 'make sdks' again." >&2
    exit 1
  fi
fi
if [ -f "$packages/package-lock.json" ]; then
  if [ ! -e "$packages/node_modules/installed" ] || [ "$packages/package-lock.json" -nt "$packages/node_modules/installed" ]; then
    npm ci --prefix "$packages" --no-audit --no-fund
    touch "$packages/node_modules/installed"
  fi
fi
