//! Which part of a list is wanted: a stretch of time, and a page of that. Pure.

use crate::timestamp::Timestamp;

/// What stands for the time of something that does not tell it, so that it comes last.
pub const UNKNOWN_TIME: &str = "9999999999999";

/// A page of a list that is newest first.
#[derive(Clone, Debug, Default)]
pub struct Paging {
    /// At this time or later.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// What follows this place: where an earlier page ended.
    pub after: Option<String>,
    pub limit: usize,
}

impl Paging {
    /// Whether something of that time is wanted. What tells none is wanted when no time is asked for.
    pub fn is_in_time(&self, at: Option<Timestamp>) -> bool {
        match at {
            Some(at) => self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until),
            None => self.since.is_none() && self.until.is_none(),
        }
    }

    /// Whether what stands at that place was on no earlier page.
    pub fn is_after(&self, place: &str) -> bool {
        self.after.as_deref().is_none_or(|after| place > after)
    }
}

/// What a page is asked for after; only what an earlier one may have ended with.
pub fn is_cursor(text: &str) -> bool {
    let is_time = |text: &str| text.len() == UNKNOWN_TIME.len() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 256 && text.split_once(':').is_some_and(|(time, _)| is_time(time))
}
