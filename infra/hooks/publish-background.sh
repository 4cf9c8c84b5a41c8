#!/bin/sh
# Publishes the app for the site of the timers and queues. azd publishes it for the other site at the same time, so this
# uses its own folders, also for intermediate files.
set -eu
cd "$(dirname "$0")/../.."
# Files of an earlier version would be deployed too.
rm -rf dist/background
exec dotnet publish functions/App -c Release -o dist/background --artifacts-path .local/background --nologo
