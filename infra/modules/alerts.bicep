// What wakes somebody: the app fails, messages are given up, events are lost, or nobody looked at the domains for a day.

@description('Where it stands.')
param location string

@description('Tags of every resource.')
param tags object

@description('What every name ends with.')
param token string

@description('The workspace.')
param workspaceId string

@description('The Event Grid topic.')
param topicId string

@description('Who is told.')
param addresses string[]

var layout = loadJsonContent('../layout.json')
var functionNames = join(map(layout.invocations, name => '"${name}"'), ', ')
// The worker records a run of CheckDomain as an in-process dependency, "function CheckDomain"; the host records a request
// beside it, for some triggers. Both have one operation, and count once.
var runs = 'union AppRequests, AppDependencies | extend Function = replace_string(Name, "function ", "")'

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-sts-${token}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'mta-sts'
    emailReceivers: [
      for address in addresses: {
        name: address
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
  }
}

var queries = [
  {
    name: 'server-errors'
    title: 'Requests are answered 5xx'
    description: 'Five or more requests of the last 15 minutes were answered 5xx: senders may not get policies. See docs/TROUBLESHOOTING.md, "A policy is not served".'
    severity: 1
    query: 'AppRequests | where isnotempty(Url) and toint(ResultCode) >= 500 | summarize TimeGenerated = min(TimeGenerated) by OperationId'
    threshold: 5
    every: 'PT5M'
    window: 'PT15M'
    lookBack: null
  }
  {
    name: 'failed-invocations'
    title: 'Functions fail'
    description: 'Three or more calls of a timer or queue function failed within the last hour: checks, reports or warnings are late. See docs/TROUBLESHOOTING.md, "Functions fail".'
    severity: 2
    query: '${runs} | where Success == false and Function in (${functionNames}) | summarize TimeGenerated = min(TimeGenerated) by OperationId, Function'
    threshold: 3
    every: 'PT15M'
    window: 'PT1H'
    lookBack: null
  }
  {
    name: 'poison-messages'
    title: 'A message was given up'
    description: 'A message went to a poison queue within the last hour: a check, a report, an evaluation or a notification failed five times, and waits for the timer that takes it up again. See docs/TROUBLESHOOTING.md, "A poison queue is not empty".'
    severity: 2
    // The table holds the status code as a text.
    query: 'StorageQueueLogs | where OperationName == "PutMessage" and Uri contains "-poison/" and toint(StatusCode) < 300'
    threshold: 1
    every: 'PT15M'
    window: 'PT1H'
    lookBack: null
  }
  {
    name: 'no-check-round'
    title: 'No check round in 26 hours'
    description: 'No daily round of checks ended well within the last 26 hours: nobody looks whether mail still arrives. See docs/TROUBLESHOOTING.md, "No check round".'
    severity: 1
    // One row, also where there was never a round: a new installation says so until its first.
    query: '${runs} | where Function == "${layout.dailyRound}" and Success == true | summarize Newest = max(TimeGenerated) | where isnull(Newest) or Newest < ago(26h)'
    threshold: 1
    every: 'PT1H'
    window: 'PT6H'
    lookBack: 'P2D'
  }
]

resource queryAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in queries: {
    name: 'alert-sts-${alert.name}-${token}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'MTA-STS: ${alert.title}'
      description: alert.description
      enabled: true
      severity: alert.severity
      scopes: [workspaceId]
      evaluationFrequency: alert.every
      windowSize: alert.window
      overrideQueryTimeRange: alert.lookBack
      // A table has no columns to check against before its first row.
      skipQueryValidation: true
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThanOrEqual'
            threshold: alert.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [group.id]
      }
    }
  }
]

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-sts-dead-letters-${token}'
  location: 'global'
  tags: tags
  properties: {
    description: 'Event Grid could not deliver an event: a report lies in the inbox and is not read. See docs/TROUBLESHOOTING.md, "Event Grid dead letters".'
    enabled: true
    severity: 2
    scopes: [topicId]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'deadLettered'
          metricName: 'DeadLetteredCount'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
        }
      ]
    }
    actions: [
      {
        actionGroupId: group.id
      }
    ]
  }
}
