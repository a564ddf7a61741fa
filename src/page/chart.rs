//! Plots in SVG, for a page without scripts. Places across are shares of the width, so that a plot fills a phone as well
//! as a sheet of paper and its words stay as large as those around it.

use maud::{Markup, html};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::measure::{number, seconds_long, size};
use crate::report::series::Series;
use crate::timestamp::Timestamp;

/// Where the plot begins and ends, from above, in pixels. What is over it is for the alert's label, what is under it for
/// the times.
const TOP: u32 = 22;
const BOTTOM: u32 = 162;
const HEIGHT: u32 = 186;

/// Units from the bottom to the top of a line; pixels would make steps of it.
const LINE_HEIGHT: f64 = 1000.0;

/// How many steps between times there are under a plot at most; the times at more of them do not fit on a phone.
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

/// Steps between times: what people expect on a clock, from a millisecond on.
#[rustfmt::skip]
const STEPS: [i128; 36] = [
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

/// One list of a series.
struct Line<'a> {
    name: &'static str,
    /// The class that gives it its colour and its dashes.
    class: &'static str,
    values: &'a [u64],
}

/// What is counted.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Bytes,
    Pieces,
}

impl Unit {
    fn words(self, value: u64) -> String {
        match self {
            Self::Bytes => size(value).replace(".0 ", " "),
            Self::Pieces => number(value),
        }
    }
}

/// Bytes and packets over time.
pub fn traffic(series: &Series, alert_at: Option<Timestamp>) -> Markup {
    let bytes = Line { name: "Bytes", class: "bytes", values: &series.bytes };
    let packets = Line { name: "Packets", class: "packets", values: &series.packets };
    html! {
        (over_time("Bytes", series, &[bytes], Unit::Bytes, alert_at))
        (over_time("Packets", series, &[packets], Unit::Pieces, alert_at))
    }
}

/// What goes wrong with TCP over time, and connections that are opened.
pub fn tcp(series: &Series, alert_at: Option<Timestamp>) -> Markup {
    let lines = [
        Line { name: "SYN", class: "syn", values: &series.syn },
        Line { name: "RST", class: "rst", values: &series.rst },
        Line { name: "Sent again", class: "again", values: &series.retransmissions },
    ];
    over_time("TCP segments", series, &lines, Unit::Pieces, alert_at)
}

