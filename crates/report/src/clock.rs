//! Which times of packets can be trusted. A packet whose clock was wrong by years would make a capture of a minute one of
//! years, in which nothing can be seen.

/// Two packets of a capture are not farther apart: Azure captures for five hours at most.
const FAR: i64 = 18_000_000_000_000;

/// So many packets that agree on a time far away are right: the clock was set, or two captures were made one file.
const AGREEING: usize = 8;

/// The most times that are kept until it is known which of them are right.
const MAX_SUSPECTS: usize = 16;

/// What to think of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is near those before.
    Right,
    /// It is far from those before, and what comes next will tell.
    Suspect,
}

/// The time as the packets tell it. With each suspect time something is kept, and handed back when the time was right.
#[derive(Clone, Debug)]
pub(crate) struct Clock<T> {
    last: Option<i64>,
    suspects: Vec<(i64, T)>,
    right: u64,
    odd: u64,
}

impl<T> Default for Clock<T> {
    fn default() -> Self {
        Self { last: None, suspects: Vec::new(), right: 0, odd: 0 }
    }
}

fn is_near(time: i64, other: i64) -> bool {
    time.abs_diff(other) <= FAR.unsigned_abs()
}

impl<T> Clock<T> {
    pub fn judge(&mut self, time: i64) -> Judgement {
        match self.last {
            Some(last) if is_near(time, last) => {
                self.drop_suspects();
                self.last = Some(time);
                self.right = self.right.saturating_add(1);
                Judgement::Right
            }
            _ => Judgement::Suspect,
        }
    }

    /// Keeps what belongs to a suspect time, and hands back those that turn out to be right.
    pub fn suspect(&mut self, time: i64, kept: T) -> Vec<(i64, T)> {
        self.suspects.push((time, kept));
        let agreeing = self.suspects.iter().filter(|(suspect, _)| is_near(time, *suspect)).count();
        let needed = if self.last.is_some() { AGREEING } else { 2 };
        if agreeing < needed && self.suspects.len() < MAX_SUSPECTS {
            return Vec::new();
        }
        let (right, odd): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.suspects).into_iter().partition(|(suspect, _)| is_near(time, *suspect));
        self.odd = self.odd.saturating_add(odd.len() as u64);
        self.right = self.right.saturating_add(right.len() as u64);
        self.last = Some(time);
        right
    }

    /// A packet has a time that no clock tells.
    pub fn count_odd(&mut self) {
        self.odd = self.odd.saturating_add(1);
    }

    /// How many times were wrong.
    pub fn odd(&self) -> u64 {
        self.odd
    }

    /// Hands back what is still suspect at the end, unless there is much else that says otherwise.
    pub fn end(&mut self) -> Vec<(i64, T)> {
        if self.right > (self.suspects.len() as u64).saturating_mul(2) {
            self.drop_suspects();
        }
        std::mem::take(&mut self.suspects)
    }

    fn drop_suspects(&mut self) {
        self.odd = self.odd.saturating_add(self.suspects.len() as u64);
        self.suspects.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: i64 = 365 * 86_400_000_000_000;

    /// Times that are right, and how many are odd.
    fn right(times: &[i64]) -> (Vec<i64>, u64) {
        let mut clock = Clock::default();
        let mut right = Vec::new();
        for time in times {
            match clock.judge(*time) {
                Judgement::Right => right.push(*time),
                Judgement::Suspect => right.extend(clock.suspect(*time, ()).iter().map(|(time, ())| *time)),
            }
        }
        right.extend(clock.end().iter().map(|(time, ())| *time));
        (right, clock.odd())
    }

    #[test]
    fn a_time_that_is_far_from_those_around_it_is_odd() {
        let now = 56 * YEAR;
        for odd in [0, 136 * YEAR] {
            assert_eq!(right(&[now, now + 1, odd, now + 2, now + 3]), (vec![now, now + 1, now + 2, now + 3], 1));
            assert_eq!(right(&[odd, now, now + 1]), (vec![now, now + 1], 1), "at the beginning");
            assert_eq!(right(&[now, odd, now + 1]), (vec![now, now + 1], 1), "after the first");
            assert_eq!(right(&[now, now + 1, now + 2, odd]), (vec![now, now + 1, now + 2], 1), "at the end");
        }
    }

    #[test]
    fn a_clock_that_was_set_is_believed_once_enough_packets_say_so() {
        let times: Vec<i64> = (0..20).chain((0..8).map(|second| YEAR + second)).collect();
        assert_eq!(right(&times), (times.clone(), 0));
        let times: Vec<i64> = (0..20).chain((0..7).map(|second| YEAR + second)).chain(20..40).collect();
        assert_eq!(right(&times), ((0..40).collect(), 7));
    }

    #[test]
    fn a_few_packets_without_much_else_are_as_they_are() {
        assert_eq!(right(&[5]), (vec![5], 0));
        assert_eq!(right(&[]), (vec![], 0));
    }
}
