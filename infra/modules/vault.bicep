// The Key Vault for the secrets that the app's settings refer to, and for nothing else. No template writes a secret.

@description('The region.')
param location string

@description('Tags of every resource.')
param tags object

@description('The name of the vault.')
param name string

@description('The name of the app\'s identity, which gets the right to read.')
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

// The role is on the vault: the operator adds the secrets later, and Azure assigns no role on a secret that does not exist.
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
