// Lets the app's identity read one certificate in the operator's own Key Vault, in any resource group.

@description('The name of the vault.')
param vaultName string

@description('The name of the certificate: a certificate is a secret of the same name.')
param secretName string

@description('The resource id of the app\'s identity.')
param appIdentityId string

@description('The object id of the app\'s identity.')
param appPrincipalId string

var roles = loadJsonContent('../roles.json')

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName

  resource secret 'secrets' existing = {
    name: secretName
  }
}

resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault::secret.id, appIdentityId, roles['Key Vault Secrets User'])
  scope: vault::secret
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Key Vault Secrets User'])
  }
}
