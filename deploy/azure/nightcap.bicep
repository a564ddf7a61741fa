// nightcap with everything that it needs in a subscription. docs/azure.md tells how to use it:
//
//   az deployment sub create --location REGION --template-file deploy/azure/nightcap.bicep --parameters …
//
// nightcap.json is the same for those who have no Bicep.
targetScope = 'subscription'

@description('Where everything is made. It has to be the region of the machines, for captures are stored there.')
param location string = deployment().location

@description('The resource group that is made for nightcap.')
param resourceGroupName string = 'nightcap'

@description('The container image with wasmtime, such as NAME.azurecr.io/nightcap:0.1.0.')
param image string

@description('The registry in the resource group that has the image, such as NAME.azurecr.io. Empty: everybody may read the image.')
param registry string = ''

@description('A long random text of your own: the key for alerts. Empty with a secure webhook.')
@secure()
param webhookKey string = ''

@description('A long random text of your own: the key for records, reports and sweeps.')
@secure()
param operatorKey string

@description('Where messages go. Empty: nobody is told.')
@secure()
param notifyUrl string = ''

@description('What the receiver of messages takes.')
@allowed([
  'teams'
  'slack'
  'cloudevents'
])
param notifyFormat string = 'teams'

@description('More settings, as a list of objects with name and value, such as NIGHTCAP_CAPTURE_SECONDS and 120.')
param settings array = []

@description('Storage accounts for captures in other regions: an object from region to resource id.')
param otherStorageAccounts object = {}

@description('After how many days captures are deleted.')
@minValue(1)
param captureDays int = 30

@description('Resource ids of subscriptions and resource groups of this subscription. nightcap is called for every alert that fires in them.')
param alertScopes array = []

@description('Resource ids of virtual machines that get an alert rule on what comes in from the network.')
param watchedMachines array = []

@description('How many bytes in five minutes are too many for these machines.')
@minValue(0)
param watchedBytes int = 1000000000

@description('With a secure webhook: the client id of the application whose tokens nightcap takes.')
param webhookClientId string = ''

@description('With a secure webhook: the object id of that application.')
param webhookObjectId string = ''

var here = subscription().id

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName
  location: location
}

// The name of a role has to be the only one of its kind in the directory.
resource captureRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(here, 'nightcap captures')
  properties: {
    roleName: 'nightcap captures ${subscription().subscriptionId}'
    description: 'Start, watch and delete packet captures'
    type: 'CustomRole'
    assignableScopes: [
      here
    ]
    permissions: [
      {
        actions: [
          'Microsoft.Network/networkWatchers/read'
          'Microsoft.Network/networkWatchers/packetCaptures/read'
          'Microsoft.Network/networkWatchers/packetCaptures/write'
          'Microsoft.Network/networkWatchers/packetCaptures/delete'
          'Microsoft.Network/networkWatchers/packetCaptures/stop/action'
          'Microsoft.Network/networkWatchers/packetCaptures/queryStatus/action'
          'Microsoft.Network/networkWatchers/packetCaptures/queryStatus/read'
          'Microsoft.Network/locations/operations/read'
          'Microsoft.Network/locations/operationResults/read'
          'Microsoft.Compute/virtualMachines/read'
          'Microsoft.Compute/virtualMachines/extensions/read'
          'Microsoft.Compute/virtualMachineScaleSets/read'
          'Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read'
          'Microsoft.Network/networkInterfaces/read'
          'Microsoft.Network/publicIPAddresses/read'
          'Microsoft.Authorization/permissions/read'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

resource storageRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(here, 'nightcap storage')
  properties: {
    roleName: 'nightcap storage ${subscription().subscriptionId}'
    description: 'Let Network Watcher store captures'
    type: 'CustomRole'
    assignableScopes: [
      here
    ]
    permissions: [
      {
        actions: [
          'Microsoft.Storage/storageAccounts/read'
          'Microsoft.Storage/storageAccounts/listKeys/action'
          'Microsoft.Storage/storageAccounts/listAccountSas/action'
          'Microsoft.Storage/storageAccounts/listServiceSas/action'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

module inside 'group.bicep' = {
  name: 'nightcap'
  scope: group
  params: {
    location: location
    image: image
    registry: registry
    webhookKey: webhookKey
    operatorKey: operatorKey
    notifyUrl: notifyUrl
    notifyFormat: notifyFormat
    settings: settings
    otherStorageAccounts: otherStorageAccounts
    captureDays: captureDays
    alertScopes: alertScopes
    watchedMachines: watchedMachines
    watchedBytes: watchedBytes
    webhookClientId: webhookClientId
    webhookObjectId: webhookObjectId
    storageRoleId: storageRole.id
  }
}

resource mayCapture 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(here, resourceGroupName, 'nightcap captures')
  properties: {
    roleDefinitionId: captureRole.id
    principalId: inside.outputs.principalId
    principalType: 'ServicePrincipal'
  }
}

@description('Where nightcap is reached.')
output url string = inside.outputs.url

@description('Where captures are stored.')
output storageAccountId string = inside.outputs.storageAccountId
