//! The keys that callers show.

use std::collections::BTreeSet;

use subtle::Choice;

use crate::azure::secret::Secret;

/// What 100 bits take in letters and digits, with some to spare.
const SHORTEST: usize = 20;

/// What a random key of that length has at least.
const FEWEST_CHARACTERS: usize = 8;

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

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What makes one of the keys easy to guess, to follow its subject.
    pub fn weakness(&self) -> Option<&'static str> {
        let is_short = |key: &Secret| key.expose().chars().count() < SHORTEST;
        let is_plain = |key: &Secret| key.expose().chars().collect::<BTreeSet<_>>().len() < FEWEST_CHARACTERS;
        if self.0.iter().any(is_short) {
            Some("is shorter than 20 characters")
        } else if self.0.iter().any(is_plain) {
            Some("is made of fewer than 8 different characters")
        } else {
            None
        }
    }

    /// Whether a key is one of the others, too.
    pub fn share_one_with(&self, others: &Self) -> bool {
        self.0.iter().any(|key| others.0.contains(key))
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
        assert!(Keys::parse(" ,, ").is_empty() && !Keys::parse(",,").accept(""));
    }

    #[test]
    fn a_key_that_can_be_guessed_is_told_and_one_for_both_sides() {
        let good = Keys::parse("8f4b1de0c55a1e97d3a6b2c4,nIGhtCap-KEY_0123456789");
        assert_eq!((good.count(), good.weakness()), (2, None));
        assert!(Keys::parse("8f4b1de0c55a1e97d3a6b2c4,hunter2").weakness().unwrap().contains("20 characters"));
        assert!(Keys::parse(&"ab".repeat(20)).weakness().unwrap().contains("8 different"));
        assert!(good.share_one_with(&Keys::parse("x,8f4b1de0c55a1e97d3a6b2c4")));
        assert!(
            !good.share_one_with(&Keys::parse("8f4b1de0c55a1e97d3a6b2c5")) && !good.share_one_with(&Keys::parse(""))
        );
    }
}
