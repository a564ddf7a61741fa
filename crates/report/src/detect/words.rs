//! Shares, services and times as findings tell them.

use std::net::{IpAddr, SocketAddr};

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::calendar::written;
use crate::moment::TimeRange;

const CLOCK: &[BorrowedFormatItem] = format_description!("[hour]:[minute]:[second]");

/// One number in relation to another one, 0 when there is nothing to relate it to.
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// `12 %`, and `0.3 %` where the figures behind the point matter.
pub fn percent(part: u64, whole: u64) -> String {
    let percent = ratio(part, whole) * 100.0;
    match percent {
        _ if part == 0 => "none".to_owned(),
        ..0.1 => "less than 0.1 %".to_owned(),
        ..10.0 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// `10.0.0.4:443`, `[2001:db8::1]:443`.
pub fn service(address: IpAddr, port: u16) -> String {
    SocketAddr::new(address, port).to_string()
}

/// ` between 02:13:05 and 02:13:09 UTC`, ` at 02:13:05 UTC`, or nothing when that is not known.
pub fn when(range: Option<TimeRange>) -> String {
    let clock = |range: TimeRange| Some((written(range.from.0.into(), CLOCK)?, written(range.to.0.into(), CLOCK)?));
    match range.and_then(clock) {
        Some((from, to)) if from == to => format!(" at {from} UTC"),
        Some((from, to)) => format!(" between {from} and {to} UTC"),
        None => String::new(),
    }
}
