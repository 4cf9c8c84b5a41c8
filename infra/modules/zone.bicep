// A DNS zone that customers point _mta-sts and _smtp._tls at by CNAME (RFC 8461 section 8.2). It is made empty: the ids
// in its TXT records change with every policy, so no deployment may ever write them.

@description('Tags of every resource.')
param tags object

@description('The zone\'s name.')
param name string

resource zone 'Microsoft.Network/dnsZones@2018-05-01' = {
  name: name
  location: 'global'
  tags: tags
}

output nameServers array = zone.properties.nameServers
