// Updates the binding of one host name: adds its certificate.

@description('The name of the site.')
param siteName string

@description('The policy host.')
param hostName string

@description('The name of its certificate in the site.')
param certificateName string

resource site 'Microsoft.Web/sites@2024-11-01' existing = {
  name: siteName

  resource certificate 'certificates' existing = {
    name: certificateName
  }
}

resource binding 'Microsoft.Web/sites/hostNameBindings@2024-11-01' = {
  parent: site
  name: hostName
  properties: {
    siteName: siteName
    hostNameType: 'Verified'
    sslState: 'SniEnabled'
    thumbprint: site::certificate.properties.thumbprint
  }
}
