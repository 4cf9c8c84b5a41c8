#!/bin/sh
# Runs the command line program `sts` on the deployment of this azd environment: sh infra/sts.sh domain list
# It uses your sign-in of az or azd.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

export AzureWebJobsStorage__accountName="${STS_STORAGE_ACCOUNT:-$(azd env get-value STS_STORAGE_ACCOUNT)}"
export Sts__AppHost="${STS_APP_HOST:-$(azd env get-value STS_APP_HOST)}"
Sts__EdgeHosts=$(printf %s "${STS_EDGE_PROFILES:-$(azd env get-value STS_EDGE_PROFILES)}" | tr -d '[]" ' | sed 's/[^=,]*=//g')
export Sts__EdgeHosts

# A published program starts at once (dotnet publish functions/Cli -c Release -o dist/sts). Without one, this builds the source first.
if [ -x "$root/dist/sts/sts" ]; then
    exec "$root/dist/sts/sts" "$@"
fi
exec dotnet run --project "$root/functions/Cli" -c Release --verbosity quiet -- "$@"
