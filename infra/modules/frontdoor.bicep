// The edge frontDoor: every policy host is a custom domain of the profile, with a certificate that Front Door manages.
// One path is let through, to the app's own name, with the name that was asked for in X-Sts-Policy-Host. Nothing is
// cached: a policy must not outlive its update (RFC 8461 section 8.1).

@description('The profile.')
param profileName string

@description('Its endpoint.')
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
    // One origin: there is nothing to choose by probing it.
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
            // Whatever a client sends under this name is gone.
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
    // No dots are allowed, and without them two hosts could be one.
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
