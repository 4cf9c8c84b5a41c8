# Before azd down: lists the hosted domains and the CNAMEs that would dangle, and stops if there are any.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
if (-not $env:STS_STORAGE_ACCOUNT) { exit 0 }

Write-Output 'Domains that are still hosted here:'
& (Join-Path $PSScriptRoot '../sts.ps1') domain remaining
if ($LASTEXITCODE -eq 0) { exit 0 }
if ($env:STS_FORCE_DOWN) {
    Write-Output 'STS_FORCE_DOWN is set: continuing.'
    exit 0
}
[Console]::Error.WriteLine('Nothing was deleted. Remove each domain first (docs/INSTALL.md, "Remove a domain"), and delete its CNAME in DNS.')
[Console]::Error.WriteLine('To continue anyway: $env:STS_FORCE_DOWN = 1; azd down')
exit 1
