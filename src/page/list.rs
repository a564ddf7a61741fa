//! Lists of labels and values, and sentences that stand beside them.

use maud::{Markup, html};
use nightcap_report::Durations;
use nightcap_report::measure::{count_of, seconds_long};

/// Labels and values, without those that have none.
pub fn list<const N: usize>(facts: [(&'static str, Option<String>); N]) -> Markup {
    let known = facts.into_iter().filter_map(|(label, value)| Some((label, value?)));
    html! {
        dl {
            @for (label, value) in known.filter(|(_, value)| !value.is_empty()) { dt { (label) } dd { (value) } }
        }
    }
}

/// How long something took, or nothing when it never happened.
pub fn durations(one: &str, many: &str, durations: &Durations) -> Markup {
    let [median, p95, max] = [durations.median_seconds, durations.p95_seconds, durations.max_seconds].map(seconds_long);
    html! {
        @if durations.count > 0 {
            p {
                (count_of(durations.count, one, many)) " took " strong { (median) }
                @if durations.count > 1 { " (median), " (p95) " or less in 95 of 100 cases, and " (max) " at most" }
                "."
            }
        }
    }
}

/// Stands where names would be.
pub fn left_out() -> Markup {
    html! { p.soft { "Names are left out, as the setting report_names asks." } }
}

pub fn none(protocol: &str) -> Markup {
    html! { p.soft { "There was no " (protocol) " to be seen." } }
}
