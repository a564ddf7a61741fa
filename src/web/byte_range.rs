//! One range of bytes in a request (RFC 9110, 14). Pure.

/// What a caller wants of a file of a known length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Everything,
    /// From the first up to the second byte, which is not in it any more. There is at least one.
    Part(u64, u64),
    /// None of the file lies there.
    Nothing,
}

/// Reads a `Range`. Several ranges, other units and nonsense count as if nothing were asked for, as RFC 9110 lets them.
pub fn wanted(range: Option<&str>, length: u64) -> Wanted {
    let Some((first, last)) = range.and_then(|range| range.trim().strip_prefix("bytes=")?.split_once('-')) else {
        return Wanted::Everything;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Some(0) => Wanted::Nothing,
            Some(_) if length == 0 => Wanted::Nothing,
            Some(count) => Wanted::Part(length.saturating_sub(count), length),
            None => Wanted::Everything,
        },
        (first, last) => {
            let last = if last.is_empty() { Some(u64::MAX) } else { number(last) };
            match (number(first), last) {
                (Some(first), Some(last)) if first > last => Wanted::Everything,
                (Some(first), Some(_)) if first >= length => Wanted::Nothing,
                (Some(first), Some(last)) => Wanted::Part(first, last.saturating_add(1).min(length)),
                _ => Wanted::Everything,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_the_file() {
        for (range, expected) in [
            ("bytes=0-99", Wanted::Part(0, 100)),
            ("bytes=100-", Wanted::Part(100, 1000)),
            ("bytes=-1", Wanted::Part(999, 1000)),
            ("bytes=-5000", Wanted::Part(0, 1000)),
            ("bytes=999-18446744073709551615", Wanted::Part(999, 1000)),
            ("bytes=1000-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=9-1", Wanted::Everything),
            ("bytes=0-1,5-6", Wanted::Everything),
            ("bytes=-", Wanted::Everything),
            ("items=0-1", Wanted::Everything),
            ("bytes=99999999999999999999-", Wanted::Everything),
        ] {
            assert_eq!(wanted(Some(range), 1000), expected, "{range}");
        }
        assert_eq!((wanted(None, 0), wanted(Some("bytes=-1"), 0)), (Wanted::Everything, Wanted::Nothing));
    }
}
