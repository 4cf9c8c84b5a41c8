// Binds one host name again, now with its certificate.

@description('The app.')
param siteName string

@description('The policy host.')
param hostName string

@description('The certificate of the site that is for it.')
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
