// The edge frontDoor: every policy host is a custom domain of the profile, with a certificate that Front Door manages.
// Front Door forwards one path to the app's own host name, with the requested host name in X-Sts-Policy-Host. It caches
// nothing: after an update no sender may get the old policy (RFC 8461 section 8.1).

@description('The name of the profile.')
param profileName string

@description('The name of its endpoint.')
param endpointName string

@description('The app\'s own host name.')
param appHost string

@description('The policy hosts.')
param hosts string[]

resource profile 'Microsoft.Cdn/profiles@2025-06-01' existing = {
  name: profileName

  resource endpoint 'afdEndpoints' existing = {
    name: endpointName
  }
}

resource group 'Microsoft.Cdn/profiles/originGroups@2025-06-01' = {
  parent: profile
  name: 'app'
  properties: {
    // There is one origin, so health probes have no use.
    loadBalancingSettings: {
      sampleSize: 4
      successfulSamplesRequired: 3
      additionalLatencyInMilliseconds: 0
    }
    sessionAffinityState: 'Disabled'
  }

  resource origin 'origins' = {
    name: 'app'
    properties: {
      hostName: appHost
      originHostHeader: appHost
      httpsPort: 443
      enforceCertificateNameCheck: true
      enabledState: 'Enabled'
    }
  }
}

resource rules 'Microsoft.Cdn/profiles/ruleSets@2025-06-01' = {
  parent: profile
  name: 'policyHost'

  resource name 'rules' = {
    name: 'nameIt'
    properties: {
      order: 1
      matchProcessingBehavior: 'Continue'
      actions: [
        {
          name: 'ModifyRequestHeader'
          parameters: {
            typeName: 'DeliveryRuleHeaderActionParameters'
            // It replaces what a client sent in this header.
            headerAction: 'Overwrite'
            headerName: 'X-Sts-Policy-Host'
            value: '{hostname}'
          }
        }
      ]
    }
  }
}

resource domains 'Microsoft.Cdn/profiles/customDomains@2025-06-01' = [
  for host in hosts: {
    parent: profile
    // Dots are not allowed. The hash keeps the names of two hosts different.
    name: '${take(replace(host, '.', '-'), 200)}-${uniqueString(host)}'
    properties: {
      hostName: host
      tlsSettings: {
        certificateType: 'ManagedCertificate'
        minimumTlsVersion: 'TLS12'
      }
    }
  }
]

resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2025-06-01' = if (!empty(hosts)) {
  parent: profile::endpoint
  name: 'policies'
  properties: {
    customDomains: [for (host, i) in hosts: { id: domains[i].id }]
    originGroup: {
      id: group.id
    }
    ruleSets: [
      {
        id: rules.id
      }
    ]
    patternsToMatch: ['/.well-known/mta-sts.txt']
    supportedProtocols: ['Https']
    httpsRedirect: 'Disabled'
    forwardingProtocol: 'HttpsOnly'
    linkToDefaultDomain: 'Disabled'
    enabledState: 'Enabled'
  }
  dependsOn: [group::origin, rules::name]
}
