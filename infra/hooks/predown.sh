#!/bin/sh
# Before azd down: lists the hosted domains and the CNAMEs that would dangle, and stops if there are any.
set -eu
if [ -z "${STS_STORAGE_ACCOUNT:-}" ]; then
    exit 0
fi

echo "Domains that are still hosted here:"
if sh "$(dirname "$0")/../sts.sh" domain remaining; then
    exit 0
fi
if [ -n "${STS_FORCE_DOWN:-}" ]; then
    echo "STS_FORCE_DOWN is set: continuing."
    exit 0
fi
{
    echo "Nothing was deleted. Remove each domain first (docs/INSTALL.md, \"Remove a domain\"), and delete its CNAME in DNS."
    echo "To continue anyway: STS_FORCE_DOWN=1 azd down"
} >&2
exit 1
