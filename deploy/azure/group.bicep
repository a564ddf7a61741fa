// What nightcap has in a resource group of its own. nightcap.bicep makes the group, and the rights outside of it.

param location string
param image string
param registry string

@secure()
param webhookKey string

@secure()
param operatorKey string

@secure()
param notifyUrl string

param notifyFormat string
param settings array
param otherStorageAccounts object
param captureDays int
param alertScopes array
param watchedMachines array
param watchedBytes int
param webhookClientId string
param webhookObjectId string
param storageRoleId string

var secureWebhook = !empty(webhookClientId)
var pullRoleId = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7f951dda-4ed3-4680-a7ca-43fe172d538d')
var blobReaderRoleId = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1')

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'nightcap'
  location: location
}

// Captures, and nightcap's records. Network Watcher hands the machines' agents a shared access signature, so shared keys have to be
// allowed, and the machines have to reach the account.
resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: 'nightcap${uniqueString(resourceGroup().id)}'
  location: location
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    accessTier: 'Hot'
    allowSharedKeyAccess: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'captures'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
                'appendBlob'
              ]
              prefixMatch: [
                'network-watcher-logs/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: captureDays
                }
              }
            }
          }
        }
      ]
    }
  }
}

resource files 'Microsoft.Storage/storageAccounts/fileServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource share 'Microsoft.Storage/storageAccounts/fileServices/shares@2025-06-01' = {
  parent: files
  name: 'state'
  properties: {
    enabledProtocols: 'SMB'
    shareQuota: 4
  }
}

resource mayStore 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, identity.id, storageRoleId)
  scope: account
  properties: {
    roleDefinitionId: storageRoleId
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, identity.id, blobReaderRoleId)
  scope: account
  properties: {
    roleDefinitionId: blobReaderRoleId
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource mayPull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, identity.id, pullRoleId)
  properties: {
    roleDefinitionId: pullRoleId
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: 'nightcap'
  location: location
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: 30
  }
}

resource environment 'Microsoft.App/managedEnvironments@2025-07-01' = {
  name: 'nightcap'
  location: location
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
  }
}

resource state 'Microsoft.App/managedEnvironments/storages@2025-07-01' = {
  parent: environment
  name: 'state'
  properties: {
    azureFile: {
      accountName: account.name
      accountKey: account.listKeys().keys[0].value
      shareName: share.name
      accessMode: 'ReadWrite'
    }
  }
}

// One replica, always: what is left to do after an answer needs a host that stays, and the directory of records is for one.
resource app 'Microsoft.App/containerApps@2025-07-01' = {
  name: 'nightcap'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: {
        external: true
        allowInsecure: false
        targetPort: 3000
        transport: 'http'
      }
      registries: empty(registry) ? [] : [
        {
          server: registry
          identity: identity.id
        }
      ]
      secrets: concat([
        {
          name: 'operator-key'
          value: operatorKey
        }
      ], empty(webhookKey) ? [] : [
        {
          name: 'webhook-key'
          value: webhookKey
        }
      ], empty(notifyUrl) ? [] : [
        {
          name: 'notify-url'
          value: notifyUrl
        }
      ])
    }
    template: {
      containers: [
        {
          name: 'nightcap'
          image: image
          env: concat([
            {
              name: 'NIGHTCAP_CREDENTIAL'
              value: 'managed_identity'
            }
            {
              name: 'NIGHTCAP_CLIENT_ID'
              value: identity.properties.clientId
            }
            {
              name: 'NIGHTCAP_STORAGE_ACCOUNT_ID'
              value: string(union(otherStorageAccounts, {
                '${location}': account.id
              }))
            }
            {
              name: 'NIGHTCAP_ALLOWED_SUBSCRIPTIONS'
              value: subscription().subscriptionId
            }
            {
              name: 'NIGHTCAP_PUBLIC_URL'
              value: 'https://nightcap.${environment.properties.defaultDomain}'
            }
            {
              name: 'NIGHTCAP_OPERATOR_KEY'
              secretRef: 'operator-key'
            }
          ], empty(webhookKey) ? [] : [
            {
              name: 'NIGHTCAP_WEBHOOK_KEY'
              secretRef: 'webhook-key'
            }
          ], empty(notifyUrl) ? [] : [
            {
              name: 'NIGHTCAP_NOTIFY_URL'
              secretRef: 'notify-url'
            }
            {
              name: 'NIGHTCAP_NOTIFY_ORIGIN'
              value: 'https://${split(notifyUrl, '/')[2]}'
            }
            {
              name: 'NIGHTCAP_NOTIFY_FORMAT'
              value: notifyFormat
            }
          ], !secureWebhook ? [] : [
            {
              name: 'NIGHTCAP_WEBHOOK_ENTRA'
              value: string({
                tenant: tenant().tenantId
                audience: [
                  webhookClientId
                  'api://${webhookClientId}'
                ]
              })
            }
          ], settings)
          probes: [
            {
              type: 'Readiness'
              httpGet: {
                path: '/healthz'
                port: 3000
              }
              periodSeconds: 10
              timeoutSeconds: 5
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/healthz'
                port: 3000
              }
              periodSeconds: 30
              timeoutSeconds: 5
              failureThreshold: 10
            }
          ]
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          volumeMounts: [
            {
              volumeName: 'state'
              mountPath: '/state'
            }
          ]
        }
      ]
      scale: {
        minReplicas: 1
        maxReplicas: 1
      }
      terminationGracePeriodSeconds: 15
      volumes: [
        {
          name: 'state'
          storageType: 'AzureFile'
          storageName: state.name
          mountOptions: 'uid=65532,gid=65532,dir_mode=0700,file_mode=0600,actimeo=1'
        }
      ]
    }
  }
  dependsOn: [
    mayPull
    mayRead
    mayStore
  ]
}

