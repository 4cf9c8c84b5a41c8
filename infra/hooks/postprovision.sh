#!/bin/sh
# Prints the DNS records that Front Door still waits for. For the other edges, preprovision printed them.
set -eu
if [ "${STS_EDGE:-flex}" != frontDoor ]; then
    exit 0
fi

records=$(
    for profile in $(printf %s "${STS_EDGE_PROFILES:-}" | tr -d '[]"' | tr ',' ' '); do
        waiting=$(az afd custom-domain list --resource-group "$AZURE_RESOURCE_GROUP" --profile-name "${profile%%=*}" \
            --query "[?domainValidationState!='Approved'].[hostName, validationProperties.validationToken]" --output tsv)
        printf '%s\n' "$waiting" | while read -r host token; do
            if [ -n "$host" ]; then
                echo "  $host.  CNAME  ${profile#*=}."
                echo "  _dnsauth.$host.  TXT  \"$token\""
            fi
        done
    done
)
if [ -n "$records" ]; then
    echo "Front Door waits for these DNS records, and then creates the certificates automatically:"
    echo "$records"
fi
