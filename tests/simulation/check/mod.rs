//! The invariants, checked against the simulator's own ledger when a story is over. The numbers are those of the list in
//! `main.rs`.
//!
//! | file | invariants |
//! |---|---|
//! | `alerts.rs` | 1: how alerts end |
//! | `captures.rs` | 2, 3, 4: what runs, what is deleted, how many there are |
//! | `messages.rs` | 5: what people are told |
//! | `ledger.rs` | what happened, as the invariants ask for it |
//! | `excuse.rs` | what lets an invariant off, by name and counted |

mod alerts;
mod captures;
pub mod excuse;
mod ledger;
mod messages;
mod verdict;

use crate::stage::Stage;
use ledger::Ledger;
pub use verdict::Verdict;

/// More than any story needs.
const MOST_REQUESTS: usize = 3000;

/// All that is wrong with a story that is over.
pub fn verdict(stage: &Stage) -> Verdict {
    let azure = stage.azure.lock().unwrap();
    let store = stage.store.lock().unwrap();
    let mut happened = stage.happened();
    let mut verdict = Verdict { broken: std::mem::take(&mut happened.broken), ..Verdict::default() };
    let ledger = Ledger::new(stage, &happened, &azure, &store);
    alerts::check(&ledger, &mut verdict);
    captures::check(&ledger, &mut verdict);
    messages::check(&ledger, &mut verdict);
    let count = ledger.transcript.len();
    if count > MOST_REQUESTS {
        verdict.broken(format!("8: {count} requests were sent"));
    }
    verdict
}
