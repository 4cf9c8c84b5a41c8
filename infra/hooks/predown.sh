#!/bin/sh
# Before everything goes: whose mail would suffer, and which names would dangle.
set -eu
if [ -z "${STS_STORAGE_ACCOUNT:-}" ]; then
    exit 0
fi

echo "Domains that are still hosted here:"
if sh "$(dirname "$0")/../sts.sh" domain remaining; then
    exit 0
fi
if [ -n "${STS_FORCE_DOWN:-}" ]; then
    echo "STS_FORCE_DOWN is set: going on."
    exit 0
fi
{
    echo "Not taken down. Let each domain leave first (docs/INSTALL.md, \"A domain leaves\"), and take its CNAME out of DNS."
    echo "To go on all the same: STS_FORCE_DOWN=1 azd down"
} >&2
exit 1
