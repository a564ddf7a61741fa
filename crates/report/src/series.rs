//! What happened when: counts in equal buckets of time.

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::moment::{Moment, seconds};

/// The most buckets there are. Twice as many points as that are more than a plot on a phone can show.
const MAX_BUCKETS: usize = 120;

/// The shortest bucket: 1/512 s, the finest that doubles to whole seconds and is a whole number of nanoseconds.
const SHORTEST_NANOS: i64 = 1_953_125;

/// Counts over time. A bucket is 2^n seconds long, the shortest of which 120 cover all packets, and begins at a
/// multiple of its length since 1970. All lists are of one length, one number a bucket.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// When the first bucket begins; nothing when no packet has a time.
    pub start: Option<Moment>,
    /// 2^n, from 1/512 on.
    pub bucket_seconds: f64,
    /// Those that have a time.
    pub packets: Vec<u64>,
    /// On the wire.
    pub bytes: Vec<u64>,
    /// Within tunnels too.
    pub tcp_segments: Vec<u64>,
    /// TCP segments with SYN and without ACK.
    pub syn: Vec<u64>,
    /// TCP segments with RST.
    pub rst: Vec<u64>,
    /// TCP segments that were sent again, as Wireshark judges it.
    pub retransmissions: Vec<u64>,
    /// TCP segments with data that were sent again.
    pub sent_again: Vec<u64>,
}

/// Counts of one bucket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    pub packets: u64,
    pub bytes: u64,
    pub tcp_segments: u64,
    pub syn: u64,
    pub rst: u64,
    pub retransmissions: u64,
    pub sent_again: u64,
}

impl Bucket {
    fn add(&mut self, other: &Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.tcp_segments = self.tcp_segments.saturating_add(other.tcp_segments);
        self.syn = self.syn.saturating_add(other.syn);
        self.rst = self.rst.saturating_add(other.rst);
        self.retransmissions = self.retransmissions.saturating_add(other.retransmissions);
        self.sent_again = self.sent_again.saturating_add(other.sent_again);
    }
}

/// Counts as they are made. TimeRangees double when they get too many, so nothing has to be known of the end.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    width: i64,
    /// How many buckets after 1970 the first one is.
    first: i64,
    buckets: Vec<Bucket>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { width: SHORTEST_NANOS, first: 0, buckets: Vec::new() }
    }
}

impl Timeline {
    /// Counts what happened at a time, which may be before what was counted so far.
    pub fn count(&mut self, time: i64, counts: &Bucket) {
        if self.buckets.is_empty() {
            self.first = time.div_euclid(self.width);
        }
        loop {
            let number = time.div_euclid(self.width);
            let behind = number.saturating_sub(self.first);
            match usize::try_from(behind) {
                Ok(index) if index < MAX_BUCKETS => {
                    if index >= self.buckets.len() {
                        self.buckets.resize(index.saturating_add(1), Bucket::default());
                    }
                    self.buckets.get_mut(index).into_iter().for_each(|bucket| bucket.add(counts));
                    return;
                }
                Err(_) if self.has_room_before(behind.unsigned_abs()) => {
                    let missing = usize::try_from(behind.unsigned_abs()).unwrap_or_default();
                    self.buckets.splice(..0, std::iter::repeat_n(Bucket::default(), missing));
                    self.first = number;
                }
                _ => self.double(),
            }
        }
    }

    /// Counts what another one has counted. Of more than half as many buckets as there may be, the beginnings need the same width.
    pub fn add(&mut self, other: &Self) {
        for (bucket, number) in other.buckets.iter().zip(other.first..) {
            if bucket.packets > 0 {
                self.count(number.saturating_mul(other.width), bucket);
            }
        }
    }

    fn has_room_before(&self, missing: u64) -> bool {
        missing.saturating_add(self.buckets.len() as u64) <= MAX_BUCKETS as u64
    }

