#!/usr/bin/env bash
# Report every problem of the configuration at its line; needs no secret.
set -euo pipefail
# shellcheck source=environment.sh
. "$(dirname "$0")/environment.sh"

reconciler validate -C "$DIRECTORY" "${more[@]}" --format github
