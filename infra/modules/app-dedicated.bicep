// A Dedicated (App Service) plan: two sites of one package. On this plan all functions of a site share one host process.
// That host shuts down when storage refuses the connections of its queue and timer functions. So the site that answers
// requests has no such functions, and serves policies from memory while storage is down.

@description('The region.')
param location string

@description('Tags of every resource.')
param tags object

@description('The suffix of every resource name.')
param token string

@description('The size of the plan.')
param sku string

@description('The resource id of the app\'s identity.')
param appIdentityId string

@description('The subnet for outbound connections; empty for none.')
param subnetId string

@description('The app settings, without those that the plan needs.')
param settings object

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-sts-${token}'
  location: location
  tags: tags
  kind: 'linux'
  sku: {
    name: sku
  }
  properties: {
    reserved: true
  }
}

module app 'app-dedicated-site.bicep' = {
  name: 'app-http'
  params: {
    location: location
    tags: union(tags, { 'azd-service-name': 'app' })
    name: 'func-sts-${token}'
    planId: plan.id
    appIdentityId: appIdentityId
    subnetId: subnetId
    settings: union(settings, { Sts__Functions: 'http' })
  }
}

module background 'app-dedicated-site.bicep' = {
  name: 'app-background'
  params: {
    location: location
    tags: union(tags, { 'azd-service-name': 'background' })
    // The first 32 characters of the names identify the two hosts on one storage account.
    name: 'func-sts-bg-${token}'
    planId: plan.id
    appIdentityId: appIdentityId
    subnetId: subnetId
    // DNS records point to the site that answers requests, never to this site. A name that the operator set stays.
    settings: union({ Sts__AppHost: app.outputs.host }, settings, { Sts__Functions: 'background' })
  }
}

output name string = app.outputs.name
output host string = app.outputs.host
output domainVerificationId string = app.outputs.domainVerificationId
output backgroundName string = background.outputs.name
