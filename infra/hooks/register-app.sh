#!/bin/sh
# Registers the app in Entra ID, so that its API can authenticate callers. If the app is registered, its registration stays.
set -eu
entra="$(dirname "$0")/entra"
graph=https://graph.microsoft.com/v1.0

if [ -n "${STS_AUTH_CLIENT_ID:-}" ]; then
    echo "The app is registered in Entra ID as $STS_AUTH_CLIENT_ID."
    exit 0
fi

give_up() {
    {
        echo "$1"
        echo "A person who may register applications can do it: sh infra/hooks/register-app.sh, with AZURE_ENV_NAME set."
        echo "Then: azd env set STS_AUTH_CLIENT_ID <application (client) id>"
        echo "Or continue without it, with the API closed: azd env set STS_AUTH_CLIENT_ID none"
    } >&2
    exit 1
}

command -v az >/dev/null || give_up "The Azure CLI (az) is not installed. It is needed to register the app in Entra ID."

name="sts-functions-$AZURE_ENV_NAME"
found=$(az ad app list --display-name "$name" --query "[?displayName=='$name'].appId" --output tsv) \
    || give_up "The query for $name in Entra ID failed."
case $found in
    '')
        id=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg \
            --app-roles "@$entra/app-roles.json" --query appId --output tsv) || give_up "$name could not be registered."
        echo "Registered $name in Entra ID."
        ;;
    *[!0-9a-fA-F-]*)
        give_up "Entra ID has several applications with the name $name; set STS_AUTH_CLIENT_ID to the right one."
        ;;
    *)
        id=$found
        echo "$name is registered in Entra ID."
        ;;
esac

# Each step can be repeated: the next run completes an interrupted one.
az ad app update --id "$id" --identifier-uris "api://$id" || give_up "The identifier URI of $name could not be set."
az rest --method PATCH --uri "$graph/applications(appId='$id')" --headers Content-Type=application/json \
    --body "@$entra/api.json" --output none || give_up "The scope of $name could not be set."
# The scope must exist before the Azure CLI can be authorized for it.
az rest --method PATCH --uri "$graph/applications(appId='$id')" --headers Content-Type=application/json \
    --body "@$entra/azure-cli.json" --output none || give_up "The Azure CLI could not be authorized for $name."
az ad sp show --id "$id" --output none 2>/dev/null || az ad sp create --id "$id" --output none \
    || give_up "The service principal of $name could not be created."
# A caller without a role gets no token.
az rest --method PATCH --uri "$graph/servicePrincipals(appId='$id')" --headers Content-Type=application/json \
    --body "@$entra/closed.json" --output none || give_up "$name could not be limited to callers with a role."

azd env set STS_AUTH_CLIENT_ID "$id"
echo "Its application (client) id is $id."
