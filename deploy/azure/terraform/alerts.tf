# Who calls nightcap. Azure Monitor proves who it is with the key in the address, or with a token of Microsoft Entra.
resource "azurerm_monitor_action_group" "nightcap" {
  name                = "nightcap"
  resource_group_name = azurerm_resource_group.nightcap.name
  short_name          = "nightcap"

  webhook_receiver {
    name                    = "nightcap"
    service_uri             = "https://${azurerm_container_app.nightcap.ingress[0].fqdn}/api/alerts${local.secure_webhook ? "" : "?code=${local.webhook_key}"}"
    use_common_alert_schema = true

    dynamic "aad_auth" {
      for_each = local.secure_webhook ? [var.webhook_object_id] : []

      content {
        object_id      = aad_auth.value
        identifier_uri = "api://${var.webhook_client_id}"
        tenant_id      = data.azurerm_client_config.current.tenant_id
      }
    }
  }
}

# Puts nightcap behind alert rules that are there already, as they are.
resource "azurerm_monitor_alert_processing_rule_action_group" "every_alert" {
  count = length(var.alert_scopes) == 0 ? 0 : 1

  name                 = "nightcap"
  resource_group_name  = azurerm_resource_group.nightcap.name
  description          = "Tells nightcap of every alert that fires"
  scopes               = var.alert_scopes
  add_action_group_ids = [azurerm_monitor_action_group.nightcap.id]
}

# An example: what comes in from the network. Azure takes no rule over several machines for network metrics, so each has its own.
resource "azurerm_monitor_metric_alert" "much_comes_in" {
  for_each = toset(var.watched_machines)

  name                = "much comes in at ${basename(each.value)} ${substr(sha256(each.value), 0, 8)}"
  resource_group_name = azurerm_resource_group.nightcap.name
  description         = "More than usual comes in from the network"
  scopes              = [each.value]
  severity            = 3
  frequency           = "PT1M"
  window_size         = "PT5M"

  criteria {
    metric_namespace = "Microsoft.Compute/virtualMachines"
    metric_name      = "Network In Total"
    aggregation      = "Total"
    operator         = "GreaterThan"
    threshold        = var.watched_bytes
  }

  action {
    action_group_id = azurerm_monitor_action_group.nightcap.id
  }
}
