//! A token that instances share through the store. It is sealed with a key made of a secret that the store never sees: whoever
//! reads the store can use none of it. Where there is none, a lease lies in its place while somebody fetches one.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};

use super::config::Config;
use super::seal::{NONCE_BYTES, cipher, nonce};
use super::secret::Secret;
use crate::digest::digest;
use crate::host::{Host, StoreError};
use crate::timestamp::Timestamp;

/// How long an instance waits for another one that fetches a token.
const PATIENCE: Duration = Duration::from_secs(3);

/// The pause between two looks for it.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Where the token of one application, cloud and scope lies.
pub struct KeptToken<'a, H> {
    host: &'a H,
    place: String,
    cipher: XChaCha20Poly1305,
}

/// What lies in the store.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Token(Sealed),
    Lease(Lease),
}

/// That somebody is fetching a token.
#[derive(Serialize, Deserialize)]
struct Lease {
    at: Timestamp,
    #[serde(rename = "by")]
    holder: String,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    at: Timestamp,
    nonce: String,
    sealed: String,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Opened {
    token: String,
    #[serde(rename = "replaceAt")]
    replace_at: Timestamp,
}

/// What is found in the store.
enum Found {
    Token(Kept),
    LeasedBy(String),
    /// Nothing that is good for anything, or the store fails.
    Nothing,
}

/// A token from the store, and for how long it is good.
pub struct Kept {
    pub text: Secret,
    pub good_for: Duration,
}

impl<'a, H: Host> KeptToken<'a, H> {
    /// `None` where there is nothing to seal it with.
    pub fn new(host: &'a H, config: &Config, scope: &str) -> Option<Self> {
        let secret = config.sealing.as_ref()?;
        let place = digest(&format!("{}\n{}\n{scope}", config.authority, config.credential.identity()), 16);
        let cipher = cipher(secret, "nightcap token", &place);
        Some(Self { host, place, cipher })
    }

    /// The token that another instance has left, or is about to leave. `None` when it falls to this one to fetch it.
    pub async fn load_or_lease(&self, id: &str) -> Option<Kept> {
        let began = self.host.monotonic();
        loop {
            let mut found = self.look().await;
            if matches!(found, Found::Nothing) {
                let lease = Lease { at: self.host.now(), holder: id.to_owned() };
                self.write(&Stored::Lease(lease)).await.ok()?;
                // Of those who take it at the same time the last one has it.
                found = self.look().await;
            }
            let has_waited = self.host.monotonic().saturating_sub(began) >= PATIENCE;
            match found {
                Found::Token(kept) => return Some(kept),
                Found::LeasedBy(holder) if holder != id && !has_waited => self.host.sleep(LOOK_AGAIN_AFTER).await,
                // A store that fails leaves it to each of them.
                Found::LeasedBy(_) | Found::Nothing => return None,
            }
        }
    }

    /// Leaves a token for others.
    pub async fn save(&self, text: &Secret, good_for: Duration) {
        let now = self.host.now();
        if let Some(sealed) = self.seal(text, now.after(good_for), now) {
            // Without it they fetch one of their own.
            let _ = self.write(&Stored::Token(sealed)).await;
        }
    }

    /// Lets another instance try.
    pub async fn give_up_lease(&self) {
        if matches!(self.look().await, Found::LeasedBy(_)) {
            let _ = self.host.delete(self.key()).await;
        }
    }

    /// Takes away a token that is no longer good.
    pub async fn forget(&self, refused: &Secret) {
        if matches!(self.look().await, Found::Token(kept) if kept.text == *refused) {
            let _ = self.host.delete(self.key()).await;
        }
    }

    async fn look(&self) -> Found {
        let Ok(Some(bytes)) = self.host.load(self.key()).await else { return Found::Nothing };
        match serde_json::from_slice(&bytes) {
            Ok(Stored::Token(sealed)) => self.open(&sealed).map_or(Found::Nothing, Found::Token),
            Ok(Stored::Lease(lease)) => Found::LeasedBy(lease.holder),
            Err(_) => Found::Nothing,
        }
    }

    async fn write(&self, stored: &Stored) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(stored).map_err(|error| StoreError(error.to_string()))?;
        self.host.save(self.key(), bytes).await
    }

    fn seal(&self, text: &Secret, replace_at: Timestamp, at: Timestamp) -> Option<Sealed> {
        let opened = serde_json::to_vec(&Opened { token: text.expose().to_owned(), replace_at }).ok()?;
        let nonce = nonce(self.host);
        let payload = Payload { msg: &opened, aad: self.place.as_bytes() };
        let sealed = self.cipher.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
        Some(Sealed { at, nonce: STANDARD.encode(nonce), sealed: STANDARD.encode(sealed) })
    }

    /// A token that was sealed with the same secret and is still good.
    fn open(&self, Sealed { nonce, sealed, .. }: &Sealed) -> Option<Kept> {
        let (nonce, sealed) = (STANDARD.decode(nonce).ok()?, STANDARD.decode(sealed).ok()?);
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let payload = Payload { msg: &sealed, aad: self.place.as_bytes() };
        let opened = self.cipher.decrypt(&XNonce::from(nonce), payload).ok()?;
        let Opened { token, replace_at } = serde_json::from_slice(&opened).ok()?;
        let good_for = replace_at.since(self.host.now()).filter(|left| !left.is_zero())?;
        Some(Kept { text: Secret::new(token), good_for })
    }

    fn key(&self) -> String {
        format!("token:{}", self.place)
    }
}
