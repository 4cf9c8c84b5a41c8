# Assigns a role of the app to a user or a program: pwsh infra/hooks/grant-role.ps1 Sts.Admin you@example.com
# For a probe agent, give the application (client) id of its own registration.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true
$graph = 'https://graph.microsoft.com/v1.0'
if ($args.Count -ne 2) {
    [Console]::Error.WriteLine('usage: grant-role.ps1 Sts.Admin|Sts.Reader|Sts.Agent|Sts.AllGroups USER-OR-APPLICATION-ID')
    exit 2
}
$roleName, $principal = $args

$app = if ($env:STS_AUTH_CLIENT_ID) { $env:STS_AUTH_CLIENT_ID } else { azd env get-value STS_AUTH_CLIENT_ID }
$resource = az ad sp show --id $app --query id --output tsv
$role = az ad sp show --id $app --query "appRoles[?value=='$roleName'].id | [0]" --output tsv
if (-not $role) {
    $has = az ad sp show --id $app --query "appRoles[].value | join(', ', @)" --output tsv
    [Console]::Error.WriteLine("${roleName}: the app has no role of this name; it has $has.")
    exit 1
}
$who = if ($principal.Contains('@')) { az ad user show --id $principal --query id --output tsv } else { az ad sp show --id $principal --query id --output tsv }

$has = az rest --method GET --uri "$graph/servicePrincipals/$resource/appRoleAssignedTo" --query "value[?principalId=='$who' && appRoleId=='$role'].id | [0]" --output tsv
if ($has) {
    Write-Output "$principal has the role $roleName."
    exit 0
}
# In a file: some shells change the quotes in an argument of az.
$body = New-TemporaryFile
try {
    @{ principalId = $who; resourceId = $resource; appRoleId = $role } | ConvertTo-Json -Compress | Set-Content $body
    az rest --method POST --uri "$graph/servicePrincipals/$resource/appRoleAssignedTo" --headers Content-Type=application/json --body "@$body" --output none
} finally {
    Remove-Item $body
}
Write-Output "$principal now has the role $roleName. Tokens that were issued before do not have it."
