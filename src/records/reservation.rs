//! Places in a watcher that this instance has reserved. Alerts that it works on side by side have lists of captures that do
//! not show what the others are about to create; with their reservations they keep to the limit together.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::azure::resource_id::ResourceId;

/// How much older than its answer a list may be: as long as a request may take.
const LIST_TAKES: Duration = Duration::from_secs(10);

/// The captures that are about to be created, and those that were a moment ago.
#[derive(Debug, Default)]
pub struct Reservations(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last_number: u64,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    number: u64,
    watcher: String,
    /// In lower case.
    name: String,
    /// When Azure accepted the capture, on the monotonic clock; `None` while nobody knows.
    accepted_at: Option<Duration>,
}

/// A place in the queue for a watcher. It is given up when this is dropped, unless a capture came of it.
#[derive(Debug)]
pub struct Reservation<'a> {
    reservations: &'a Reservations,
    number: u64,
}

impl Reservations {
    /// Takes the next place in the queue, to create a capture of this name.
    pub fn reserve(&self, watcher: &ResourceId, name: &str) -> Reservation<'_> {
        let mut state = self.state();
        state.last_number = state.last_number.saturating_add(1);
        let number = state.last_number;
        let name = name.to_ascii_lowercase();
        state.places.push(Place { number, watcher: watcher.key(), name, accepted_at: None });
        Reservation { reservations: self, number }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation<'_> {
    /// How many captures come before this one that a list does not show. `listed` tells whether it shows a name, and
    /// `received_at` when its answer came.
    pub fn unlisted_before(&self, listed: impl Fn(&str) -> bool, received_at: Duration) -> usize {
        let mut state = self.reservations.state();
        // What was accepted before the list was asked for is in it, or gone.
        state.places.retain(|place| place.accepted_at.is_none_or(|at| at.saturating_add(LIST_TAKES) >= received_at));
        let Some(own) = state.places.iter().find(|place| place.number == self.number) else { return 0 };
        let before = state.places.iter().filter(|place| place.number < own.number && place.watcher == own.watcher);
        let mut names: Vec<&str> = before.map(|place| place.name.as_str()).filter(|name| *name != own.name).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter(|name| !listed(name)).count()
    }

    pub fn accepted(self, now: Duration) {
        let number = self.number;
        if let Some(own) = self.reservations.state().places.iter_mut().find(|place| place.number == number) {
            own.accepted_at = Some(now);
        }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.reservations.state().places.retain(|place| place.number != self.number || place.accepted_at.is_some());
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
        let reservations = Reservations::default();
        let (first, second) = (reservations.reserve(&watcher("a"), "x"), reservations.reserve(&watcher("a"), "y"));
        let elsewhere = reservations.reserve(&watcher("b"), "z");
        let rival = reservations.reserve(&watcher("A"), "y");
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
        let reservations = Reservations::default();
        reservations.reserve(&watcher("a"), "x").accepted(AT);
        let next = reservations.reserve(&watcher("a"), "y");
        assert_eq!(next.unlisted_before(|_| false, AT), 1, "the list may be older than its answer");
        assert_eq!(next.unlisted_before(|_| false, AT + LIST_TAKES + LIST_TAKES), 0, "it was gone again");
    }
}
