using '../../../infra/main.bicep'

param environmentName = 'case'
param location = 'westeurope'
param emailTo = 'postmaster@example.com, ops@example.net'
param principalId = '11111111-1111-1111-1111-111111111111'
param domains = 'example.com, example.net'
param authClientId = '88888888-8888-8888-8888-888888888888'
param authGroupClaim = 'roles'
