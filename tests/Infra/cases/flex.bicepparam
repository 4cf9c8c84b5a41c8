using '../../../infra/main.bicep'

param environmentName = 'case'
param location = 'westeurope'
param warnTo = 'postmaster@example.com, ops@example.net'
param principalId = '11111111-1111-1111-1111-111111111111'
param domains = 'example.com, example.net'
