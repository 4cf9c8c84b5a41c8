using '../../../infra/main.bicep'

param environmentName = 'case'
param location = 'westeurope'
param warnTo = 'postmaster@example.com'
param edge = 'frontDoor'
param domains = 'a.example, b.example; c.example'
