//! Names and words that are met, and how often.

use serde::Serialize;

use crate::top::{Names, Tally, Weighed, Weight};

/// A name and how often it was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// In lower case, and cut where it is too long to be shown.
    pub name: String,
    /// In how many messages.
    pub times: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Times(u64);

impl Weighed for Times {
    fn weight(&self) -> Weight {
        Weight { bytes: 0, packets: self.0 }
    }
}

/// Names as they are counted.
#[derive(Clone, Debug)]
pub(crate) struct NameCounts(Tally<String, Times>);

impl NameCounts {
    pub fn new(limit: usize) -> Self {
        Self(Tally::new(limit))
    }

    pub fn count(&mut self, name: String) {
        let times = self.0.entry(name);
        times.0 = times.0.saturating_add(1);
    }

    pub fn report(&self) -> Names<Named> {
        self.0.report(|name, times| Named { name: name.clone(), times: times.0 }).into()
    }
}
