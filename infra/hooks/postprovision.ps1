# Prints the DNS records that Front Door still waits for. For the other edges, preprovision printed them.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
if ($env:STS_EDGE -ne 'frontDoor') { exit 0 }

$records = foreach ($profile in @("$env:STS_EDGE_PROFILES" -replace '[\[\]"]' -split ',' | Where-Object { $_ })) {
    $name, $endpoint = $profile.Trim() -split '=', 2
    $waiting = az afd custom-domain list --resource-group $env:AZURE_RESOURCE_GROUP --profile-name $name --query "[?domainValidationState!='Approved'].[hostName, validationProperties.validationToken]" --output tsv
    if ($LASTEXITCODE -ne 0) { exit 1 }
    foreach ($line in @($waiting | Where-Object { $_ })) {
        $policyHost, $token = $line -split '\s+', 2
        "  $policyHost.  CNAME  $endpoint."
        "  _dnsauth.$policyHost.  TXT  `"$token`""
    }
}
if ($records) {
    Write-Output 'Front Door waits for these DNS records, and then creates the certificates automatically:'
    Write-Output $records
}
exit 0
