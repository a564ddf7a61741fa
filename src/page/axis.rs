//! Time under a plot: where a moment is, which times are written, and where the alert stands.

use nightcap_report::Series;
use nightcap_report::calendar;
use nightcap_report::measure::seconds_long;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::timestamp::Timestamp;

/// How many intervals between times there are under a plot at most; the times at more of them do not fit on a phone.
const MOST_TICKS: i128 = 4;

/// How far from the packets an alert may be that is marked at the edge. Further away the two have nothing to do with each
/// other, or a clock is wrong.
const EDGE_SECONDS: f64 = 86_400.0;

// In nanoseconds, as all times of an axis.
const MS: i128 = 1_000_000;
const S: i128 = 1_000 * MS;
const MIN: i128 = 60 * S;
const H: i128 = 60 * MIN;
const D: i128 = 24 * H;

/// Intervals between times: what people expect on a clock, from a millisecond on.
#[rustfmt::skip]
const INTERVALS: [i128; 36] = [
    MS, 2 * MS, 5 * MS, 10 * MS, 20 * MS, 50 * MS, 100 * MS, 200 * MS, 500 * MS,
    S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S,
    MIN, 2 * MIN, 5 * MIN, 10 * MIN, 15 * MIN, 30 * MIN,
    H, 2 * H, 3 * H, 6 * H, 12 * H,
    D, 2 * D, 7 * D, 14 * D, 30 * D, 100 * D, 365 * D, 1_000 * D, 10_000 * D, 100_000 * D,
];

const DATE: &[BorrowedFormatItem] = format_description!("[year]-[month]-[day]");
const MINUTE: &[BorrowedFormatItem] = format_description!("[hour]:[minute]");
const SECOND: &[BorrowedFormatItem] = format_description!("[hour]:[minute]:[second]");
const MILLISECOND: &[BorrowedFormatItem] = format_description!("[hour]:[minute]:[second].[subsecond digits:3]");

/// Time, from left to right; nanoseconds since 1970.
pub struct Axis {
    start: i128,
    width: i128,
    bucket: f64,
}

impl Axis {
    pub fn new(series: &Series, count: usize) -> Option<Self> {
        let start = i128::from(series.start?.0);
        let bucket = series.bucket_seconds * 1e9;
        let width = bucket * count as f64;
        // A float is cut to what fits, and what is no number to zero.
        (width >= 1.0).then_some(Self { start, width: width as i64 as i128, bucket })
    }

    /// The place of a moment: 0 at the beginning, 100 at the end.
    fn place(&self, at: i128) -> f64 {
        at.saturating_sub(self.start) as f64 / self.width as f64 * 100.0
    }

    pub fn date(&self) -> String {
        written(self.start, DATE)
    }

    pub fn begin_of(&self, bucket: usize) -> String {
        written(self.start.saturating_add((self.bucket * bucket as f64) as i128), SECOND)
    }

    /// Places and names of round times.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        // Milliseconds and dates are long.
        let most = |interval| if (S..D).contains(&interval) { MOST_TICKS } else { MOST_TICKS.saturating_sub(1) };
        let fits = |interval: &i128| self.width <= interval.saturating_mul(most(*interval));
        let Some(interval) = INTERVALS.into_iter().find(fits) else { return vec![] };
        let format = match interval {
            interval if interval < S => MILLISECOND,
            interval if interval < MIN => SECOND,
            interval if interval < D => MINUTE,
            _ => DATE,
        };
        let first = self.start.saturating_add(self.start.saturating_neg().rem_euclid(interval));
        let times = (0..=MOST_TICKS).map(|tick| first.saturating_add(interval.saturating_mul(tick)));
        let within = times.map(|time| (self.place(time), time)).filter(|(x, _)| *x <= 100.0);
        within.map(|(x, time)| (x, written(time, format))).collect()
    }
}

/// Where the alert stands in a plot.
pub struct Mark {
    pub x: f64,
    pub label: String,
}

impl Mark {
    /// A capture begins after the alert that asks for it, so that the mark is at the left edge as a rule.
    pub fn new(axis: &Axis, at: Timestamp) -> Option<Self> {
        let at = i128::from(at.unix_millis()).saturating_mul(1_000_000);
        let seconds = |nanos: i128| nanos as f64 / 1e9;
        let before = seconds(axis.start.saturating_sub(at));
        let after = seconds(at.saturating_sub(axis.start.saturating_add(axis.width)));
        let mark = match axis.place(at) {
            _ if before.max(after) > EDGE_SECONDS => return None,
            _ if before > 0.0 => Self { x: 0.0, label: format!("Alert fired {} before", seconds_long(before)) },
            _ if after > 0.0 => Self { x: 100.0, label: format!("Alert fired {} after", seconds_long(after)) },
            x => Self { x, label: format!("Alert fired {} UTC", written(at, SECOND)) },
        };
        Some(mark)
    }
}

fn written(nanos: i128, format: &[BorrowedFormatItem]) -> String {
    calendar::written(nanos, format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_140_821_000_000_000;

    fn mark(seconds: i64) -> Option<(f64, String)> {
        let axis = Axis { start: START.into(), width: 100_000_000_000, bucket: 2e9 };
        let at = Timestamp::from_unix_millis(START / 1_000_000 + seconds * 1000);
        Mark::new(&axis, at).map(|mark| (mark.x, mark.label))
    }

    #[test]
    fn the_alert_is_marked_where_it_fired() {
        assert_eq!(mark(25), Some((25.0, "Alert fired 02:14:06 UTC".to_owned())));
        assert_eq!(mark(0).unwrap().0, 0.0);
        assert_eq!(mark(-90), Some((0.0, "Alert fired 1 min 30 s before".to_owned())));
        assert_eq!(mark(105), Some((100.0, "Alert fired 5 s after".to_owned())));
        assert_eq!(mark(-100_000), None);
    }

    #[test]
    fn times_under_a_plot_are_round_and_few() {
        let axis = |start: i64, width: i64| Axis { start: start.into(), width: width.into(), bucket: 1.0 };
        let labels = |axis: Axis| axis.ticks().into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(axis(START, 100_000_000_000)), ["02:14:00", "02:14:30", "02:15:00"]);
        assert_eq!(labels(axis(0, 1_953_125)), ["00:00:00.000", "00:00:00.001"]);
        for width in (0..63).map(|power| 1_i64 << power) {
            for start in [i64::MIN, -1, 0, START, i64::MAX] {
                let ticks = axis(start, width).ticks();
                assert!(ticks.len() <= 5 && ticks.iter().all(|(x, _)| (0.0..=100.0).contains(x)));
            }
        }
    }
}
