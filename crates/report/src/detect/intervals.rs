//! A series in intervals that are long enough to speak of a rate.

use crate::moment::{Moment, TimeRange};
use crate::series::Series;

const SECOND_NANOS: f64 = 1e9;

/// One list of the series. An interval is a second at least: what is sent at once fills a shorter one, and says nothing of
/// how much there is. The first and the last may be filled in part only.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervals {
    start: Moment,
    seconds: f64,
    pub counts: Vec<u64>,
}

impl Intervals {
    /// Nothing when no packet has a time.
    pub fn new(series: &Series, list: &[u64]) -> Option<Self> {
        let start = series.start?;
        // The shortest bucket is 1/512 s.
        let joined = (1.0 / series.bucket_seconds).ceil().clamp(1.0, 512.0);
        let sum = |counts: &[u64]| counts.iter().copied().fold(0, u64::saturating_add);
        let counts: Vec<u64> = list.chunks((joined as usize).max(1)).map(sum).collect();
        let has_counts = !counts.is_empty();
        has_counts.then_some(Self { start, seconds: series.bucket_seconds * joined, counts })
    }

    pub fn most(&self) -> u64 {
        self.counts.iter().copied().max().unwrap_or_default()
    }

    /// The most in a second.
    pub fn most_per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.most() as f64 / self.seconds } else { 0.0 }
    }

    /// The count that half of the intervals do not exceed.
    pub fn median(&self) -> u64 {
        let mut sorted = self.counts.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or_default()
    }

    /// From the first interval with at least so many to the last one.
    fn range(&self, at_least: u64) -> Option<TimeRange> {
        let is_much = |counted: &u64| *counted >= at_least;
        let first = self.counts.iter().position(is_much)?;
        let last = self.counts.iter().rposition(is_much)?;
        Some(TimeRange { from: self.moment(first), to: self.moment(last.saturating_add(1)) })
    }

    /// Where there is at least half as much as where there is most: the rest is what is always there.
    pub fn peak(&self) -> Option<TimeRange> {
        self.range((self.most() / 2).max(1)).filter(|_| self.most() > 0)
    }

    fn moment(&self, interval: usize) -> Moment {
        let nanos = interval as f64 * self.seconds * SECOND_NANOS;
        Moment(self.start.0.saturating_add(nanos as i64))
    }
}

/// Where most of a list is.
pub fn peak(series: &Series, list: &[u64]) -> Option<TimeRange> {
    Intervals::new(series, list)?.peak()
}
