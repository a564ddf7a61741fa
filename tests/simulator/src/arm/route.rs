//! What a request is about, and what it may be asked for.

use http::Method;

use crate::arm::resource_path::ResourcePath;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Route {
    Subscriptions,
    Subscription,
    ResourceGroup,
    VirtualMachines,
    VirtualMachine,
    VirtualMachineExtension,
    ScaleSets,
    ScaleSet,
    ScaleSetExtension,
    UpgradeScaleSetInstances,
    ScaleSetInstances,
    ScaleSetInstance,
    ScaleSetInstanceExtension,
    ScaleSetNetworkInterface,
    NetworkInterface,
    PublicIpAddress,
    StorageAccount,
    Permissions,
    Watchers,
    Watcher,
    Captures,
    Capture,
    StopCapture,
    QueryCaptureStatus,
    OperationStatus,
    OperationResult,
}

impl Route {
    pub(crate) fn find(path: &ResourcePath) -> Option<Route> {
        let rest = path.lower_rest();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let route = match (path.provider.as_deref(), &rest[..]) {
            (None, []) if path.subscription.is_empty() => Route::Subscriptions,
            (None, []) if path.group.is_none() => Route::Subscription,
            (None, []) => Route::ResourceGroup,
            (Some("microsoft.compute"), ["virtualmachines"]) => Route::VirtualMachines,
            (Some("microsoft.compute"), ["virtualmachines", _]) => Route::VirtualMachine,
            (Some("microsoft.compute"), ["virtualmachines", _, "extensions", _]) => Route::VirtualMachineExtension,
            (Some("microsoft.compute"), ["virtualmachinescalesets"]) => Route::ScaleSets,
            (Some("microsoft.compute"), ["virtualmachinescalesets", _]) => Route::ScaleSet,
            (Some("microsoft.compute"), ["virtualmachinescalesets", _, "extensions", _]) => Route::ScaleSetExtension,
            (Some("microsoft.compute"), ["virtualmachinescalesets", _, "manualupgrade"]) => {
                Route::UpgradeScaleSetInstances
            }
            (Some("microsoft.compute"), ["virtualmachinescalesets", _, "virtualmachines"]) => Route::ScaleSetInstances,
            (Some("microsoft.compute"), ["virtualmachinescalesets", _, "virtualmachines", _, "extensions", _]) => {
                Route::ScaleSetInstanceExtension
            }
            (Some("microsoft.compute"), ["virtualmachinescalesets", _, "virtualmachines", _]) => {
                Route::ScaleSetInstance
            }
            (
                Some("microsoft.compute"),
                ["virtualmachinescalesets", _, "virtualmachines", _, "networkinterfaces", _],
            ) => Route::ScaleSetNetworkInterface,
            (Some("microsoft.network"), ["networkinterfaces", _]) => Route::NetworkInterface,
            (Some("microsoft.network"), ["publicipaddresses", _]) => Route::PublicIpAddress,
            (Some("microsoft.authorization"), ["permissions"])
            | (Some(_), [_, _, "providers", "microsoft.authorization", "permissions"]) => Route::Permissions,
            (Some("microsoft.storage"), ["storageaccounts", _]) => Route::StorageAccount,
            (Some("microsoft.network"), ["networkwatchers"]) => Route::Watchers,
            (Some("microsoft.network"), ["networkwatchers", _]) => Route::Watcher,
            (Some("microsoft.network"), ["networkwatchers", _, "packetcaptures"]) => Route::Captures,
            (Some("microsoft.network"), ["networkwatchers", _, "packetcaptures", _]) => Route::Capture,
            (Some("microsoft.network"), ["networkwatchers", _, "packetcaptures", _, "stop"]) => Route::StopCapture,
            (Some("microsoft.network"), ["networkwatchers", _, "packetcaptures", _, "querystatus"]) => {
                Route::QueryCaptureStatus
            }
            (Some("microsoft.network"), ["locations", _, "operations", _]) => Route::OperationStatus,
            (Some("microsoft.network"), ["locations", _, "operationresults", _]) => Route::OperationResult,
            _ => return None,
        };
        route.fits(path.group.is_some()).then_some(route)
    }

    /// Whether the path may, or must, name a resource group.
    fn fits(self, names_group: bool) -> bool {
        match self {
            Route::Subscriptions | Route::Subscription | Route::OperationStatus | Route::OperationResult => {
                !names_group
            }
            Route::VirtualMachines | Route::ScaleSets | Route::Watchers | Route::Permissions => true,
            _ => names_group,
        }
    }

    pub(crate) fn methods(self) -> &'static [Method] {
        match self {
            Route::Capture => &[Method::GET, Method::PUT, Method::DELETE],
            Route::StopCapture | Route::QueryCaptureStatus | Route::UpgradeScaleSetInstances => &[Method::POST],
            Route::VirtualMachineExtension | Route::ScaleSetExtension | Route::ScaleSetInstanceExtension => {
                &[Method::PUT]
            }
            _ => &[Method::GET],
        }
    }

    /// The right that a request needs (azure-docs, network-watcher required-rbac-permissions, and the operations of
    /// the resource providers).
    pub(crate) fn action(self, method: &Method) -> &'static str {
        match self {
            Route::Subscriptions | Route::Subscription => "Microsoft.Resources/subscriptions/read",
            Route::ResourceGroup => "Microsoft.Resources/subscriptions/resourceGroups/read",
            Route::VirtualMachines | Route::VirtualMachine => "Microsoft.Compute/virtualMachines/read",
            Route::ScaleSets | Route::ScaleSet => "Microsoft.Compute/virtualMachineScaleSets/read",
            Route::ScaleSetInstances | Route::ScaleSetInstance => {
                "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read"
            }
            Route::VirtualMachineExtension => "Microsoft.Compute/virtualMachines/extensions/write",
            Route::ScaleSetExtension => "Microsoft.Compute/virtualMachineScaleSets/extensions/write",
            Route::UpgradeScaleSetInstances => "Microsoft.Compute/virtualMachineScaleSets/manualUpgrade/action",
            Route::ScaleSetInstanceExtension => {
                "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/extensions/write"
            }
            Route::ScaleSetNetworkInterface => {
                "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/networkInterfaces/read"
            }
            Route::NetworkInterface => "Microsoft.Network/networkInterfaces/read",
            Route::PublicIpAddress => "Microsoft.Network/publicIPAddresses/read",
            Route::StorageAccount => "Microsoft.Storage/storageAccounts/read",
            Route::Permissions => "Microsoft.Authorization/permissions/read",
            Route::Watchers | Route::Watcher => "Microsoft.Network/networkWatchers/read",
            Route::Capture if method == Method::PUT => "Microsoft.Network/networkWatchers/packetCaptures/write",
            Route::Capture if method == Method::DELETE => "Microsoft.Network/networkWatchers/packetCaptures/delete",
            Route::Captures | Route::Capture => "Microsoft.Network/networkWatchers/packetCaptures/read",
            Route::StopCapture => "Microsoft.Network/networkWatchers/packetCaptures/stop/action",
            Route::QueryCaptureStatus => "Microsoft.Network/networkWatchers/packetCaptures/queryStatus/action",
            Route::OperationStatus => "Microsoft.Network/locations/operations/read",
            Route::OperationResult => "Microsoft.Network/locations/operationResults/read",
        }
    }
}
