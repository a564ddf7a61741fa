//! Azure Resource Manager: the front door, and what is behind it, a file for each kind of resource.

mod api_version;
mod call;
mod compute;
pub(crate) mod door;
pub(crate) mod extension;
mod network_interface;
mod network_watcher;
mod operation;
pub(crate) mod packet_capture;
mod page;
mod permissions;
mod public_ip_address;
mod resource_path;
mod route;
mod storage_account;
mod subscription;
