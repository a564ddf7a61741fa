//! Numbers, sizes and durations as people read them.

use std::time::Duration;

/// `1,234,567`.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        text.push(digit);
        if place > 0 && place % 3 == 0 {
            text.push(',');
        }
    }
    text
}

/// `1 packet`, `1,234 packets`.
pub fn count_of(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// `1 h 2 min 5 s`.
pub fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let told: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{} {unit}", number(*count)))
        .collect();
    if told.is_empty() { "less than 1 s".to_owned() } else { told.join(" ") }
}

/// `2 ms`, `1.5 s`, `1 h 2 min 5 s`; for what is no duration `unknown`.
pub fn seconds_long(seconds: f64) -> String {
    let in_unit = |value: f64, unit: &str| {
        let text = if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
    };
    match Duration::try_from_secs_f64(seconds) {
        Err(_) => "unknown".to_owned(),
        Ok(Duration::ZERO) => "0 s".to_owned(),
        Ok(_) if seconds < 0.001 => in_unit(seconds * 1e6, "µs"),
        Ok(_) if seconds < 1.0 => in_unit(seconds * 1e3, "ms"),
        Ok(_) if seconds < 60.0 => in_unit(seconds, "s"),
        Ok(duration) => length(duration),
    }
}

/// `4.2 MiB`.
pub fn size(bytes: u64) -> String {
    let tenfold = bytes.saturating_mul(10);
    let (tenths, unit) = match bytes {
        0..0x400 => return count_of(bytes, "byte", "bytes"),
        0x400..0x10_0000 => (tenfold / 0x400, "KiB"),
        0x10_0000..0x4000_0000 => (tenfold / 0x10_0000, "MiB"),
        _ => (tenfold / 0x4000_0000, "GiB"),
    };
    format!("{}.{} {unit}", number(tenths / 10), tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_sizes_are_in_peoples_units() {
        let lengths = [0, 999, 59_999, 60_000, 3_725_000, 18_000_000].map(|ms| length(Duration::from_millis(ms)));
        assert_eq!(lengths, ["less than 1 s", "less than 1 s", "59 s", "1 min", "1 h 2 min 5 s", "5 h"]);
        let sizes = [0, 1, 1023, 1024, 1_572_864, 1_073_741_824, u64::MAX].map(size);
        assert_eq!(sizes[..6], ["0 bytes", "1 byte", "1,023 bytes", "1.0 KiB", "1.5 MiB", "1.0 GiB"]);
        assert!(sizes[6].ends_with(" GiB"));
    }

    #[test]
    fn thousands_are_set_apart() {
        let numbers = [0, 999, 1000, 123_456, 1_234_567, u64::MAX].map(number);
        assert_eq!(numbers, ["0", "999", "1,000", "123,456", "1,234,567", "18,446,744,073,709,551,615"]);
        assert_eq!([1, 2000].map(|count| count_of(count, "packet", "packets")), ["1 packet", "2,000 packets"]);
    }

    #[test]
    fn short_durations_are_told_in_parts_of_a_second() {
        let told = [0.0, 0.000_02, 0.001_953_125, 0.0625, 1.5, 2.0, 59.4, 302.0].map(seconds_long);
        assert_eq!(told, ["0 s", "20 µs", "2 ms", "62 ms", "1.5 s", "2 s", "59 s", "5 min 2 s"]);
        for no_duration in [f64::NAN, f64::INFINITY, -1.0, f64::MAX] {
            assert_eq!(seconds_long(no_duration), "unknown");
        }
    }
}
