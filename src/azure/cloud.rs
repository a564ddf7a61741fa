//! What follows from the cloud that nightcap works in.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::origin::Origin;

/// What must not stand raw in a URL's fragment (WHATWG URL, "fragment percent-encode set"), nor in a message's link.
const NOT_IN_A_FRAGMENT: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'(').add(b')').add(b'|').add(b'#');

/// Whom a request is for. Each has its own origin and takes tokens of its own only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Azure Resource Manager.
    Arm,
    /// Blob storage.
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
pub fn portal(arm: &Origin, id: &str) -> String {
    let host = match arm.host() {
        "management.usgovcloudapi.net" => "portal.azure.us",
        "management.chinacloudapi.cn" => "portal.azure.cn",
        _ => "portal.azure.com",
    };
    format!("https://{host}/#resource{}", utf8_percent_encode(id, NOT_IN_A_FRAGMENT))
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
}
