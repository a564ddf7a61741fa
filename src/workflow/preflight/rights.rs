//! The rights that a capture takes ("Azure RBAC permissions required to use Network Watcher"), held against what Azure says that
//! nightcap has. Pure. What is proved by reading it has no entry here.

use super::line::{Check, Line};
use crate::azure::permissions::Permissions;

/// A right, and what is not done without it.
#[derive(Debug)]
pub struct Right {
    action: &'static str,
    kind: Kind,
    without: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// Without it there is no capture, or no end of one.
    Needed,
    /// Without it something is missed.
    Useful,
    /// The same for data.
    UsefulData,
}

const fn needed(action: &'static str, without: &'static str) -> Right {
    Right { action, kind: Kind::Needed, without }
}

const fn useful(action: &'static str, without: &'static str) -> Right {
    Right { action, kind: Kind::Useful, without }
}

/// On a network watcher.
pub const AT_WATCHER: &[Right] = &[
    needed("Microsoft.Network/networkWatchers/packetCaptures/write", "no capture is started"),
    needed("Microsoft.Network/networkWatchers/packetCaptures/delete", "no finished capture makes room for another"),
    needed("Microsoft.Network/networkWatchers/packetCaptures/stop/action", "no capture is stopped"),
    needed(
        "Microsoft.Network/networkWatchers/packetCaptures/queryStatus/action",
        "nobody learns that a capture has ended",
    ),
];

/// On a subscription.
pub const AT_SUBSCRIPTION: &[Right] = &[
    needed("Microsoft.Network/locations/operations/read", "it is not seen how the beginning of a capture goes on"),
    needed("Microsoft.Network/locations/operationResults/read", "it is not seen how a delete or a stop goes on"),
    useful("Microsoft.Compute/virtualMachines/read", "machines are found only where a narrower scope has it"),
    useful("Microsoft.Compute/virtualMachineScaleSets/read", "scale sets are found only where a narrower scope has it"),
    useful("Microsoft.Network/networkInterfaces/read", "an alert on a network interface may not find its machine"),
    useful("Microsoft.Network/publicIPAddresses/read", "an alert on a public IP address may not find its machine"),
];

/// On a subscription where agents are to be installed.
pub const FOR_AGENT: &[Right] = &[
    useful("Microsoft.Compute/virtualMachines/extensions/write", "no agent is installed on a machine"),
    useful("Microsoft.Compute/virtualMachineScaleSets/extensions/write", "no agent is installed on a scale set"),
    useful(
        "Microsoft.Compute/virtualMachineScaleSets/manualUpgrade/action",
        "instances whose upgrade policy is manual get no agent",
    ),
    useful(
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/extensions/write",
        "no agent is installed on one instance of a scale set",
    ),
];

/// On a storage account.
pub const AT_ACCOUNT: &[Right] = &[
    needed("Microsoft.Storage/storageAccounts/listKeys/action", "Azure stores no capture there"),
    needed("Microsoft.Storage/storageAccounts/listServiceSas/action", "Azure stores no capture there"),
    needed("Microsoft.Storage/storageAccounts/listAccountSas/action", "Azure stores no capture there"),
    Right {
        action: "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
        kind: Kind::UsefulData,
        without: "no file is read, and there are no reports",
    },
];

/// A line for each right at a scope. `grant` gives the command that grants it, and is told whether it is for data.
pub fn lines(rights: &[Right], held: &Permissions, scope: &str, grant: impl Fn(bool) -> String) -> Vec<Line> {
    let line = |right: &Right| {
        let Right { action, kind, without } = right;
        let is_data = *kind == Kind::UsefulData;
        let is_held = if is_data { held.allow_data(action) } else { held.allow(action) };
        let missing = || format!("nightcap's service principal has no {action} on {scope}, so {without}.");
        let line = match kind {
            _ if is_held => Line::good(Check::Right, format!("nightcap's service principal has {action} on {scope}.")),
            Kind::Needed => Line::bad(Check::Right, missing(), grant(is_data)),
            Kind::Useful | Kind::UsefulData => Line::attention(Check::Right, missing(), grant(is_data)),
        };
        line.about(*action)
    };
    rights.iter().map(line).collect()
}
