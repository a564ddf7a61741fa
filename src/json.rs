//! Lenient reading of JSON that many services write: members missing or null, numbers as strings, names in any case.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// Whether a number may be left out where it is written.
pub fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

/// A member that holds something it cannot hold, such as a list where a name belongs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} should be {expected}")]
pub struct WrongType {
    pub path: String,
    /// What belongs there.
    pub expected: &'static str,
}

/// A JSON object whose members are read by name without regard to case.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    /// The object in a value, if it is one.
    pub fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// A member that is there and not null.
    pub fn member(self, name: &str) -> Option<&'a Value> {
        let exact = self.0.get(name);
        exact
            .or_else(|| self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value))
            .filter(|value| !value.is_null())
    }

    /// Whether a member is there, be it null.
    pub fn has(self, name: &str) -> bool {
        self.0.keys().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// The name of a member that is none of these.
    pub fn unknown(self, known: &[&str]) -> Option<&'a str> {
        let is_known = |name: &&String| known.iter().any(|known| known.eq_ignore_ascii_case(name));
        self.0.keys().find(|name| !is_known(name)).map(String::as_str)
    }

    /// A text, or a number or truth value as text.
    pub fn text(self, name: &str) -> Result<Option<String>, WrongType> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::Bool(truth)) => Ok(Some(truth.to_string())),
            Some(_) => Err(WrongType { path: name.to_owned(), expected: "a text" }),
        }
    }

    /// A text where anything else counts as missing: for members that only decorate.
    pub fn text_or_nothing(self, name: &str) -> Option<String> {
        self.text(name).ok().flatten()
    }

    /// An object.
    pub fn object(self, name: &str) -> Result<Option<Object<'a>>, WrongType> {
        match self.member(name) {
            None => Ok(None),
            Some(value) => match Self::of(value) {
                Some(object) => Ok(Some(object)),
                None => Err(WrongType { path: name.to_owned(), expected: "an object" }),
            },
        }
    }

    /// An object that must be there.
    pub fn required_object(self, name: &str) -> Result<Object<'a>, WrongType> {
        self.object(name)?.ok_or_else(|| WrongType { path: name.to_owned(), expected: "an object" })
    }

    /// A list; a missing one is empty.
    pub fn list(self, name: &str) -> Result<&'a [Value], WrongType> {
        match self.member(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(WrongType { path: name.to_owned(), expected: "a list" }),
        }
    }

    /// A list where anything else counts as empty.
    pub fn list_or_nothing(self, name: &str) -> &'a [Value] {
        self.list(name).unwrap_or(&[])
    }

    /// An object where anything else counts as missing.
    pub fn object_or_nothing(self, name: &str) -> Option<Object<'a>> {
        self.object(name).ok().flatten()
    }

    /// An object where anything else counts as one without members.
    pub fn object_or_empty(self, name: &str) -> Object<'a> {
        static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.object_or_nothing(name).unwrap_or(Object(&EMPTY))
    }

    /// The texts of a list, without what is none.
    pub fn texts_of(self, name: &str) -> Vec<String> {
        self.list_or_nothing(name).iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// The members that hold a text, number or truth value.
    pub fn texts(self) -> Vec<(String, String)> {
        self.0.keys().filter_map(|name| Some((name.clone(), self.text_or_nothing(name)?))).collect()
    }
}

/// What is wrong with a JSON text, without quoting any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadJson(String);

impl From<serde_json::Error> for BadJson {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        Self(text.split_once(", expected ").map_or(text.clone(), |(_, expected)| format!("expected {expected}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_any_case_and_scalars_become_text() {
        let value = serde_json::json!({"alertRuleID": "r", "level": 3, "flag": true, "gone": null, "list": []});
        let object = Object::of(&value).unwrap();
        assert_eq!(object.text("alertRuleId"), Ok(Some("r".to_owned())));
        assert_eq!(object.text("level"), Ok(Some("3".to_owned())));
        assert_eq!(object.text("gone"), Ok(None));
        assert_eq!(object.text("missing"), Ok(None));
        assert!(object.text("list").is_err());
        assert!(object.required_object("gone").is_err());
    }
}
