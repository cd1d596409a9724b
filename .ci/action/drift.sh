#!/usr/bin/env bash
# Check for drift, and keep one issue open while something has drifted.
set -euo pipefail
# shellcheck source=environment.sh
. "$(dirname "$0")/environment.sh"

reports="$RUNNER_TEMP/reconciler"
rm -rf "$reports"
mkdir "$reports"

code=0
reconciler drift -C "$DIRECTORY" "${more[@]}" --report markdown="$reports/drift.md" \
  --report junit="$reports/drift.xml" || code=$?
[ ! -f "$reports/drift.md" ] || cat "$reports/drift.md" >> "$GITHUB_STEP_SUMMARY"

github="$(dirname "$0")/github.py"
case "$code" in
  0) python "$github" close "$reports/drift.md" ;;
  2) python "$github" open "$reports/drift.md" ;;
  *) exit "$code" ;;
esac
