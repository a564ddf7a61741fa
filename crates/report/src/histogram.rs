//! Durations of which only a few numbers are kept.

use serde::Serialize;

use crate::moment::seconds;

/// Steps from a duration to twice that: reported medians are at most 1/16 too high.
const STEPS: u32 = 16;

/// What is known of many durations, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// How many were measured.
    pub count: u64,
    /// Half of them were shorter, to 6 %.
    pub median_seconds: f64,
    /// 95 of 100 were shorter, to 6 %.
    pub p95_seconds: f64,
    /// The longest.
    pub max_seconds: f64,
}

/// Durations as they are counted, in steps that grow with them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
    count: u64,
    max: i64,
}

impl Histogram {
    /// Counts a duration; one below zero, which clocks that are set make, is taken as none.
    pub fn count(&mut self, nanos: i64) {
        let nanos = nanos.max(0);
        let index = step(nanos.unsigned_abs());
        if index >= self.counts.len() {
            self.counts.resize(index.saturating_add(1), 0);
        }
        self.counts.get_mut(index).into_iter().for_each(|count| *count = count.saturating_add(1));
        self.count = self.count.saturating_add(1);
        self.max = self.max.max(nanos);
    }

    pub fn report(&self) -> Durations {
        Durations {
            count: self.count,
            median_seconds: seconds(self.quantile(50)),
            p95_seconds: seconds(self.quantile(95)),
            max_seconds: seconds(self.max),
        }
    }

    /// The duration that so many of a hundred do not exceed.
    fn quantile(&self, percent: u64) -> i64 {
        let wanted = self.count.saturating_mul(percent).div_ceil(100);
        let mut seen: u64 = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(u64::from(*count));
            if seen >= wanted && seen > 0 {
                return longest(index).min(self.max);
            }
        }
        0
    }
}

/// The step of a duration: below 16 ns each has its own, above there are 16 to a doubling.
fn step(nanos: u64) -> usize {
    let shift = nanos.checked_ilog2().unwrap_or_default().saturating_sub(STEPS.ilog2());
    (shift.saturating_mul(STEPS) as usize).saturating_add((nanos >> shift) as usize)
}

/// The longest duration of a step.
fn longest(index: usize) -> i64 {
    let index = index as u64;
    let steps = u64::from(STEPS);
    let shift = index.checked_div(steps).unwrap_or_default().saturating_sub(1);
    let mantissa = index.saturating_sub(shift.saturating_mul(steps));
    let next = u128::from(mantissa).saturating_add(1) << shift;
    i64::try_from(next.saturating_sub(1)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_narrow_and_cover_everything() {
        for nanos in (0..63).flat_map(|power| [1_u64 << power, (1 << power) + (1 << power) / 3, (2 << power) - 1]) {
            let longest = longest(step(nanos)) as u64;
            assert!(longest >= nanos && longest - nanos <= nanos / 16, "{nanos} {longest}");
        }
        assert!((1..100_000).all(|nanos| step(nanos) == step(nanos - 1) || step(nanos) == step(nanos - 1) + 1));
    }

    #[test]
    fn quantiles_are_right_to_a_step() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.report(), Durations::default());
        (1..=1000).for_each(|millis| histogram.count(millis * 1_000_000));
        histogram.count(-5);
        let durations = histogram.report();
        assert_eq!((durations.count, durations.max_seconds), (1001, 1.0));
        assert!((0.5..0.54).contains(&durations.median_seconds), "{durations:?}");
        assert!((0.95..=1.0).contains(&durations.p95_seconds), "{durations:?}");
    }
}
