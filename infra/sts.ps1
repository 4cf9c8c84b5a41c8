# The command line program `sts` against what this azd environment deployed: pwsh infra/sts.ps1 domain list
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

# A published program starts at once (dotnet publish functions/Cli -c Release -o dist/sts); the source is built first.
$published = Join-Path $root ($IsWindows ? 'dist/sts/sts.exe' : 'dist/sts/sts')
if (Test-Path $published) {
    & $published @args
} else {
    dotnet run --project (Join-Path $root 'functions/Cli') -c Release --verbosity quiet '--' @args
}
exit $LASTEXITCODE
