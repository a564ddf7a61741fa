//! Why something could not be done, told so that the reader knows what to do about it.

use http::StatusCode;

use crate::azure::action::Action;
use crate::azure::error::AzureError;
use crate::azure::identity::Identity;
use crate::azure::region::Region;
use crate::azure::resource_id::ResourceId;
use crate::azure::target::{Target, TargetKind};
use crate::records::reason::Reason;

/// A failure with a reason for machines and sentences for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For machines.
    pub reason: Reason,
    /// For people.
    pub message: String,
    /// Whether the same alert may end better later.
    pub repeat_helps: bool,
}

/// What nightcap was at work on.
struct About<'a> {
    subscription: String,
    target: Option<&'a Target>,
    watcher: Option<&'a ResourceId>,
}

impl Failure {
    /// A failure that stays until somebody does something about it.
    pub fn lasting(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), repeat_helps: false }
    }

    /// The command that mends it. Where there is one, the sentence ends with it.
    pub fn command(&self) -> Option<String> {
        self.message.split_once(": az ").map(|(_, command)| format!("az {command}"))
    }

    /// There is no such machine.
    pub fn machine_not_found(target: &Target) -> Self {
        Self::lasting(
            Reason::MachineNotFound,
            format!(
                "Azure has no machine {}, or nightcap's service principal may not see it. If it exists, grant \
                 Microsoft.Compute/virtualMachines/read on its subscription.",
                target.id()
            ),
        )
    }

    pub fn agent_missing(target: &Target, os: Option<&str>) -> Self {
        let system = if os.is_some_and(|os| os.eq_ignore_ascii_case("windows")) { "Windows" } else { "Linux" };
        Self::lasting(
            Reason::AgentMissing,
            format!(
                "{name} has no Network Watcher agent, so it cannot capture packets. Install it with: az vm extension \
                 set --publisher Microsoft.Azure.NetworkWatcher --name NetworkWatcherAgent{system} --resource-group \
                 {group} --vm-name {name}",
                name = target.id().name(),
                group = target.id().resource_group(),
            ),
        )
    }

    /// The machine does not run.
    pub fn machine_not_running(target: &Target, power: &str) -> Self {
        let (name, group) = (target.name(), target.id().resource_group());
        let command = match target.instance() {
            Some(instance) => {
                let set = target.resource();
                format!("az vmss start --resource-group {group} --name {} --instance-ids {instance}", set.name())
            }
            None => format!("az vm start --resource-group {group} --name {name}"),
        };
        Self::lasting(
            Reason::MachineNotRunning,
            format!("Azure says that {name} is {power}, and only a running machine captures. Start it with: {command}"),
        )
    }

    /// Azure could not install the agent; `said` is what the machine reported.
    pub fn agent_not_installed(target: &Target, said: &str) -> Self {
        let name = target.name();
        let why = match said.trim_end_matches('.') {
            "" => "Azure does not say why".to_owned(),
            said => format!("the machine reports \"{said}\""),
        };
        Self::lasting(
            Reason::AgentNotInstalled,
            format!(
                "nightcap had the Network Watcher agent installed on {name}, and that failed: {why}. Look at the machine's \
                 extensions in Azure, and mend or remove the Network Watcher extension there; within an hour nightcap does \
                 not try again."
            ),
        )
    }

    /// The agent was not there in time.
    pub fn agent_takes_too_long(target: &Target, minutes: u64) -> Self {
        Self::lasting(
            Reason::AgentNotInstalled,
            format!(
                "{minutes} minutes after the alert there was no Network Watcher agent that works on {} yet, and a later \
                 capture would not show what had fired. Look at the machine's extensions in Azure; once the agent is there, \
                 the next alert leads to a capture at once.",
                target.name()
            ),
        )
    }

    /// Nobody said where to store captures of this region.
    pub fn no_storage_account(region: &Region) -> Self {
        Self::lasting(
            Reason::NoStorageAccount,
            format!(
                "The setting storage_account_id names no storage account for region {region}. Azure stores a capture \
                 only in an account of the machine's own region; add one for {region}."
            ),
        )
    }

    /// The region has no watcher.
    pub fn no_network_watcher(subscription: &str, region: &Region) -> Self {
        Self::lasting(
            Reason::NoNetworkWatcher,
            format!(
                "Network Watcher is not enabled in region {region} of subscription {subscription}. Enable it with: az \
                 network watcher configure --subscription {subscription} --locations {region} --enabled true \
                 --resource-group NetworkWatcherRG"
            ),
        )
    }

    /// The caller named a watcher that is not there.
    pub fn watcher_not_found(watcher: &ResourceId) -> Self {
        Self::lasting(
            Reason::WatcherNotFound,
            format!(
                "Azure has no network watcher {watcher}; check networkWatcherName and networkWatcherResourceGroup."
            ),
        )
    }

    /// The watcher is full of captures that must not be deleted.
    pub fn limit_reached(watcher: &ResourceId, captures: usize, limit: usize) -> Self {
        Self::lasting(
            Reason::LimitReached,
            format!(
                "{name} holds {captures} captures and the setting capture_limit allows {limit}. None of them may be \
                 deleted, for nightcap deletes only finished captures of its own. Delete some, or raise \
                 capture_limit.",
                name = watcher.name(),
            ),
        )
    }

    /// The fixed name belongs to a capture that runs elsewhere.
    pub fn name_in_use(name: &str, machine: &str) -> Self {
        Self::lasting(
            Reason::NameInUse,
            format!(
                "The capture {name} still runs on {machine}, and a running capture is never thrown away. Wait for its \
                 end, or use another name."
            ),
        )
    }

    /// What an error of Azure means for the way to a capture.
    pub fn from_azure(error: &AzureError, target: &Target, watcher: Option<&ResourceId>) -> Self {
        Self::about(error, &About { subscription: target.id().subscription(), target: Some(target), watcher })
    }

    /// What it means for the search of a subscription for a machine.
    pub fn of_search(error: &AzureError, subscription: &str) -> Self {
        Self::about(error, &About { subscription: subscription.to_owned(), target: None, watcher: None })
    }

    /// What it means for what is done to a watcher's captures, whatever machines they are of.
    pub fn at_watcher(error: &AzureError, watcher: &ResourceId) -> Self {
        Self::about(error, &About { subscription: watcher.subscription(), target: None, watcher: Some(watcher) })
    }

    fn about(error: &AzureError, about: &About) -> Self {
        let (reason, message) = match error {
            AzureError::NoToken { identity, code, transient } => {
                (Reason::TokenRefused, token_sentence(identity, code, *transient))
            }
            AzureError::Unreachable { action, .. } => (
                Reason::AzureUnreachable,
                format!(
                    "{} gave no answer while nightcap was {}. Check that the host lets nightcap reach it.",
                    side(*action),
                    doing(*action)
                ),
            ),
            AzureError::Unreadable { action, .. } => (
                Reason::UnreadableAnswer,
                format!(
                    "{} gave an answer that is not its usual JSON while nightcap was {}. A proxy in between may have \
                     answered.",
                    side(*action),
                    doing(*action)
                ),
            ),
            AzureError::ForeignUrl { action } => (
                Reason::ForeignUrl,
                format!(
                    "An answer told nightcap to go on at an address that is not Azure's while it was {}; nothing was \
                     sent there. Check the settings arm_url and authority_url.",
                    doing(*action)
                ),
            ),
            AzureError::OutOfTime { action } => {
                (Reason::OutOfTime, format!("Azure did not finish in time while nightcap was {}.", doing(*action)))
            }
            AzureError::OperationFailed { action, code, message } => {
                return Self::refused(*action, None, code, message, about, false);
            }
            AzureError::Refused { action, status, code, message, .. } => {
                return Self::refused(*action, Some(*status), code, message, about, error.is_transient());
            }
        };
        Self { reason, message, repeat_helps: error.is_transient() }
    }

    fn refused(
        action: Action,
        status: Option<StatusCode>,
        code: &str,
        said: &str,
        about: &About,
        repeat_helps: bool,
    ) -> Self {
        let doing = doing(action);
        let status = status.map_or(0, |status| status.as_u16());
        let subscription = &about.subscription;
        if let ("NetworkWatcherVmExtensionNotInstalled", Some(target)) = (code, about.target) {
            return Self::agent_missing(target, None);
        }
        let (reason, message) = match (code, status) {
            ("MissingSubscriptionRegistration", _) => (
                Reason::ProviderNotRegistered,
                format!(
                    "Subscription {subscription} is not registered for Network Watcher. Register it with: az provider \
                     register --namespace Microsoft.Network"
                ),
            ),
            ("SubscriptionNotFound", _) => (
                Reason::SubscriptionNotFound,
                format!(
                    "Azure has no subscription {subscription}, or nightcap's service principal has no right in it. Check \
                     the id, and that the principal has its role there."
                ),
            ),
            (code, _) if code.ends_with("LimitReached") => (
                Reason::AzureLimit,
                format!(
                    "Azure has no room for another capture ({code}). Delete captures in this region, or ask Azure for \
                     a higher quota."
                ),
            ),
            (_, 401) => (
                Reason::TokenRefused,
                format!(
                    "Azure Resource Manager took no token of nightcap's while it was {doing} ({code}). Check \
                     tenant_id, authority_url and arm_url."
                ),
            ),
            // Blob storage's word for callers whom its network rules keep out ("Blob service error codes").
            ("AuthorizationFailure", 403) if action == Action::File => (
                Reason::NotAuthorized,
                "The storage account's network rules keep nightcap away from the capture's file. Let the address that \
                 nightcap calls from in, or read the file yourself."
                    .to_owned(),
            ),
            (_, 403) => (Reason::NotAuthorized, missing_right(action, about)),
            (_, 429) => (
                Reason::Throttled,
                format!("{} throttles requests, and nightcap ran out of time while it was {doing}.", side(action)),
            ),
            (_, 500..) => (
                Reason::AzureUnavailable,
                format!("{} failed with status {status} while nightcap was {doing}.", side(action)),
            ),
            _ => (
                Reason::AzureRefused,
                format!("Azure refused while nightcap was {doing}: {}.", quote(status, code, said)),
            ),
        };
        Self { reason, message, repeat_helps }
    }
}

