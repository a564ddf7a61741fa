//! What was asked, in order of arrival.

use jiff::Timestamp;
use serde::Serialize;

use crate::service::Service;

/// One request and how it was answered.
#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    pub at: Timestamp,
    pub service: Service,
    /// The method, in capitals.
    pub method: String,
    /// Path and query, as received.
    pub path: String,
    /// Every header of the request, names in lower case. `authorization` is among them: the tokens are pretend.
    pub headers: Vec<(String, String)>,
    /// The request's body; bytes that are not UTF-8 are replaced.
    pub body: String,
    /// The answer's status; 0 when the connection was cut without one.
    pub status: u16,
    /// The name of the fault that struck, such as `cut_after`.
    pub fault: Option<String>,
}

impl Exchange {
    /// The first value of a request header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
