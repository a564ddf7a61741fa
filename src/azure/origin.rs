//! Scheme, host and port: what a setting allows and what a URL must match before it is followed.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// Where requests of one kind may go: `https://management.azure.com`, or for storage accounts
/// `https://*.blob.core.windows.net` with any one label in place of the star.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Exactly(String),
    AnySubdomainOf(String),
}

/// An origin that holds nothing.
impl Default for Origin {
    fn default() -> Self {
        Self { scheme: Scheme::Https, host: Host::Exactly(String::new()), port: 0 }
    }
}

impl Origin {
    /// Reads an origin. Plain `http` is for loopback only, where the simulator lives.
    pub fn parse(text: &str) -> Result<Self, String> {
        let uri: Uri = text
            .replacen("://*.", "://any.", 1)
            .parse()
            .map_err(|_| "it should be a URL such as https://management.azure.com".to_owned())?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err("it should end after host and port, without a path or query".to_owned());
        }
        let Some(mut origin) = Self::of(&uri) else {
            return Err(
                "it should begin with https:// (or http:// on loopback) and name a host, without a user".to_owned()
            );
        };
        if text.contains("://*.") {
            origin.host = match origin.host {
                Host::Exactly(host) => Host::AnySubdomainOf(host.trim_start_matches("any.").to_owned()),
                any => any,
            };
        }
        if origin.scheme == Scheme::Http && !origin.is_loopback() {
            return Err("it should use https; plain http is only for loopback addresses".to_owned());
        }
        Ok(origin)
    }

    /// The origin of a URL, if it has one that can be trusted to be read the same way by everybody.
    pub fn of(uri: &Uri) -> Option<Self> {
        let authority = uri.authority()?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return None;
        }
        let (scheme, usual_port) = match uri.scheme_str()? {
            "https" => (Scheme::Https, 443),
            "http" => (Scheme::Http, 80),
            _ => return None,
        };
        let host = Host::Exactly(authority.host().to_ascii_lowercase());
        Some(Self { scheme, host, port: authority.port_u16().unwrap_or(usual_port) })
    }

    /// Whether a URL that a server handed back stays within this origin.
    pub fn holds(&self, uri: &Uri) -> bool {
        let Some(other) = Self::of(uri) else { return false };
        let same_host = match (&self.host, &other.host) {
            (Host::Exactly(own), Host::Exactly(theirs)) => own == theirs,
            (Host::AnySubdomainOf(own), Host::Exactly(theirs)) => theirs
                .strip_suffix(own.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
            _ => false,
        };
        same_host && self.scheme == other.scheme && self.port == other.port
    }

    /// The host's name without scheme and port.
    pub fn host(&self) -> &str {
        match &self.host {
            Host::Exactly(host) | Host::AnySubdomainOf(host) => host,
        }
    }

    /// Whether this is the machine itself.
    pub fn is_loopback(&self) -> bool {
        let Host::Exactly(host) = &self.host else { return false };
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual_port) = match self.scheme {
            Scheme::Http => ("http", 80),
            Scheme::Https => ("https", 443),
        };
        let star = if matches!(self.host, Host::AnySubdomainOf(_)) { "*." } else { "" };
        write!(f, "{scheme}://{star}{}", self.host())?;
        if self.port != usual_port {
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
    fn plain_http_is_for_loopback() {
        for fine in ["http://127.0.0.1:7300", "http://localhost:7300", "http://[::1]:7300"] {
            assert_eq!(Origin::parse(fine).unwrap().to_string(), fine);
        }
        for wrong in ["http://management.azure.com", "ftp://127.0.0.1", "https://a/b", "https://a?b", "nonsense", ""] {
            assert!(Origin::parse(wrong).is_err(), "{wrong}");
        }
    }
}
