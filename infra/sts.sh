#!/bin/sh
# The app's own command line, against what this azd environment deployed: sh infra/sts.sh domain list
# It signs in as you are signed in with az or azd.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

export AzureWebJobsStorage__accountName="${STS_STORAGE_ACCOUNT:-$(azd env get-value STS_STORAGE_ACCOUNT)}"
export Sts__AppHost="${STS_APP_HOST:-$(azd env get-value STS_APP_HOST)}"
Sts__EdgeHosts=$(printf %s "${STS_EDGE_PROFILES:-$(azd env get-value STS_EDGE_PROFILES)}" | tr -d '[]" ' | sed 's/[^=,]*=//g')
export Sts__EdgeHosts

# What was packaged last runs on this kind of machine alone; the source runs on any.
if [ "$(uname -sm)" = 'Linux x86_64' ] && [ -x "$root/dist/app/StsFunctions" ]; then
    exec "$root/dist/app/StsFunctions" "$@"
fi
exec dotnet run --project "$root/functions" --verbosity quiet -- "$@"
