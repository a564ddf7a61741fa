//! Network interfaces: of machines, and of a scale set's instances
//! (azure-rest-api-specs networkInterface.json and its example NetworkInterfaceGet, vmssNetworkInterface.json).

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::arm::call::{Call, resource_not_found};
use crate::error::ArmError;
use crate::resource_id::{name_of, same};
use crate::state::State;
use crate::world::inventory::World;
use crate::world::resources::NetworkInterface;

pub(crate) fn get(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let interface = state.world.network_interface(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
    let mut resource = resource(&state.world, interface);
    resource["location"] = json!(interface.location);
    resource["type"] = json!("Microsoft.Network/networkInterfaces");
    Ok(answer::json(StatusCode::OK, &resource))
}

/// Whether the service tells location and type of an instance's interface is not established; a client that needs them
/// is found out here.
pub(crate) fn get_of_scale_set(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let interface = state.world.network_interface(&call.path.id(6)).ok_or_else(|| resource_not_found(call))?;
    Ok(answer::json(StatusCode::OK, &resource(&state.world, interface)))
}

fn resource(world: &World, interface: &NetworkInterface) -> Value {
    let ip_configuration = interface.ip_configuration();
    let mut resource = json!({
        "name": name_of(&interface.id),
        "id": interface.id,
        "etag": "W/\"5c1a3b60-2f8e-4d13-9d0c-6b7f1f0c9a41\"",
        "properties": {
            "provisioningState": "Succeeded",
            "ipConfigurations": [{
                "name": name_of(&ip_configuration),
                "id": ip_configuration,
                "properties": {
                    "provisioningState": "Succeeded",
                    "privateIPAddress": interface.private_address,
                    "privateIPAllocationMethod": "Dynamic",
                    "privateIPAddressVersion": "IPv4",
                    "primary": true,
                },
            }],
            "dnsSettings": { "dnsServers": [], "appliedDnsServers": [] },
            "enableAcceleratedNetworking": false,
            "enableIPForwarding": false,
            "primary": true,
        },
    });
    let is_own = |owner: &Option<String>| owner.as_deref().is_some_and(|owner| same(owner, &ip_configuration));
    if let Some(address) = world.public_ip_addresses.iter().find(|address| is_own(&address.ip_configuration)) {
        resource["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = json!({ "id": address.id });
    }
    if let Some(machine) = &interface.virtual_machine {
        resource["properties"]["virtualMachine"] = json!({ "id": machine });
    }
    resource
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, code, json};
    use crate::{NetworkInterface, SUBSCRIPTION, World};

    const SET: &str = "providers/Microsoft.Compute/virtualMachineScaleSets/testvmss/virtualMachines/2";

    fn url(path: &str, version: &str) -> String {
        let groups = format!("https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourceGroups");
        format!("{groups}/{path}?api-version={version}")
    }

    #[test]
    fn an_interface_names_its_machine_and_its_public_address() {
        let mut client = Client::new(World::sample);
        let url = url("TEST-rg/providers/Microsoft.Network/networkInterfaces/TEST-vm-nic", "2025-05-01");
        let interface = json(&client.arm("GET", &url, ""));
        assert_eq!(interface["properties"]["virtualMachine"]["id"], client.azure.world().virtual_machines[0].id);
        let ip_configuration = &interface["properties"]["ipConfigurations"][0]["properties"];
        assert_eq!(ip_configuration["privateIPAddress"], "10.0.0.4");
        assert_eq!(ip_configuration["publicIPAddress"]["id"], client.azure.world().public_ip_addresses[0].id);
        assert_eq!(interface["location"], "westcentralus");
    }

    #[test]
    fn an_interface_may_belong_to_no_machine() {
        let mut client = Client::new(World::sample);
        let sample = client.azure.world().network_interfaces[0].clone();
        let spare = NetworkInterface { id: format!("{}-2", sample.id), virtual_machine: None, ..sample };
        client.azure.world_mut().network_interfaces.push(spare);
        let url = url("test-RG/providers/Microsoft.Network/networkInterfaces/test-VM-nic-2", "2025-05-01");
        let interface = json(&client.arm("GET", &url, ""));
        assert_eq!(interface["properties"].get("virtualMachine"), None);
        assert_eq!(interface["properties"]["ipConfigurations"][0]["properties"].get("publicIPAddress"), None);
    }

    #[test]
    fn an_instance_has_its_interface_below_it_with_a_version_of_its_own() {
        let mut client = Client::new(World::sample);
        let path = format!("testrg/{SET}/networkInterfaces/testvmss-nic");
        let interface = json(&client.arm("GET", &url(&path, "2018-10-01"), ""));
        let machine = interface["properties"]["virtualMachine"]["id"].as_str().unwrap();
        assert!(machine.ends_with(&format!("/testrg/{SET}")), "{machine}");
        for version in ["2025-05-01", "2024-07-01"] {
            assert_eq!(code(&client.arm("GET", &url(&path, version), "")), "NoRegisteredProviderFound");
        }
    }

    #[test]
    fn each_kind_of_interface_needs_a_right_of_its_own() {
        let machine = "test-RG/providers/Microsoft.Network/networkInterfaces/test-VM-nic";
        let instance = format!("testrg/{SET}/networkInterfaces/testvmss-nic");
        for (right, path, version) in [
            ("Microsoft.Network/networkInterfaces/read", machine, "2025-05-01"),
            (
                "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/networkInterfaces/read",
                instance.as_str(),
                "2018-10-01",
            ),
        ] {
            let mut client = Client::new(World::sample);
            client.azure.world_mut().denied_actions = vec![right.into()];
            let refused = client.arm("GET", &url(path, version), "");
            assert_eq!((refused.status().as_u16(), code(&refused)), (403, "AuthorizationFailed".into()));
        }
    }
}
