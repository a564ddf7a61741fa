//! The addresses of the pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::azure::region::Region;

/// What is left as it is in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where pages lie. After sign-in nobody is sent anywhere else.
const BELOW: [&str; 4] = ["/captures/", "/alerts/", "/start", "/preflight"];

pub fn capture(subscription: &str, region: &Region, name: &str) -> String {
    format!("/captures/{}/{}/{}", part(subscription), part(region.as_str()), part(name))
}

pub fn alert(key: &str) -> String {
    format!("/alerts/{}", part(key))
}

/// The sign-in, which then leads to that page.
pub fn sign_in_then(address: &str) -> String {
    match known(address) {
        "/" => "/sign-in".to_owned(),
        address => format!("/sign-in?to={}", utf8_percent_encode(address, NON_ALPHANUMERIC)),
    }
}

/// The address if it is that of a page, and else that of the first one.
pub fn known(address: &str) -> &str {
    let is_plain = address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_page = address.starts_with("/?") || BELOW.iter().any(|below| address.starts_with(below));
    if is_plain && is_page { address } else { "/" }
}

pub fn part(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for address in
            ["https://evil.example/", "//evil.example", "/\\evil.example", "/captures/\r\nx: y", "/api/sweep", ""]
        {
            assert_eq!(known(address), "/", "{address}");
        }
        for address in
            ["/captures/s/r/n?told=stopped", "/alerts/1", "/?filter=vm", "/start?subscription=1", "/preflight"]
        {
            assert_eq!(known(address), address);
        }
        assert_eq!(sign_in_then("/alerts/1?a=b&c"), "/sign-in?to=%2Falerts%2F1%3Fa%3Db%26c");
    }
}
