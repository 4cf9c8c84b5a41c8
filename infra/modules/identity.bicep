// The managed identity of the app.

@description('The region.')
param location string

@description('Tags of every resource.')
param tags object

@description('The suffix of every resource name.')
param token string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-sts-${token}'
  location: location
  tags: tags
}

output id string = identity.id
output name string = identity.name
output principalId string = identity.properties.principalId
