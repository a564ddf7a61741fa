//! The file itself.

use maud::{Markup, html};
use nightcap_report::CaptureFile;
use nightcap_report::measure::{count_of, number};

use crate::page::list::list;
use crate::page::words::{shown, some};

pub fn file(file: &CaptureFile) -> Markup {
    let format = file.format.as_deref().map_or_else(|| "unknown".to_owned(), shown);
    let state = match &file.fault {
        Some(fault) => shown(&fault.message),
        None if file.is_complete => "Read to its end.".to_owned(),
        None => "Not read to its end.".to_owned(),
    };
    let links = file.link_types.iter().map(|link| {
        format!("{} (number {}): {}", shown(&link.name), link.number, count_of(link.packets, "packet", "packets"))
    });
    let links = links.collect::<Vec<_>>().join("; ");
    html! {
        section {
            h2 { "The file" }
            (list([
                ("Format", Some(format)),
                ("State", Some(state)),
                ("Bytes read", Some(number(file.bytes_read))),
                ("Sections", Some(number(file.sections))),
                ("Interfaces", Some(number(file.interfaces))),
                ("Blocks left out", some(file.skipped_blocks)),
                ("Link types", Some(links)),
            ]))
        }
    }
}
