//! Takes settings one by one and keeps what is wrong with them.

use super::table::SETTINGS;

/// A setting that cannot be used, told without its value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SettingError {
    pub setting: &'static str,
    /// What it should look like.
    pub message: String,
}

/// Takes one setting after the other and keeps what is wrong.
pub struct Reader<'a> {
    pub given: &'a [(&'static str, String)],
    pub errors: Vec<SettingError>,
}

impl Reader<'_> {
    /// The setting as it was given, or else its default.
    pub fn text(&self, setting: &'static str) -> &str {
        let given = self.given.iter().find(|(name, _)| *name == setting).map(|(_, text)| text.trim());
        let given = given.filter(|text| !text.is_empty());
        let default = || SETTINGS.iter().find(|(name, _)| *name == setting).map_or("", |(_, default)| default);
        given.unwrap_or_else(default)
    }

    /// The parsed setting. After a mistake it is an empty value that never leaves `Settings::parse`.
    pub fn take<T: Default>(&mut self, setting: &'static str, parse: impl FnOnce(&str) -> anyhow::Result<T>) -> T {
        parse(self.text(setting)).unwrap_or_else(|error| {
            self.errors.push(SettingError { setting, message: format!("{error:#}") });
            T::default()
        })
    }
}
