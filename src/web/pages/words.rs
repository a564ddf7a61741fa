//! Words, times and marks that several pages have.

use std::time::Duration;

use maud::{Markup, html};
use nightcap_report::measure::count_of;
use serde_json::Value;

use crate::page::words::shown;
use crate::records::capture::{End, Phase};
use crate::records::outcome::Kind;
use crate::timestamp::Timestamp;

/// What a capture does in a phase.
pub fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Requested => "asked for",
        Phase::Creating => "being created",
        Phase::Created => "created",
        Phase::Running => "running",
        Phase::Ended => "over, its file is being read",
        Phase::Finished => "finished",
    }
}

/// The class of a thing in a list, by how it ended.
pub fn mark_of_end(end: Option<&End>, problem: Option<&String>) -> &'static str {
    match end {
        Some(end) if !end.reason.is_good() => "critical",
        _ if problem.is_some() => "warning",
        _ => "good",
    }
}

/// The same for an alert.
pub fn mark_of_outcome(kind: Kind) -> &'static str {
    match kind {
        Kind::Started | Kind::Joined => "good",
        Kind::Skipped => "none",
        Kind::Failed => "critical",
        Kind::Accepted => "info",
    }
}

/// A moment, which programs and scripts can read as well.
pub fn time(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (at.plain()) } }
}

/// How long something still takes; the script of the page counts it down.
pub fn time_left(until: Timestamp, now: Timestamp) -> Markup {
    let left = until.since(now).unwrap_or_default();
    let words = if left.is_zero() { "its time is up".to_owned() } else { format!("{} left", length(left)) };
    html! { span data-until=(until.unix_millis()) { (words) } " (" (time(until)) ")" }
}

fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// The number of files, or nothing when there is none.
pub fn files(count: usize) -> Option<String> {
    (count > 0).then(|| count_of(count as u64, "file", "files"))
}

/// A word of a record, such as `agent_missing`, for people.
pub fn spaced(word: &str) -> String {
    shown(word).replace('_', " ")
}

/// JSON a member a line, as it would be sent.
pub fn indented(json: &Value) -> Markup {
    let text = format!("{json:#}");
    let lines = text.lines().map(|line| {
        let text = line.trim_start();
        let (indent, _) = line.split_at(line.len().saturating_sub(text.len()));
        format!("{indent}{}\n", shown(text))
    });
    html! { pre tabindex="0" { (lines.collect::<String>().trim_end()) } }
}

/// The last part of a resource id.
pub fn name_of(id: &str) -> String {
    shown(id.rsplit('/').next().unwrap_or(id))
}