fn quote(status: u16, code: &str, said: &str) -> String {
    let status = if status == 0 { String::new() } else { format!("status {status} ") };
    let sentence = said.trim_end_matches('.');
    match (code, sentence) {
        ("", "") => format!("{status}without a reason"),
        (code, "") => format!("{status}{code}"),
        (code, sentence) => format!("{status}{code}, \"{sentence}\""),
    }
}

fn side(action: Action) -> &'static str {
    match action {
        Action::Token | Action::SigningKeys => "Microsoft Entra",
        Action::File => "Blob storage",
        _ => "Azure Resource Manager",
    }
}

fn doing(action: Action) -> &'static str {
    match action {
        Action::Token => "asking for a token",
        Action::SigningKeys => "fetching the keys that tokens are signed with",
        Action::Machine => "reading the machine",
        Action::Machines => "looking for the machine by its name",
        Action::Inventory => "listing the subscription's machines",
        Action::ScaleSets => "listing the subscription's scale sets",
        Action::Instances => "reading the scale set's instances",
        Action::InstallAgent => "installing the Network Watcher agent",
        Action::UpgradeInstances => "upgrading the scale set's instances to its model",
        Action::Power => "asking whether machines run",
        Action::Subscriptions => "listing the subscriptions",
        Action::Permissions => "reading what it may do",
        Action::StorageAccount => "reading the storage account",
        Action::Interface => "reading the network interface",
        Action::PublicIp => "reading the public IP address",
        Action::Watchers => "looking for the region's network watcher",
        Action::List => "listing the watcher's captures",
        Action::LookUp => "looking a capture up",
        Action::Status => "asking a capture for its status",
        Action::Delete => "deleting a capture",
        Action::Create => "creating the capture",
        Action::Stop => "stopping a capture",
        Action::Operation => "following an operation",
        Action::File => "looking for the capture's file",
    }
}

