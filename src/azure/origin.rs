//! Scheme, host and port: what a setting allows and what a URL must match before it is followed.

use std::fmt;
use std::net::IpAddr;

use anyhow::{Context, ensure};
use http::Uri;
use url::Url;

/// Where requests of one kind may go: `https://management.azure.com`, or for storage accounts
/// `https://*.blob.core.windows.net` with any one label in place of the star. The default holds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// `https`, or `http` on loopback.
    scheme: String,
    /// In lower case, without the star.
    host: String,
    has_star: bool,
    port: u16,
}

impl Origin {
    /// Reads an origin. Plain `http` is for loopback only, where the simulator lives.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let url = Url::parse(text).context("it should be a URL such as https://management.azure.com")?;
        let host = url.host_str().context("it should name a host")?;
        let scheme = url.scheme();
        ensure!(
            matches!(scheme, "http" | "https"),
            "it should begin with https:// (or http:// on loopback) and name a host"
        );
        ensure!(url.username().is_empty() && url.password().is_none(), "it should name no user");
        ensure!(
            url.path() == "/" && url.query().is_none() && url.fragment().is_none(),
            "it should end after host and port, without a path or query"
        );
        let (has_star, host) = host.strip_prefix("*.").map_or((false, host), |rest| (true, rest));
        ensure!(!host.contains('*'), "a star may stand for the first part of the host only");
        let port = url.port_or_known_default().context("it should name a port")?;
        let origin = Self { scheme: scheme.to_owned(), host: host.to_owned(), has_star, port };
        ensure!(
            scheme == "https" || origin.is_loopback(),
            "it should use https; plain http is only for loopback addresses"
        );
        Ok(origin)
    }

    /// Whether a URL that a server handed back stays within this origin. One with a user in it does not, for not everybody
    /// reads those in the same way.
    pub fn holds(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
        let port = authority.port_u16().or_else(|| usual_port(scheme));
        let host = authority.host().to_ascii_lowercase();
        let is_host = if self.has_star {
            let label = host.strip_suffix(&self.host).and_then(|rest| rest.strip_suffix('.'));
            label.is_some_and(|label| !label.is_empty() && !label.contains('.'))
        } else {
            host == self.host
        };
        is_host && scheme == self.scheme && port == Some(self.port) && !authority.as_str().contains('@')
    }

    /// The host's name without scheme, star and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether this is the machine itself.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        !self.has_star && (self.host == "localhost" || address.is_ok_and(|address| address.is_loopback()))
    }
}

fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, if self.has_star { "*." } else { "" }, self.host)?;
        if usual_port(&self.scheme) != Some(self.port) {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn an_origin_holds_its_own_urls_only() {
        let arm = Origin::parse("https://management.azure.com/").unwrap();
        assert!(arm.holds(&uri("https://management.azure.com/subscriptions/x?api-version=1")));
        assert!(arm.holds(&uri("https://MANAGEMENT.azure.com:443/x")));
        for foreign in [
            "https://management.azure.com.evil.example/x",
            "https://evil.example/management.azure.com",
            "https://management.azure.com@evil.example/x",
            "https://user@management.azure.com/x",
            "http://management.azure.com/x",
            "https://management.azure.com:8443/x",
            "/subscriptions/x",
        ] {
            assert!(!arm.holds(&uri(foreign)), "{foreign}");
        }
    }

    #[test]
    fn a_star_stands_for_one_label() {
        let blob = Origin::parse("https://*.blob.core.windows.net").unwrap();
        assert_eq!(blob.to_string(), "https://*.blob.core.windows.net");
        assert!(blob.holds(&uri("https://account.blob.core.windows.net/c/f.cap")));
        for foreign in [
            "https://blob.core.windows.net/c",
            "https://a.b.blob.core.windows.net/c",
            "https://evilblob.core.windows.net/c",
            "https://account.blob.core.windows.net.evil.example/c",
        ] {
            assert!(!blob.holds(&uri(foreign)), "{foreign}");
        }
    }

    #[test]
    fn a_star_leaves_the_rest_of_the_name_alone() {
        for text in ["https://*.any.example", "https://*.any.any.example:8443"] {
            assert_eq!(Origin::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["https://*", "https://a.*.example", "https://*.*.example", "https://*a.example"] {
            assert!(Origin::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback() {
        for fine in ["http://127.0.0.1:7300", "http://localhost:7300", "http://[::1]:7300"] {
            assert_eq!(Origin::parse(fine).unwrap().to_string(), fine);
        }
        for wrong in ["http://management.azure.com", "ftp://127.0.0.1", "https://a/b", "https://a?b", "nonsense", ""] {
            assert!(Origin::parse(wrong).is_err(), "{wrong}");
        }
    }
}
