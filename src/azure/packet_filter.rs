//! Azure's packet filters, checked before anything is sent.
//!
//! The notation is that of `PacketCaptureFilter` in azure-rest-api-specs (`networkWatcher.json`).

use std::net::IpAddr;

use anyhow::{Context, ensure};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::json::BadJson;

/// Keeps the packets that match every member that is there. A packet is kept when any filter keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    /// `TCP`, `UDP` or `Any`. There is no ICMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    /// One address, one range `a-b`, or a list `a;b;c`. The 2017 sample called it `localIP`, which Azure does not know.
    #[serde(default, rename = "localIPAddress", alias = "localIP", skip_serializing_if = "Option::is_none")]
    local_ip_address: Option<String>,
    /// As `localIPAddress`, for the other end.
    #[serde(default, rename = "remoteIPAddress", alias = "remoteIP", skip_serializing_if = "Option::is_none")]
    remote_ip_address: Option<String>,
    /// One port, one range `80-85`, or a list `80;443;`. Azure wants a string.
    #[serde(default, deserialize_with = "text_or_number", skip_serializing_if = "Option::is_none")]
    local_port: Option<String>,
    /// As `localPort`, for the other end.
    #[serde(default, deserialize_with = "text_or_number", skip_serializing_if = "Option::is_none")]
    remote_port: Option<String>,
}

/// The longest list of filters in bytes of JSON; every record of a capture holds it.
pub const LONGEST_LIST: usize = 16 * 1024;

const SHAPE: &str =
    r#"it should be a JSON list of Azure's packet filters, such as [{"protocol":"TCP","remotePort":"443"}]"#;

/// Reads and checks a JSON list of filters.
pub fn parse_filters(json: &str) -> anyhow::Result<Vec<Filter>> {
    ensure!(json.len() <= LONGEST_LIST, "a list of filters has at most {LONGEST_LIST} bytes");
    // Serde would read a struct from a list as well.
    let objects: Vec<Map<String, Value>> = serde_json::from_str(json).map_err(BadJson::from).context(SHAPE)?;
    let filters: Vec<Filter> = serde_json::from_value(objects.into()).map_err(BadJson::from).context(SHAPE)?;
    filters.into_iter().map(Filter::checked).collect()
}

impl Filter {
    /// The filter with Azure's spelling, or a sentence about the member that Azure would refuse.
    ///
    /// Empty members count as absent: old answers of Azure are full of them.
    pub fn checked(self) -> anyhow::Result<Self> {
        Ok(Self {
            protocol: given(self.protocol).map(protocol).transpose()?,
            local_ip_address: given(self.local_ip_address).map(|text| addresses("localIPAddress", text)).transpose()?,
            remote_ip_address: given(self.remote_ip_address)
                .map(|text| addresses("remoteIPAddress", text))
                .transpose()?,
            local_port: given(self.local_port).map(|text| ports("localPort", text)).transpose()?,
            remote_port: given(self.remote_port).map(|text| ports("remotePort", text)).transpose()?,
        })
    }
}

fn given(member: Option<String>) -> Option<String> {
    member.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn protocol(text: String) -> anyhow::Result<String> {
    ["TCP", "UDP", "Any"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(&text))
        .map(str::to_owned)
        .context("a filter's protocol is TCP, UDP or Any")
}

fn addresses(member: &str, text: String) -> anyhow::Result<String> {
    let address = |part: &str| part.trim().parse::<IpAddr>().ok();
    let fine = match (text.contains('-'), text.contains(';')) {
        (true, true) => false,
        (true, false) => match text.split_once('-') {
            Some((from, to)) => match (address(from), address(to)) {
                (Some(from), Some(to)) => from.is_ipv4() == to.is_ipv4() && from <= to,
                _ => false,
            },
            None => false,
        },
        (false, _) => text.trim_end_matches(';').split(';').all(|part| address(part).is_some()),
    };
    ensure!(fine, "a filter's {member} is one address, one range a-b, or a list a;b;c");
    Ok(text)
}

fn ports(member: &str, text: String) -> anyhow::Result<String> {
    let port = |part: &str| part.trim().parse::<u16>().ok();
    let fine = match text.split_once('-') {
        Some((from, to)) => matches!((port(from), port(to)), (Some(from), Some(to)) if from <= to),
        None => text.trim_end_matches(';').split(';').all(|part| port(part).is_some()),
    };
    ensure!(fine, "a filter's {member} is one port, one range 80-85, or a list 80;443");
    Ok(text)
}

fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        _ => Err(serde::de::Error::custom("a port should be a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_filters_come_out_in_azures_spelling() {
        let json = r#"[{"protocol":"tcp","localIP":"10.0.0.4","remoteIPAddress":"10.0.0.1-10.0.0.9","localPort":443,"remotePort":"80;443;"},
                       {"protocol":"Any","localIPAddress":"","localPort":"80-85"}]"#;
        let filters = parse_filters(json).unwrap();
        assert_eq!(
            serde_json::to_value(&filters).unwrap(),
            serde_json::json!([
                {"protocol":"TCP","localIPAddress":"10.0.0.4","remoteIPAddress":"10.0.0.1-10.0.0.9","localPort":"443","remotePort":"80;443;"},
                {"protocol":"Any","localPort":"80-85"},
            ])
        );
        assert_eq!(parse_filters("[]").unwrap(), vec![]);
    }

    #[test]
    fn a_list_that_would_fill_a_record_is_refused() {
        let many = vec![r#"{"protocol":"TCP"}"#; 1000].join(",");
        assert!(parse_filters(&format!("[{many}]")).is_err());
    }

    #[test]
    fn what_azure_would_refuse_or_ignore_is_refused_here() {
        for wrong in [
            r#"[{"protocol":"ICMP"}]"#,
            r#"[{"localIPAddress":"10.0.0.0/8"}]"#,
            r#"[{"localIPAddress":"10.0.0.9-10.0.0.1"}]"#,
            r#"[{"localIPAddress":"10.0.0.1-::1"}]"#,
            r#"[{"localIPAddress":"10.0.0.1-10.0.0.2;10.0.0.3"}]"#,
            r#"[{"localPort":"65536"}]"#,
            r#"[{"localPort":"85-80"}]"#,
            r#"[{"localPort":"http"}]"#,
            r#"[{"localPort":-1}]"#,
            r#"[{"localAddress":"10.0.0.1"}]"#,
            r#"{"protocol":"TCP"}"#,
            "",
            "[[]]",
        ] {
            assert!(parse_filters(wrong).is_err(), "{wrong}");
        }
    }
}
