# What nightcap may do.

# The name of a role has to be the only one of its kind in the directory.
resource "azurerm_role_definition" "captures" {
  name              = "nightcap captures ${var.subscription_id}"
  description       = "Start, watch and delete packet captures"
  scope             = local.here
  assignable_scopes = [local.here]

  permissions {
    actions = [
      "Microsoft.Network/networkWatchers/read",
      "Microsoft.Network/networkWatchers/packetCaptures/read",
      "Microsoft.Network/networkWatchers/packetCaptures/write",
      "Microsoft.Network/networkWatchers/packetCaptures/delete",
      "Microsoft.Network/networkWatchers/packetCaptures/stop/action",
      "Microsoft.Network/networkWatchers/packetCaptures/queryStatus/action",
      "Microsoft.Network/networkWatchers/packetCaptures/queryStatus/read",
      "Microsoft.Network/locations/operations/read",
      "Microsoft.Network/locations/operationResults/read",
      "Microsoft.Compute/virtualMachines/read",
      "Microsoft.Compute/virtualMachines/extensions/read",
      "Microsoft.Compute/virtualMachineScaleSets/read",
      "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
      "Microsoft.Network/networkInterfaces/read",
      "Microsoft.Network/publicIPAddresses/read",
      "Microsoft.Authorization/permissions/read",
    ]
  }
}

resource "azurerm_role_definition" "storage" {
  name              = "nightcap storage ${var.subscription_id}"
  description       = "Let Network Watcher store captures"
  scope             = local.here
  assignable_scopes = [local.here]

  permissions {
    actions = [
      "Microsoft.Storage/storageAccounts/read",
      "Microsoft.Storage/storageAccounts/listKeys/action",
      "Microsoft.Storage/storageAccounts/listAccountSas/action",
      "Microsoft.Storage/storageAccounts/listServiceSas/action",
    ]
  }
}

resource "azurerm_role_assignment" "captures" {
  scope              = local.here
  role_definition_id = azurerm_role_definition.captures.role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.nightcap.principal_id
  principal_type     = "ServicePrincipal"
}

resource "azurerm_role_assignment" "storage" {
  scope              = azurerm_storage_account.captures.id
  role_definition_id = azurerm_role_definition.storage.role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.nightcap.principal_id
  principal_type     = "ServicePrincipal"
}

resource "azurerm_role_assignment" "read" {
  scope                = azurerm_storage_account.captures.id
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = azurerm_user_assigned_identity.nightcap.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "pull" {
  scope                = azurerm_resource_group.nightcap.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.nightcap.principal_id
  principal_type       = "ServicePrincipal"
}
