# Prints the app's address and the next steps: the first domain and the first operator.
$ErrorActionPreference = 'Stop'
$domain = @("$env:STS_DOMAINS".Split([char[]]',; ', [StringSplitOptions]::RemoveEmptyEntries) + 'example.com')[0]
$frontDoor = $env:STS_EDGE -eq 'frontDoor'
$target = if ($frontDoor) { (("$env:STS_EDGE_PROFILES" -replace '[\[\]"]' -split ',')[0] -split '=', 2)[1] } else { $env:STS_APP_HOST }

Write-Output @"

StsFunctions runs at https://$env:STS_APP_HOST/

Host the first domain, here $domain (docs/INSTALL.md explains each step):

  1. Write its policy into policy.txt, with mode: testing at first, and publish it:
       pwsh infra/sts.ps1 domain add $domain --policy policy.txt
  2. Publish in DNS:
       mta-sts.$domain.  CNAME  $target.
"@
if ($frontDoor) {
    Write-Output @"
  3. Add it to Front Door, and publish the _dnsauth record that this prints:
       azd env set STS_DOMAINS "$domain"
       azd provision
"@
} else {
    Write-Output @"
       asuid.mta-sts.$domain.  TXT  "$env:STS_DOMAIN_VERIFICATION_ID"
  3. Bind the policy host, with TLS:
       azd env set STS_DOMAINS "$domain"
       azd provision
"@
}
Write-Output @"
  4. Check that the policy is served. Only then publish the two records that step 1 printed, _mta-sts last:
       curl https://mta-sts.$domain/.well-known/mta-sts.txt
"@
if ($env:STS_AUTH_CLIENT_ID -and $env:STS_AUTH_CLIENT_ID -ne 'none') {
    Write-Output @"

Assign a role of the API to the first operator, and in the same way to others (Sts.Admin, Sts.Reader, Sts.Agent, Sts.AllGroups):

       pwsh infra/hooks/grant-role.ps1 Sts.Admin you@example.com
"@
}
