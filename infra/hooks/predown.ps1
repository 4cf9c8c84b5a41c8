# Before everything goes: whose mail would suffer, and which names would dangle.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
if (-not $env:STS_STORAGE_ACCOUNT) { exit 0 }

Write-Output 'Domains that are still hosted here:'
& (Join-Path $PSScriptRoot '../sts.ps1') domain remaining
if ($LASTEXITCODE -eq 0) { exit 0 }
if ($env:STS_FORCE_DOWN) {
    Write-Output 'STS_FORCE_DOWN is set: going on.'
    exit 0
}
[Console]::Error.WriteLine('Not taken down. Let each domain leave first (docs/INSTALL.md, "A domain leaves"), and take its CNAME out of DNS.')
[Console]::Error.WriteLine('To go on all the same: $env:STS_FORCE_DOWN = 1; azd down')
exit 1
