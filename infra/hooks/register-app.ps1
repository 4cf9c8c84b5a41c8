# Registers the app with Entra ID, so that its API can tell who calls; what is there already is left as it is.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
$entra = Join-Path $PSScriptRoot 'entra'
$graph = 'https://graph.microsoft.com/v1.0'

if ($env:STS_AUTH_CLIENT_ID) {
    Write-Output "The app is registered with Entra ID as $env:STS_AUTH_CLIENT_ID."
    exit 0
}

function GiveUp($reason) {
    [Console]::Error.WriteLine($reason)
    [Console]::Error.WriteLine('Somebody who may register applications can do it: pwsh infra/hooks/register-app.ps1, with AZURE_ENV_NAME set.')
    [Console]::Error.WriteLine('Then: azd env set STS_AUTH_CLIENT_ID <application (client) id>')
    [Console]::Error.WriteLine('Or go on without, with the API closed: azd env set STS_AUTH_CLIENT_ID none')
    exit 1
}

if (-not (Get-Command az -ErrorAction SilentlyContinue)) {
    GiveUp 'The Azure CLI (az) is not installed, and the app is to be registered with Entra ID.'
}

$name = "sts-functions-$env:AZURE_ENV_NAME"
$found = @(az ad app list --display-name $name --query "[?displayName=='$name'].appId" --output tsv)
if ($LASTEXITCODE -ne 0) { GiveUp "Entra ID could not be asked for $name." }
if ($found.Count -gt 1) { GiveUp "Entra ID has several applications called $name; say which by STS_AUTH_CLIENT_ID." }
if ($found.Count -eq 1) {
    $id = $found[0]
    Write-Output "$name is registered with Entra ID."
} else {
    $id = az ad app create --display-name $name --sign-in-audience AzureADMyOrg --app-roles "@$entra/app-roles.json" --query appId --output tsv
    if ($LASTEXITCODE -ne 0) { GiveUp "$name could not be registered." }
    Write-Output "Registered $name with Entra ID."
}

# Each of these may be done again: a run that was cut off is finished by the next.
az ad app update --id $id --identifier-uris "api://$id"
if ($LASTEXITCODE -ne 0) { GiveUp "$name could not be given its name." }
az rest --method PATCH --uri "$graph/applications(appId='$id')" --headers Content-Type=application/json --body "@$entra/api.json" --output none
if ($LASTEXITCODE -ne 0) { GiveUp "$name could not be given its scope." }
# Its scope must be there before the Azure CLI can be let in by it.
az rest --method PATCH --uri "$graph/applications(appId='$id')" --headers Content-Type=application/json --body "@$entra/azure-cli.json" --output none
if ($LASTEXITCODE -ne 0) { GiveUp 'The Azure CLI could not be let in.' }
az ad sp show --id $id --output none 2>$null
if ($LASTEXITCODE -ne 0) {
    az ad sp create --id $id --output none
    if ($LASTEXITCODE -ne 0) { GiveUp "$name could not be made known in this tenant." }
}
# Whoever has no role gets no token.
az rest --method PATCH --uri "$graph/servicePrincipals(appId='$id')" --headers Content-Type=application/json --body "@$entra/closed.json" --output none
if ($LASTEXITCODE -ne 0) { GiveUp "$name could not be closed to those without a role." }

azd env set STS_AUTH_CLIENT_ID $id
if ($LASTEXITCODE -ne 0) { exit 1 }
Write-Output "Its application (client) id is $id."
