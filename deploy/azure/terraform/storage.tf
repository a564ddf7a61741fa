# Captures, and nightcap's records. Network Watcher hands the machines' agents a shared access signature, so shared keys have to be
# allowed, and the machines have to reach the account.
resource "azurerm_storage_account" "captures" {
  name                            = "nightcap${substr(sha256("${var.subscription_id}/${var.resource_group_name}"), 0, 13)}"
  resource_group_name             = azurerm_resource_group.nightcap.name
  location                        = azurerm_resource_group.nightcap.location
  account_kind                    = "StorageV2"
  account_tier                    = "Standard"
  account_replication_type        = "LRS"
  access_tier                     = "Hot"
  shared_access_key_enabled       = true
  allow_nested_items_to_be_public = false
  https_traffic_only_enabled      = true
  min_tls_version                 = "TLS1_2"
}

resource "azurerm_storage_management_policy" "captures" {
  storage_account_id = azurerm_storage_account.captures.id

  rule {
    name    = "captures"
    enabled = true

    filters {
      blob_types   = ["blockBlob", "appendBlob"]
      prefix_match = ["network-watcher-logs/"]
    }

    actions {
      base_blob {
        delete_after_days_since_modification_greater_than = var.capture_days
      }
    }
  }
}

resource "azurerm_storage_share" "state" {
  name               = "state"
  storage_account_id = azurerm_storage_account.captures.id
  enabled_protocol   = "SMB"
  quota              = 4
}
