#!/usr/bin/env bash
# Apply what was reviewed: the plans of the merged pull requests, or the plan whose digest a person has given.
set -euo pipefail
# shellcheck source=environment.sh
. "$(dirname "$0")/environment.sh"

reports="$RUNNER_TEMP/reconciler"
shopt -s nullglob
plans=("$reports"/plans/*.bin)
written=(--report markdown="$reports/apply.md" --report github="$reports/apply.txt")

code=0
if [ -n "${DIGEST:-}" ]; then
  # The digest names one plan, so it is a consent to what this plan does, and to nothing else.
  consent=()
  [ "$ALLOW_TAKEOVER" != true ] || consent+=(--allow-takeover)
  [ "$ALLOW_PURCHASE" != true ] || consent+=(--allow-purchase)
  [ "$FORCE" != true ] || consent+=(--force)
  reconciler apply -C "$DIRECTORY" "${more[@]}" --auto-approve --expect "$DIGEST" "${consent[@]}" \
    --lock-timeout 5m "${written[@]}" || code=$?
elif [ ${#plans[@]} -gt 0 ]; then
  reconciler apply "${plans[@]}" --replan -C "$DIRECTORY" "${more[@]}" --lock-timeout 5m "${written[@]}" || code=$?
else
  # No merge has a plan, such as after a change of comments: then there must be nothing to do.
  reconciler plan -C "$DIRECTORY" "${more[@]}" --detailed-exitcode > /dev/null || code=$?
  if [ "$code" = 2 ]; then
    echo "::error title=plan_not_reviewed::There are changes, and no merged pull request has a plan."
    code=4
  fi
fi
[ ! -f "$reports/apply.txt" ] || cat "$reports/apply.txt"
[ ! -f "$reports/apply.md" ] || cat "$reports/apply.md" >> "$GITHUB_STEP_SUMMARY"

# A person can read the plan made now, and apply it by its digest.
if [ "$code" = 4 ]; then
  planned=0
  reconciler plan -C "$DIRECTORY" "${more[@]}" --report markdown="$reports/now.md" > /dev/null || planned=$?
  if [ "$planned" = 0 ] && [ -f "$reports/now.md" ]; then
    {
      echo
      echo "Nothing was applied, because this plan was not reviewed. Read it. To apply it, start this workflow by hand"
      echo "(\"Run workflow\") with its digest. The plan of the next pull request will contain it as well."
      echo
      cat "$reports/now.md"
    } >> "$GITHUB_STEP_SUMMARY"
  fi
fi
exit "$code"