fn over_time(title: &str, series: &Series, lines: &[Line<'_>], unit: Unit, alert_at: Option<Timestamp>) -> Markup {
    let most = lines.iter().flat_map(|line| line.values).copied().max().unwrap_or_default();
    let count = lines.iter().map(|line| line.values.len()).max().unwrap_or_default();
    let Some(axis) = Axis::new(series, count) else { return no_times() };
    let top = round_top(most, unit);
    let half = top.div_ceil(2);
    let mark = alert_at.and_then(|at| Mark::new(&axis, at));
    html! {
        figure {
            figcaption {
                strong { (title) } " in each " (seconds_long(series.bucket_seconds)) ", " (axis.date()) " UTC"
                @if lines.len() > 1 {
                    span.legend {
                        @for line in lines {
                            " "
                            span.key {
                                svg width="24" height="8" aria-hidden="true" { path.line.(line.class) d="M0 4H24" {} }
                                " " (line.name)
                            }
                        }
                    }
                }
            }
            svg width="100%" height=(HEIGHT) role="img" {
                title { (title) " over time" }
                desc { (description(&axis, lines, unit)) @if let Some(mark) = &mark { " " (mark.label) "." } }
                @for (y, value) in [(TOP, top), (TOP.midpoint(BOTTOM), half), (BOTTOM, 0)] {
                    line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
                    @if value > 0 { text.halo x="2" y=(y.saturating_add(12)) { (unit.words(value)) } }
                }
                svg y=(TOP) width="100%" height=(BOTTOM.saturating_sub(TOP)) viewBox={ "0 0 " (count) " 1000" }
                    preserveAspectRatio="none" overflow="visible" {
                    @for line in lines {
                        @if lines.len() == 1 { path.area.(line.class) d=(area(line.values, top)) {} }
                        path.line.(line.class) d=(steps(line.values, top)) {}
                    }
                }
                @for (x, label) in axis.ticks() {
                    line.grid x1=(share(x)) x2=(share(x)) y1=(BOTTOM) y2=(BOTTOM.saturating_add(4)) {}
                    text x=(share(x)) y=(BOTTOM.saturating_add(18)) text-anchor=(anchor(x)) { (label) }
                }
                @if let Some(mark) = &mark {
                    line.alert x1=(share(mark.x)) x2=(share(mark.x)) y1="4" y2=(BOTTOM) {}
                    text.alert.halo x=(share(mark.x)) dx=(if mark.x < 50.0 { "5" } else { "-5" }) y="14"
                        text-anchor=(if mark.x < 50.0 { "start" } else { "end" }) { (mark.label) }
                }
            }
        }
    }
}

fn no_times() -> Markup {
    html! { p.soft { "No packet has a time, so there is nothing to plot." } }
}

/// The plot in words, for those who cannot see it.
fn description(axis: &Axis, lines: &[Line<'_>], unit: Unit) -> String {
    let told = lines.iter().map(|line| {
        let most = line.values.iter().copied().max().unwrap_or_default();
        let stretch = line.values.iter().position(|value| *value == most).filter(|_| most > 0);
        let when = stretch.map(|stretch| format!(", first at {}", axis.begin_of(stretch))).unwrap_or_default();
        format!("{}: at most {}{when}.", line.name, unit.words(most))
    });
    told.collect::<Vec<_>>().join(" ")
}

/// The next number above that is easy to read, and half of which is easy as well.
fn round_top(most: u64, unit: Unit) -> u64 {
    let base = match unit {
        Unit::Bytes => 1024_u64.saturating_pow(most.checked_ilog2().unwrap_or_default() / 10),
        Unit::Pieces => 1,
    };
    let tens = (0..20).map(|power| 10_u64.saturating_pow(power));
    let rounded = tens.flat_map(|ten| [2, 4, 6, 8, 10].map(|step| ten.saturating_mul(step)));
    rounded.map(|rounded| rounded.saturating_mul(base)).find(|top| *top >= most).unwrap_or(u64::MAX)
}

/// How high a value is, from above.
fn height(value: u64, top: u64) -> f64 {
    (LINE_HEIGHT - LINE_HEIGHT * value as f64 / top.max(1) as f64).round()
}

/// A value for each stretch, as a line of steps: unlike one from middle to middle it shows a single stretch too, and
/// nothing that was not.
fn steps(values: &[u64], top: u64) -> String {
    let mut path = String::new();
    for (end, value) in (1_usize..).zip(values) {
        let turn = if end == 1 { "M0 " } else { "V" };
        path.push_str(&format!("{turn}{}H{end}", height(*value, top)));
    }
    path
}

fn area(values: &[u64], top: u64) -> String {
    if values.is_empty() { String::new() } else { format!("{}V{LINE_HEIGHT}H0Z", steps(values, top)) }
}

fn share(x: f64) -> String {
    format!("{x:.2}%")
}

/// Keeps what is written at the edges within the plot.
fn anchor(x: f64) -> &'static str {
    match x {
        x if x < 10.0 => "start",
        x if x > 90.0 => "end",
        _ => "middle",
    }
}

/// Time, from left to right; nanoseconds since 1970.
struct Axis {
    start: i128,
    width: i128,
    stretch: f64,
}

impl Axis {
    fn new(series: &Series, count: usize) -> Option<Self> {
        let start = i128::from(series.start?.0);
        let stretch = series.bucket_seconds * 1e9;
        let width = stretch * count as f64;
        // A float is cut to what fits, and what is no number to zero.
        (width >= 1.0).then_some(Self { start, width: width as i64 as i128, stretch })
    }

    /// The place of a moment: 0 at the beginning, 100 at the end.
    fn place(&self, at: i128) -> f64 {
        at.saturating_sub(self.start) as f64 / self.width as f64 * 100.0
    }

    fn date(&self) -> String {
        written(self.start, DATE)
    }

    fn begin_of(&self, stretch: usize) -> String {
        written(self.start.saturating_add((self.stretch * stretch as f64) as i128), SECOND)
    }

    /// Places and names of round times.
    fn ticks(&self) -> Vec<(f64, String)> {
        // Milliseconds and dates are long.
        let most = |step| if (S..D).contains(&step) { MOST_TICKS } else { MOST_TICKS.saturating_sub(1) };
        let fits = |step: &i128| self.width <= step.saturating_mul(most(*step));
        let Some(step) = STEPS.into_iter().find(fits) else { return vec![] };
        let format = match step {
            step if step < S => MILLISECOND,
            step if step < MIN => SECOND,
            step if step < D => MINUTE,
            _ => DATE,
        };
        let first = self.start.saturating_add(self.start.saturating_neg().rem_euclid(step));
        let times = (0..=MOST_TICKS).map(|tick| first.saturating_add(step.saturating_mul(tick)));
        let within = times.map(|time| (self.place(time), time)).filter(|(x, _)| *x <= 100.0);
        within.map(|(x, time)| (x, written(time, format))).collect()
    }
}

/// Where the alert stands in a plot.
struct Mark {
    x: f64,
    label: String,
}

impl Mark {
    /// A capture begins after the alert that asks for it, so that the mark is at the left edge as a rule.
    fn new(axis: &Axis, at: Timestamp) -> Option<Self> {
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
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    moment.and_then(|moment| moment.format(format).ok()).unwrap_or_default()
}

/// One of several that are compared.
pub struct Bar {
    /// Who.
    pub name: String,
    /// How much.
    pub value: u64,
    /// How much, in words.
    pub shown: String,
}

/// Bars one under the other, the longest as long as there is room.
pub fn bars(title: &str, bars: &[Bar]) -> Markup {
    const ROW: u32 = 34;
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or_default().max(1);
    let rows = (0_u32..).map(|row| row.saturating_mul(ROW)).zip(bars);
    let height = u32::try_from(bars.len()).unwrap_or_default().saturating_mul(ROW);
    html! {
        @if !bars.is_empty() {
            figure {
                svg width="100%" height=(height) role="img" {
                    title { (title) }
                    desc { (bars.iter().map(|bar| format!("{}: {}", bar.name, bar.shown)).collect::<Vec<_>>().join("; ")) }
                    @for (y, bar) in rows {
                        text x="0" y=(y.saturating_add(14)) { (bar.name) }
                        text.soft x="100%" y=(y.saturating_add(14)) text-anchor="end" { (bar.shown) }
                        rect.ground x="0" y=(y.saturating_add(20)) width="100%" height="7" rx="2" {}
                        rect.bar x="0" y=(y.saturating_add(20)) height="7" rx="2"
                            width=(share(100.0 * bar.value as f64 / most as f64)) {}
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::moment::Moment;

    const START: i64 = 1_795_140_821_000_000_000;

    fn series(count: usize) -> Series {
        Series {
            start: Some(Moment(START)),
            bucket_seconds: 2.0,
            packets: vec![3; count],
            bytes: vec![300; count],
            tcp_segments: vec![1; count],
            syn: vec![1; count],
            rst: vec![0; count],
            retransmissions: vec![0; count],
        }
    }

    fn mark(seconds: i64) -> Option<(f64, String)> {
        let axis = Axis::new(&series(50), 50).unwrap();
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
        let at = Timestamp::from_unix_millis(START / 1_000_000 + 25_000);
        let plot = traffic(&series(50), Some(at)).into_string();
        assert_eq!(plot.matches(r#"<line class="alert" x1="25.00%" x2="25.00%""#).count(), 2);
        assert!(!traffic(&series(50), None).into_string().contains("Alert"));
    }

    #[test]
    fn times_under_a_plot_are_round_and_few() {
        let axis = |start: i64, width: i64| Axis { start: start.into(), width: width.into(), stretch: 1.0 };
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

    #[test]
    fn scales_end_at_round_numbers() {
        assert_eq!(
            [0, 1, 3, 10, 11, 61, 1000, u64::MAX].map(|most| round_top(most, Unit::Pieces)),
            [2, 2, 4, 10, 20, 80, 1000, u64::MAX]
        );
        assert_eq!(
            [0, 5000, 1_048_577].map(|most| size(round_top(most, Unit::Bytes))),
            ["2 bytes", "6.0 KiB", "2.0 MiB"]
        );
    }

    #[test]
    fn lines_are_steps() {
        assert_eq!(steps(&[1, 1, 2], 2), "M0 500H1V500H2V0H3");
        assert_eq!(area(&[2], 2), "M0 0H1V1000H0Z");
        assert_eq!(area(&[], 2), "");
    }

    #[test]
    fn series_without_times_or_with_nonsense_are_no_plots() {
        let no_start = Series { start: None, ..series(3) };
        let no_width = |bucket_seconds| Series { bucket_seconds, ..series(3) };
        for series in [Series::default(), no_start, series(0), no_width(f64::NAN), no_width(0.0), no_width(-1.0)] {
            assert!(!traffic(&series, None).into_string().contains("<svg"));
        }
        assert!(!tcp(&no_width(f64::INFINITY), None).into_string().contains("NaN"));
        assert_eq!(bars("None", &[]).into_string(), "");
    }
}
