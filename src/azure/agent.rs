//! The Network Watcher agent: an extension of a machine, of a scale set's model, or of one of its instances ("Manage Network
//! Watcher Agent for Azure virtual machines"). Azure provisions it while the resource itself tells how far that is.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::action::Action;
use super::answer::{read, unreadable};
use super::client::{Azure, Call};
use super::cloud::Audience;
use super::compute::API_VERSION;
use super::error::AzureError;
use super::extension::Extension;
use super::instance_view::InstanceView;
use super::lenient;
use super::list::list;
use super::region::Region;
use super::storage_profile::StorageProfile;
use super::target::{Target, TargetKind};
use crate::host::Host;

/// What the documentation calls the extension. One that is there keeps its name, for a machine has one of a kind.
const USUAL_NAME: &str = "AzureNetworkWatcherExtension";

/// The version that the documentation names; Azure takes the newest 1.x.
const VERSION: &str = "1.4";

/// What stands between a machine and a capture, as far as the agent goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Missing,
    /// It could not be provisioned; what the machine reported of that, perhaps nothing.
    Broken(String),
    /// Azure is at work on it.
    UnderWay,
    /// The scale set's model has it, and instances wait to be told to follow.
    Behind,
    Ready,
}

/// A machine, as far as the agent goes.
#[derive(Clone, Debug)]
pub struct Owner {
    pub standing: Standing,
    /// What the machine does, such as `running`, when Azure says.
    pub power: Option<String>,
    region: Region,
    system: &'static str,
    extension: String,
}

/// How the agent stands. `None` when there is no such machine, or none that nightcap may see.
pub async fn look<H: Host>(azure: &Azure<'_, H>, target: &Target) -> Result<Option<Owner>, AzureError> {
    let (action, query): (_, &[_]) = match target.kind() {
        TargetKind::VirtualMachine => (Action::Machine, &[("$expand", "instanceView")]),
        TargetKind::ScaleSet => (Action::Machine, &[]),
        TargetKind::ScaleSetInstance => (Action::Instances, &[("$expand", "instanceView")]),
    };
    let uri = azure.uri_with(action, &target.id().to_string(), API_VERSION, query)?;
    let answer = match azure.get(action, uri).await {
        Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => return Ok(None),
        other => other?,
    };
    let resource: Resource = read(action, &answer)?;
    let instances = match resource.is_model_ready(target) {
        true => {
            let path = format!("{}/virtualMachines", target.id());
            list::<_, Instance>(azure, Action::Instances, &path, API_VERSION).await?.0
        }
        false => vec![],
    };
    resource.owner(target, &instances).map(Some).ok_or_else(|| unreadable(action, "no location"))
}

/// Asks Azure to install the agent, or to install it anew where it is broken. Azure goes on with it after its answer.
pub async fn install<H: Host>(azure: &Azure<'_, H>, target: &Target, owner: &Owner) -> Result<(), AzureError> {
    let (path, body) = (owner.path(target), owner.body(target));
    send(azure, Action::InstallAgent, Method::PUT, &path, &body).await
}

/// Asks Azure to let all instances of a scale set follow its model, which its upgrade policy leaves to somebody.
pub async fn upgrade<H: Host>(azure: &Azure<'_, H>, target: &Target) -> Result<(), AzureError> {
    let path = format!("{}/manualupgrade", target.id());
    send(azure, Action::UpgradeInstances, Method::POST, &path, &json!({"instanceIds": ["*"]})).await
}

/// The request that [`install`] sends.
pub fn would_install<H: Host>(azure: &Azure<'_, H>, target: &Target, owner: &Owner) -> Result<Value, AzureError> {
    let url = azure.uri(Action::InstallAgent, &owner.path(target), API_VERSION)?.to_string();
    Ok(json!({"method": "PUT", "url": url, "body": owner.body(target)}))
}

