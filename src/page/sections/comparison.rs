//! Before and after: the machine as an earlier capture shows it.

use maud::{Markup, html};
use nightcap_report::measure::{seconds_long, size};
use nightcap_report::{Change, Measure, MeasureKind};

use crate::page::table::{amount, table, title};
use crate::page::words::shown;
use crate::records::report::BeforeAndAfter;

pub fn comparison(compared: Option<&BeforeAndAfter>) -> Markup {
    let columns = [
        title("", |measure: &Measure| title_of(measure.kind).to_owned()),
        amount("Before", |measure| told(measure.kind, measure.before)),
        amount("Now", |measure| told(measure.kind, measure.now)),
    ];
    html! {
        @if let Some(compared) = compared {
            section {
                h2 { "Before and after" }
                p { "Compared with " (shown(&compared.with())) ": " (shown(&compared.capture)) "." }
                @if compared.comparison.changes.is_empty() {
                    p.soft { "Nothing differs so much that it tells something." }
                }
                ul { @for Change { words, .. } in &compared.comparison.changes { li { (shown(&sentence(words))) } } }
                (table("Before and after", &columns, &compared.comparison.measures))
            }
        }
    }
}

/// A part of a sentence as one of its own.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

fn title_of(kind: MeasureKind) -> &'static str {
    match kind {
        MeasureKind::PacketsPerSecond => "Packets a second",
        MeasureKind::BytesPerSecond => "Bytes a second",
        MeasureKind::ConnectionsPerSecond => "Connections opened a second",
        MeasureKind::HandshakeSeconds => "TCP handshake (median)",
        MeasureKind::LostShare => "Segments with data that were lost",
        MeasureKind::DnsAnswerSeconds => "Answers of name servers (median)",
    }
}

fn told(kind: MeasureKind, value: Option<f64>) -> String {
    let Some(value) = value else { return "none".to_owned() };
    match kind {
        MeasureKind::BytesPerSecond => size(value as u64),
        MeasureKind::PacketsPerSecond | MeasureKind::ConnectionsPerSecond => format!("{value:.1}"),
        MeasureKind::LostShare => format!("{:.2} %", value * 100.0),
        MeasureKind::HandshakeSeconds | MeasureKind::DnsAnswerSeconds => seconds_long(value),
    }
}
