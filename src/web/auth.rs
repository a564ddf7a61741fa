//! Who may come in, decided on the raw request before anything of it is parsed.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::azure::secret::Secret;
use crate::settings::Keys;

/// Whether a caller may send alerts: the key stands in `?code=` or in `x-functions-key`, as with Azure Functions, or is
/// the password of HTTP Basic, which an action group's URI can carry.
pub fn may_send_alerts(keys: &Keys, query: Option<&str>, headers: &HeaderMap) -> bool {
    let query = query.unwrap_or_default();
    let codes = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "code")
        .map(|(_, value)| value.into_owned());
    // A plus sign stands for a space in forms, and for itself in a key that somebody has pasted as it is.
    let pasted = query.split('&').filter_map(|pair| pair.strip_prefix("code=")).map(str::to_owned);
    let codes = codes.chain(pasted);
    let functions_key = headers.get("x-functions-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
    accepts_any(keys, codes.chain(functions_key).chain(basic_password(headers)))
}

/// The key with which a caller may look and steer: the password of HTTP Basic, or the token of Bearer.
pub fn operator_key<'a>(keys: &'a Keys, headers: &HeaderMap) -> Option<&'a Secret> {
    let bearer = credentials(headers, "bearer").map(str::to_owned);
    let offered = bearer.into_iter().chain(basic_password(headers));
    offered.fold(None, |found, offered| keys.matching(&offered).or(found))
}

fn accepts_any(keys: &Keys, offered: impl Iterator<Item = String>) -> bool {
    offered.fold(false, |found, offered| found | keys.accept(&offered))
}

/// The token that a caller shows.
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "bearer")
}

fn basic_password(headers: &HeaderMap) -> Option<String> {
    let decoded = BASE64_STANDARD.decode(credentials(headers, "basic")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

fn credentials<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let (scheme, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then_some(rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn a_key_opens_in_each_of_its_places() {
        let keys = Keys::parse("old key,new,ab+c/d=");
        let none = HeaderMap::new();
        assert!(may_send_alerts(&keys, Some("code=new"), &none));
        assert!(may_send_alerts(&keys, Some("a=b&code=old+key"), &none));
        assert!(may_send_alerts(&keys, Some("code=old%20key"), &none));
        assert!(may_send_alerts(&keys, Some("code=ab%2Bc%2Fd%3D"), &none));
        assert!(may_send_alerts(&keys, Some("a=b&code=ab+c/d="), &none), "as it is pasted");
        assert!(may_send_alerts(&keys, None, &headers("x-functions-key", "new")));
        assert!(may_send_alerts(&keys, None, &headers("authorization", "Basic YW55Om5ldw==")));
        assert!(operator_key(&keys, &headers("authorization", "Bearer new")).is_some());
        assert!(operator_key(&keys, &headers("authorization", "basic YW55Om5ldw==")).is_some());
    }

    #[test]
    fn everything_else_stays_out() {
        let keys = Keys::parse("new");
        let none = HeaderMap::new();
        for query in [None, Some(""), Some("code="), Some("code=New"), Some("CODE=new"), Some("code"), Some("key=new")]
        {
            assert!(!may_send_alerts(&keys, query, &none), "{query:?}");
        }
        for value in ["Basic new", "Basic bmV3", "Basic %%%", "new", "Bearer", "Digest YW55Om5ldw=="] {
            assert!(!may_send_alerts(&keys, None, &headers("authorization", value)), "{value}");
            assert!(operator_key(&keys, &headers("authorization", value)).is_none(), "{value}");
        }
        assert!(!may_send_alerts(&keys, None, &headers("authorization", "Bearer new")), "Bearer is for operators");
        assert!(!may_send_alerts(&Keys::parse(""), Some("code="), &none), "no key, no entry");
    }
}
