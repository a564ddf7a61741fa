//! What stands before a machine: network interfaces and public IP addresses, followed to the machine behind them.

use http::StatusCode;
use serde::Deserialize;

use super::action::Action;
use super::answer::read;
use super::client::Azure;
use super::error::AzureError;
use super::lenient;
use super::network_watcher::API_VERSION;
use super::resource_id::ResourceId;
use super::target::Target;
use crate::host::Host;

/// The machine that a network interface belongs to; `None` when it is in nobody's, or not there.
pub async fn machine_of_interface<H: Host>(
    azure: &Azure<'_, H>,
    interface: &ResourceId,
) -> Result<Option<Target>, AzureError> {
    let interface: Option<Interface> = get(azure, Action::Interface, interface).await?;
    let machine = interface.and_then(|interface| interface.properties.virtual_machine.id);
    Ok(machine.and_then(Target::new))
}

/// The machine that has a public IP address; `None` when something else has it, such as a load balancer, or nobody.
pub async fn machine_of_public_ip<H: Host>(
    azure: &Azure<'_, H>,
    address: &ResourceId,
) -> Result<Option<Target>, AzureError> {
    let address: Option<PublicIpAddress> = get(azure, Action::PublicIp, address).await?;
    let Some(configuration) = address.and_then(|address| address.properties.ip_configuration.id) else {
        return Ok(None);
    };
    let holders = std::iter::successors(Some(configuration), ResourceId::parent);
    for holder in holders {
        // The interfaces of a scale set stand below their instance.
        if let Some(target) = Target::new(holder.clone()) {
            return Ok(Some(target));
        }
        if holder.is_a("Microsoft.Network", &["networkInterfaces"]) {
            return machine_of_interface(azure, &holder).await;
        }
    }
    Ok(None)
}

/// A network interface, as Azure tells it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Interface {
    #[serde(deserialize_with = "lenient::or_default")]
    properties: InterfaceProperties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct InterfaceProperties {
    #[serde(deserialize_with = "lenient::or_default")]
    virtual_machine: SubResource,
}

/// A public IP address, as Azure tells it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PublicIpAddress {
    #[serde(deserialize_with = "lenient::or_default")]
    properties: PublicIpProperties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PublicIpProperties {
    #[serde(deserialize_with = "lenient::or_default")]
    ip_configuration: SubResource,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SubResource {
    #[serde(deserialize_with = "lenient::or_default")]
    id: Option<ResourceId>,
}

async fn get<H: Host, T: serde::de::DeserializeOwned>(
    azure: &Azure<'_, H>,
    action: Action,
    id: &ResourceId,
) -> Result<Option<T>, AzureError> {
    let uri = azure.uri(action, &id.to_string(), API_VERSION)?;
    match azure.get(action, uri).await {
        Err(AzureError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
        answer => read(action, &answer?).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::fake::Stage;
    use crate::host::fake::Answer;
    use serde_json::json;

    const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers";

    fn id(rest: &str) -> ResourceId {
        ResourceId::parse(&format!("{GROUP}/{rest}")).unwrap()
    }

    fn arm(path: &str) -> Answer {
        let body = match path.rsplit('/').next().unwrap_or_default() {
            "nic" => {
                json!({"properties": {"virtualMachine": {"id": format!("{GROUP}/Microsoft.Compute/virtualMachines/vm")}}})
            }
            "spare" => json!({"properties": {"virtualMachine": null}}),
            "front" => {
                json!({"properties": {"ipConfiguration": {"id": format!("{GROUP}/Microsoft.Network/networkInterfaces/nic/ipConfigurations/one")}}})
            }
            "of-set" => {
                json!({"properties": {"ipConfiguration": {"id": format!("{GROUP}/Microsoft.Compute/virtualMachineScaleSets/set/virtualMachines/3/networkInterfaces/nic/ipConfigurations/one")}}})
            }
            "balanced" => {
                json!({"properties": {"ipConfiguration": {"id": format!("{GROUP}/Microsoft.Network/loadBalancers/lb/frontendIPConfigurations/one")}}})
            }
            "unused" => json!({"properties": {}}),
            _ => return Answer::json(404, r#"{"error":{"code":"ResourceNotFound"}}"#),
        };
        Answer::json(200, body.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_before_a_machine_leads_to_it() {
        let stage = Stage::new(|request| arm(request.uri().path()));
        let azure = stage.azure();
        for (name, machine) in [("nic", Some("vm")), ("spare", None), ("gone", None)] {
            let found = machine_of_interface(&azure, &id(&format!("Microsoft.Network/networkInterfaces/{name}"))).await;
            assert_eq!(found.unwrap().map(|target| target.name()).as_deref(), machine, "{name}");
        }
        for (name, machine) in
            [("front", Some("vm")), ("of-set", Some("set_3")), ("balanced", None), ("unused", None), ("gone", None)]
        {
            let found = machine_of_public_ip(&azure, &id(&format!("Microsoft.Network/publicIPAddresses/{name}"))).await;
            assert_eq!(found.unwrap().map(|target| target.name()).as_deref(), machine, "{name}");
        }
    }
}
