#!/bin/sh
# Makes dist/StsFunctions.zip, which azd then deploys as it is.
set -eu
cd "$(dirname "$0")/../.."
dotnet run --project infra/package