async fn send<H: Host>(
    azure: &Azure<'_, H>,
    action: Action,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<(), AzureError> {
    let (audience, uri) = (Audience::Arm, azure.uri(action, path, API_VERSION)?);
    let (body, headers) = (Bytes::from(body.to_string()), HeaderMap::new());
    azure.call(Call { audience, action, method, uri, body, repeat: false, capture: None, headers }).await.map(drop)
}

impl Owner {
    fn path(&self, target: &Target) -> String {
        format!("{}/extensions/{}", target.id(), self.extension)
    }

    fn body(&self, target: &Target) -> Value {
        let properties = json!({
            "publisher": "Microsoft.Azure.NetworkWatcher",
            "type": format!("NetworkWatcherAgent{}", self.system),
            "typeHandlerVersion": VERSION,
            "autoUpgradeMinorVersion": true,
        });
        match target.kind() {
            TargetKind::VirtualMachine => json!({"location": self.region, "properties": properties}),
            TargetKind::ScaleSet | TargetKind::ScaleSetInstance => json!({"properties": properties}),
        }
    }
}

/// A virtual machine, a scale set or an instance of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource {
    #[serde(deserialize_with = "lenient::or_default")]
    location: Option<Region>,
    #[serde(deserialize_with = "lenient::or_default")]
    properties: Properties,
    #[serde(deserialize_with = "lenient::items")]
    resources: Vec<Extension>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    #[serde(deserialize_with = "lenient::or_default")]
    storage_profile: StorageProfile,
    #[serde(deserialize_with = "lenient::or_default")]
    instance_view: InstanceView,
    #[serde(deserialize_with = "lenient::or_default")]
    upgrade_policy: UpgradePolicy,
    #[serde(deserialize_with = "lenient::or_default")]
    virtual_machine_profile: Model,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UpgradePolicy {
    #[serde(deserialize_with = "lenient::or_default")]
    mode: String,
}

/// What the instances of a scale set are made of.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Model {
    #[serde(deserialize_with = "lenient::or_default")]
    storage_profile: StorageProfile,
    #[serde(deserialize_with = "lenient::or_default")]
    extension_profile: ExtensionProfile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExtensionProfile {
    #[serde(deserialize_with = "lenient::items")]
    extensions: Vec<Extension>,
}

/// An instance of a scale set in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Instance {
    #[serde(deserialize_with = "lenient::or_default")]
    properties: InstanceProperties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct InstanceProperties {
    #[serde(deserialize_with = "lenient::or_default")]
    latest_model_applied: Option<bool>,
    #[serde(deserialize_with = "lenient::or_default")]
    provisioning_state: String,
}

impl Resource {
    fn agent(&self, target: &Target) -> Option<&Extension> {
        let extensions = match target.kind() {
            TargetKind::ScaleSet => &self.properties.virtual_machine_profile.extension_profile.extensions,
            TargetKind::VirtualMachine | TargetKind::ScaleSetInstance => &self.resources,
        };
        extensions.iter().find(|extension| extension.is_agent())
    }

    /// Whether this is a scale set whose model has the agent, so that it depends on the instances.
    fn is_model_ready(&self, target: &Target) -> bool {
        target.kind() == TargetKind::ScaleSet && self.agent(target).is_some_and(Extension::is_provisioned)
    }

    fn standing(&self, target: &Target, instances: &[Instance]) -> Standing {
        let Some(agent) = self.agent(target) else { return Standing::Missing };
        if agent.is_broken() {
            return Standing::Broken(self.properties.instance_view.message_of(&agent.name));
        }
        if !agent.is_provisioned() {
            return Standing::UnderWay;
        }
        let is_behind = |one: &&Instance| one.properties.latest_model_applied == Some(false);
        let behind: Vec<_> = instances.iter().filter(is_behind).collect();
        let at_work = |one: &&Instance| one.properties.provisioning_state.eq_ignore_ascii_case("Updating");
        if behind.is_empty() {
            return Standing::Ready;
        }
        let is_by_hand = self.properties.upgrade_policy.mode.eq_ignore_ascii_case("Manual");
        if is_by_hand && !behind.iter().any(at_work) { Standing::Behind } else { Standing::UnderWay }
    }

    fn owner(self, target: &Target, instances: &[Instance]) -> Option<Owner> {
        let model = &self.properties.virtual_machine_profile;
        let systems = [&self.properties.storage_profile, &model.storage_profile];
        let is_windows = systems.into_iter().any(StorageProfile::is_windows);
        Some(Owner {
            standing: self.standing(target, instances),
            power: self.properties.instance_view.power(),
            extension: self.agent(target).map_or(USUAL_NAME, |agent| &agent.name).to_owned(),
            system: if is_windows { "Windows" } else { "Linux" },
            region: self.location?,
        })
    }
}
