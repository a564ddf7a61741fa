//! The instances of a scale set beside each other.

use maud::{Markup, html};
use nightcap_report::measure::{count_of, number, size};

use crate::page::words::shown;
use crate::records::report::InstanceReport;

/// The instances of a scale set, the worst first.
#[derive(Clone, Debug, Default)]
pub struct Instances<'a> {
    /// None for a machine.
    pub all: &'a [InstanceReport],
    /// The address of the report, to which the number of an instance is added. Where nightcap does not know its own address it
    /// leads from where the page was found; so does the next.
    pub report: String,
    /// The address of the file.
    pub file: String,
}

/// A row for each.
pub fn instances(Instances { all, report, file }: &Instances<'_>) -> Markup {
    html! {
        @if !all.is_empty() {
            section {
                h2 { "Instances" }
                p { "This is the report on the first of them. The others have reports of their own." }
                div.scroll role="region" aria-label="Instances, the worst first" tabindex="0" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Instance" }
                                th scope="col" { "What stood out" }
                                th.number scope="col" { "Packets" }
                                th.number scope="col" { "Bytes" }
                                th scope="col" { "File" }
                            }
                        }
                        tbody { @for instance in *all { (row(instance, report, file)) } }
                    }
                }
            }
        }
    }
}

fn row(instance: &InstanceReport, report: &str, file: &str) -> Markup {
    let number_of = format!("?number={}", instance.number);
    html! {
        tr {
            td {
                @match instance.problem {
                    Some(_) => (shown(&instance.name)),
                    None => a href={ (report) (number_of) } { (shown(&instance.name)) },
                }
            }
            td.long { (what_stood_out(instance)) }
            td.number { (number(instance.packets)) }
            td.number { (size(instance.bytes)) }
            td { a href={ (file) (number_of) } { "download" } }
        }
    }
}

fn what_stood_out(instance: &InstanceReport) -> String {
    let part =
        if instance.is_complete || instance.problem.is_some() { "" } else { " Only a part of the file was read." };
    let found = match (&instance.problem, &instance.worst) {
        (Some(problem), _) => format!("The file was not read. {problem}"),
        (None, Some(worst)) => match instance.criticals.saturating_add(instance.warnings).saturating_sub(1) {
            0 => worst.clone(),
            more => format!("{worst} And {} more.", count_of(more as u64, "finding", "findings")),
        },
        (None, None) => "Nothing.".to_owned(),
    };
    shown(&format!("{found}{part}"))
}
