using '../../../infra/main.bicep'

param environmentName = 'case'
param location = 'westeurope'
param emailTo = 'postmaster@example.com'
param plan = 'dedicated'
param planSku = 'P0v3'
param edge = 'frontDoor'
param domains = 'a.example'
param natGateway = true
