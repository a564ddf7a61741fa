//! What follows from the cloud that nightcap works in.

use crate::settings::Origin;

/// The token scope of Azure Resource Manager.
///
/// It is the host's own name everywhere but in Azure Government (azure-cli-core, `cloud.py`). The simulator on loopback
/// plays the public cloud.
pub fn arm_scope(arm: &Origin) -> String {
    let host = match arm.host() {
        "management.usgovcloudapi.net" => "management.core.usgovcloudapi.net",
        _ if arm.is_loopback() => "management.azure.com",
        host => host,
    };
    format!("https://{host}/.default")
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
            assert_eq!(arm_scope(&Origin::parse(arm).unwrap()), scope);
        }
    }
}
