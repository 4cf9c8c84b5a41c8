// Everything that StsFunctions needs, in one resource group. docs/INSTALL.md describes each parameter.

targetScope = 'subscription'

@description('The name of the azd environment.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('The region.')
param location string

@description('The plan that the app runs on: Flex Consumption (flex) or a Dedicated plan of App Service (dedicated).')
@allowed(['flex', 'dedicated'])
param plan string = 'flex'

@description('The size of the Dedicated plan (dedicated).')
@allowed(['B1', 'B2', 'B3', 'P0v3', 'P1v3', 'P2v3'])
param planSku string = 'B1'

@description('The edge, which has the certificates of the policy hosts: the app with managed certificates (flex), Azure Front Door (frontDoor), or the app with your certificates (keyVault).')
@allowed(['flex', 'frontDoor', 'keyVault'])
param edge string = 'flex'

@description('The domains whose policy hosts get TLS, separated by commas. A semicolon starts the next profile (frontDoor) or the next certificate (keyVault).')
param domains string = ''

@description('The tier of the Front Door profiles.')
@allowed(['Standard', 'Premium'])
param frontDoorTier string = 'Standard'

@description('The resource id of the Key Vault that holds your certificates (keyVault).')
param certificateVaultId string = ''

@description('The names of your certificates in that Key Vault, in the order of the groups of domains, separated by commas (keyVault).')
param certificateNames string = ''

@description('The mail addresses that get notifications and alerts, separated by commas.')
param emailTo string

@description('How notifications are sent: through Communication Services, through your relay (smtp), or not at all (none), so that they are only in the log.')
@allowed(['communicationServices', 'smtp', 'none'])
param mail string = 'communicationServices'

@description('The data location of Communication Services, such as Europe or United States.')
param mailDataLocation string = 'Europe'

@description('The sender address of notifications (smtp).')
param emailFrom string = ''

@description('Your relay (smtp). Its password is the secret Sts-SmtpPassword in the Key Vault of this deployment.')
param smtpHost string = ''

@description('The port of the relay: 465 uses TLS from the start, any other port STARTTLS.')
param smtpPort int = 587

@description('The user name at the relay; empty for no sign-in.')
param smtpUser string = ''

@description('More settings of docs/SETTINGS.md, as name=value, separated by semicolons.')
param settings string = ''

@description('The application (client) id of the Entra app registration that protects the API; with none, the API is closed.')
param authClientId string = ''

@description('The claim that names the groups of domains that a caller of the API may see, such as roles or groups; empty: callers are not limited to groups.')
param authGroupClaim string = ''

@description('The object id of the principal that deploys.')
param principalId string = ''

@description('The type of that principal.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param principalType string = 'User'

@description('Whether that principal may use the app\'s command line, and so read and write the app\'s data.')
param operatorAccess bool = true

@description('Whether outbound connections use a NAT gateway. Port 25 needs it, and a subscription for which Azure does not block outbound port 25.')
param natGateway bool = false

@description('A DNS zone to create, for _mta-sts records by delegation; empty for none.')
param delegationZone string = ''

@description('The redundancy of the storage account. Not every region has zones.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param storageSku string = 'Standard_LRS'

@description('The number of days that the app stores a raw report after it was read: 7 to 3650. It becomes the setting Sts__RawReportDays.')
param reportRetentionDays int = 90

@description('The number of days that the app stores an observation: 7 to 3650. It becomes the setting Sts__ObservationDays.')
param observationRetentionDays int = 90

@description('The daily limit of telemetry in GB: 1 to 100. The rest of the day is not recorded.')
param logCapGb int = 1

@description('The memory of an instance in MB (flex).')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 512

@description('The maximum number of instances: 40 to 1000 (flex).')
param maximumInstanceCount int = 40

@description('The number of instances that wait for requests: 0 to 20. Each is paid for by the hour (flex).')
param alwaysReadyInstances int = 0

@description('The number of HTTP requests that one instance answers at the same time: 1 to 1000 (flex).')
param httpConcurrency int = 8

@description('Whether a deployment or a change of settings replaces instances in batches, without interruption (flex).')
param rollingUpdate bool = true

@description('Whether an instance starts from a process that the platform started earlier (flex). Off until that process no longer crashes with .NET 10: Azure/azure-functions-dotnet-worker issue 3335.')
param usePlaceholder bool = false

// ---------------------------------------------------------------- Parameters

// An empty group keeps its position: the domains of other groups must not move to another profile.
var groups = map(
  empty(trim(domains)) ? [] : split(toLower(domains), ';'),
  group => filter(map(split(group, ','), domain => trim(domain)), domain => !empty(domain))
)
var allDomains = flatten(groups)
var certificates = filter(map(split(certificateNames, ','), name => trim(name)), name => !empty(name))
var addresses = filter(map(split(emailTo, ','), address => trim(address)), address => !empty(address))
var furtherSettings = filter(map(split(settings, ';'), setting => trim(setting)), setting => !empty(setting))
var frontDoorCapacity = frontDoorTier == 'Premium' ? 500 : 100
var apiClientId = authClientId == 'none' ? '' : authClientId
var certificateVault = split(certificateVaultId, '/')
var isVault = length(certificateVault) == 9 && contains(
  toLower(certificateVaultId),
  '/providers/microsoft.keyvault/vaults/'
)

// ---------------------------------------------------------------- Validation, before anything is deployed

var wrongDomains = filter(
  allDomains,
  domain =>
    // A URL escapes every character but letters, digits, dots, hyphens and two more.
    !contains(domain, '.') || startsWith(domain, '.') || endsWith(domain, '.') || contains(domain, '..') || length(domain) > 245 || uriComponent(domain) != domain || contains(
      domain,
      '_'
    ) || contains(domain, '~')
)
var policyHostDomains = filter(allDomains, domain => startsWith(domain, 'mta-sts.'))
var longDomains = filter(allDomains, domain => length('mta-sts.${domain}') > 64)
var faults = filter(
  [
    empty(wrongDomains)
      ? ''
      : 'STS_DOMAINS: "${join(wrongDomains, '", "')}" is not a domain name; write names such as example.com, with A-labels (xn--…), separated by commas.'
    empty(policyHostDomains)
      ? ''
      : 'STS_DOMAINS: "${join(policyHostDomains, '", "')}": name the mail domain, without mta-sts. before it.'
    length(union(allDomains, [])) == length(allDomains) ? '' : 'STS_DOMAINS: a domain is named twice.'
    plan == 'dedicated' && edge != 'frontDoor'
      ? 'STS_PLAN=dedicated works with STS_EDGE=frontDoor only: the templates create no certificates on a Dedicated plan yet. Choose STS_EDGE=frontDoor, or STS_PLAN=flex; docs/INSTALL.md says what works on which plan.'
      : ''
    edge == 'flex' && length(allDomains) > 3
      ? 'STS_EDGE=flex supports 3 policy hosts, since an app on Flex Consumption can have 3 certificates; STS_DOMAINS names ${length(allDomains)}. Choose STS_EDGE=keyVault (up to 300 hosts in 3 certificates of your own) or STS_EDGE=frontDoor (100 a Standard profile, 500 a Premium one); docs/INSTALL.md says what each costs.'
      : ''
    edge == 'flex' && length(groups) > 1
      ? 'STS_DOMAINS: with STS_EDGE=flex there are no groups; separate the domains by commas, not by semicolons.'
      : ''
    edge == 'flex' && !empty(longDomains)
      ? 'STS_EDGE=flex: a managed certificate has names of up to 64 characters, and mta-sts.${join(longDomains, ', mta-sts.')} is longer. Choose STS_EDGE=keyVault or STS_EDGE=frontDoor.'
      : ''
    edge == 'frontDoor' && length(filter(groups, group => length(group) > frontDoorCapacity)) > 0
      ? 'STS_EDGE=frontDoor: a ${frontDoorTier} profile supports ${frontDoorCapacity} domains, and a group of STS_DOMAINS is larger. Start another profile with a semicolon${frontDoorTier == 'Standard' ? ', or choose STS_FRONTDOOR_TIER=Premium (500)' : ''}; leave the deployed domains in their group.'
      : ''
    edge == 'keyVault' && length(groups) > 3
      ? 'STS_EDGE=keyVault supports 3 certificates, since an app on Flex Consumption can have no more; STS_DOMAINS has ${length(groups)} groups. Put up to 100 names into each certificate, or choose STS_EDGE=frontDoor.'
      : ''
    edge == 'keyVault' && length(filter(groups, group => length(group) > 100)) > 0
      ? 'STS_EDGE=keyVault: a certificate can have up to 100 names, and a group of STS_DOMAINS is larger. Start another certificate with a semicolon, or choose STS_EDGE=frontDoor.'
      : ''
    edge == 'keyVault' && length(groups) != length(certificates)
      ? 'STS_EDGE=keyVault: STS_DOMAINS has ${length(groups)} group(s) and STS_CERTIFICATES ${length(certificates)} name(s); each group (separated by semicolons) needs its certificate (separated by commas), in the same order.'
      : ''
    edge == 'keyVault' && !empty(groups) && !isVault
      ? 'STS_EDGE=keyVault: STS_CERTIFICATE_VAULT is not the resource id of a Key Vault; `az keyvault show --name NAME --query id` prints it.'
      : ''
    length(filter(addresses, address => !contains(address, '@') || contains(address, ' '))) > 0 || empty(addresses)
      ? 'STS_EMAIL_TO: write the mail addresses that get notifications, separated by commas.'
      : ''
    mail == 'smtp' && (empty(smtpHost) || empty(emailFrom))
      ? 'STS_MAIL=smtp needs STS_SMTP_HOST (your relay) and STS_EMAIL_FROM (the sender of notifications).'
      : ''
    empty(apiClientId) || (length(apiClientId) == 36 && length(split(apiClientId, '-')) == 5)
      ? ''
      : 'STS_AUTH_CLIENT_ID: "${apiClientId}" is not an application (client) id; write the GUID of the app registration, or none.'
    contains(authGroupClaim, ' ') || contains(authGroupClaim, ',')
      ? 'STS_AUTH_GROUP_CLAIM: "${authGroupClaim}" is not the name of a claim; write one name, such as roles or groups.'
      : ''
    smtpPort < 1 || smtpPort > 65535 ? 'STS_SMTP_PORT: ${smtpPort} is not a port; write a number from 1 to 65535.' : ''
    length(filter(furtherSettings, setting => !startsWith(setting, 'Sts__') || !contains(setting, '='))) > 0
      ? 'STS_SETTINGS: write settings of docs/SETTINGS.md as Sts__Name=value, separated by semicolons.'
      : ''
    length(filter(furtherSettings, setting => startsWith(setting, 'Sts__Lab__'))) > 0
      ? 'STS_SETTINGS: Sts__Lab__ settings remove protections; they are for a lab on one machine, never for Azure.'
      : ''
    length(filter(
        furtherSettings,
        setting => startsWith(setting, 'Sts__RawReportDays') || startsWith(setting, 'Sts__ObservationDays')
      )) > 0
      ? 'STS_SETTINGS: the templates set Sts__RawReportDays from STS_REPORT_DAYS, and Sts__ObservationDays from STS_OBSERVATION_DAYS; set those.'
      : ''
    !empty(delegationZone) && (!contains(delegationZone, '.') || endsWith(delegationZone, '.'))
      ? 'STS_DELEGATION_ZONE: "${delegationZone}" is not the name of a zone; write it without a dot at the end, such as mta-sts.example.net.'
      : ''
    reportRetentionDays < 7 || reportRetentionDays > 3650
      ? 'STS_REPORT_DAYS: ${reportRetentionDays} is out of range; write 7 to 3650 days.'
      : ''
    observationRetentionDays < 7 || observationRetentionDays > 3650
      ? 'STS_OBSERVATION_DAYS: ${observationRetentionDays} is out of range; write 7 to 3650 days.'
      : ''
    logCapGb < 1 || logCapGb > 100 ? 'STS_LOG_CAP_GB: ${logCapGb} is out of range; write 1 to 100 GB a day.' : ''
    maximumInstanceCount < 40 || maximumInstanceCount > 1000
      ? 'STS_MAX_INSTANCES: ${maximumInstanceCount} is out of range; Flex Consumption accepts 40 to 1000.'
      : ''
    alwaysReadyInstances < 0 || alwaysReadyInstances > 20
      ? 'STS_ALWAYS_READY: ${alwaysReadyInstances} is out of range; write 0 to 20, each is paid for by the hour.'
      : ''
    httpConcurrency < 1 || httpConcurrency > 1000
      ? 'STS_HTTP_CONCURRENCY: ${httpConcurrency} is out of range; one instance answers 1 to 1000 requests at the same time.'
      : ''
  ],
  fault => !empty(fault)
)
// Every resource is in the group, so nothing is deployed if there is an error.
var groupName = empty(faults) ? 'rg-${environmentName}' : fail(join(faults, ' '))

// ---------------------------------------------------------------- Resources

var tags = {
  'azd-env-name': environmentName
}
var token = uniqueString(subscription().id, environmentName, location)
var profileCount = edge == 'frontDoor' ? max(length(groups), 1) : 0

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: groupName
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  name: 'identity'
  params: {
    location: location
    tags: tags
    token: token
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  name: 'monitoring'
  params: {
    location: location
    tags: tags
    token: token
    dailyCapGb: logCapGb
    appIdentityName: identity.outputs.name
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  name: 'storage'
  params: {
    location: location
    tags: tags
    name: 'stmta${token}'
    sku: storageSku
    workspaceId: monitoring.outputs.workspaceId
  }
}

module storageAccess 'modules/storage-access.bicep' = {
  scope: group
  name: 'storage-access'
  params: {
    accountName: storage.outputs.name
    appIdentityName: identity.outputs.name
    operatorId: operatorAccess ? principalId : ''
    operatorType: principalType
  }
}

module events 'modules/events.bicep' = {
  scope: group
  name: 'events'
  params: {
    location: location
    tags: tags
    token: token
    accountName: storage.outputs.name
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  name: 'vault'
  params: {
    location: location
    tags: tags
    name: 'kv-sts-${token}'
    appIdentityName: identity.outputs.name
  }
}

module communication 'modules/mail.bicep' = if (mail == 'communicationServices') {
  scope: group
  name: 'mail'
  params: {
    tags: tags
    token: token
    dataLocation: mailDataLocation
    appIdentityName: identity.outputs.name
  }
}

module network 'modules/network.bicep' = if (natGateway) {
  scope: group
  name: 'network'
  params: {
    location: location
    tags: tags
    token: token
    delegatedTo: plan == 'flex' ? 'Microsoft.App/environments' : 'Microsoft.Web/serverFarms'
  }
}

module zone 'modules/zone.bicep' = if (!empty(delegationZone)) {
  scope: group
  name: 'zone'
  params: {
    tags: tags
    name: delegationZone
  }
}

module profiles 'modules/frontdoor-profile.bicep' = [
  for i in range(0, profileCount): {
    scope: group
    name: 'frontdoor-profile-${i + 1}'
    params: {
      tags: tags
      name: 'afd-sts-${token}-${i + 1}'
      tier: frontDoorTier
    }
  }
]

module app 'modules/app.bicep' = {
  scope: group
  name: 'app'
  params: {
    location: location
    tags: tags
    token: token
    plan: plan
    planSku: planSku
    appIdentityName: identity.outputs.name
    storageName: storage.outputs.name
    deploymentContainerUrl: storage.outputs.deploymentContainerUrl
    insightsConnectionString: monitoring.outputs.connectionString
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    httpConcurrency: httpConcurrency
    rollingUpdate: rollingUpdate
    usePlaceholder: usePlaceholder
    subnetId: natGateway ? network!.outputs.subnetId : ''
    frontDoorIds: [for i in range(0, profileCount): profiles[i].outputs.frontDoorId]
    edgeHosts: [for i in range(0, profileCount): profiles[i].outputs.host]
    settings: union(
      mail == 'communicationServices'
        ? {
            Sts__AcsEndpoint: communication!.outputs.endpoint
            Sts__EmailFrom: communication!.outputs.sender
            Sts__EmailTo: join(addresses, ',')
          }
        : {},
      mail == 'smtp'
        ? {
            Sts__SmtpHost: smtpHost
            Sts__SmtpPort: string(smtpPort)
            Sts__SmtpUser: smtpUser
            Sts__SmtpPassword: empty(smtpUser)
              ? ''
              : '@Microsoft.KeyVault(SecretUri=${vault.outputs.uri}secrets/Sts-SmtpPassword)'
            Sts__EmailFrom: emailFrom
            Sts__EmailTo: join(addresses, ',')
          }
        : {},
      {
        Sts__RawReportDays: string(reportRetentionDays)
        Sts__ObservationDays: string(observationRetentionDays)
      },
      // The app cannot know which CA issues the operator's own certificates.
      edge == 'keyVault' ? { Sts__CertificateAuthority: 'none' } : {},
      empty(apiClientId)
        ? {}
        : {
            Sts__Auth__Tenant: tenant().tenantId
            Sts__Auth__Audience: apiClientId
          },
      empty(apiClientId) || empty(authGroupClaim)
        ? {}
        : {
            Sts__Auth__GroupClaim: authGroupClaim
          },
      toObject(
        furtherSettings,
        setting => trim(substring(setting, 0, indexOf(setting, '='))),
        setting => trim(substring(setting, indexOf(setting, '=') + 1))
      )
    )
  }
  // An app that starts without its roles does not get them before its next start.
  dependsOn: [storageAccess]
}

module flexEdge 'modules/edge-site.bicep' = if (edge == 'flex' && !empty(allDomains)) {
  scope: group
  name: 'edge-flex'
  params: {
    location: location
    siteName: app.outputs.name
    hosts: [for domain in allDomains: { name: 'mta-sts.${domain}', certificate: 'mta-sts.${domain}' }]
    certificates: [for domain in allDomains: { name: 'mta-sts.${domain}', managed: true, vaultId: '', secretName: '' }]
  }
}

module certificateAccess 'modules/certificate-access.bicep' = [
  for (certificate, i) in (edge == 'keyVault' && isVault ? certificates : []): {
    scope: resourceGroup(certificateVault[2], certificateVault[4])
    name: 'sts-certificate-${i + 1}-${token}'
    params: {
      vaultName: certificateVault[8]
      secretName: certificate
      appIdentityId: identity.outputs.id
      appPrincipalId: identity.outputs.principalId
    }
  }
]

module keyVaultEdge 'modules/edge-site.bicep' = if (edge == 'keyVault' && !empty(allDomains)) {
  scope: group
  name: 'edge-keyvault'
  params: {
    location: location
    siteName: app.outputs.name
    hosts: flatten(map(
      range(0, length(groups)),
      i => map(groups[i], domain => { name: 'mta-sts.${domain}', certificate: certificates[i] })
    ))
    certificates: [
      for certificate in certificates: {
        name: certificate
        managed: false
        vaultId: certificateVaultId
        secretName: certificate
      }
    ]
  }
  dependsOn: [certificateAccess]
}

module frontDoorEdge 'modules/frontdoor.bicep' = [
  for i in range(0, profileCount): {
    scope: group
    name: 'edge-frontdoor-${i + 1}'
    params: {
      profileName: 'afd-sts-${token}-${i + 1}'
      endpointName: profiles[i].outputs.endpointName
      appHost: app.outputs.host
      hosts: map(empty(groups) ? [] : groups[i], domain => 'mta-sts.${domain}')
    }
  }
]

module alerts 'modules/alerts.bicep' = {
  scope: group
  name: 'alerts'
  params: {
    location: location
    tags: tags
    token: token
    workspaceId: monitoring.outputs.workspaceId
    topicId: events.outputs.topicId
    addresses: addresses
  }
}

// ---------------------------------------------------------------- Outputs for azd and the hooks

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = groupName
output STS_APP_NAME string = app.outputs.name
// The site of the timers and queues on a Dedicated plan; empty on Flex Consumption.
output STS_BACKGROUND_APP_NAME string = app.outputs.backgroundName
output STS_APP_HOST string = app.outputs.host
output STS_DOMAIN_VERIFICATION_ID string = app.outputs.domainVerificationId
output STS_STORAGE_ACCOUNT string = storage.outputs.name
output STS_KEY_VAULT string = vault.outputs.name
// An environment value has one line: profile=endpoint, separated by commas.
output STS_EDGE_PROFILES array = [
  for i in range(0, profileCount): 'afd-sts-${token}-${i + 1}=${profiles[i].outputs.host}'
]
output STS_OUTBOUND_ADDRESS string = natGateway ? network!.outputs.address : ''
output STS_ZONE_NAME_SERVERS string = empty(delegationZone) ? '' : join(zone!.outputs.nameServers, ',')
