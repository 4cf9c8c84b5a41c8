#!/bin/sh
# Assigns a role of the app to a user or a program: sh infra/hooks/grant-role.sh Sts.Admin you@example.com
# For a probe agent, give the application (client) id of its own registration.
set -eu
graph=https://graph.microsoft.com/v1.0
if [ $# -ne 2 ]; then
    echo "usage: grant-role.sh Sts.Admin|Sts.Reader|Sts.Agent|Sts.AllGroups USER-OR-APPLICATION-ID" >&2
    exit 2
fi

app=${STS_AUTH_CLIENT_ID:-$(azd env get-value STS_AUTH_CLIENT_ID)}
resource=$(az ad sp show --id "$app" --query id --output tsv)
role=$(az ad sp show --id "$app" --query "appRoles[?value=='$1'].id | [0]" --output tsv)
if [ -z "$role" ]; then
    has=$(az ad sp show --id "$app" --query "appRoles[].value | join(', ', @)" --output tsv)
    echo "$1: the app has no role of this name; it has $has." >&2
    exit 1
fi
case $2 in
    *@*) who=$(az ad user show --id "$2" --query id --output tsv) ;;
    *) who=$(az ad sp show --id "$2" --query id --output tsv) ;;
esac

has=$(az rest --method GET --uri "$graph/servicePrincipals/$resource/appRoleAssignedTo" \
    --query "value[?principalId=='$who' && appRoleId=='$role'].id | [0]" --output tsv)
if [ -n "$has" ]; then
    echo "$2 has the role $1."
    exit 0
fi
az rest --method POST --uri "$graph/servicePrincipals/$resource/appRoleAssignedTo" --headers Content-Type=application/json \
    --body "{\"principalId\":\"$who\",\"resourceId\":\"$resource\",\"appRoleId\":\"$role\"}" --output none
echo "$2 now has the role $1. Tokens that were issued before do not have it."
