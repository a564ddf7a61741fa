//! Takes what should be there, and anything else for missing: answers leave members out, write `null`, or put something
//! new where an old client expects another type. One odd member must not cost the rest.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A value, or the default where something else stands.
pub fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(T::deserialize(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// The items of a list that can be read; none where something else stands.
pub fn items<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let list: Vec<Value> = or_default(deserializer)?;
    Ok(list.into_iter().filter_map(|item| T::deserialize(item).ok()).collect())
}

/// A whole number, also one that is written as a text, as Entra's older endpoints do.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Answer {
        #[serde(deserialize_with = "or_default")]
        name: String,
        #[serde(deserialize_with = "items")]
        errors: Vec<String>,
        #[serde(deserialize_with = "number")]
        seconds: Option<u64>,
    }

    #[test]
    fn what_cannot_be_read_is_missing_and_costs_nothing_else() {
        let read = |answer| Answer::deserialize(answer).unwrap();
        let whole = Answer { name: "n".to_owned(), errors: vec!["e".to_owned()], seconds: Some(3599) };
        assert_eq!(read(json!({"name": "n", "errors": ["e"], "seconds": 3599, "new": {}})), whole);
        assert_eq!(read(json!({"name": "n", "errors": [7, null, "e"], "seconds": "3599"})), whole);
        assert_eq!(read(json!({})), Answer::default());
        assert_eq!(read(json!({"name": null, "errors": null, "seconds": null})), Answer::default());
        assert_eq!(read(json!({"name": 5, "errors": "e", "seconds": -1})), Answer::default());
    }
}
