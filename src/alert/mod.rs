//! Every payload that an action group, a retired classic rule or a program can send, read into one [`Alert`].

mod aim;
mod bounds;
pub mod by_hand;
mod direct;
pub mod direct_call;
mod mention;
pub mod notification;
pub mod overrides;
mod read;
pub mod reference;
mod schemas;

pub use notification::{Alert, BadAlert, Condition, Reading, Schema, Summary};
