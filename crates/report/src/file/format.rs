//! The formats of capture files.

/// What a file's first bytes say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// With microseconds.
    Pcap,
    /// With nanoseconds.
    PcapNanoseconds,
    /// With longer record headers, as Alexey Kuznetzov's patches wrote it.
    PcapModified,
    Pcapng,
}

impl Format {
    /// The name for people and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcap => "pcap",
            Self::PcapNanoseconds => "pcap-ns",
            Self::PcapModified => "pcap-modified",
            Self::Pcapng => "pcapng",
        }
    }
}
