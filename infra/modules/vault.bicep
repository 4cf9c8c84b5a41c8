// Secrets that the app's settings refer to. It holds nothing else, and nothing in this template writes one.

@description('Where it stands.')
param location string

@description('Tags of every resource.')
param tags object

@description('The vault\'s name.')
param name string

@description('The app\'s identity, which may read.')
param appIdentityName string

var roles = loadJsonContent('../roles.json')

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
  }
}

resource appIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: appIdentityName
}

// The vault, not a secret: secrets come later, by the operator's hand, and a role cannot be given on what is not there.
resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, appIdentity.id, roles['Key Vault Secrets User'])
  scope: vault
  properties: {
    principalId: appIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Key Vault Secrets User'])
  }
}

output name string = vault.name
output uri string = vault.properties.vaultUri
