using '../../../infra/main.bicep'

param environmentName = 'case'
param location = 'westeurope'
param emailTo = 'postmaster@example.com'
param edge = 'keyVault'
param domains = 'a.example, b.example; c.example'
param certificateVaultId = '/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/certificates/providers/Microsoft.KeyVault/vaults/company'
param certificateNames = 'first, second'
