//! A browser's session: what an operator gets for the key, so that the key is shown once and kept nowhere. It is a cookie that only
//! holders of an operator key can have made, and nothing is remembered of it. So it ends by its age, by the browser's forgetting it,
//! or when the key is no longer one.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::Aead;
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};

use crate::azure::seal::{self, NONCE_BYTES, nonce};
use crate::azure::secret::Secret;
use crate::digest::digest;
use crate::host::Host;
use crate::settings::Keys;
use crate::timestamp::Timestamp;

/// Browsers keep a cookie of such a name to this very host and to connections that nobody reads along (RFC 6265bis, 4.1.3.2).
const NAME: &str = "__Host-nightcap";

const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// How long a session lasts in which nothing is asked for, and how long at most.
const IDLE: Duration = Duration::from_secs(60 * 60);
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// How old the cookie of a session is that goes on when it is replaced.
const REPLACED_AFTER: Duration = Duration::from_secs(5 * 60);

/// How far ahead another host's clock may be.
const CLOCKS_DIFFER_BY: Duration = Duration::from_secs(5 * 60);

/// A session that has not ended.
pub struct Session {
    /// The operator key that it was begun with.
    key: Secret,
    claims: Claims,
}

/// What is sealed in the cookie.
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    began: Timestamp,
    /// When the cookie was made.
    seen: Timestamp,
    /// Told to nobody; what forms carry is made of it.
    id: String,
}

impl Session {
    pub fn begin(host: &impl Host, key: &Secret) -> Self {
        let (now, id) = (host.now(), URL_SAFE_NO_PAD.encode(host.random()));
        Self { key: key.clone(), claims: Claims { began: now, seen: now, id } }
    }

    /// The session that a request comes with.
    pub fn of(keys: &Keys, headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut named =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        let (_, sealed) = named.find(|(name, _)| *name == NAME)?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        keys.iter().find_map(|key| Self::open(key, &sealed)).filter(|session| session.claims.hold_at(now))
    }

    fn open(key: &Secret, sealed: &[u8]) -> Option<Self> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let claims = cipher(key).decrypt(XNonce::from_slice(nonce), sealed).ok()?;
        Some(Self { key: key.clone(), claims: serde_json::from_slice(&claims).ok()? })
    }

    /// The header that gives the browser its cookie.
    pub fn cookie(&self, host: &impl Host) -> Option<HeaderValue> {
        let claims = serde_json::to_vec(&Claims { seen: host.now(), ..self.claims.clone() }).ok()?;
        let mut cookie = nonce(host);
        let sealed = cipher(&self.key).encrypt(XNonce::from_slice(&cookie), claims.as_slice()).ok()?;
        cookie.extend(sealed);
        HeaderValue::try_from(format!("{NAME}={}; {ATTRIBUTES}", URL_SAFE_NO_PAD.encode(cookie))).ok()
    }

    /// Whether the browser needs a new cookie for the session to go on.
    pub fn needs_cookie(&self, now: Timestamp) -> bool {
        now.since(self.claims.seen).is_some_and(|age| age >= REPLACED_AFTER)
    }

    /// What a form of this session carries, so that no page but nightcap's own can have made it.
    pub fn form_token(&self) -> String {
        digest(&format!("form\n{}", self.claims.id), 16)
    }

    /// Whether a form carries it.
    pub fn has_made(&self, offered: &str) -> bool {
        Secret::new(self.form_token()).matches(offered).into()
    }
}

/// The header that has a browser forget its session.
pub fn forget() -> HeaderValue {
    HeaderValue::from_static("__Host-nightcap=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

impl Claims {
    /// Another host may have made the cookie, whose clock is ahead.
    fn hold_at(&self, now: Timestamp) -> bool {
        let is_within = |since: Timestamp, most: Duration| {
            now.after(CLOCKS_DIFFER_BY).since(since).is_some_and(|age| age < most.saturating_add(CLOCKS_DIFFER_BY))
        };
        is_within(self.seen, IDLE) && is_within(self.began, LONGEST)
    }
}

fn cipher(key: &Secret) -> XChaCha20Poly1305 {
    seal::cipher(key, "nightcap session", "cookie")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::{Answer, FakeHost};

    fn headers(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::try_from(format!("a=b; {pair}; c")).unwrap())])
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_by_idleness_by_age_and_with_its_key() {
        let host = FakeHost::new(|_| Answer::status(200));
        let keys = Keys::parse("old, new");
        let cookie = Session::begin(&host, keys.matching("new").unwrap()).cookie(&host).unwrap();
        let open = |keys: &str, cookie: &HeaderValue, minutes: u64| {
            Session::of(&Keys::parse(keys), &headers(cookie), host.now().after(Duration::from_secs(minutes * 60)))
        };
        let now = open("old, new", &cookie, 0).unwrap();
        assert!(!now.needs_cookie(host.now()));
        assert!(open("new", &cookie, 59).is_some() && open("new", &cookie, 61).is_none());
        assert!(open("old", &cookie, 0).is_none() && open("", &cookie, 0).is_none(), "the key is no longer one");

        let mut cookie = cookie;
        for _ in 0..14 {
            tokio::time::advance(Duration::from_secs(50 * 60)).await;
            let session = open("new", &cookie, 0).unwrap();
            assert!(session.needs_cookie(host.now()) && session.form_token() == now.form_token());
            cookie = session.cookie(&host).unwrap();
        }
        assert!(open("new", &cookie, 15).is_some() && open("new", &cookie, 21).is_none(), "twelve hours are enough");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cookie_of_anybody_elses_making_is_none() {
        let host = FakeHost::new(|_| Answer::status(200));
        let keys = Keys::parse("key");
        let cookie = Session::begin(&host, keys.matching("key").unwrap()).cookie(&host).unwrap();
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-nightcap=") && !cookie.contains("key"));
        let value = cookie.split(['=', ';']).nth(1).unwrap();
        let other = |at: usize| {
            let mut bytes = URL_SAFE_NO_PAD.decode(value).unwrap();
            bytes[at] ^= 1;
            URL_SAFE_NO_PAD.encode(bytes)
        };
        for value in ["", "x", "AAAA", &value[..40], &other(0), &other(30), &other(60)] {
            let headers = headers(&HeaderValue::try_from(format!("{NAME}={value}")).unwrap());
            assert!(Session::of(&keys, &headers, host.now()).is_none(), "{value}");
        }
    }
}
