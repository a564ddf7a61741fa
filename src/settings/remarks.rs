//! What was set and can be used, and still is surely not as it was meant. Pure; no remark quotes a value.

use serde::Serialize;

use super::keys::Keys;
use super::table::SETTINGS;

/// One of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// A setting, or the name of what was taken for one.
    pub setting: String,
    /// What is odd, for people.
    pub message: String,
}

/// What is odd about the settings. `names` are those of all that the host was given, as far as it can list them.
pub fn remarks(given: &[(&'static str, String)], names: &[String]) -> Vec<Remark> {
    let text = |setting: &str| given.iter().find(|(own, _)| *own == setting).map_or("", |(_, text)| text.trim());
    let mut remarks: Vec<Remark> = unknown(names).map(|name| remark(name, UNKNOWN)).collect();
    if !text("operator_key").is_empty() && Keys::parse(text("operator_key")).is_empty() {
        remarks.push(remark("operator_key", "operator_key has no key in it, so no operator is let in."));
    }
    if text("notify_url").is_empty() && !text("notify_format").is_empty() {
        remarks.push(remark("notify_format", "notify_format is set and notify_url is not, so nobody is told."));
    }
    remarks
}

const UNKNOWN: &str =
    "nightcap has no such setting. It may be misspelt; the setting that was meant has its default then.";

/// Names that nightcap knows nothing of. Kubernetes gives those of a service called nightcap to every pod beside it.
fn unknown(names: &[String]) -> impl Iterator<Item = &str> {
    let of_kubernetes = |name: &str| name == "port" || name.starts_with("port_") || name.starts_with("service_");
    let is_known = move |name: &str| SETTINGS.iter().any(|(own, _)| *own == name) || of_kubernetes(name);
    names.iter().map(String::as_str).filter(move |name| !is_known(name))
}

fn remark(setting: &str, message: &str) -> Remark {
    Remark { setting: setting.to_owned(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(given: &[(&'static str, &str)], names: &[&str]) -> Vec<String> {
        let given: Vec<_> = given.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        remarks(&given, &names).into_iter().map(|remark| remark.setting).collect()
    }

    #[test]
    fn what_is_surely_not_meant_is_told() {
        assert_eq!(
            told(&[], &["capture_second", "capture_seconds", "service_host", "port_80_tcp"]),
            ["capture_second"]
        );
        assert_eq!(told(&[("operator_key", " ,,")], &[]), ["operator_key"]);
        assert_eq!(told(&[("notify_format", "slack")], &[]), ["notify_format"]);
        let usual = [("operator_key", ""), ("notify_format", "slack"), ("notify_url", "https://hooks.example/x")];
        assert_eq!(told(&usual, &[]), Vec::<String>::new());
    }
}
