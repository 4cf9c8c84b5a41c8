# Makes dist/StsFunctions.zip, which azd then deploys as it is.
$ErrorActionPreference = 'Stop'
Set-Location (Join-Path $PSScriptRoot '../..')
dotnet run --project infra/package
exit $LASTEXITCODE
