#!/bin/sh
# Gets what the tests with stock SDKs need besides `make install`: Node with npm, and a Chromium, from the distribution.
# Without them those tests are skipped, visibly.
set -eu
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
