using '../../../infra/main.bicep'

param environmentName = 'case'
param location = 'westeurope'
param emailTo = 'postmaster@example.com'
param edge = 'frontDoor'
param frontDoorTier = 'Premium'
param mail = 'smtp'
param smtpHost = 'relay.example.com'
param smtpPort = 465
param smtpUser = 'mta-sts'
param emailFrom = 'mta-sts@example.com'
param settings = 'Sts__MaxStale=2.00:00:00; Sts__EhloName=check.example.com'
param principalId = '11111111-1111-1111-1111-111111111111'
param principalType = 'ServicePrincipal'
param operatorAccess = false
param natGateway = true
param delegationZone = 'mta-sts.example.net'
param storageSku = 'Standard_ZRS'
param reportRetentionDays = 365
param observationRetentionDays = 30
param logCapGb = 5
param instanceMemoryMB = 2048
param maximumInstanceCount = 100
param alwaysReadyInstances = 1
param httpConcurrency = 32
param rollingUpdate = false
param usePlaceholder = true
