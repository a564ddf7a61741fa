//! TCP as a whole.

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::clients::Client;
use crate::connection::Connections;
use crate::delivery::DeliveryCounts;
use crate::histogram::Durations;
use crate::moment::TimeRange;
use crate::service::Service;
use crate::top::Top;

/// TCP as a whole.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tcp {
    pub segments: u64,
    /// Those whose header was cut within its options. Wireshark does not judge them.
    pub cut_headers: u64,
    /// Segments with SYN and without ACK.
    pub syn: u64,
    /// Segments with SYN and ACK.
    pub syn_ack: u64,
    /// Segments with RST.
    pub rst: u64,
    /// Segments with FIN.
    pub fin: u64,
    /// Segments with data, and what became of them, by our own judgement.
    pub delivered: DeliveryCounts,
    /// Segments whose bytes, or whose SYN or FIN, had been sent before, as Wireshark judges it; so are the numbers that follow.
    /// Includes the two kinds that follow.
    pub retransmissions: u64,
    /// Those of them that followed duplicate acknowledgements at once (RFC 5681, 3.2).
    pub fast_retransmissions: u64,
    /// Those of them whose bytes had been acknowledged already.
    pub spurious_retransmissions: u64,
    /// Segments that were overtaken by later ones of their connection.
    pub out_of_order: u64,
    /// Segments without data that acknowledge the same as the one before, with the same window.
    pub duplicate_acks: u64,
    /// Segments that say that their sender can take no more.
    pub zero_windows: u64,
    /// When they came.
    pub zero_windows_during: Option<TimeRange>,
    /// Segments after a gap: some before them were lost, or not captured.
    pub lost_segments: u64,
    /// Segments that only ask whether the other end is still there.
    pub keep_alives: u64,
    pub connections: Connections,
    /// From the last SYN to the acknowledgement that ends the handshake.
    pub handshake: Durations,
    /// Connections of which a segment was acknowledged that only fits a link of more than 1,280 bytes.
    pub large_acknowledged: u64,
    pub services: Top<Service>,
    /// Services with the most trouble, which may be small ones.
    #[serde(skip)]
    pub(crate) troubled: Vec<Service>,
    /// Clients whose connections were refused or not answered; those with the most come first, at most 5.
    pub clients: Vec<Client>,
}
