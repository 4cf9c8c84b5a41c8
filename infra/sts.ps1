# Runs the command line program `sts` on the deployment of this azd environment: pwsh infra/sts.ps1 domain list
# It uses your sign-in of az or azd.
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

# A published program starts at once (dotnet publish functions/Cli -c Release -o dist/sts). Without one, this builds the source first.
$published = Join-Path $root ($IsWindows ? 'dist/sts/sts.exe' : 'dist/sts/sts')
if (Test-Path $published) {
    & $published @args
} else {
    dotnet run --project (Join-Path $root 'functions/Cli') -c Release --verbosity quiet '--' @args
}
exit $LASTEXITCODE
