# Publishes the app for the site of the timers and queues. azd publishes it for the other site at the same time, so this
# uses its own folders, also for intermediate files.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
Set-Location (Join-Path $PSScriptRoot '../..')
# Files of an earlier version would be deployed too.
if (Test-Path dist/background) { Remove-Item dist/background -Recurse -Force }
dotnet publish functions/App -c Release -o dist/background --artifacts-path .local/background --nologo
exit $LASTEXITCODE
