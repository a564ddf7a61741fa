//! Public IP addresses, which name what has them
//! (azure-rest-api-specs publicIpAddress.json and its example PublicIpAddressGet).

use http::StatusCode;
use serde_json::json;

use crate::answer::{self, Answer};
use crate::arm::call::{Call, resource_not_found};
use crate::error::ArmError;
use crate::resource_id::name_of;
use crate::state::State;

pub(crate) fn get(state: &State, call: &Call) -> Result<Answer, ArmError> {
    let address = state.world.public_ip_address(&call.path.id(2)).ok_or_else(|| resource_not_found(call))?;
    let mut resource = json!({
        "name": name_of(&address.id),
        "id": address.id,
        "etag": "W/\"0b7d2f4e-6c35-4a0e-8f2b-1d9c5a7e3f60\"",
        "type": "Microsoft.Network/publicIPAddresses",
        "location": address.location,
        "sku": { "name": "Standard", "tier": "Regional" },
        "properties": {
            "provisioningState": "Succeeded",
            "publicIPAddressVersion": "IPv4",
            "publicIPAllocationMethod": "Static",
            "ipAddress": address.address,
            "idleTimeoutInMinutes": 4,
        },
    });
    if let Some(owner) = &address.ip_configuration {
        resource["properties"]["ipConfiguration"] = json!({ "id": owner });
    }
    Ok(answer::json(StatusCode::OK, &resource))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, code, json};
    use crate::{SUBSCRIPTION, World};

    fn url(name: &str) -> String {
        format!(
            "https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourceGroups/test-RG/providers/Microsoft.Network/\
             publicIPAddresses/{name}?api-version=2025-05-01"
        )
    }

    #[test]
    fn an_address_belongs_to_an_interface_to_a_front_end_or_to_nothing() {
        let mut client = Client::new(World::sample);
        let mut owner = |name: &str| -> Option<String> {
            let address = json(&client.arm("GET", &url(name), ""));
            assert_eq!(address["properties"]["provisioningState"], "Succeeded", "{name}");
            address["properties"].get("ipConfiguration").map(|owner| owner["id"].as_str().unwrap().into())
        };
        let interface = owner("TEST-vm-ip").unwrap();
        assert!(interface.ends_with("/Microsoft.Network/networkInterfaces/test-VM-nic/ipConfigurations/ipconfig1"));
        let front_end = owner("shop-front").unwrap();
        assert!(front_end.ends_with("/Microsoft.Network/loadBalancers/shop-lb/frontendIPConfigurations/front"));
        assert_eq!(owner("spare-ip"), None);
    }

    #[test]
    fn an_address_needs_a_right_and_must_be_there() {
        let mut client = Client::new(World::sample);
        assert_eq!(code(&client.arm("GET", &url("none"), "")), "ResourceNotFound");
        client.azure.world_mut().denied_actions = vec!["Microsoft.Network/publicIPAddresses/read".into()];
        let refused = client.arm("GET", &url("spare-ip"), "");
        assert_eq!((refused.status().as_u16(), code(&refused)), (403, "AuthorizationFailed".into()));
    }
}
