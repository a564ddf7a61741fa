//! What is sealed so that only holders of a secret can have made it or can read it.

use chacha20poly1305::aead::KeyInit;
use chacha20poly1305::{Key, XChaCha20Poly1305};
use hkdf::Hkdf;
use sha2::Sha256;

use super::secret::Secret;
use crate::host::Host;

/// The length of a nonce, in bytes.
pub const NONCE_BYTES: usize = 24;

/// A cipher whose key is made of a secret for one purpose, and for one of the things that this has.
pub fn cipher(secret: &Secret, purpose: &str, of: &str) -> XChaCha20Poly1305 {
    let mut key = [0; 32];
    // It fails only for more than 8160 bytes that are asked for.
    let _ = Hkdf::<Sha256>::new(Some(purpose.as_bytes()), secret.expose().as_bytes()).expand(of.as_bytes(), &mut key);
    XChaCha20Poly1305::new(Key::from_slice(&key))
}

/// A nonce that was never used: of so many random bytes no two are the same.
pub fn nonce(host: &impl Host) -> Vec<u8> {
    host.random().into_iter().chain(host.random()).take(NONCE_BYTES).collect()
}
