// Outbound connections to port 25, if Azure allows them to the subscription: a subnet for the app and one public address.

@description('The region.')
param location string

@description('Tags of every resource.')
param tags object

@description('The suffix of every resource name.')
param token string

@description('The kind of plan whose instances are in the subnet.')
@allowed(['Microsoft.App/environments', 'Microsoft.Web/serverFarms'])
param delegatedTo string

resource address 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: 'pip-sts-${token}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

resource gateway 'Microsoft.Network/natGateways@2024-05-01' = {
  name: 'ng-sts-${token}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIpAddresses: [
      {
        id: address.id
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-sts-${token}'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: ['10.25.0.0/24']
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: '10.25.0.0/25'
          natGateway: {
            id: gateway.id
          }
          delegations: [
            {
              name: 'plan'
              properties: {
                serviceName: delegatedTo
              }
            }
          ]
          // Traffic to storage bypasses the gateway, which charges by the byte.
          serviceEndpoints: [
            {
              service: 'Microsoft.Storage'
            }
          ]
        }
      }
    ]
  }
}

output subnetId string = network.properties.subnets[0].id
output address string = address.properties.ipAddress
