// The edges flex and keyVault: the app itself holds the certificates. A host name is bound without TLS first, and only
// where it is not bound yet, so that a later run takes no TLS away; then comes its certificate; then TLS.

@description('Where it stands.')
param location string

@description('The app.')
param siteName string

@description('The policy hosts, each with the certificate that is for it.')
param hosts { name: string, certificate: string }[]

@description('The certificates: managed ones have the name of their host, the others come from a Key Vault.')
param certificates { name: string, managed: bool, vaultId: string, secretName: string }[]

resource site 'Microsoft.Web/sites@2024-11-01' existing = {
  name: siteName
}

// One after the other: host names that are written at once answer 409.
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