    /// Makes two buckets one. 2^63 ns are shorter than 120 of the longest width, so this ends.
    fn double(&mut self) {
        let old = std::mem::take(&mut self.buckets);
        let first = self.first.div_euclid(2);
        for (bucket, number) in old.iter().zip(self.first..) {
            let index = usize::try_from(number.div_euclid(2).saturating_sub(first)).unwrap_or_default();
            if index >= self.buckets.len() {
                self.buckets.push(Bucket::default());
            }
            self.buckets.get_mut(index).into_iter().for_each(|kept| kept.add(bucket));
        }
        self.first = first;
        self.width = self.width.saturating_mul(2);
    }

    pub fn report(&self) -> Series {
        let list = |count: fn(&Bucket) -> u64| self.buckets.iter().map(count).collect();
        Series {
            start: (!self.buckets.is_empty()).then(|| Moment(self.first.saturating_mul(self.width))),
            bucket_seconds: seconds(self.width),
            packets: list(|bucket| bucket.packets),
            bytes: list(|bucket| bucket.bytes),
            tcp_segments: list(|bucket| bucket.tcp_segments),
            syn: list(|bucket| bucket.syn),
            rst: list(|bucket| bucket.rst),
            retransmissions: list(|bucket| bucket.retransmissions),
            sent_again: list(|bucket| bucket.sent_again),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Bucket =
        Bucket { packets: 1, bytes: 10, tcp_segments: 0, syn: 0, rst: 0, retransmissions: 0, sent_again: 0 };
    const SECOND: i64 = 1_000_000_000;

    fn series(times: impl IntoIterator<Item = i64>) -> Series {
        let mut timeline = Timeline::default();
        times.into_iter().for_each(|time| timeline.count(time, &ONE));
        timeline.report()
    }

    #[test]
    fn nothing_is_lost_whatever_the_order_and_the_distance() {
        let times = [5, 0, 59, 12, -7_200, 86_400 * 365 * 60, 30].map(|second: i64| second * SECOND);
        let series = series(times);
        assert_eq!(series.packets.iter().sum::<u64>(), 7);
        assert_eq!(series.bytes.iter().sum::<u64>(), 70);
        assert!((60..=MAX_BUCKETS).contains(&series.packets.len()), "{}", series.packets.len());
        assert!(series.packets[0] > 0 && series.packets.last() > Some(&0));
        let start = series.start.unwrap().seconds_since(Moment(-7_200 * SECOND));
        assert!((-series.bucket_seconds..=0.0).contains(&start), "{start}");
    }

    #[test]
    fn what_another_one_has_counted_stays_as_it_is() {
        for seconds in [1, 50, 119, 121, 7_200] {
            let mut one = Timeline::default();
            (0..seconds).for_each(|second| one.count((second + 3) * SECOND + 7, &ONE));
            let mut other = Timeline::default();
            other.add(&one);
            assert_eq!(other.report(), one.report(), "{seconds}");
        }
    }

    #[test]
    fn buckets_fit_the_duration_and_hold_what_is_in_them() {
        let series = series((0..60).map(|second| second * SECOND));
        assert_eq!((series.start, series.bucket_seconds), (Some(Moment(0)), 0.5));
        assert_eq!(series.packets.len(), 119);
        assert!(series.packets.iter().enumerate().all(|(index, packets)| *packets == u64::from(index % 2 == 0)));
    }

    #[test]
    fn the_same_packets_give_the_same_series_in_any_order() {
        let times: Vec<i64> = (0..500).map(|number| number * 777_777_777 - 40 * SECOND).collect();
        assert_eq!(series(times.clone()), series(times.into_iter().rev()));
    }

    #[test]
    fn times_at_the_ends_of_the_calendar_are_survived() {
        assert_eq!(series([i64::MIN, i64::MAX, 0]).packets.iter().sum::<u64>(), 3);
        assert_eq!(series([]).start, None);
    }
}
