//! Entra's access tokens, as a secure webhook gets them: is this one meant for us, and signed by Entra? Pure. The layout is that
//! of entra-docs, access-tokens and access-token-claims-reference; the signature that of RFC 7515 and RFC 7518, 3.3.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rsa::sha2::{Digest, Sha256};
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::lenient;
use super::origin::Origin;
use crate::timestamp::Timestamp;

/// How wrong clocks may be; what Microsoft's own libraries grant.
const SKEW: Duration = Duration::from_mins(5);

/// The longest token that is looked at, in bytes. Entra's have some two thousand.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Keys of these sizes are taken, in bits. Entra's have 2048.
const KEY_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Whose tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The id of the tenant, a GUID in lower case.
    pub tenant: String,
    /// What tokens are for: the application's id URI, its client id, or both.
    pub audiences: Vec<String>,
    /// Client ids of those who may call.
    pub applications: Vec<String>,
    /// What role they must have been given.
    pub role: String,
}

/// A token whose claims are as they should be. Its signature is still to be seen.
pub struct Claimed<'a> {
    /// Which key it says that it is signed with.
    pub key_id: String,
    signed: &'a str,
    signature: Vec<u8>,
}

/// A public key of Entra's, as RFC 7517 and RFC 7518, 6.3.1 write it.
#[derive(Clone, Debug, Default, serde::Serialize, Deserialize)]
#[serde(default)]
pub struct SigningKey {
    #[serde(rename = "kid", deserialize_with = "lenient::or_default")]
    pub key_id: String,
    #[serde(rename = "kty", deserialize_with = "lenient::or_default")]
    pub kind: String,
    #[serde(rename = "n", deserialize_with = "lenient::or_default")]
    pub modulus: String,
    #[serde(rename = "e", deserialize_with = "lenient::or_default")]
    pub exponent: String,
    /// Who may sign with it, with `{tenantid}` for the tenant's.
    #[serde(deserialize_with = "lenient::or_default")]
    pub issuer: String,
}

/// Which check a token did not pass. It says nothing that was in the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    #[error("it is not three parts of Base64url with JSON in them")]
    Form,
    #[error("it is longer than 16 KiB")]
    TooLong,
    #[error("it is not signed by RS256")]
    Algorithm,
    #[error("it wants something understood that is not (crit)")]
    Critical,
    #[error("it names no key (kid)")]
    NoKeyId,
    #[error("it is of another tenant (tid)")]
    Tenant,
    #[error("another issuer made it (iss)")]
    Issuer,
    #[error("it is for somebody else (aud)")]
    Audience,
    #[error("another application got it (appid, azp)")]
    Application,
    #[error("it lacks the role (roles)")]
    Role,
    #[error("it has expired, or does not say when it does (exp)")]
    Expired,
    #[error("it is not valid yet (nbf)")]
    NotYetValid,
    #[error("its key is none of the tenant's (kid)")]
    UnknownKey,
    #[error("its key is of no use")]
    BadKey,
    #[error("its signature is wrong")]
    Signature,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    #[serde(deserialize_with = "lenient::or_default")]
    alg: String,
    #[serde(deserialize_with = "lenient::or_default")]
    kid: String,
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    #[serde(deserialize_with = "lenient::or_default")]
    ver: String,
    #[serde(deserialize_with = "lenient::or_default")]
    tid: String,
    #[serde(deserialize_with = "lenient::or_default")]
    iss: String,
    #[serde(deserialize_with = "lenient::or_default")]
    aud: String,
    /// The caller in tokens of version 1.
    #[serde(deserialize_with = "lenient::or_default")]
    appid: String,
    /// The caller in tokens of version 2.
    #[serde(deserialize_with = "lenient::or_default")]
    azp: String,
    #[serde(deserialize_with = "lenient::items")]
    roles: Vec<String>,
    #[serde(deserialize_with = "lenient::number")]
    exp: Option<u64>,
    #[serde(deserialize_with = "lenient::number")]
    nbf: Option<u64>,
}

