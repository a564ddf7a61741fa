# nightcap itself, on Container Apps.

resource "azurerm_log_analytics_workspace" "nightcap" {
  name                = "nightcap"
  resource_group_name = azurerm_resource_group.nightcap.name
  location            = azurerm_resource_group.nightcap.location
  sku                 = "PerGB2018"
  retention_in_days   = 30
}

resource "azurerm_container_app_environment" "nightcap" {
  name                       = "nightcap"
  resource_group_name        = azurerm_resource_group.nightcap.name
  location                   = azurerm_resource_group.nightcap.location
  logs_destination           = "log-analytics"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.nightcap.id

  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }
}

resource "azurerm_container_app_environment_storage" "state" {
  name                         = "state"
  container_app_environment_id = azurerm_container_app_environment.nightcap.id
  account_name                 = azurerm_storage_account.captures.name
  access_key                   = azurerm_storage_account.captures.primary_access_key
  share_name                   = azurerm_storage_share.state.name
  access_mode                  = "ReadWrite"
}

# One replica, always: what is left to do after an answer needs a host that stays, and the directory of records is for one.
resource "azurerm_container_app" "nightcap" {
  name                         = "nightcap"
  resource_group_name          = azurerm_resource_group.nightcap.name
  container_app_environment_id = azurerm_container_app_environment.nightcap.id
  workload_profile_name        = "Consumption"
  revision_mode                = "Single"

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.nightcap.id]
  }

  dynamic "registry" {
    for_each = var.registry == "" ? [] : [var.registry]

    content {
      server   = registry.value
      identity = azurerm_user_assigned_identity.nightcap.id
    }
  }

  secret {
    name  = "operator-key"
    value = var.operator_key
  }

  dynamic "secret" {
    for_each = nonsensitive(var.webhook_key == "") ? [] : ["webhook-key"]

    content {
      name  = secret.value
      value = var.webhook_key
    }
  }

  dynamic "secret" {
    for_each = nonsensitive(var.notify_url == "") ? [] : ["notify-url"]

    content {
      name  = secret.value
      value = var.notify_url
    }
  }

  ingress {
    external_enabled           = true
    allow_insecure_connections = false
    target_port                = 3000
    transport                  = "http"

    traffic_weight {
      latest_revision = true
      percentage      = 100
    }
  }

  template {
    min_replicas                     = 1
    max_replicas                     = 1
    termination_grace_period_seconds = 15

    container {
      name   = "nightcap"
      image  = var.image
      cpu    = 0.5
      memory = "1Gi"

      dynamic "env" {
        for_each = local.plain

        content {
          name  = env.key
          value = env.value
        }
      }

      env {
        name        = "NIGHTCAP_OPERATOR_KEY"
        secret_name = "operator-key"
      }

      dynamic "env" {
        for_each = nonsensitive(var.webhook_key == "") ? [] : ["webhook-key"]

        content {
          name        = "NIGHTCAP_WEBHOOK_KEY"
          secret_name = env.value
        }
      }

      dynamic "env" {
        for_each = nonsensitive(var.notify_url == "") ? [] : ["notify-url"]

        content {
          name        = "NIGHTCAP_NOTIFY_URL"
          secret_name = env.value
        }
      }

      readiness_probe {
        transport        = "HTTP"
        path             = "/healthz"
        port             = 3000
        interval_seconds = 10
        timeout          = 5
      }

      liveness_probe {
        transport               = "HTTP"
        path                    = "/healthz"
        port                    = 3000
        interval_seconds        = 30
        timeout                 = 5
        failure_count_threshold = 10
      }

      volume_mounts {
        name = "state"
        path = "/state"
      }
    }

    volume {
      name          = "state"
      storage_type  = "AzureFile"
      storage_name  = azurerm_container_app_environment_storage.state.name
      mount_options = "uid=65532,gid=65532,dir_mode=0700,file_mode=0600,actimeo=1"
    }
  }

  depends_on = [
    azurerm_role_assignment.pull,
    azurerm_role_assignment.read,
    azurerm_role_assignment.storage,
  ]
}

# Carries on what a host that died has left. Within the environment an application is called by its name, without TLS of its own.
resource "azurerm_container_app_job" "sweep" {
  name                         = "nightcap-sweep"
  resource_group_name          = azurerm_resource_group.nightcap.name
  location                     = azurerm_resource_group.nightcap.location
  container_app_environment_id = azurerm_container_app_environment.nightcap.id
  workload_profile_name        = "Consumption"
  replica_timeout_in_seconds   = 70
  replica_retry_limit          = 0

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.nightcap.id]
  }

  dynamic "registry" {
    for_each = var.registry == "" ? [] : [var.registry]

    content {
      server   = registry.value
      identity = azurerm_user_assigned_identity.nightcap.id
    }
  }

  secret {
    name  = "operator-key"
    value = split(",", var.operator_key)[0]
  }

  schedule_trigger_config {
    cron_expression          = "* * * * *"
    parallelism              = 1
    replica_completion_count = 1
  }

  template {
    container {
      name    = "call"
      image   = var.image
      command = ["/usr/local/bin/call", "sweep"]
      cpu     = 0.25
      memory  = "0.5Gi"

      env {
        name  = "NIGHTCAP_URL"
        value = "http://${azurerm_container_app.nightcap.name}"
      }

      env {
        name        = "OPERATOR_KEY"
        secret_name = "operator-key"
      }
    }
  }

  depends_on = [azurerm_role_assignment.pull]
}
