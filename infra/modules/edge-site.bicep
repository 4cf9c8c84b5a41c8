// The edges flex and keyVault: the app itself has the certificates. There are three steps: bind a host name without TLS,
// but only if it is not bound yet, so that a later run removes no TLS; create its certificate; enable TLS.

@description('The region.')
param location string

@description('The name of the site.')
param siteName string

@description('The policy hosts, each with the name of its certificate.')
param hosts { name: string, certificate: string }[]

@description('The certificates: a managed one has the name of its host, any other comes from a Key Vault.')
param certificates { name: string, managed: bool, vaultId: string, secretName: string }[]

resource site 'Microsoft.Web/sites@2024-11-01' existing = {
  name: siteName
}

// One at a time: Azure answers 409 to host names that are bound at the same time.
@batchSize(1)
@onlyIfNotExists()
resource names 'Microsoft.Web/sites/hostNameBindings@2024-11-01' = [
  for host in hosts: {
    parent: site
    name: host.name
    properties: {
      siteName: siteName
      hostNameType: 'Verified'
      sslState: 'Disabled'
    }
  }
]

@batchSize(1)
resource siteCertificates 'Microsoft.Web/sites/certificates@2024-11-01' = [
  for certificate in certificates: {
    parent: site
    name: certificate.name
    location: location
    properties: certificate.managed
      ? {
          canonicalName: certificate.name
        }
      : {
          keyVaultId: certificate.vaultId
          keyVaultSecretName: certificate.secretName
        }
    dependsOn: [names]
  }
]

@batchSize(1)
module bindings 'edge-site-binding.bicep' = [
  for host in hosts: {
    name: 'tls-${uniqueString(host.name)}'
    params: {
      siteName: siteName
      hostName: host.name
      certificateName: host.certificate
    }
    dependsOn: [siteCertificates]
  }
]
