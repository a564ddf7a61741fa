//! Azure regions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A region in its programmatic form, such as `westcentralus`.
///
/// Azure writes `West US` in one answer and `westus` in the next (azure-rest-api-specs, examples of
/// `VirtualMachine_Get` and `NetworkWatcherGet`), so every region passes through here before it is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

impl Region {
    /// Takes a display or programmatic name. `None` for a text that names no region.
    pub fn new(name: &str) -> Option<Self> {
        let name: String = name.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
        let fine = !name.is_empty() && name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric());
        fine.then_some(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Region {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(&name).ok_or("not the name of an Azure region")
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        assert_eq!(Region::new("West Central US"), Region::new("westcentralus"));
        assert_eq!(Region::new("West US").unwrap().as_str(), "westus");
        for wrong in ["", "  ", "a/b", "../x", "größe"] {
            assert!(Region::new(wrong).is_none(), "{wrong}");
        }
    }
}
