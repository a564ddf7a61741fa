//! How handshakes of TLS end, and how many of each.

use serde::Serialize;

/// What became of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsOutcome {
    /// The client sent data after it.
    Finished,
    /// Either side said in an alert why it goes no further; its number as IANA has it.
    Refused { alert: u8 },
    /// The server took the hello and said nothing.
    Mute,
    /// The server answered with something that is not TLS.
    Foreign,
    /// The connection ended before the client sent data. In TLS 1.3 that is how it looks when the client does not trust.
    Abandoned,
    /// It may yet go on.
    Pending,
}

impl TlsOutcome {
    /// Whether it came to nothing.
    pub fn is_failure(self) -> bool {
        !matches!(self, Self::Finished | Self::Pending)
    }
}

/// TLS handshakes by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsCounts {
    /// Those that were begun, and not at the end of the capture.
    pub begun: u64,
    /// Those after which the client sent data.
    pub finished: u64,
    /// Those that were broken off with an alert.
    pub refused: u64,
    /// Those to which the server said nothing.
    pub mute: u64,
    /// Those that the server answered with something that is not TLS.
    pub foreign: u64,
    /// Those after which the connection was closed before the client sent anything.
    pub abandoned: u64,
}

impl TlsCounts {
    pub(crate) fn count(&mut self, outcome: Option<TlsOutcome>) {
        let place = match outcome {
            None | Some(TlsOutcome::Pending) => return,
            Some(TlsOutcome::Finished) => &mut self.finished,
            Some(TlsOutcome::Refused { .. }) => &mut self.refused,
            Some(TlsOutcome::Mute) => &mut self.mute,
            Some(TlsOutcome::Foreign) => &mut self.foreign,
            Some(TlsOutcome::Abandoned) => &mut self.abandoned,
        };
        *place = place.saturating_add(1);
        self.begun = self.begun.saturating_add(1);
    }

    /// Those that came to nothing.
    pub(crate) fn failed(&self) -> u64 {
        self.refused.saturating_add(self.mute).saturating_add(self.foreign).saturating_add(self.abandoned)
    }
}
