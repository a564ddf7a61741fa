# The same as ../nightcap.bicep, for those who use Terraform. docs/azure.md tells how.

terraform {
  required_version = ">= 1.5"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.10"
    }
  }
}

provider "azurerm" {
  features {}
  subscription_id = var.subscription_id
}

data "azurerm_client_config" "current" {}

locals {
  here           = "/subscriptions/${var.subscription_id}"
  secure_webhook = var.webhook_client_id != ""
  webhook_key    = split(",", var.webhook_key)[0]

  notify = {
    NIGHTCAP_NOTIFY_ORIGIN = nonsensitive("https://${try(split("/", var.notify_url)[2], "")}")
    NIGHTCAP_NOTIFY_FORMAT = var.notify_format
  }
  entra = {
    NIGHTCAP_WEBHOOK_ENTRA = jsonencode({
      tenant   = data.azurerm_client_config.current.tenant_id
      audience = [var.webhook_client_id, "api://${var.webhook_client_id}"]
    })
  }

  # Settings that are no secret.
  plain = merge(
    {
      NIGHTCAP_CREDENTIAL            = "managed_identity"
      NIGHTCAP_CLIENT_ID             = azurerm_user_assigned_identity.nightcap.client_id
      NIGHTCAP_STORAGE_ACCOUNT_ID    = jsonencode(merge(var.other_storage_accounts, { (var.location) = azurerm_storage_account.captures.id }))
      NIGHTCAP_ALLOWED_SUBSCRIPTIONS = var.subscription_id
      NIGHTCAP_PUBLIC_URL            = "https://nightcap.${azurerm_container_app_environment.nightcap.default_domain}"
    },
    { for name, value in local.notify : name => value if nonsensitive(var.notify_url != "") },
    { for name, value in local.entra : name => value if local.secure_webhook },
    var.settings,
  )
}

resource "azurerm_resource_group" "nightcap" {
  name     = var.resource_group_name
  location = var.location
}

resource "azurerm_user_assigned_identity" "nightcap" {
  name                = "nightcap"
  resource_group_name = azurerm_resource_group.nightcap.name
  location            = azurerm_resource_group.nightcap.location
}
