//! Plots in SVG, for a page without scripts. Places across are shares of the width, so that a plot fills a phone as well
//! as a sheet of paper and its words stay as large as those around it.

use maud::{Markup, html};
use nightcap_report::Series;
use nightcap_report::measure::{number, seconds_long, size};

use crate::page::axis::{Axis, Mark};
use crate::page::words::share;
use crate::timestamp::Timestamp;

/// Where the plot begins and ends, from above, in pixels. What is over it is for the alert's label, what is under it for
/// the times.
const TOP: u32 = 22;
const BOTTOM: u32 = 162;
const HEIGHT: u32 = 186;

/// Units from the bottom to the top of a line; pixels would make steps of it.
const LINE_HEIGHT: f64 = 1000.0;

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
        Line { name: "Sent again", class: "again", values: &series.sent_again },
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
        let bucket = line.values.iter().position(|value| *value == most).filter(|_| most > 0);
        let when = bucket.map(|bucket| format!(", first at {}", axis.begin_of(bucket))).unwrap_or_default();
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

/// A value for each bucket, as a line of steps: unlike one from middle to middle it shows a single bucket too, and
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

/// Keeps what is written at the edges within the plot.
fn anchor(x: f64) -> &'static str {
    match x {
        x if x < 10.0 => "start",
        x if x > 90.0 => "end",
        _ => "middle",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightcap_report::Moment;

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
            sent_again: vec![0; count],
        }
    }

    #[test]
    fn the_mark_of_the_alert_is_in_each_plot() {
        let at = Timestamp::from_unix_millis(START / 1_000_000 + 25_000);
        let plot = traffic(&series(50), Some(at)).into_string();
        assert_eq!(plot.matches(r#"<line class="alert" x1="25.00%" x2="25.00%""#).count(), 2);
        assert!(!traffic(&series(50), None).into_string().contains("Alert"));
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
    }
}
