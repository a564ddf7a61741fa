//! Where a component may send requests: Spin's `allowed_outbound_hosts`.

use anyhow::{Context, ensure};
use http::Uri;

/// Every place that a component may send requests to.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts(Vec<AllowedHost>);

#[derive(Clone, Debug, PartialEq)]
struct AllowedHost {
    /// `None` allows every one, here and in the port.
    scheme: Option<String>,
    host: HostPattern,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq)]
enum HostPattern {
    Any,
    Exact(String),
    /// What the name must end with, its first dot included; the bare domain is not a subdomain.
    Subdomain(String),
}

impl AllowedHosts {
    /// From entries of the form `scheme://host[:port]` whose templates are already filled in.
    pub fn parse(entries: &[String]) -> anyhow::Result<Self> {
        let hosts = entries.iter().map(|entry| {
            AllowedHost::parse(entry).with_context(|| format!("`allowed_outbound_hosts` has the entry {entry:?}"))
        });
        Ok(AllowedHosts(hosts.collect::<anyhow::Result<_>>()?))
    }

    pub fn allows(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return false;
        };
        let port = uri.port_u16().or(default_port(scheme));
        let host = host.to_ascii_lowercase();
        self.0.iter().any(|it| it.allows(scheme, &host, port))
    }
}

impl AllowedHost {
    fn parse(entry: &str) -> anyhow::Result<Self> {
        // Spin refuses an empty entry too, so that an optional host needs a harmless default.
        let (scheme, rest) = entry.trim().split_once("://").context("an entry has the form scheme://host[:port]")?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        ensure!(!authority.contains('/'), "an entry has no path");
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, "*")) => (host, None),
            Some((host, port)) => (host, Some(port.parse().context("the port is no number")?)),
            None => {
                let port = default_port(scheme).context("this scheme needs a port")?;
                (authority, Some(port))
            }
        };
        Ok(AllowedHost { scheme: (scheme != "*").then(|| scheme.to_owned()), host: HostPattern::parse(host)?, port })
    }

    fn allows(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        self.scheme.as_ref().is_none_or(|it| it == scheme)
            && self.host.allows(host)
            && (self.port.is_none() || self.port == port)
    }
}

impl HostPattern {
    fn parse(host: &str) -> anyhow::Result<Self> {
        if host == "*" {
            return Ok(HostPattern::Any);
        }
        let (pattern, name) = match host.strip_prefix("*.") {
            Some(domain) => (HostPattern::Subdomain(format!(".{domain}")), domain),
            None => (HostPattern::Exact(host.to_owned()), host),
        };
        ensure!(!name.is_empty() && !name.contains('*'), "a host is a name, `*` or `*.` before a domain");
        Ok(pattern)
    }

    fn allows(&self, host: &str) -> bool {
        match self {
            HostPattern::Any => true,
            HostPattern::Exact(name) => host == name,
            HostPattern::Subdomain(ending) => host.ends_with(ending.as_str()),
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, uri: &str) -> bool {
        let hosts = AllowedHosts::parse(&[entry.to_owned()]).unwrap();
        hosts.allows(&uri.parse().unwrap())
    }

    #[test]
    fn exact_entries_allow_only_their_origin() {
        let entry = "https://management.azure.com";
        assert!(allows(entry, "https://management.azure.com/subscriptions"));
        assert!(allows(entry, "https://management.azure.com:443/"));
        assert!(allows(entry, "https://Management.Azure.com/"));
        assert!(!allows(entry, "http://management.azure.com/"));
        assert!(!allows(entry, "https://management.azure.com:8443/"));
        assert!(!allows(entry, "https://evil.management.azure.com/"));
        assert!(!allows(entry, "https://management.azure.com.evil.test/"));
    }

    #[test]
    fn subdomains_do_not_include_the_domain() {
        let entry = "https://*.blob.core.windows.net/";
        assert!(allows(entry, "https://account.blob.core.windows.net/a/b"));
        assert!(!allows(entry, "https://blob.core.windows.net/"));
        assert!(!allows(entry, "https://evilblob.core.windows.net/"));
    }

    #[test]
    fn ports_and_wildcards() {
        assert!(allows("http://127.0.0.1:4711", "http://127.0.0.1:4711/"));
        assert!(!allows("http://127.0.0.1:4711", "http://127.0.0.1:4712/"));
        assert!(allows("*://*:*", "https://anything.test:99/"));
        assert!(allows("http://*:*", "http://127.0.0.1:99/"));
        assert!(!allows("http://*", "http://127.0.0.1:99/"));
    }

    #[test]
    fn what_spin_refuses_is_refused() {
        for entry in [
            "",
            "localhost",
            "*",
            "https://a.test/path",
            "https://a.*.test",
            "https://",
            "https://a.test:port",
            "*://a.test",
        ] {
            assert!(AllowedHosts::parse(&[entry.to_owned()]).is_err(), "{entry}");
        }
    }
}
