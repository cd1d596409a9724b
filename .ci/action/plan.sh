#!/usr/bin/env bash
# Plan a pull request, save the plan and write its reports.
#
# The plan is held to the configuration of the target branch: a change cannot loosen the safety that it needs loosened.
# Only a target branch that has no configuration yet holds it to nothing; an error of git ends the step.
# The checkout is the change's: no report is read from it, and git takes no other folder in it for a repository.
set -euo pipefail
# shellcheck source=environment.sh
. "$(dirname "$0")/environment.sh"

reports="$RUNNER_TEMP/reconciler"
rm -rf "$reports"
mkdir "$reports"
# A plan counts for this branch only: the change can be given another target afterwards.
printf '%s\n' "$GITHUB_BASE_REF" > "$reports/branch.txt"

export GIT_DIR="$PWD/.git" GIT_WORK_TREE="$PWD"
git cat-file -e "$BASE^{commit}"
folder="$(realpath -ms --relative-to=. -- "$DIRECTORY")"
known="$(git ls-tree --name-only "$BASE" -- "$folder/reconciler.yaml")"
# The folder can be a link in the target branch: git lists no file behind it.
[ -n "$known" ] || known="$(git cat-file --batch-check --follow-symlinks <<< "$BASE:$folder/reconciler.yaml")"
held=(--baseline "$BASE" --declared-takeovers)
[[ "$known" != *" missing" ]] || held=()

code=0
reconciler plan -C "$DIRECTORY" "${more[@]}" "${held[@]}" --fail-on-refusal --out "$reports/plan.bin" \
  --report markdown="$reports/plan.md" --report html="$reports/plan.html" \
  --report github="$reports/plan.txt" || code=$?
[ ! -f "$reports/plan.txt" ] || cat "$reports/plan.txt"
[ ! -f "$reports/plan.md" ] || cat "$reports/plan.md" >> "$GITHUB_STEP_SUMMARY"
exit "$code"
