// A DNS zone that customers point _mta-sts and _smtp._tls at by CNAME (RFC 8461 section 8.2). The template creates no
// records: the ids in its TXT records change with every policy, so a deployment must not write them.

@description('Tags of every resource.')
param tags object

@description('The name of the zone.')
param name string

resource zone 'Microsoft.Network/dnsZones@2018-05-01' = {
  name: name
  location: 'global'
  tags: tags
}

output nameServers array = zone.properties.nameServers
