//! The keys of a store, one after the other.

use tokio::sync::{mpsc, oneshot};

/// How many keys are on their way at most, as in Spin.
const ON_THEIR_WAY: usize = 4;

/// The keys of a store, as far as they can be listed, and then whether those are all.
pub(crate) struct KeyStream {
    pub keys: mpsc::Receiver<String>,
    pub outcome: oneshot::Receiver<anyhow::Result<()>>,
}

/// Where a store puts its keys.
pub(crate) struct KeySink {
    pub keys: mpsc::Sender<String>,
    pub outcome: oneshot::Sender<anyhow::Result<()>>,
}

pub(crate) fn key_stream() -> (KeySink, KeyStream) {
    let (key_sender, key_receiver) = mpsc::channel(ON_THEIR_WAY);
    let (outcome_sender, outcome_receiver) = oneshot::channel();
    let sink = KeySink { keys: key_sender, outcome: outcome_sender };
    (sink, KeyStream { keys: key_receiver, outcome: outcome_receiver })
}
