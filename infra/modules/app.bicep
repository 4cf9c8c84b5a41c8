// The app: the same package and the same settings, on the plan that was chosen.

@description('The region.')
param location string

@description('Tags of every resource.')
param tags object

@description('What every name ends with.')
param token string

@description('What the app runs on: flex or dedicated.')
param plan string

@description('The size of a Dedicated plan.')
param planSku string

@description('The app\'s identity.')
param appIdentityName string

@description('The storage account.')
param storageName string

@description('The container that packages are deployed to (flex).')
param deploymentContainerUrl string

@description('Where telemetry goes.')
param insightsConnectionString string

@description('Memory of an instance (flex).')
@allowed([512, 2048, 4096])
param instanceMemoryMB int

@description('The most instances (flex).')
param maximumInstanceCount int

@description('Instances that wait for requests; each is paid for by the hour (flex).')
param alwaysReadyInstances int

@description('HTTP requests that one instance answers at the same time (flex).')
param httpConcurrency int

@description('Whether an update replaces instances in batches (flex).')
param rollingUpdate bool

@description('Whether an instance starts from the process that the platform has started before (flex).')
param usePlaceholder bool

@description('The subnet for outbound connections; empty for none.')
param subnetId string

@description('The settings of the app itself: Sts__… by name.')
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
// Empty where one site runs every function.
output backgroundName string = plan == 'flex' ? '' : dedicated!.outputs.backgroundName