/// Which right is missing and where to grant it ("Azure RBAC permissions required to use Network Watcher").
fn missing_right(action: Action, about: &About) -> String {
    let set = about.target.is_some_and(|target| target.kind() != TargetKind::VirtualMachine);
    let right = match action {
        Action::Machine if set => "Microsoft.Compute/virtualMachineScaleSets/read",
        Action::ScaleSets => "Microsoft.Compute/virtualMachineScaleSets/read",
        Action::Instances => "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
        Action::InstallAgent => match about.target.map(Target::kind) {
            Some(TargetKind::ScaleSet) => "Microsoft.Compute/virtualMachineScaleSets/extensions/write",
            Some(TargetKind::ScaleSetInstance) => {
                "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/extensions/write"
            }
            Some(TargetKind::VirtualMachine) | None => "Microsoft.Compute/virtualMachines/extensions/write",
        },
        Action::UpgradeInstances => "Microsoft.Compute/virtualMachineScaleSets/manualUpgrade/action",
        Action::Machine | Action::Machines | Action::Inventory | Action::Power => {
            "Microsoft.Compute/virtualMachines/read"
        }
        Action::Subscriptions => "Microsoft.Resources/subscriptions/read",
        Action::Permissions => "Microsoft.Authorization/permissions/read",
        Action::StorageAccount => "Microsoft.Storage/storageAccounts/read",
        Action::Interface => "Microsoft.Network/networkInterfaces/read",
        Action::PublicIp => "Microsoft.Network/publicIPAddresses/read",
        Action::Watchers => "Microsoft.Network/networkWatchers/read",
        Action::List | Action::LookUp => "Microsoft.Network/networkWatchers/packetCaptures/read",
        Action::Status => "Microsoft.Network/networkWatchers/packetCaptures/queryStatus/action",
        Action::Delete => "Microsoft.Network/networkWatchers/packetCaptures/delete",
        Action::Stop => "Microsoft.Network/networkWatchers/packetCaptures/stop/action",
        Action::Operation => "Microsoft.Network/locations/operations/read",
        Action::Create => {
            "Microsoft.Network/networkWatchers/packetCaptures/write (and, on the storage account, \
             Microsoft.Storage/storageAccounts/read, listKeys/action, listServiceSas/action and \
             listAccountSas/action)"
        }
        Action::File => {
            return "Blob storage does not let nightcap's service principal look at the capture's file. Grant it the \
                    role Storage Blob Data Reader on the storage account."
                .to_owned();
        }
        Action::Token | Action::SigningKeys => "an application role",
    };
    let scope = match (action, about.watcher) {
        (Action::Machine | Action::StorageAccount | Action::Instances, _)
        | (Action::InstallAgent | Action::UpgradeInstances, _)
        | (_, None) => format!("subscription {}", about.subscription),
        (_, Some(watcher)) => format!("resource group {}", watcher.resource_group()),
    };
    format!(
        "Azure does not let nightcap's service principal go on while it is {}. Grant it {right} on {scope}.",
        doing(action)
    )
}

