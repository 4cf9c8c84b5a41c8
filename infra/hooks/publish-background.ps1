# Publishes the app for the site of the timers and queues, as azd publishes it for the other site at the same time: so into
# folders of its own, the intermediate ones included.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
Set-Location (Join-Path $PSScriptRoot '../..')
# What an earlier version left behind would be deployed too.
if (Test-Path dist/background) { Remove-Item dist/background -Recurse -Force }
dotnet publish functions/App -c Release -o dist/background --artifacts-path .local/background --nologo
exit $LASTEXITCODE
