//! The formats of capture files.

use strum::IntoStaticStr;

/// What a file's first bytes say it is; its word is the one of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Format {
    /// With microseconds.
    Pcap,
    /// With nanoseconds.
    PcapNs,
    /// With longer record headers, as Alexey Kuznetzov's patches wrote it.
    PcapModified,
    Pcapng,
    /// Microsoft Network Monitor 1.x.
    Netmon1,
    /// Microsoft Network Monitor 2.x and 3.x.
    Netmon2,
}
