//! Who talked with whom.

use maud::{Markup, html};
use nightcap_report::measure::{count_of, number, size};
use nightcap_report::{Conversation, Report};

use crate::page::table::{address, amount, more_of, table, word};
use crate::page::words::{called, shown, with_port};

pub fn conversations(report: &Report) -> Markup {
    let top = &report.conversations;
    let columns = [
        word("Protocol", |conversation: &Conversation| shown(&conversation.protocol).to_uppercase()),
        address("From", |conversation| {
            let source = with_port(conversation.source, conversation.source_port);
            called(source, [conversation.source_names.text(), None])
        }),
        address("To", |conversation| {
            let destination = with_port(conversation.destination, conversation.destination_port);
            called(
                destination,
                [conversation.destination_names.text(), conversation.destination_port_name.map(str::to_owned)],
            )
        }),
        amount("Bytes", |conversation| size(conversation.bytes)),
        amount("Sent by the first", |conversation| size(conversation.bytes_sent)),
        amount("Packets", |conversation| number(conversation.packets)),
        amount("Sent again", |conversation| number(conversation.retransmissions)),
        amount("Resets", |conversation| number(conversation.resets)),
        amount("Zero windows", |conversation| number(conversation.zero_windows)),
    ];
    html! {
        section {
            h2 { "Conversations" }
            (table("Conversations by bytes", &columns, &top.by_bytes))
            (more_of(top, top.by_bytes.len()))
            @if report.forgotten_conversations > 0 {
                p.soft {
                    (count_of(report.forgotten_conversations, "conversation was", "conversations were"))
                    " forgotten while too many were open, and count anew if they went on."
                }
            }
        }
    }
}
