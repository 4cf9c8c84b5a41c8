# Registers the app in Entra ID, so that its API can authenticate callers. If the app is registered, its registration stays.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
$entra = Join-Path $PSScriptRoot 'entra'
$graph = 'https://graph.microsoft.com/v1.0'

if ($env:STS_AUTH_CLIENT_ID) {
    Write-Output "The app is registered in Entra ID as $env:STS_AUTH_CLIENT_ID."
    exit 0
}

function GiveUp($reason) {
    [Console]::Error.WriteLine($reason)
    [Console]::Error.WriteLine('A person who may register applications can do it: pwsh infra/hooks/register-app.ps1, with AZURE_ENV_NAME set.')
    [Console]::Error.WriteLine('Then: azd env set STS_AUTH_CLIENT_ID <application (client) id>')
    [Console]::Error.WriteLine('Or continue without it, with the API closed: azd env set STS_AUTH_CLIENT_ID none')
    exit 1
}

if (-not (Get-Command az -ErrorAction SilentlyContinue)) {
    GiveUp 'The Azure CLI (az) is not installed. It is needed to register the app in Entra ID.'
}

$name = "sts-functions-$env:AZURE_ENV_NAME"
$found = @(az ad app list --display-name $name --query "[?displayName=='$name'].appId" --output tsv)
if ($LASTEXITCODE -ne 0) { GiveUp "The query for $name in Entra ID failed." }
if ($found.Count -gt 1) { GiveUp "Entra ID has several applications with the name $name; set STS_AUTH_CLIENT_ID to the right one." }
if ($found.Count -eq 1) {
    $id = $found[0]
    Write-Output "$name is registered in Entra ID."
} else {
    $id = az ad app create --display-name $name --sign-in-audience AzureADMyOrg --app-roles "@$entra/app-roles.json" --query appId --output tsv
    if ($LASTEXITCODE -ne 0) { GiveUp "$name could not be registered." }
    Write-Output "Registered $name in Entra ID."
}

# Each step can be repeated: the next run completes an interrupted one.
az ad app update --id $id --identifier-uris "api://$id"
if ($LASTEXITCODE -ne 0) { GiveUp "The identifier URI of $name could not be set." }
az rest --method PATCH --uri "$graph/applications(appId='$id')" --headers Content-Type=application/json --body "@$entra/api.json" --output none
if ($LASTEXITCODE -ne 0) { GiveUp "The scope of $name could not be set." }
# The scope must exist before the Azure CLI can be authorized for it.
az rest --method PATCH --uri "$graph/applications(appId='$id')" --headers Content-Type=application/json --body "@$entra/azure-cli.json" --output none
if ($LASTEXITCODE -ne 0) { GiveUp "The Azure CLI could not be authorized for $name." }
az ad sp show --id $id --output none 2>$null
if ($LASTEXITCODE -ne 0) {
    az ad sp create --id $id --output none
    if ($LASTEXITCODE -ne 0) { GiveUp "The service principal of $name could not be created." }
}
# A caller without a role gets no token.
az rest --method PATCH --uri "$graph/servicePrincipals(appId='$id')" --headers Content-Type=application/json --body "@$entra/closed.json" --output none
if ($LASTEXITCODE -ne 0) { GiveUp "$name could not be limited to callers with a role." }

azd env set STS_AUTH_CLIENT_ID $id
if ($LASTEXITCODE -ne 0) { exit 1 }
Write-Output "Its application (client) id is $id."
