//! What this instance is asking Azure for. Alerts that it works on side by side have lists of captures that do not show
//! what the others are about to create; with this they keep to the limit together.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::azure::resource_id::ResourceId;

/// How much older than its answer a list may be: as long as a request may take.
const LIST_TAKES: Duration = Duration::from_secs(10);

/// The captures that are being asked for, and those that were a moment ago.
#[derive(Debug, Default)]
pub struct Asking(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    turns: u64,
    asked: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    turn: u64,
    watcher: String,
    name: String,
    /// When Azure accepted it, on the monotonic clock; `None` while nobody knows.
    accepted: Option<Duration>,
}

/// A place in the queue for a watcher. It is given up when this is dropped, unless a capture came of it.
#[derive(Debug)]
pub struct Turn<'a> {
    asking: &'a Asking,
    turn: u64,
}

impl Asking {
    /// Takes the next place in the queue, to create a capture of this name.
    pub fn take_turn(&self, watcher: &ResourceId, name: &str) -> Turn<'_> {
        let mut state = self.state();
        state.turns = state.turns.saturating_add(1);
        let turn = state.turns;
        state.asked.push(Asked { turn, watcher: watcher.key(), name: name.to_owned(), accepted: None });
        Turn { asking: self, turn }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// How many captures come before this one that a list does not show. `listed` tells whether it shows a name, and
    /// `heard` when it was answered.
    pub fn unlisted_before(&self, listed: impl Fn(&str) -> bool, heard: Duration) -> usize {
        let mut state = self.asking.state();
        // What was accepted before the list was asked for is in it, or gone.
        state.asked.retain(|asked| asked.accepted.is_none_or(|at| at.saturating_add(LIST_TAKES) >= heard));
        let Some(own) = state.asked.iter().find(|asked| asked.turn == self.turn) else { return 0 };
        let before = state.asked.iter().filter(|asked| asked.turn < own.turn && asked.watcher == own.watcher);
        let mut names: Vec<&str> = before.map(|asked| asked.name.as_str()).filter(|name| *name != own.name).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter(|name| !listed(name)).count()
    }

    /// Azure accepted the capture.
    pub fn accepted(self, now: Duration) {
        let turn = self.turn;
        if let Some(own) = self.asking.state().asked.iter_mut().find(|asked| asked.turn == turn) {
            own.accepted = Some(now);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.asking.state().asked.retain(|asked| asked.turn != self.turn || asked.accepted.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(100);

    fn watcher(name: &str) -> ResourceId {
        ResourceId::of("00000000-0000-0000-0000-000000000000", "rg", "Microsoft.Network", "networkWatchers", name)
    }

    #[test]
    fn whoever_comes_later_counts_those_before() {
        let asking = Asking::default();
        let (first, second) = (asking.take_turn(&watcher("a"), "x"), asking.take_turn(&watcher("a"), "y"));
        let elsewhere = asking.take_turn(&watcher("b"), "z");
        let rival = asking.take_turn(&watcher("A"), "y");
        assert_eq!(first.unlisted_before(|_| false, AT), 0);
        assert_eq!(second.unlisted_before(|_| false, AT), 1);
        assert_eq!(second.unlisted_before(|name| name == "x", AT), 0, "the list shows it");
        assert_eq!(elsewhere.unlisted_before(|_| false, AT), 0);
        assert_eq!(rival.unlisted_before(|_| false, AT), 1, "two who ask for one name are one");
        drop(first);
        assert_eq!(second.unlisted_before(|_| false, AT), 0, "nothing came of it");
    }

    #[test]
    fn what_was_accepted_counts_until_lists_show_it() {
        let asking = Asking::default();
        asking.take_turn(&watcher("a"), "x").accepted(AT);
        let next = asking.take_turn(&watcher("a"), "y");
        assert_eq!(next.unlisted_before(|_| false, AT), 1, "the list may be older than its answer");
        assert_eq!(next.unlisted_before(|_| false, AT + LIST_TAKES + LIST_TAKES), 0, "it was gone again");
    }
}
