using '../../../infra/main.bicep'

param environmentName = 'case'
param location = 'westeurope'
param emailTo = 'postmaster@example.com'
param principalId = '11111111-1111-1111-1111-111111111111'
