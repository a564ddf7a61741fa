//! The keys that callers show.

use subtle::Choice;

use crate::azure::secret::Secret;

/// Keys that callers may show; several are valid at once, so that one can be replaced without a gap.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Secret>);

impl Keys {
    /// Reads a comma separated list.
    pub fn parse(text: &str) -> Self {
        Self(text.split(',').map(str::trim).filter(|key| !key.is_empty()).map(Secret::new).collect())
    }

    /// Whether there is no key, so that nobody is let in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the offered text is one of the keys. Every key is compared, whichever matches.
    pub fn accept(&self, offered: &str) -> bool {
        self.0.iter().fold(Choice::from(0), |found, key| found | key.matches(offered)).into()
    }

    /// The key that the offered text is.
    pub fn matching(&self, offered: &str) -> Option<&Secret> {
        self.0.iter().fold(None, |found, key| if key.matches(offered).into() { Some(key) } else { found })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_several_keys_opens() {
        let keys = Keys::parse(" k1,k2 ,");
        assert!(keys.accept("k1") && keys.accept("k2"));
        assert!(!keys.accept("k3") && !keys.accept("") && !keys.accept("k1,k2"));
        assert!(Keys::parse("").is_empty() && !Keys::parse("").accept(""));
    }
}
