#!/bin/sh
# Registers the app with Entra ID, so that its API can tell who calls; what is there already is left as it is.
set -eu
entra="$(dirname "$0")/entra"
graph=https://graph.microsoft.com/v1.0

if [ -n "${STS_AUTH_CLIENT_ID:-}" ]; then
    echo "The app is registered with Entra ID as $STS_AUTH_CLIENT_ID."
    exit 0
fi

give_up() {
    {
        echo "$1"
        echo "Somebody who may register applications can do it: sh infra/hooks/register-app.sh, with AZURE_ENV_NAME set."
        echo "Then: azd env set STS_AUTH_CLIENT_ID <application (client) id>"
        echo "Or go on without, with the API closed: azd env set STS_AUTH_CLIENT_ID none"
    } >&2
    exit 1
}

command -v az >/dev/null || give_up "The Azure CLI (az) is not installed, and the app is to be registered with Entra ID."

name="sts-functions-$AZURE_ENV_NAME"
found=$(az ad app list --display-name "$name" --query "[?displayName=='$name'].appId" --output tsv) \
    || give_up "Entra ID could not be asked for $name."
case $found in
    '')
        id=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg \
            --app-roles "@$entra/app-roles.json" --query appId --output tsv) || give_up "$name could not be registered."
        echo "Registered $name with Entra ID."
        ;;
    *[!0-9a-fA-F-]*)
        give_up "Entra ID has several applications called $name; say which by STS_AUTH_CLIENT_ID."
        ;;
    *)
        id=$found
        echo "$name is registered with Entra ID."
        ;;
esac

# Each of these may be done again: a run that was cut off is finished by the next.
az ad app update --id "$id" --identifier-uris "api://$id" || give_up "$name could not be given its name."
az rest --method PATCH --uri "$graph/applications(appId='$id')" --headers Content-Type=application/json \
    --body "@$entra/api.json" --output none || give_up "$name could not be given its scope."
# Its scope must be there before the Azure CLI can be let in by it.
az rest --method PATCH --uri "$graph/applications(appId='$id')" --headers Content-Type=application/json \
    --body "@$entra/azure-cli.json" --output none || give_up "The Azure CLI could not be let in."
az ad sp show --id "$id" --output none 2>/dev/null || az ad sp create --id "$id" --output none \
    || give_up "$name could not be made known in this tenant."
# Whoever has no role gets no token.
az rest --method PATCH --uri "$graph/servicePrincipals(appId='$id')" --headers Content-Type=application/json \
    --body "@$entra/closed.json" --output none || give_up "$name could not be closed to those without a role."

azd env set STS_AUTH_CLIENT_ID "$id"
echo "Its application (client) id is $id."
