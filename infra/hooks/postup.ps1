# What to do next: the app's address, the first domain, the first operator.
$ErrorActionPreference = 'Stop'
$domain = @("$env:STS_DOMAINS".Split([char[]]',; ', [StringSplitOptions]::RemoveEmptyEntries) + 'example.com')[0]
$frontDoor = $env:STS_EDGE -eq 'frontDoor'
$target = if ($frontDoor) { (("$env:STS_EDGE_PROFILES" -replace '[\[\]"]' -split ',')[0] -split '=', 2)[1] } else { $env:STS_APP_HOST }

Write-Output @"

StsFunctions runs at https://$env:STS_APP_HOST/

The first domain, here $domain (docs/INSTALL.md explains each step):

  1. Write its policy into policy.txt, mode: testing at first, and host it:
       pwsh infra/sts.ps1 domain add $domain --policy policy.txt
  2. Publish in DNS:
       mta-sts.$domain.  CNAME  $target.
"@
if ($frontDoor) {
    Write-Output @"
  3. Let Front Door carry it, and publish the _dnsauth record that this prints:
       azd env set STS_DOMAINS "$domain"
       azd provision
"@
} else {
    Write-Output @"
       asuid.mta-sts.$domain.  TXT  "$env:STS_DOMAIN_VERIFICATION_ID"
  3. Bind it, with TLS:
       azd env set STS_DOMAINS "$domain"
       azd provision
"@
}
Write-Output @"
  4. See it served, and only then publish the two records that step 1 printed, _mta-sts the last:
       curl https://mta-sts.$domain/.well-known/mta-sts.txt
"@
if ($env:STS_AUTH_CLIENT_ID -and $env:STS_AUTH_CLIENT_ID -ne 'none') {
    Write-Output @"

The first operator of the API is given their role by name; others the same way (Sts.Admin, Sts.Reader, Sts.Agent, Sts.AllGroups):

       pwsh infra/hooks/grant-role.ps1 Sts.Admin you@example.com
"@
}
