//! Tokens that somebody else can check: those that Entra gives an action group for a secure webhook, and the keys that it
//! publishes (entra-docs, access-tokens; RFC 7515, 7517). The tokens of [`crate::token`] are opaque, as Azure's are to us.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::StatusCode;
use jiff::Timestamp;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::sha2::{Digest, Sha256};
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::world::inventory::World;

/// The application that calls secure webhooks, in every tenant (azure-monitor-docs, action-groups).
pub const ACTION_GROUPS: &str = "461e8683-5575-4561-ac7f-899cc907d62a";

/// A key that signs for nobody but this simulator, as PKCS #1 in DER, in Base64.
const PRIVATE_KEY: &str = concat!(
    "MIIEogIBAAKCAQEAx4lpZC5xaGjTOvKPsQN3QQzzWA2hRjG1RTHn1I0rzAf9xrbPke4CXR+s2a4Whx2rvnViOEKcnD27Dd1VotNO",
    "rbmAS9beBTizselVDWhKLlip46gdzd1dsPvCUspOBu3lMoZqulfFCKUkLruyrBNf3BC1OoMUBpeMF7MmYChmLXQ47M8VpnsI18g3",
    "3cH6jVdJgWrDK/omDiwMMaHer828up7SZhuhs1zikfWqWHoIw2RyFZ4mInHesyPoOBcXuFyv0b6eYSMn4xxfg/SdPcpPx2sTDgY1",
    "zkabadzYTUajEVxHLIUBVrI/kBQEu+6uUmoHUvj65JZmNV4shTNMJpa0LwIDAQABAoIBAAZRcble28TFwPPWYg9lqofa8Z+hpYV+",
    "pcdASnTJWDrYgUQis2rjAZx87XENGUsuTisJ4NIi5dOarsrEbeWUfE11mLw4sa9c+W+nkZkK6te8g1ChQ6RU9JZZ5RrQVhfTvj9T",
    "JfEAPiMacOKxRc87Y9HTjkbWh11NZ32z9KyfIDEjNSIiqfvoxOHS7UsQUv/L7XvvSPP4aYTQ076OkjTzA4sFQ5ku8tEcvnZpWZPI",
    "n+9fgbpunqFKWXvQRu59yjjDsEP/mPAkA9alYVlcuxsd6gcNHltCXSYS1HzRo91nQwY+J6jzx0FD6xZrcSmtG7Ka4xaKPgpAW0ET",
    "I47VVaEygsUCgYEA8LS/+u5fiAVpTldipuNQtI5Zn9SxjIJcEQPN6IZT8aiOPSW8ZJVKYf1HtvDsgwAKaGxZXeludhwK6VjuSAeG",
    "KADw0QdCZChemGNA8LeKlRQ2HmTd0pH8N+Q+7eL83ag/AFR4fr6cTdm2Roes6LgEy8CGDDEn8dd2RGBHEIyjyaMCgYEA1DcDzUdn",
    "dZBKv5UZjpNwSlTcbz1fkTtrP1TFnm1r/37vtmbQhxECQArdSF1uwecyLcXtqMFqMsNVGudge9FAqR8Ny2jaFb8SvB5T2EvQMNhx",
    "05LCuhIVEU1jcHHBsH/552izRarrHTKMbQlv19rsuUne0xa7OiXPJ/J6+BORbAUCgYAPtWwV/zqC0P+XWkKY65rXvbaBpMrVhahm",
    "f94PP7z4t2xY9z59PfT1wibM/JoiznzfZbrLUzGfSaM4qVIbp0oNEEqnCZc+nBfYUBnr276SjhgeEa0cUeSo7R9iPP8NpC5AYkLe",
    "2qeuuPeZUL9rDJ9bgLv+zbJyqQIR4kqg/NyviwKBgGq3w8yudMO1LTHMzA5b7KMkq7mxFmcVh2hQvBRgmGfisK98Yq8ZiZUlIYRr",
    "n/AY0K4eE9bCdSJUAm9GHcoGP8sMl8ZL0ygOb2B0q9tgvLBjmFI6QnyJ7VhHH5ODUVDt+oE5sLV/Lz7+lYmbrkfRiyvejxR+IOcr",
    "7lH7aYVpab71AoGAQMBT7r0B5tZ7SkoNHjEnHW+eiX5moix3oUeROvDmUw0BfOKkmibODfO+WalXWTPLkbQtRSG4tVWxZZzNrPNd",
    "HHGYzxgadxZoVetuvCSW1jn4zX+idAY/fdA7CIofL1yo2vba4BGLBHctqxwL3tmdan24901YmgLut4amIczKHrc=",
);

static KEY: LazyLock<RsaPrivateKey> = LazyLock::new(|| {
    let der = BASE64_STANDARD.decode(PRIVATE_KEY).unwrap_or_default();
    RsaPrivateKey::from_pkcs1_der(&der).expect("the key above is one")
});

/// The claims of the token that an action group of this world shows to a webhook with this audience.
pub fn action_group_claims(world: &World, now: Timestamp, audience: &str) -> Value {
    let tenant = &world.tenant_id;
    json!({
        "ver": "2.0",
        "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"),
        "aud": audience,
        "tid": tenant,
        "azp": ACTION_GROUPS,
        "azpacr": "2",
        "roles": ["ActionGroupsSecureWebhook"],
        "iat": now.as_second(),
        "nbf": now.as_second(),
        "exp": now.as_second() + 3900,
    })
}

/// The header of a token that Entra signs with this key.
pub fn token_header(key_id: &str) -> Value {
    json!({"typ": "JWT", "alg": "RS256", "kid": key_id})
}

/// A token with that header and those claims, signed with the key that Entra publishes.
pub fn sign(header: &Value, claims: &Value) -> String {
    let part = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = KEY.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(&signed)).expect("the key is large enough");
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// The public key's modulus, big-endian.
pub fn public_modulus() -> Vec<u8> {
    KEY.n().to_bytes_be()
}

/// `discovery/v2.0/keys` of a tenant. All keys that are published are one, under several names.
pub(crate) fn published(world: &World) -> Answer {
    let key = |key_id: &String| {
        json!({
            "kty": "RSA",
            "use": "sig",
            "kid": key_id,
            "x5t": key_id,
            "n": BASE64_URL_SAFE_NO_PAD.encode(KEY.n().to_bytes_be()),
            "e": BASE64_URL_SAFE_NO_PAD.encode(KEY.e().to_bytes_be()),
            "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
        })
    };
    let keys: Vec<Value> = world.signing_key_ids.iter().map(key).collect();
    answer::json(StatusCode::OK, &json!({"keys": keys}))
}
