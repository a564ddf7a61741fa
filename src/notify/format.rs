//! How messages are written, a file a format.

use strum::EnumString;

use super::message::Message;
use super::notice::Notice;
use super::{cloudevents, slack, teams};

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString)]
#[strum(ascii_case_insensitive)]
pub enum Format {
    /// An Adaptive Card for Microsoft Teams Workflows.
    Teams,
    /// Slack's Block Kit.
    Slack,
    /// A CloudEvents 1.0 event as JSON.
    CloudEvents,
}

impl Format {
    /// Writes the notice for its receiver.
    pub fn render(self, notice: &Notice) -> Message {
        match self {
            Self::Teams => teams::render(notice),
            Self::Slack => slack::render(notice),
            Self::CloudEvents => cloudevents::render(notice),
        }
    }
}
