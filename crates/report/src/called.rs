//! Addresses and services as sentences tell them: by their names, too.

use std::fmt::Display;
use std::net::IpAddr;

use crate::host_names::KnownAs;
use crate::text::clean;

/// The longest name that stands behind an address.
const LONGEST_NAME: usize = 60;

impl KnownAs {
    /// The names as a sentence has room for them.
    pub(crate) fn short(&self) -> Option<String> {
        self.text().map(|names| clean(&names, LONGEST_NAME))
    }
}

/// `10.0.0.4 (shop.example)`, where it has a name.
pub(crate) fn address_called(address: IpAddr, names: &KnownAs) -> String {
    named(address, names.short().as_deref(), None)
}

/// `10.0.0.4:443 (shop.example, HTTPS)`, as far as its name and its use are known.
pub(crate) fn named(what: impl Display, name: Option<&str>, used_for: Option<&str>) -> String {
    let known: Vec<&str> = name.into_iter().chain(used_for).collect();
    if known.is_empty() { what.to_string() } else { format!("{what} ({})", known.join(", ")) }
}
