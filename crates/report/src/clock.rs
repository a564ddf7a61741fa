//! Which times of packets can be trusted. A packet whose clock was wrong by years would make a capture of a minute one of
//! years, in which nothing can be seen; and so would a clock that is set while a capture runs.

use crate::moment::{Moment, TimeRange};
use crate::series::{Bucket, Series, Timeline};

/// Two packets of a capture that come one after the other are not farther apart: Azure captures for five hours at most.
const FAR: u64 = 18_000_000_000_000;

/// Packets of several interfaces come in turns, and some are earlier than all before them. By more than half an hour none is.
const EARLIER: u64 = 1_800_000_000_000;

/// So many packets that agree on a time make a capture of their own. Fewer may be of a clock that was wrong for a moment.
const AGREEING: u64 = 8;

/// The most clocks that are told apart.
const MAX_CLOCKS: usize = 16;

/// The time as packets tell it. Those whose times are near each other have one clock. One that was set makes two of them, of which
/// the one with fewer packets is odd; of more, several captures were made one file, and all are told. Which clock is which nobody
/// knows before the end, so each has its own counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clocks {
    clocks: Vec<Clock>,
    /// The one of the last packet.
    current: usize,
    /// Packets whose time is none, or of a clock that was forgotten.
    odd: u64,
}

/// Packets whose times are near each other.
#[derive(Clone, Debug)]
struct Clock {
    /// By how much it is ahead of the one that the file begins with, so that time goes on where one follows another.
    ahead: i64,
    first: i64,
    last: i64,
    packets: u64,
    timeline: Timeline,
}

/// What is told of the time.
pub(crate) struct Told {
    /// From the earliest packet to the latest one.
    pub range: Option<TimeRange>,
    /// By how much the clock of these is ahead of the times that [`Clocks::tell`] has told; nothing where there are several.
    pub ahead: Option<i64>,
    pub series: Series,
    /// How many packets are in neither.
    pub odd: u64,
}

impl Clock {
    /// How far a time is from those of this clock; nothing when it is too far.
    fn distance(&self, time: i64) -> Option<u64> {
        if time < self.first {
            Some(time.abs_diff(self.first)).filter(|distance| *distance <= EARLIER)
        } else {
            Some(time.saturating_sub(self.last).max(0).unsigned_abs()).filter(|distance| *distance <= FAR)
        }
    }
}

impl Clocks {
    /// Whether no packet had a time yet.
    pub fn is_unset(&self) -> bool {
        self.clocks.is_empty()
    }

    /// The time of a packet on a clock that does not jump. `now` is the latest one so far.
    pub fn tell(&mut self, time: i64, now: i64) -> i64 {
        // Of two that are as near, the one of the packet before.
        let near = |(place, clock): (usize, &Clock)| Some((clock.distance(time)?, place != self.current, place));
        match self.clocks.iter().enumerate().filter_map(near).min() {
            Some((_, _, place)) => self.current = place,
            None => self.begin(time, now),
        }
        let ahead = self.clocks.get(self.current).map_or(0, |clock| clock.ahead);
        time.saturating_sub(ahead)
    }

    fn begin(&mut self, time: i64, now: i64) {
        if self.clocks.len() >= MAX_CLOCKS {
            let fewest = self.clocks.iter().enumerate().min_by_key(|(_, clock)| clock.packets).map(|(place, _)| place);
            let forgotten = self.clocks.swap_remove(fewest.unwrap_or_default());
            self.odd = self.odd.saturating_add(forgotten.packets);
        }
        let ahead = if self.is_unset() { 0 } else { time.saturating_sub(now) };
        self.current = self.clocks.len();
        self.clocks.push(Clock { ahead, first: time, last: time, packets: 0, timeline: Timeline::default() });
    }

    /// Counts the packet whose time was told last.
    pub fn count(&mut self, time: i64, counts: &Bucket) {
        let Some(clock) = self.clocks.get_mut(self.current) else { return };
        clock.first = clock.first.min(time);
        clock.last = clock.last.max(time);
        clock.packets = clock.packets.saturating_add(1);
        clock.timeline.count(time, counts);
    }

    /// A packet has a time that no clock tells.
    pub fn count_odd(&mut self) {
        self.odd = self.odd.saturating_add(1);
    }

    /// What the clock of most packets tells; of two the later one, for clocks begin in the past.
    pub fn report(&self) -> Told {
        let Some(most) = self.clocks.iter().max_by_key(|clock| (clock.packets, clock.last)) else {
            return Told { range: None, ahead: Some(0), series: Timeline::default().report(), odd: self.odd };
        };
        let with = |packets: u64| self.clocks.iter().filter(move |clock| clock.packets >= packets);
        if with(AGREEING).count() > 2 {
            return self.report_on(&with(2).collect::<Vec<_>>());
        }
        Told { ahead: Some(most.ahead), ..self.report_on(&[most]) }
    }

