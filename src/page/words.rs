//! Texts, counts and addresses as the page shows them.

use std::net::{IpAddr, SocketAddr};

use nightcap_report::measure::number;
use nightcap_report::text::clean;

/// The longest text that is shown whole, in bytes; names in DNS take up to a thousand when each byte has to be written
/// out.
const LONGEST_TEXT: usize = 1100;

/// A text from outside, fit to be put into a template.
pub fn shown(text: &str) -> String {
    clean(text, LONGEST_TEXT)
}

/// `10.0.0.4:443`, `[fd00::4]:443`; without the port when it is 0, for then there is none.
pub fn with_port(address: IpAddr, port: u16) -> String {
    match address {
        _ if port == 0 => address.to_string(),
        _ => SocketAddr::new(address, port).to_string(),
    }
}

/// `10.0.0.4 (shop.example)`, with what is known of it besides.
pub fn called(address: String, known: [Option<String>; 2]) -> String {
    let known: Vec<String> = known.into_iter().flatten().map(|known| shown(&known)).collect();
    if known.is_empty() { address } else { format!("{address} ({})", known.join(", ")) }
}

/// A count that is only worth a line when there is something.
pub fn some(count: u64) -> Option<String> {
    (count > 0).then(|| number(count))
}

/// `1,234 (5.6 %)`.
pub fn some_of(count: u64, all: u64) -> Option<String> {
    let percent = count as f64 / all.max(1) as f64 * 100.0;
    let share = match percent {
        percent if percent < 0.1 => "less than 0.1 %".to_owned(),
        percent => format!("{percent:.1} %"),
    };
    (count > 0).then(|| format!("{} ({share})", number(count)))
}

/// A place across a drawing, or a width, in percent of the drawing's.
pub fn share(x: f64) -> String {
    format!("{x:.2}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_ports_are_told_as_far_as_there_are_any() {
        assert_eq!(some_of(0, 0), None);
        assert_eq!(some_of(1, 8).as_deref(), Some("1 (12.5 %)"));
        assert_eq!(some_of(1, 100_000).as_deref(), Some("1 (less than 0.1 %)"));
        let told = ["10.0.0.4", "fd00::4"].map(|address| with_port(address.parse().unwrap(), 443));
        assert_eq!(told, ["10.0.0.4:443", "[fd00::4]:443"]);
        assert_eq!(with_port("10.0.0.4".parse().unwrap(), 0), "10.0.0.4");
        let known = [Some("shop.example".to_owned()), Some("HTTPS".to_owned())];
        assert_eq!(called("10.0.0.4:443".to_owned(), known), "10.0.0.4:443 (shop.example, HTTPS)");
        assert_eq!(called("10.0.0.4".to_owned(), [None, None]), "10.0.0.4");
    }
}
