//! Reads the body of a request into an alert.

use serde_json::Value;

use super::notification::{Alert, BadAlert};
use super::schemas;
use crate::json::Object;

impl Alert {
    /// Reads a request's body.
    pub fn parse(body: &[u8]) -> Result<Self, BadAlert> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let value: Value = serde_json::from_slice(body).map_err(|error| BadAlert::NotJson(error.to_string()))?;
        let object = Object::of(&value).ok_or(BadAlert::UnknownSchema)?;
        Ok(schemas::read(object)?.aimed().bounded())
    }
}
