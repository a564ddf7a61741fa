//! Short, stable names for long texts.

use sha2::{Digest, Sha256};

/// The first bytes of a text's SHA-256 in hexadecimal digits, two a byte.
pub fn digest(text: &str, bytes: usize) -> String {
    Sha256::digest(text).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}
