// The app: the same package and the same settings on each plan.

@description('The region.')
param location string

@description('Tags of every resource.')
param tags object

@description('The suffix of every resource name.')
param token string

@description('The plan: flex or dedicated.')
param plan string

@description('The size of the Dedicated plan.')
param planSku string

@description('The name of the app\'s identity.')
param appIdentityName string

@description('The name of the storage account.')
param storageName string

@description('The URL of the container for deployment packages (flex).')
param deploymentContainerUrl string

@description('The connection string of Application Insights.')
param insightsConnectionString string

@description('Memory of an instance (flex).')
@allowed([512, 2048, 4096])
param instanceMemoryMB int

@description('The maximum number of instances (flex).')
param maximumInstanceCount int

@description('Instances that wait for requests; each is paid for by the hour (flex).')
param alwaysReadyInstances int

@description('HTTP requests that one instance answers at the same time (flex).')
param httpConcurrency int

@description('Whether an update replaces instances in batches (flex).')
param rollingUpdate bool

@description('Whether an instance starts from a process that the platform started earlier (flex).')
param usePlaceholder bool

@description('The subnet for outbound connections; empty for none.')
param subnetId string

@description('The app\'s own settings (Sts__…).')
param settings object

@description('The ids of the Front Door profiles.')
param frontDoorIds string[]

@description('The endpoints of the Front Door profiles.')
param edgeHosts string[]

resource appIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: appIdentityName
}

var everySetting = union(
  {
    AzureWebJobsStorage__accountName: storageName
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: appIdentity.properties.clientId
    // The host would answer GET / with its own page, on policy hosts too.
    AzureWebJobsDisableHomepage: 'true'
    AZURE_CLIENT_ID: appIdentity.properties.clientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${appIdentity.properties.clientId};Authorization=AAD'
    Sts__FrontDoorIds: join(frontDoorIds, ',')
    Sts__EdgeHosts: join(edgeHosts, ',')
  },
  settings
)

module flex 'app-flex.bicep' = if (plan == 'flex') {
  name: 'app-flex'
  params: {
    location: location
    tags: tags
    token: token
    appIdentityId: appIdentity.id
    deploymentContainerUrl: deploymentContainerUrl
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    httpConcurrency: httpConcurrency
    rollingUpdate: rollingUpdate
    usePlaceholder: usePlaceholder
    subnetId: subnetId
    settings: everySetting
  }
}

module dedicated 'app-dedicated.bicep' = if (plan == 'dedicated') {
  name: 'app-dedicated'
  params: {
    location: location
    tags: tags
    token: token
    sku: planSku
    appIdentityId: appIdentity.id
    subnetId: subnetId
    settings: everySetting
  }
}

output name string = plan == 'flex' ? flex!.outputs.name : dedicated!.outputs.name
output host string = plan == 'flex' ? flex!.outputs.host : dedicated!.outputs.host
output domainVerificationId string = plan == 'flex'
  ? flex!.outputs.domainVerificationId
  : dedicated!.outputs.domainVerificationId
// Empty if one site runs every function.
output backgroundName string = plan == 'flex' ? '' : dedicated!.outputs.backgroundName