/// What codes mean: Entra's ("Microsoft Entra authentication and authorization error codes"), and those of the endpoints for
/// managed identities (entra-docs, managed-identities/how-to-use-vm-token).
fn token_sentence(identity: &Identity, code: &str, transient: bool) -> String {
    let is_managed = matches!(identity, Identity::SystemAssigned | Identity::UserAssigned(_));
    let remedy = match code {
        "identity_endpoint_unusable" => "identity_endpoint or identity_header cannot be used: check them",
        "federated_token_missing" => {
            "its token file is missing or empty: check federated_token_file, and that the host shows the file to nightcap"
        }
        "AADSTS700211" | "AADSTS700212" | "AADSTS700213" | "AADSTS70021" => {
            "no federated credential of the application fits its token: compare issuer, subject and audience"
        }
        "AADSTS700024" => "its federated token has expired: see to it that the platform still renews it",
        "AADSTS7000215" => "the client secret is wrong: set client_secret to the secret's value, not to its id",
        "AADSTS7000222" => "the client secret has expired: make a new one and set client_secret",
        "AADSTS700016" => "the application is not in the tenant: check client_id and tenant_id",
        "AADSTS90002" | "AADSTS900023" => "there is no such tenant: check tenant_id and authority_url",
        "AADSTS70011" | "AADSTS500011" => {
            "the scope is unknown there: check that arm_url and authority_url belong to one cloud"
        }
        _ if transient => "this passes by itself, but did not in time",
        _ if is_managed => {
            "what nightcap runs on does not have it: assign it there, or set client_id to one that is assigned"
        }
        _ => "check tenant_id, client_id and the credential",
    };
    format!("There was no token for {identity} ({code}): {remedy}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target::parse("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm").unwrap()
    }

    fn refused(status: u16, code: &str) -> AzureError {
        AzureError::Refused {
            action: Action::Create,
            status: StatusCode::from_u16(status).unwrap(),
            code: code.to_owned(),
            message: "Some words.".to_owned(),
            retry_after: None,
        }
    }

    #[test]
    fn every_refusal_has_a_reason_and_a_remedy() {
        for (status, code, reason, hint) in [
            (403, "AuthorizationFailed", "not_authorized", "packetCaptures/write"),
            (400, "NetworkWatcherVmExtensionNotInstalled", "agent_missing", "az vm extension set"),
            (409, "MissingSubscriptionRegistration", "provider_not_registered", "az provider register"),
            (404, "SubscriptionNotFound", "subscription_not_found", "00000000"),
            (409, "PacketCaptureLimitReached", "azure_limit", "quota"),
            (401, "InvalidAuthenticationToken", "token_refused", "tenant_id"),
            (429, "TooManyRequests", "throttled", "throttles"),
            (503, "", "azure_unavailable", "503"),
            (400, "InvalidRequestFormat", "azure_refused", "Some words"),
        ] {
            let failure = Failure::from_azure(&refused(status, code), &target(), None);
            assert_eq!(failure.reason.word(), reason, "{status} {code}");
            assert!(failure.message.contains(hint), "{}", failure.message);
            assert!(failure.message.starts_with(char::is_alphabetic));
        }
    }

    #[test]
    fn only_passing_failures_ask_for_a_repeat() {
        assert!(Failure::from_azure(&refused(503, ""), &target(), None).repeat_helps);
        assert!(!Failure::from_azure(&refused(403, "AuthorizationFailed"), &target(), None).repeat_helps);
    }
}
