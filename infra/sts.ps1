# The app's own command line, against what this azd environment deployed: pwsh infra/sts.ps1 domain list
# It signs in as you are signed in with az or azd.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
$root = Split-Path $PSScriptRoot

function Value($name) {
    $value = [Environment]::GetEnvironmentVariable($name)
    if ($value) { return $value }
    $value = azd env get-value $name
    if ($LASTEXITCODE -ne 0) { exit 1 }
    $value
}

$env:AzureWebJobsStorage__accountName = Value STS_STORAGE_ACCOUNT
$env:Sts__AppHost = Value STS_APP_HOST
$env:Sts__EdgeHosts = (Value STS_EDGE_PROFILES) -replace '[\[\]" ]' -replace '[^=,]*='

# What was packaged last runs on this kind of machine alone; the source runs on any.
$packaged = Join-Path $root 'dist/app/StsFunctions'
if ($IsLinux -and [Runtime.InteropServices.RuntimeInformation]::OSArchitecture -eq 'X64' -and (Test-Path $packaged)) {
    & $packaged @args
} else {
    dotnet run --project (Join-Path $root 'functions') --verbosity quiet '--' @args
}
exit $LASTEXITCODE
