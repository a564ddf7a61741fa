//! What nightcap remembers.

pub mod alert;
pub mod capture;
pub mod failure;
pub mod journal;
pub mod keys;
pub mod outcome;
pub mod reason;
pub mod reservation;
pub mod store;
pub mod target;
