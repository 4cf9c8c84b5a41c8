# Before azd provision: prints the DNS records that a binding needs, and registers the app in Entra ID.
$ErrorActionPreference = 'Stop'

$domains = @("$env:STS_DOMAINS".Split([char[]]',; ', [StringSplitOptions]::RemoveEmptyEntries))
if ($env:STS_EDGE -ne 'frontDoor' -and $domains.Count -gt 0) {
    if (-not $env:STS_APP_HOST) {
        [Console]::Error.WriteLine('STS_DOMAINS: Azure binds a host name only if DNS points to the app, and the app''s address is not known before its first deployment.')
        [Console]::Error.WriteLine('Run azd up without domains first (azd env set STS_DOMAINS ""); it then prints the records to publish.')
        exit 1
    }
    Write-Output 'These records must be in DNS now, or Azure refuses to bind the host names:'
    foreach ($domain in $domains) {
        Write-Output "  mta-sts.$domain.  CNAME  $env:STS_APP_HOST."
        Write-Output "  asuid.mta-sts.$domain.  TXT  `"$env:STS_DOMAIN_VERIFICATION_ID`""
    }
}

& (Join-Path $PSScriptRoot 'register-app.ps1')
exit $LASTEXITCODE
