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
//! | file | purpose |
//! |---|---|
//! | `azure.rs` | read this first: what happens to each request |
//! | `world.rs`, `sample.rs` | what exists in the pretend Azure, and one that is ready to play with |
//! | `entra.rs`, `token.rs` | tokens |
//! | `arm.rs` | Resource Manager's front door: token, api-version, routes, headers, throttling |
//! | `compute.rs`, `network_watcher.rs`, `storage_account.rs` | resources that only have to be there |
//! | `packet_capture.rs`, `capture.rs`, `capture_request.rs`, `capture_target.rs`, `operation.rs` | packet captures and their operations |
//! | `blob.rs`, `traffic.rs` | the `.cap` files |
//! | `fault.rs` | trouble on demand |
//! | `sink.rs`, `transcript.rs` | what was posted, and what was asked |
//! | `server.rs`, `control.rs`, `main.rs` | the same over sockets |

mod answer;
mod api_version;
mod arm;
mod azure;
mod blob;
mod capture;
mod capture_request;
mod capture_target;
mod compute;
mod control;
mod entra;
mod fault;
mod filter;
mod identifier;
mod network_watcher;
mod operation;
mod packet_capture;
mod resource_path;
mod sample;
mod server;
mod sink;
mod storage_account;
mod token;
mod traffic;
mod transcript;
mod world;

#[cfg(test)]
mod testing;

pub use azure::{Azure, Outcome, Reply, Service};
pub use capture::{Capture, CaptureState, CaptureStatus};
pub use capture_request::{CaptureFilter, CaptureProperties, CaptureScope, CaptureSettings, StorageLocation};
pub use fault::{Effect, Fault};
pub use sample::{CLIENT_ID, CLIENT_SECRET, OPERATOR_KEY, SUBSCRIPTION, TENANT_ID, WEBHOOK_KEY};
pub use server::Server;
pub use sink::Message;
pub use transcript::Exchange;
pub use world::{OperatingSystem, ScaleSet, StorageAccount, Throttle, Timing, Urls, VirtualMachine, Watcher, World};
