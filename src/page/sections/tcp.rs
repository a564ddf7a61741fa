//! TCP in numbers.

use maud::{Markup, html};
use nightcap_report::Report;
use nightcap_report::measure::number;

use crate::page::list::{durations, list, none};
use crate::page::words::{some, some_of};

pub fn tcp(report: &Report) -> Markup {
    let tcp = &report.tcp;
    let connections = &tcp.connections;
    let of_segments = |count| some_of(count, tcp.segments);
    html! {
        section {
            h2 { "TCP" }
            @if tcp.segments == 0 { (none("TCP")) } @else {
                h3 { "Connections" }
                (list([
                    ("Answered", Some(number(connections.answered))),
                    ("Refused", Some(number(connections.refused))),
                    ("Unanswered", Some(number(connections.unanswered))),
                    ("Still waiting at the end", some(connections.pending)),
                    ("Begun before the capture", some(connections.under_way)),
                ]))
                (durations("handshake", "handshakes", &tcp.handshake))
                h3 { "Segments" }
                (list([
                    ("All", Some(number(tcp.segments))),
                    ("SYN", of_segments(tcp.syn)),
                    ("SYN and ACK", of_segments(tcp.syn_ack)),
                    ("FIN", of_segments(tcp.fin)),
                    ("RST", of_segments(tcp.rst)),
                    ("With data", of_segments(tcp.delivered.segments)),
                    ("Data sent again", some_of(tcp.delivered.sent_again, tcp.delivered.segments)),
                    ("Data overtaken", some_of(tcp.delivered.overtaken, tcp.delivered.segments)),
                    ("Retransmissions, as Wireshark counts them", of_segments(tcp.retransmissions)),
                    ("of these after duplicate ACKs", of_segments(tcp.fast_retransmissions)),
                    ("of these needlessly", of_segments(tcp.spurious_retransmissions)),
                    ("Out of order, as Wireshark counts it", of_segments(tcp.out_of_order)),
                    ("Duplicate ACKs", of_segments(tcp.duplicate_acks)),
                    ("After a gap", of_segments(tcp.lost_segments)),
                    ("Zero windows", of_segments(tcp.zero_windows)),
                    ("Keep-alives", of_segments(tcp.keep_alives)),
                ]))
            }
        }
    }
}