    fn report_on(&self, clocks: &[&Clock]) -> Told {
        let mut timeline = Timeline::default();
        clocks.iter().for_each(|clock| timeline.add(&clock.timeline));
        let from = clocks.iter().map(|clock| Moment(clock.first)).min();
        let to = clocks.iter().map(|clock| Moment(clock.last)).max();
        let sum = |packets: u64, clock: &Clock| packets.saturating_add(clock.packets);
        let odd = self.clocks.iter().fold(self.odd, sum).saturating_sub(clocks.iter().copied().fold(0, sum));
        let range = from.zip(to).map(|(from, to)| TimeRange { from, to });
        Told { range, ahead: None, series: timeline.report(), odd }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const MINUTE: i64 = 60 * SECOND;
    const HOUR: i64 = 60 * MINUTE;
    const YEAR: i64 = 365 * 24 * HOUR;
    const NOW: i64 = 56 * YEAR;

    /// How many seconds the times of a file take, how many of them are odd, and when they are on a clock that does not jump.
    fn judged(times: &[i64]) -> (i64, u64, Vec<i64>) {
        let mut clocks = Clocks::default();
        let mut now = 0;
        let mut steady = Vec::new();
        for time in times {
            let at = clocks.tell(*time, now);
            now = now.max(at);
            steady.push(at);
            clocks.count(*time, &Bucket { packets: 1, ..Bucket::default() });
        }
        let told = clocks.report();
        assert_eq!(told.series.packets.iter().sum::<u64>() + told.odd, times.len() as u64);
        let seconds = told.range.map_or(0, |range| range.to.0.saturating_sub(range.from.0) / SECOND);
        (seconds, told.odd, steady.iter().map(|at| at.saturating_add(told.ahead.unwrap_or_default())).collect())
    }

    /// A packet each second, from some time on.
    fn seconds(from: i64, count: i64) -> Vec<i64> {
        (0..count).map(|second| from + second * SECOND).collect()
    }

    #[test]
    fn a_time_that_is_far_from_the_others_is_odd() {
        for odd in [0, 136 * YEAR, NOW - 6 * HOUR, NOW + 6 * HOUR] {
            for place in [0, 1, 2, 5, 10] {
                let mut times = seconds(NOW, 10);
                times.insert(place, odd);
                let (seconds, count, _) = judged(&times);
                assert_eq!((seconds, count), (9, 1), "{odd} at {place}");
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_leaves_out_the_fewer_packets_wherever_it_jumps() {
        for jump in [-YEAR, -6 * HOUR, -HOUR, 6 * HOUR, YEAR] {
            for before in [1, 3, 8, 9, 20, 31, 33, 50, 63] {
                let times = [seconds(NOW, before), seconds(NOW + before * SECOND + jump, 64 - before)].concat();
                let more = before.max(64 - before);
                let (duration, odd, steady) = judged(&times);
                assert_eq!((duration, odd as i64), (more - 1, 64 - more), "{jump} after {before}");
                // On either side of the jump time goes on, and the others are when they are.
                assert!(steady.is_sorted() && steady[63] - steady[0] <= 63 * SECOND, "{jump} after {before}");
                let told = if before > 32 { 0 } else { 63 };
                assert_eq!(steady[told], times[told], "{jump} after {before}");
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_again_is_one() {
        for jump in [-YEAR, -HOUR, 6 * HOUR, YEAR] {
            let times = [seconds(NOW, 30), seconds(NOW + 30 * SECOND + jump, 20), seconds(NOW + 50 * SECOND, 30)];
            let (duration, odd, steady) = judged(&times.concat());
            assert_eq!((duration, odd), (79, 20), "{jump}");
            assert!(steady.is_sorted(), "{jump}");
        }
    }

    #[test]
    fn silence_and_interfaces_that_come_one_after_the_other_are_no_jump() {
        let silent = [seconds(NOW, 5), seconds(NOW + 4 * HOUR, 5), seconds(NOW + 8 * HOUR, 5)].concat();
        assert_eq!(judged(&silent), (8 * 3_600 + 4, 0, silent.clone()));
        let interfaces = [seconds(NOW + 20 * MINUTE, 600), seconds(NOW, 1_800)].concat();
        assert_eq!(judged(&interfaces), (1_799, 0, interfaces.clone()));
    }

    #[test]
    fn several_captures_in_one_file_are_all_told() {
        let times = [vec![0], seconds(NOW, 8), seconds(NOW + YEAR, 40), seconds(NOW - YEAR, 14)].concat();
        let (duration, odd, _) = judged(&times);
        assert_eq!((duration, odd), ((2 * YEAR) / SECOND + 39, 1));
        let times = [seconds(NOW, 7), seconds(NOW + YEAR, 40), seconds(NOW - YEAR, 14)].concat();
        let (duration, odd, _) = judged(&times);
        assert_eq!((duration, odd), (39, 21));
    }

    #[test]
    fn as_many_clocks_as_packets_take_no_more_room() {
        let times: Vec<i64> = (0..100).map(|number| number * YEAR).chain(seconds(NOW + 1, 150)).collect();
        let (duration, odd, _) = judged(&times);
        assert!(duration <= 150 && odd >= 99, "{duration} {odd}");
        assert_eq!(judged(&[]), (0, 0, vec![]));
        assert_eq!(judged(&[5]), (0, 0, vec![5]));
        judged(&[i64::MIN, i64::MAX, 0, i64::MAX, i64::MIN]);
    }
}
