//! Carries everything that is unfinished on, as far as it goes without a long wait.

use futures::stream::{self, StreamExt};

use crate::context::Context;
use crate::host::Host;
use crate::workflow::patience::Patience;
use crate::workflow::prune::prune;
use crate::workflow::unfinished::{Unfinished, carry_on};

/// How much is carried on side by side.
const MOST_AT_ONCE: usize = 64;

/// Carries on whatever is due, and prunes. The rest is kept going from here if nobody else does so.
pub async fn sweep<H: Host>(context: &Context<H>, unfinished: Unfinished) {
    let keys: Vec<String> = unfinished.into_keys().collect();
    // Collected first, for the compiler cannot see through a closure within a stream that what it makes may be sent.
    let work: Vec<_> = keys.iter().map(|key| carry_on(context, key, Patience::Brief)).collect();
    stream::iter(work).buffer_unordered(MOST_AT_ONCE).collect::<()>().await;
    prune(context).await;
}
