variable "subscription_id" {
  description = "The subscription whose machines nightcap looks after."
  type        = string
}

variable "location" {
  description = "Where everything is made, such as westeurope. It has to be the region of the machines, for captures are stored there."
  type        = string
}

variable "resource_group_name" {
  description = "The resource group that is made for nightcap."
  type        = string
  default     = "nightcap"
}

variable "image" {
  description = "The container image with wasmtime, such as NAME.azurecr.io/nightcap:0.1.0."
  type        = string
}

variable "registry" {
  description = "The registry in the resource group that has the image, such as NAME.azurecr.io. Empty: everybody may read the image."
  type        = string
  default     = ""
}

variable "webhook_key" {
  description = "A long random text of your own: the key for alerts. Empty with a secure webhook."
  type        = string
  sensitive   = true
  default     = ""
}

variable "operator_key" {
  description = "A long random text of your own: the key for records, reports and sweeps."
  type        = string
  sensitive   = true
}

variable "notify_url" {
  description = "Where messages go. Empty: nobody is told."
  type        = string
  sensitive   = true
  default     = ""
}

variable "notify_format" {
  description = "What the receiver of messages takes: teams, slack or cloudevents."
  type        = string
  default     = "teams"

  validation {
    condition     = contains(["teams", "slack", "cloudevents"], var.notify_format)
    error_message = "It should be teams, slack or cloudevents."
  }
}

variable "settings" {
  description = "More settings: an object from NIGHTCAP_… to a value."
  type        = map(string)
  default     = {}
}

variable "other_storage_accounts" {
  description = "Storage accounts for captures in other regions: an object from region to resource id."
  type        = map(string)
  default     = {}
}

variable "capture_days" {
  description = "After how many days captures are deleted."
  type        = number
  default     = 30
}

variable "alert_scopes" {
  description = "Resource ids of subscriptions and resource groups of this subscription. nightcap is called for every alert that fires in them."
  type        = list(string)
  default     = []
}

variable "watched_machines" {
  description = "Resource ids of virtual machines that get an alert rule on what comes in from the network."
  type        = list(string)
  default     = []
}

variable "watched_bytes" {
  description = "How many bytes in five minutes are too many for these machines."
  type        = number
  default     = 1000000000
}

variable "webhook_client_id" {
  description = "With a secure webhook: the client id of the application whose tokens nightcap takes."
  type        = string
  default     = ""
}

variable "webhook_object_id" {
  description = "With a secure webhook: the object id of that application."
  type        = string
  default     = ""
}
