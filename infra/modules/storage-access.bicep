// The roles of the app's identity and of the operator in the storage account.

@description('The name of the storage account.')
param accountName string

@description('The name of the app\'s identity.')
param appIdentityName string

@description('The object id of the operator who may use the app\'s command line; empty for none.')
param operatorId string

@description('The type of the operator: User, Group or ServicePrincipal.')
param operatorType string

var layout = loadJsonContent('../layout.json')
var roles = loadJsonContent('../roles.json')
var queueNames = flatten(map(layout.queues, queue => [queue, '${queue}-poison']))

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: accountName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource containers 'containers' existing = [for container in layout.containers: { name: container }]
  }

  resource queueService 'queueServices' existing = {
    name: 'default'

    resource queues 'queues' existing = [for queue in queueNames: { name: queue }]
  }

  resource tableService 'tableServices' existing = {
    name: 'default'

    resource tables 'tables' existing = [for table in layout.tables: { name: table }]
  }
}

resource appIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: appIdentityName
}

// The role is on the account: the Functions host creates and leases its own containers (azure-webjobs-hosts,
// azure-webjobs-secrets), whose names we cannot choose, and reads the deployed package.
resource appBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, appIdentity.id, roles['Storage Blob Data Owner'])
  scope: account
  properties: {
    principalId: appIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Storage Blob Data Owner']
    )
  }
}

resource appQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, i) in queueNames: {
    name: guid(account::queueService::queues[i].id, appIdentity.id, roles['Storage Queue Data Contributor'])
    scope: account::queueService::queues[i]
    properties: {
      principalId: appIdentity.properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles['Storage Queue Data Contributor']
      )
    }
  }
]

resource appTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (table, i) in layout.tables: {
    name: guid(account::tableService::tables[i].id, appIdentity.id, roles['Storage Table Data Contributor'])
    scope: account::tableService::tables[i]
    properties: {
      principalId: appIdentity.properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles['Storage Table Data Contributor']
      )
    }
  }
]

resource operatorBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (container, i) in layout.containers: if (!empty(operatorId)) {
    name: guid(account::blobs::containers[i].id, operatorId, roles['Storage Blob Data Contributor'])
    scope: account::blobs::containers[i]
    properties: {
      principalId: operatorId
      principalType: operatorType
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles['Storage Blob Data Contributor']
      )
    }
  }
]

resource operatorQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, i) in queueNames: if (!empty(operatorId)) {
    name: guid(account::queueService::queues[i].id, operatorId, roles['Storage Queue Data Contributor'])
    scope: account::queueService::queues[i]
    properties: {
      principalId: operatorId
      principalType: operatorType
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles['Storage Queue Data Contributor']
      )
    }
  }
]

resource operatorTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (table, i) in layout.tables: if (!empty(operatorId)) {
    name: guid(account::tableService::tables[i].id, operatorId, roles['Storage Table Data Contributor'])
    scope: account::tableService::tables[i]
    properties: {
      principalId: operatorId
      principalType: operatorType
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles['Storage Table Data Contributor']
      )
    }
  }
]
