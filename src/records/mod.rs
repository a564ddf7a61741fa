//! What is remembered, and where it lies in the store.

pub mod alert;
pub mod capture;
pub mod failure;
pub mod keys;
pub mod outcome;
pub mod repository;
pub mod reservation;
pub mod store;
pub mod target;
