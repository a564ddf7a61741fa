//! Every payload that an action group, a retired classic rule or a program can send, read into one [`Alert`].

mod direct;
pub mod direct_call;
pub mod notification;
pub mod overrides;
mod read;
mod schemas;

pub use notification::{Alert, BadAlert, Condition, Reading, Summary};
