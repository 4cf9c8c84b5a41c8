#!/bin/sh
# Publishes the app for the site of the timers and queues, as azd publishes it for the other site at the same time: so into
# folders of its own, the intermediate ones included.
set -eu
cd "$(dirname "$0")/../.."
# What an earlier version left behind would be deployed too.
rm -rf dist/background
exec dotnet publish functions/App -c Release -o dist/background --artifacts-path .local/background --nologo
