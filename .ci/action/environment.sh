# Sourced by the scripts of the action: the options of the input `arguments`, and the environment of the state's store.
# shellcheck shell=bash

# One option on each line. A line is one word: nothing in it is expanded or split.
more=()
while IFS= read -r line; do
  [ -z "$line" ] || more+=("$line")
done <<< "${ARGUMENTS:-}"

# A variable or secret that the repository does not have is empty: that is no host, no user and no sign-in.
for name in PGHOST PGUSER PGPASSWORD TF_HTTP_USERNAME TF_HTTP_PASSWORD \
  AZURE_STORAGE_ACCOUNT_NAME AZURE_CLIENT_ID AZURE_TENANT_ID GOOGLE_BEARER_TOKEN; do
  [ -n "${!name:-}" ] || unset "$name"
done
[ -z "${AZURE_CLIENT_ID:-}" ] || export AZURE_FEDERATED_TOKEN_FILE="$RUNNER_TEMP/azure-token"
