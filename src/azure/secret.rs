//! A text that must never be shown.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// A key, client secret or token. It can be compared and handed to the request that needs it, and nothing else:
/// printing it gives `***`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one request or header that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in a time that depends neither on where the texts differ nor on how long this one is.
    pub fn matches(&self, offered: &str) -> Choice {
        Sha256::digest(&self.0).ct_eq(&Sha256::digest(offered))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_cannot_be_printed() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }

    #[test]
    fn only_the_same_text_matches() {
        let secret = Secret::new("hunter2");
        assert!(bool::from(secret.matches("hunter2")));
        for wrong in ["", "hunter", "hunter22", "Hunter2"] {
            assert!(!bool::from(secret.matches(wrong)), "{wrong}");
        }
    }
}
