//! What people are told: what a message says, how it is written for the place where they read it, and its way there.

mod cloudevents;
pub mod compose;
pub mod config;
pub mod format;
mod message;
pub mod notice;
pub mod outbox;
mod slack;
mod teams;

pub use notice::{Links, Notice};

#[cfg(test)]
mod samples;
