//! The alert and its capture.

use maud::{Markup, html};
use nightcap_report::measure::{number, seconds_long, size};
use nightcap_report::{Moment, Packets};

use crate::page::list::list;
use crate::page::words::{shown, some_of};
use crate::timestamp::Timestamp;

/// What is known of an alert and its capture. What is not known is left out of the page.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// The alert's rule.
    pub rule: Option<&'a str>,
    /// Its severity.
    pub severity: Option<&'a str>,
    /// `Fired`, or Azure's word for the end.
    pub condition: Option<&'a str>,
    /// When it fired.
    pub fired_at: Option<Timestamp>,
    /// When the capture began.
    pub began_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended, in a sentence.
    pub end: Option<&'a str>,
    /// Where the file is.
    pub storage_path: Option<&'a str>,
    /// How many bytes it has.
    pub size: Option<u64>,
    /// Where to read on: what is there, and its address.
    pub links: Vec<(&'static str, String)>,
}

pub fn capture(facts: &Facts<'_>, packets: &Packets) -> Markup {
    let text = |text: Option<&str>| text.map(shown);
    let time = |time: Option<Timestamp>| time.map(Timestamp::plain);
    let length = facts.began_at.zip(facts.ended_at).and_then(|(began, ended)| ended.since(began));
    html! {
        section {
            h2 { "Alert and capture" }
            (list([
                ("Rule", text(facts.rule)),
                ("Severity", text(facts.severity)),
                ("Condition", text(facts.condition)),
                ("Alert fired", time(facts.fired_at)),
                ("Capture began", time(facts.began_at)),
                ("Capture ended", time(facts.ended_at)),
                ("Length", length.map(|length| seconds_long(length.as_secs_f64()))),
                ("How it ended", text(facts.end)),
                ("First packet", packets.first_time.map(Moment::plain)),
                ("Last packet", packets.last_time.map(Moment::plain)),
                ("Packets", Some(number(packets.count))),
                ("Bytes on the wire", Some(size(packets.bytes))),
                ("Cut short", some_of(packets.cut, packets.count)),
                ("Not readable", some_of(packets.not_read, packets.count)),
                ("Without a time", some_of(packets.without_time, packets.count)),
                ("Out of time order", some_of(packets.out_of_time_order, packets.count)),
                ("File", text(facts.storage_path)),
                ("File size", facts.size.map(size)),
            ]))
            @if !facts.links.is_empty() {
                p.links { @for (what, address) in &facts.links { a href=(address) { (what) } " " } }
            }
        }
    }
}