// Carries on what a host that died has left. Within the environment an application is called by its name, without TLS of its own.
resource sweep 'Microsoft.App/jobs@2025-07-01' = {
  name: 'nightcap-sweep'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Schedule'
      replicaTimeout: 70
      replicaRetryLimit: 0
      scheduleTriggerConfig: {
        cronExpression: '* * * * *'
        parallelism: 1
        replicaCompletionCount: 1
      }
      registries: empty(registry) ? [] : [
        {
          server: registry
          identity: identity.id
        }
      ]
      secrets: [
        {
          name: 'operator-key'
          value: first(split(operatorKey, ','))
        }
      ]
    }
    template: {
      containers: [
        {
          name: 'call'
          image: image
          command: [
            '/usr/local/bin/call'
            'sweep'
          ]
          env: [
            {
              name: 'NIGHTCAP_URL'
              value: 'http://${app.name}'
            }
            {
              name: 'OPERATOR_KEY'
              secretRef: 'operator-key'
            }
          ]
          resources: {
            cpu: json('0.25')
            memory: '0.5Gi'
          }
        }
      ]
    }
  }
  dependsOn: [
    mayPull
  ]
}

// Azure Monitor proves who it is with the key in the address, or with a token of Microsoft Entra.
resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'nightcap'
  location: 'global'
  properties: {
    groupShortName: 'nightcap'
    enabled: true
    webhookReceivers: [
      {
        name: 'nightcap'
        serviceUri: 'https://${app.properties.configuration.ingress.fqdn}/api/alerts${secureWebhook ? '' : '?code=${first(split(webhookKey, ','))}'}'
        useCommonAlertSchema: true
        useAadAuth: secureWebhook
        objectId: secureWebhook ? webhookObjectId : null
        identifierUri: secureWebhook ? 'api://${webhookClientId}' : null
        tenantId: secureWebhook ? tenant().tenantId : null
      }
    ]
  }
}

// Puts nightcap behind alert rules that are there already, as they are.
resource everyAlert 'Microsoft.AlertsManagement/actionRules@2021-08-08' = if (!empty(alertScopes)) {
  name: 'nightcap'
  location: 'global'
  properties: {
    description: 'Tells nightcap of every alert that fires'
    enabled: true
    scopes: alertScopes
    actions: [
      {
        actionType: 'AddActionGroups'
        actionGroupIds: [
          actionGroup.id
        ]
      }
    ]
  }
}

// An example: what comes in from the network. Azure takes no rule over several machines for network metrics, so each has its own.
resource muchComesIn 'Microsoft.Insights/metricAlerts@2018-03-01' = [for machine in watchedMachines: {
  name: 'much comes in at ${last(split(machine, '/'))} ${uniqueString(machine)}'
  location: 'global'
  properties: {
    description: 'More than usual comes in from the network'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      machine
    ]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'bytes'
          metricNamespace: 'Microsoft.Compute/virtualMachines'
          metricName: 'Network In Total'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: watchedBytes
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroup.id
      }
    ]
  }
}]

output principalId string = identity.properties.principalId
output url string = 'https://${app.properties.configuration.ingress.fqdn}'
output storageAccountId string = account.id
