//! Records that cannot be read, because something has damaged them or because another version wrote them. They are set
//! aside: they hold up no other work, nothing of them is lost, and operators see that there are some.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::records::form::FORM;
use crate::timestamp::Timestamp;

/// The most of a record that is kept, in characters. Records are far smaller.
const MOST_TEXT: usize = 200_000;

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// When it was set aside.
    pub at: Timestamp,
    /// Where it lay.
    pub key: String,
    /// Why it cannot be read.
    pub problem: String,
    /// What it is, as far as it is text.
    pub text: String,
}

impl Unreadable {
    pub fn new(at: Timestamp, key: &str, bytes: &[u8], problem: &str) -> Self {
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let later = value.get("form").and_then(Value::as_u64).filter(|form| *form > u64::from(FORM));
        let problem = match later {
            Some(form) => format!("It has form {form}, and this version of nightcap knows up to {FORM}: {problem}"),
            None => problem.to_owned(),
        };
        let text = String::from_utf8_lossy(bytes).chars().take(MOST_TEXT).collect();
        Self { at, key: key.to_owned(), problem, text }
    }

    /// Whether this is nightcap's, by the form of its key or because it tells its own key. Where others share the store, a
    /// value that cannot be read may be theirs.
    pub fn is_surely_ours(&self) -> bool {
        let id = self.key.rsplit(':').next().unwrap_or_default();
        self.key.starts_with("capture:") || self.text.contains(id)
    }
}
