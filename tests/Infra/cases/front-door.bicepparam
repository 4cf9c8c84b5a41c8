using '../../../infra/main.bicep'

param environmentName = 'case'
param location = 'westeurope'
param emailTo = 'postmaster@example.com'
param edge = 'frontDoor'
param domains = 'a.example, b.example; c.example'
