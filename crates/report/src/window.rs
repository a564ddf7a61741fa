//! How long one side of a connection would take no more.

/// Zero windows of one side. One that is told only once kept nobody from sending, or the sender would have asked whether it
/// is open again (RFC 9293, 3.8.6.1).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    since: Option<i64>,
    last: i64,
    is_repeated: bool,
    longest: i64,
}

impl Window {
    /// The side says how much it takes.
    pub fn is(&mut self, size: u16, now: i64) {
        if size > 0 {
            self.end(now);
        } else if self.since.is_none() {
            (self.since, self.last, self.is_repeated) = (Some(now), now, false);
        } else {
            (self.last, self.is_repeated) = (now, true);
        }
    }

    /// The connection has ended.
    pub fn end(&mut self, now: i64) {
        let since = self.since.take().filter(|_| self.is_repeated);
        self.longest = self.longest.max(since.map_or(0, |since| now.saturating_sub(since)));
    }

    /// Nanoseconds of the longest time that it was shut, up to the last segment that says so.
    pub fn longest_shut(mut self) -> i64 {
        self.end(self.last);
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_shut_from_the_first_word_of_it_to_the_last_or_until_it_opens() {
        let shut = |says: &[(u16, i64)]| {
            let mut window = Window::default();
            says.iter().for_each(|(size, now)| window.is(*size, *now));
            window.longest_shut()
        };
        assert_eq!(shut(&[(9, 1), (0, 2), (0, 4), (9, 7), (9, 20)]), 5);
        assert_eq!(shut(&[(0, 2), (0, 4), (0, 9)]), 7, "it never opened");
        assert_eq!(shut(&[(0, 2), (9, 9), (0, 10), (0, 11), (9, 12)]), 2, "nobody waited for the first");
        assert_eq!(shut(&[(9, 1)]), 0);
    }
}