impl Expected {
    /// Checks everything but the signature, so that a token that is not for us costs no look for its key.
    pub fn check<'a>(&self, token: &'a str, authority: &Origin, now: Timestamp) -> Result<Claimed<'a>, BadToken> {
        if token.len() > LONGEST_TOKEN {
            return Err(BadToken::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(BadToken::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(BadToken::Form)?;
        let signature = decoded(signature)?;
        let Header { alg, kid, crit } = json(header)?;
        let claims: Claims = json(claims)?;
        let say = |is_so: bool, otherwise: BadToken| if is_so { Ok(()) } else { Err(otherwise) };
        say(alg == "RS256", BadToken::Algorithm)?;
        say(crit.is_none(), BadToken::Critical)?;
        say(!kid.is_empty(), BadToken::NoKeyId)?;
        say(claims.tid.eq_ignore_ascii_case(&self.tenant), BadToken::Tenant)?;
        let (issuer, application) = match claims.ver.as_str() {
            "1.0" => (self.issuer_of_version_1(authority), &claims.appid),
            "2.0" => (self.issuer_of_version_2(authority), &claims.azp),
            _ => return Err(BadToken::Issuer),
        };
        say(claims.iss.eq_ignore_ascii_case(&issuer), BadToken::Issuer)?;
        say(is_one_of(&self.audiences, &claims.aud), BadToken::Audience)?;
        say(is_one_of(&self.applications, application), BadToken::Application)?;
        say(claims.roles.contains(&self.role), BadToken::Role)?;
        let moment = |seconds: u64| i64::try_from(seconds).ok()?.checked_mul(1000).map(Timestamp::from_unix_millis);
        let end = claims.exp.and_then(moment).ok_or(BadToken::Expired)?;
        say(now.before(SKEW) < end, BadToken::Expired)?;
        let begin = claims.nbf.map(|begin| moment(begin).ok_or(BadToken::NotYetValid)).transpose()?;
        say(begin.is_none_or(|begin| begin <= now.after(SKEW)), BadToken::NotYetValid)?;
        Ok(Claimed { key_id: kid, signed, signature })
    }

    /// Whether a key may sign for the tenant. Keys for every tenant and keys of others stand in the same lists.
    pub fn may_be_signed_with(&self, key: &SigningKey, authority: &Origin) -> bool {
        let issuer = key.issuer.replace("{tenantid}", &self.tenant);
        key.kind == "RSA" && (issuer.is_empty() || issuer.eq_ignore_ascii_case(&self.issuer_of_version_2(authority)))
    }

    fn issuer_of_version_1(&self, authority: &Origin) -> String {
        let host = match authority.host() {
            "login.partner.microsoftonline.cn" | "login.chinacloudapi.cn" => "sts.chinacloudapi.cn",
            _ => "sts.windows.net",
        };
        format!("https://{host}/{}/", self.tenant)
    }

    fn issuer_of_version_2(&self, authority: &Origin) -> String {
        // The simulator on loopback plays the public cloud.
        let host = if authority.is_loopback() { "login.microsoftonline.com" } else { authority.host() };
        format!("https://{host}/{}/v2.0", self.tenant)
    }
}

impl Claimed<'_> {
    /// Whether that key has signed it.
    pub fn verify(&self, key: &SigningKey) -> Result<(), BadToken> {
        let number = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).map(|bytes| BigUint::from_bytes_be(&bytes));
        let (Ok(modulus), Ok(exponent)) = (number(&key.modulus), number(&key.exponent)) else {
            return Err(BadToken::BadKey);
        };
        if !KEY_BITS.contains(&modulus.bits()) {
            return Err(BadToken::BadKey);
        }
        let key = RsaPublicKey::new(modulus, exponent).map_err(|_| BadToken::BadKey)?;
        let digest = Sha256::digest(self.signed);
        key.verify(Pkcs1v15Sign::new::<Sha256>(), &digest, &self.signature).map_err(|_| BadToken::Signature)
    }
}

fn is_one_of(known: &[String], text: &str) -> bool {
    known.iter().any(|known| known.eq_ignore_ascii_case(text))
}

fn json<T: DeserializeOwned>(part: &str) -> Result<T, BadToken> {
    serde_json::from_slice(&decoded(part)?).map_err(|_| BadToken::Form)
}

fn decoded(part: &str) -> Result<Vec<u8>, BadToken> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| BadToken::Form)
}
