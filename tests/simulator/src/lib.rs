//! A pretend Azure, strict enough to find a client's mistakes and complete enough to try nightcap without an
//! account: Microsoft Entra tokens, the Resource Manager calls around packet captures, Blob storage with real
//! `.cap` files, and a sink for messages.
//!
//! The core is [`Azure`]: a state machine that answers a request at a given time. It reads no clock, opens no
//! socket and draws no random number, so the same requests at the same times give the same answers. A
//! simulation calls it directly; [`Server`] puts it behind four loopback sockets.
//!
//! ```
//! use nightcap_simulator::{Azure, Outcome, Service, Urls, World};
//!
//! let mut azure = Azure::new(World::sample(Urls::public()));
//! let request = http::Request::get("https://management.azure.com/subscriptions?api-version=2022-12-01")
//!     .body(bytes::Bytes::new())
//!     .unwrap();
//! let reply = azure.handle("2026-11-20T02:00:00Z".parse().unwrap(), Service::Arm, request);
//! let Outcome::Response(response) = reply.outcome else { panic!("the connection was cut") };
//! assert_eq!(response.status(), 401, "no token, no answer");
//! ```
//!
//! # Where to look
//!
//! | file or folder | purpose |
//! |---|---|
//! | `azure.rs` | read this first: what happens to each request |
//! | `arm/` | Resource Manager: the door with token, api-version, rights and routes, then a file for each kind of resource |
//! | `arm/packet_capture/`, `capture/` | packet captures: what is done with them, and what one is at any moment |
//! | `entra.rs`, `managed_identity.rs`, `token.rs`, `signed_token.rs` | tokens |
//! | `blob/`, `traffic/` | the `.cap` files, and what is in them |
//! | `sink.rs` | what was posted |
//! | `fault.rs`, `operation.rs` | trouble on demand, and long-running operations |
//! | `by_hand.rs` | what other people do in the meantime |
//! | `world/` | what exists in the pretend Azure, and one that is ready to use |
//! | `state.rs`, `transcript.rs` | what is remembered, and what was asked |
//! | `server/`, `bin/` | the same over sockets |

#![allow(missing_docs, reason = "most names here are Azure's own, and say what they are")]

mod answer;
mod arm;
mod azure;
mod blob;
mod by_hand;
mod capture;
mod entra;
mod error;
mod fault;
mod identifier;
mod installation;
mod managed_identity;
mod operation;
mod rates;
mod resource_id;
mod server;
mod service;
mod signed_token;
mod sink;
mod state;
mod time;
mod token;
mod traffic;
mod transcript;
mod world;

#[cfg(test)]
mod testing;

pub use azure::{Azure, Outcome, Reply};
pub use capture::lifecycle::{Capture, CaptureState, CaptureStatus};
pub use fault::{Effect, Fault};
pub use server::sockets::Server;
pub use service::Service;
pub use signed_token::{ACTION_GROUPS, action_group_claims, public_modulus, sign, token_header};
pub use sink::Message;
pub use transcript::Exchange;
pub use world::inventory::{
    CLIENT_ID, CLIENT_SECRET, FEDERATED_TOKEN, IDENTITY_HEADER, MANAGED_IDENTITY, SUBSCRIPTION, TENANT_ID, World,
};
pub use world::resources::{
    AgentState, NetworkInterface, OperatingSystem, PublicIpAddress, ScaleSet, ScaleSetFiles, StorageAccount,
    VirtualMachine, Watcher,
};
pub use world::settings::{OPERATOR_KEY, WEBHOOK_KEY};
pub use world::timing::{Throttle, Timing};
pub use world::urls::Urls;
