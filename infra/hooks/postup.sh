#!/bin/sh
# Prints the app's address and the next steps: the first domain and the first operator.
set -eu
domain=$(printf %s "${STS_DOMAINS:-example.com}" | tr ',;' '  ' | awk '{ print $1 }')
case ${STS_EDGE:-flex} in
    frontDoor) target=$(printf %s "${STS_EDGE_PROFILES:-}" | tr -d '[]"' | tr ',' '\n' | sed -n '1s/^[^=]*=//p') ;;
    *) target=$STS_APP_HOST ;;
esac

cat <<END

StsFunctions runs at https://$STS_APP_HOST/

Host the first domain, here $domain (docs/INSTALL.md explains each step):

  1. Write its policy into policy.txt, with mode: testing at first, and publish it:
       sh infra/sts.sh domain add $domain --policy policy.txt
  2. Publish in DNS:
       mta-sts.$domain.  CNAME  $target.
END
if [ "${STS_EDGE:-flex}" = frontDoor ]; then
    cat <<END
  3. Add it to Front Door, and publish the _dnsauth record that this prints:
       azd env set STS_DOMAINS "$domain"
       azd provision
END
else
    cat <<END
       asuid.mta-sts.$domain.  TXT  "$STS_DOMAIN_VERIFICATION_ID"
  3. Bind the policy host, with TLS:
       azd env set STS_DOMAINS "$domain"
       azd provision
END
fi
cat <<END
  4. Check that the policy is served. Only then publish the two records that step 1 printed, _mta-sts last:
       curl https://mta-sts.$domain/.well-known/mta-sts.txt
END
if [ -n "${STS_AUTH_CLIENT_ID:-}" ] && [ "$STS_AUTH_CLIENT_ID" != none ]; then
    cat <<END

Assign a role of the API to the first operator, and in the same way to others (Sts.Admin, Sts.Reader, Sts.Agent, Sts.AllGroups):

       sh infra/hooks/grant-role.sh Sts.Admin you@example.com
END
fi
