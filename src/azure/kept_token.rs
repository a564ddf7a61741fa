//! A token that instances share through the store. It is sealed with a key made of the client secret, which the store never
//! sees: whoever reads the store can use none of it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::config::{ClientSecret, Config};
use super::secret::Secret;
use crate::digest::digest;
use crate::host::Host;
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

/// A token from the store, and for how long it is good.
pub struct Kept {
    pub text: Secret,
    pub good_for: Duration,
}

impl<'a, H: Host> KeptToken<'a, H> {
    pub fn new(host: &'a H, config: &Config, scope: &str) -> Self {
        let ClientSecret { tenant_id, client_id, client_secret } = &config.credential;
        let place = digest(&format!("{}\n{tenant_id}\n{client_id}\n{scope}", config.authority), 16);
        let mut key = [0; 32];
        // It fails for keys of more than 8160 bytes.
        let _ = Hkdf::<Sha256>::new(Some(b"nightcap token"), client_secret.expose().as_bytes())
            .expand(place.as_bytes(), &mut key);
        Self { host, place, cipher: XChaCha20Poly1305::new(Key::from_slice(&key)) }
    }

    /// The token that another instance has left; `None` where there is none that is good, or the store fails.
    pub async fn load(&self) -> Option<Kept> {
        let bytes = self.host.load(self.token_key()).await.ok()??;
        let Opened { token, replace_at } = self.open(&bytes)?;
        let good_for = replace_at.since(self.host.now()).filter(|left| !left.is_zero())?;
        Some(Kept { text: Secret::new(token), good_for })
    }

    /// The same while another instance fetches one; `None` when it falls to this one.
    pub async fn await_others(&self, id: &str) -> Option<Kept> {
        let began = self.host.monotonic();
        let is_leased = matches!(self.host.load(self.lease_key()).await, Ok(Some(_)));
        if !is_leased {
            let own = format!("\"{id}\"").into_bytes();
            let taken = self.host.save(self.lease_key(), own.clone()).await;
            // Of those who take it at the same time the last one has it. A store that fails leaves it to each of them.
            let lost = matches!(self.host.load(self.lease_key()).await, Ok(Some(holder)) if holder != own);
            if taken.is_err() || !lost {
                return None;
            }
        }
        while self.host.monotonic().saturating_sub(began) < PATIENCE {
            self.host.sleep(LOOK_AGAIN_AFTER).await;
            if let Some(kept) = self.load().await {
                return Some(kept);
            }
        }
        None
    }

    /// Leaves a token for others.
    pub async fn save(&self, text: &Secret, good_for: Duration) {
        let now = self.host.now();
        if let Some(sealed) = self.seal(text, now.after(good_for), now) {
            // Without it they fetch one of their own.
            let _ = self.host.save(self.token_key(), sealed).await;
        }
        self.give_up_lease().await;
    }

    /// Lets another instance try.
    pub async fn give_up_lease(&self) {
        let _ = self.host.delete(self.lease_key()).await;
    }

    /// Takes away a token that is no longer good.
    pub async fn forget(&self, refused: &Secret) {
        if self.load().await.is_some_and(|kept| kept.text == *refused) {
            let _ = self.host.delete(self.token_key()).await;
        }
    }

    fn seal(&self, text: &Secret, replace_at: Timestamp, at: Timestamp) -> Option<Vec<u8>> {
        let opened = serde_json::to_vec(&Opened { token: text.expose().to_owned(), replace_at }).ok()?;
        let nonce: Vec<u8> = self.host.random().into_iter().chain(self.host.random()).take(24).collect();
        let payload = Payload { msg: &opened, aad: self.place.as_bytes() };
        let sealed = self.cipher.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
        serde_json::to_vec(&Sealed { at, nonce: STANDARD.encode(nonce), sealed: STANDARD.encode(sealed) }).ok()
    }

    fn open(&self, bytes: &[u8]) -> Option<Opened> {
        let Sealed { nonce, sealed, .. } = serde_json::from_slice(bytes).ok()?;
        let (nonce, sealed) = (STANDARD.decode(nonce).ok()?, STANDARD.decode(sealed).ok()?);
        let nonce: [u8; 24] = nonce.try_into().ok()?;
        let payload = Payload { msg: &sealed, aad: self.place.as_bytes() };
        serde_json::from_slice(&self.cipher.decrypt(&XNonce::from(nonce), payload).ok()?).ok()
    }

    fn token_key(&self) -> String {
        format!("token:{}", self.place)
    }

    fn lease_key(&self) -> String {
        format!("fetching:{}", self.place)
    }
}
