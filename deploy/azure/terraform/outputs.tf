output "url" {
  description = "Where nightcap is reached."
  value       = "https://${azurerm_container_app.nightcap.ingress[0].fqdn}"
}

output "storage_account_id" {
  description = "Where captures are stored."
  value       = azurerm_storage_account.captures.id
}
