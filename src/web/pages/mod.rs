//! The pages: what the API tells, for people, and forms for what it does. They are whole without a script.

mod admit;
pub mod alert;
pub mod capture;
mod layout;
pub mod overview;
mod places;
pub mod preflight;
pub mod sign_in;
pub mod start;
mod told;
mod words;
