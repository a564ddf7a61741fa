//! Tables, and what is said below them about what they do not show.

use std::collections::BTreeMap;

use maud::{Markup, html};
use nightcap_report::measure::{count_of, number, size};
use nightcap_report::{Named, Names, Top};

use crate::page::words::shown;

/// A column: its title, its class in the style, and what it shows of a row.
pub struct Column<T> {
    title: &'static str,
    class: Option<&'static str>,
    cell: fn(&T) -> String,
}

pub fn word<T>(title: &'static str, cell: fn(&T) -> String) -> Column<T> {
    Column { title, class: None, cell }
}

/// A column that says what the others are about; it gives way to them on a phone.
pub fn title<T>(title: &'static str, cell: fn(&T) -> String) -> Column<T> {
    Column { title, class: Some("title"), cell }
}

/// A column of addresses, some of which are as wide as a phone.
pub fn address<T>(title: &'static str, cell: fn(&T) -> String) -> Column<T> {
    Column { title, class: Some("address"), cell }
}

/// A column of texts that may need several lines.
pub fn long<T>(title: &'static str, cell: fn(&T) -> String) -> Column<T> {
    Column { title, class: Some("long"), cell }
}

pub fn amount<T>(title: &'static str, cell: fn(&T) -> String) -> Column<T> {
    Column { title, class: Some("number"), cell }
}

/// A table that scrolls within itself, also by keyboard.
pub fn table<T>(label: &str, columns: &[Column<T>], rows: &[T]) -> Markup {
    html! {
        @if rows.is_empty() { p.soft { "None." } } @else {
            div.scroll role="region" aria-label=(label) tabindex="0" {
                table {
                    thead { tr { @for column in columns { th scope="col" class=[column.class] { (column.title) } } } }
                    tbody {
                        @for row in rows {
                            tr { @for column in columns { td class=[column.class] { ((column.cell)(row)) } } }
                        }
                    }
                }
            }
        }
    }
}

/// Names with a heading, or nothing when there are none.
pub fn named(title: &str, what: &'static str, names: &Names<Named>) -> Markup {
    let columns = [long(what, |named: &Named| shown(&named.name)), amount("Times", |named| number(named.times))];
    html! {
        @if !names.names.is_empty() {
            h3 { (title) }
            (table(title, &columns, &names.names))
            (more_names(names))
        }
    }
}

/// Words and their counts with a heading, the most frequent first, or nothing when there are none.
pub fn counts(title: &str, what: &'static str, counts: &BTreeMap<String, u64>) -> Markup {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
    let columns = [
        word(what, |(word, _): &(&String, &u64)| shown(word).replace('_', " ")),
        amount("Times", |(_, times)| number(**times)),
    ];
    html! {
        @if !counts.is_empty() {
            h3 { (title) }
            (table(title, &columns, &counts))
        }
    }
}

/// What is not in a table of so many rows.
pub fn more_of<T>(top: &Top<T>, shown: usize) -> Markup {
    let missing = &top.most_missing;
    html! {
        (more(top.count, shown, top.exact))
        @if !top.exact {
            p.soft {
                "There were too many to keep all: counts above can lack up to " (size(missing.bytes)) " and "
                (count_of(missing.packets, "packet", "packets")) "."
            }
        }
    }
}

pub fn more_names<T>(names: &Names<T>) -> Markup {
    more(names.count, names.names.len(), names.exact)
}

/// How many are not shown. Of those that were forgotten some may have come back, and are counted twice.
fn more(count: u64, shown: usize, is_exact: bool) -> Markup {
    let rest = count.saturating_sub(shown as u64);
    let bound = if is_exact { "" } else { "up to " };
    html! { @if rest > 0 { p.soft { "and " (bound) (number(rest)) " more" } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_table_is_counted() {
        let words = |count, shown, exact| more(count, shown, exact).into_string();
        assert_eq!(words(20, 20, true), "");
        assert_eq!(words(1_020, 20, true), r#"<p class="soft">and 1,000 more</p>"#);
        assert_eq!(words(21, 20, false), r#"<p class="soft">and up to 1 more</p>"#);
    }
}
