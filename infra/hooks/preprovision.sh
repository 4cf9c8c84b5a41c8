#!/bin/sh
# Before azd provision: prints the DNS records that a binding needs, and registers the app in Entra ID.
set -eu

domains=$(printf %s "${STS_DOMAINS:-}" | tr ',;' '  ')
if [ "${STS_EDGE:-flex}" != frontDoor ] && [ -n "$(printf %s "$domains" | tr -d ' ')" ]; then
    if [ -z "${STS_APP_HOST:-}" ]; then
        {
            echo "STS_DOMAINS: Azure binds a host name only if DNS points to the app, and the app's address is not known before its first deployment."
            echo "Run azd up without domains first (azd env set STS_DOMAINS \"\"); it then prints the records to publish."
        } >&2
        exit 1
    fi
    echo "These records must be in DNS now, or Azure refuses to bind the host names:"
    for domain in $domains; do
        echo "  mta-sts.$domain.  CNAME  $STS_APP_HOST."
        echo "  asuid.mta-sts.$domain.  TXT  \"$STS_DOMAIN_VERIFICATION_ID\""
    done
fi

exec sh "$(dirname "$0")/register-app.sh"
