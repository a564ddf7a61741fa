//! Identifiers that look random and are not: every one follows from a counter.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Gives each caller something new, and the same things in each run.
#[derive(Debug, Default)]
pub(crate) struct Identifiers {
    issued: u64,
}

impl Identifiers {
    pub(crate) fn number(&mut self) -> u64 {
        self.issued += 1;
        scramble(self.issued)
    }

    pub(crate) fn guid(&mut self) -> String {
        let (high, low) = (self.number(), self.number());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    /// Text of `length` characters from base64url's alphabet.
    pub(crate) fn opaque(&mut self, length: usize) -> String {
        let mut state = self.number();
        let bytes: Vec<u8> = (0..length.div_ceil(8))
            .flat_map(|_| {
                state = scramble(state);
                state.to_le_bytes()
            })
            .collect();
        let mut text = URL_SAFE_NO_PAD.encode(bytes);
        text.truncate(length);
        text
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a number that looks unlike its neighbours'.
pub(crate) fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_their_form_and_never_repeat() {
        let mut identifiers = Identifiers::default();
        let guid = identifiers.guid();
        assert_eq!(guid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{guid}");
        assert_ne!(guid, identifiers.guid());
        assert_eq!(identifiers.opaque(2500).len(), 2500);
        assert_ne!(identifiers.opaque(40), identifiers.opaque(40));
    }

    #[test]
    fn two_runs_give_the_same() {
        let (mut first, mut second) = (Identifiers::default(), Identifiers::default());
        assert_eq!((first.guid(), first.opaque(99)), (second.guid(), second.opaque(99)));
    }
}
