// The alerts: the app fails, a message goes to a poison queue, an event is lost, or no check run ended for a day.

@description('The region.')
param location string

@description('Tags of every resource.')
param tags object

@description('The suffix of every resource name.')
param token string

@description('The resource id of the Log Analytics workspace.')
param workspaceId string

@description('The resource id of the Event Grid topic.')
param topicId string

@description('The mail addresses that alerts go to.')
param addresses string[]

var layout = loadJsonContent('../layout.json')
var functionNames = join(map(layout.invocations, name => '"${name}"'), ', ')
// The worker records a run of CheckDomain as an in-process dependency, "function CheckDomain". For some triggers the host
// records a request too. Both have the same operation id, and count once.
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
    title: 'Requests are answered with 5xx'
    description: 'The app answered five or more requests of the last 15 minutes with 5xx: senders may not get policies. See docs/TROUBLESHOOTING.md, "A policy is not served".'
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
    description: 'Three or more calls of a timer or queue function failed within the last hour: checks, reports or notifications are late. See docs/TROUBLESHOOTING.md, "Functions fail".'
    severity: 2
    query: '${runs} | where Success == false and Function in (${functionNames}) | summarize TimeGenerated = min(TimeGenerated) by OperationId, Function'
    threshold: 3
    every: 'PT15M'
    window: 'PT1H'
    lookBack: null
  }
  {
    name: 'poison-messages'
    title: 'A message is in a poison queue'
    description: 'A message went to a poison queue within the last hour: a check, a report, an evaluation or a notification failed five times. A timer retries it. See docs/TROUBLESHOOTING.md, "A poison queue is not empty".'
    severity: 2
    // The table stores the status code as text.
    query: 'StorageQueueLogs | where OperationName == "PutMessage" and Uri contains "-poison/" and toint(StatusCode) < 300'
    threshold: 1
    every: 'PT15M'
    window: 'PT1H'
    lookBack: null
  }
  {
    name: 'no-check-run'
    title: 'No check run in 26 hours'
    description: 'No daily check run succeeded within the last 26 hours: the domains are not checked. See docs/TROUBLESHOOTING.md, "No check run".'
    severity: 1
    // One row, also if there was never a check run: a new installation has this alert until its first one.
    query: '${runs} | where Function == "${layout.dailyCheckRun}" and Success == true | summarize Newest = max(TimeGenerated) | where isnull(Newest) or Newest < ago(26h)'
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
      // Before its first row a table has no columns to validate the query against.
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
    description: 'Event Grid could not deliver an event: a report is in the inbox and is not read. See docs/TROUBLESHOOTING.md, "Event Grid dead letters".'
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
