//! What follows from the cloud that nightcap works in.

use url::Url;

use super::origin::Origin;
use super::resource_id::ResourceId;

/// Whom a request is for. Each has its own origin and takes tokens of its own only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Arm,
    Storage,
}

/// The scope of tokens for an audience. That of storage is the same in every cloud (azure-storage-blob, `_shared`).
///
/// That of Azure Resource Manager is the host's own name everywhere but in Azure Government (azure-cli-core,
/// `cloud.py`). The simulator on loopback plays the public cloud.
pub fn scope(audience: Audience, arm: &Origin) -> String {
    if audience == Audience::Storage {
        return "https://storage.azure.com/.default".to_owned();
    }
    let host = match arm.host() {
        "management.usgovcloudapi.net" => "management.core.usgovcloudapi.net",
        _ if arm.is_loopback() => "management.azure.com",
        host => host,
    };
    format!("https://{host}/.default")
}

/// Where people look at a resource in the portal of the same cloud (azure-cli-core, `cloud.py`).
pub fn portal(arm: &Origin, id: &ResourceId) -> String {
    let portal = match arm.host() {
        "management.usgovcloudapi.net" => "https://portal.azure.us/",
        "management.chinacloudapi.cn" => "https://portal.azure.cn/",
        _ => "https://portal.azure.com/",
    };
    let Ok(mut url) = Url::parse(portal) else { return portal.to_owned() };
    url.set_fragment(Some(&format!("resource{id}")));
    // Parentheses would end a link in a message.
    url.as_str().replace('(', "%28").replace(')', "%29")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_has_its_scope() {
        for (arm, scope) in [
            ("https://management.azure.com", "https://management.azure.com/.default"),
            ("https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net/.default"),
            ("https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn/.default"),
            ("http://127.0.0.1:7301", "https://management.azure.com/.default"),
        ] {
            assert_eq!(super::scope(Audience::Arm, &Origin::parse(arm).unwrap()), scope);
        }
    }

    #[test]
    fn a_link_to_the_portal_has_nothing_that_would_end_it() {
        let id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/größe(1)/providers/Microsoft.Compute/virtualMachines/vm";
        let link = portal(&Origin::parse("https://management.azure.com").unwrap(), &ResourceId::parse(id).unwrap());
        assert_eq!(
            link,
            "https://portal.azure.com/#resource/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/\
             gr%C3%B6%C3%9Fe%281%29/providers/Microsoft.Compute/virtualMachines/vm"
        );
    }
}
