//! What in a report tells why somebody was woken, in sentences for people; and what looked as it should.
//!
//! Each subject has a file whose functions look at one kind of trouble. They judge by thresholds, which are constants
//! with their reasons, and say nothing rather than something that is true of every capture.

mod answers;
mod connections;
mod direction;
mod endings;
mod filter;
mod findings;
mod flood;
mod intervals;
mod names;
mod normal;
mod pings;
mod scan;
mod services;
mod sizes;
mod tls;
mod traffic;
mod transport;
mod words;

pub use findings::findings;
pub use normal::normal;
