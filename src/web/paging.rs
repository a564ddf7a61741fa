//! The members of a query that say which page of a list is wanted.

use super::problem::Problem;
use super::query::Query;
use crate::timestamp::Timestamp;
use crate::workflow::paging::{Paging, is_cursor};

/// How many a page has, and how many it has at most.
const USUAL_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 200;

/// Reads `since`, `until`, `after` and `limit`.
pub fn read(query: &Query) -> Result<Paging, Problem> {
    let cursor = |text: &str| is_cursor(text).then(|| text.to_owned());
    let limit = |text: &str| text.parse().ok().filter(|limit| (1..=LARGEST_LIMIT).contains(limit));
    let expected = format!("a number from 1 to {LARGEST_LIMIT}");
    Ok(Paging {
        since: query.value("since", "a time by RFC 3339", Timestamp::parse)?,
        until: query.value("until", "a time by RFC 3339", Timestamp::parse)?,
        after: query.value("after", "what an earlier page gave", cursor)?,
        limit: query.value("limit", &expected, limit)?.unwrap_or(USUAL_LIMIT),
    })
}

/// The same query for the page that follows.
pub fn next(path: &str, query: Option<&str>, after: &str) -> String {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).filter(|(name, _)| name != "after");
    let mut next = url::form_urlencoded::Serializer::new(format!("{path}?"));
    next.extend_pairs(pairs).append_pair("after", after).finish()
}
