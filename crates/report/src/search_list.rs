//! Which names are missing in earnest: a resolver that appends one domain after the other to a name until it is found makes
//! many answers that a name does not exist, and all is well.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::top::{Tally, Weighed, Weight};

/// Names with more labels than this are compared by their first ones only.
const MAX_LABELS: usize = 12;

/// Programs that need a name ask for it again. What nobody asks for more often than this, IPv6 included, was tried once.
const ASKED_AGAIN: u64 = 3;

/// What is counted of a name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub queries: u64,
    /// Answers with an error.
    pub failed: u64,
    /// Answers that it does not exist.
    pub unknown: u64,
    /// Answers without an error.
    pub found: u64,
    pub unanswered: u64,
}

impl Asked {
    /// Answers with another error than that it does not exist.
    pub fn errors(&self) -> u64 {
        self.failed.saturating_sub(self.unknown)
    }
}

impl Weighed for Asked {
    fn weight(&self) -> Weight {
        Weight { bytes: self.unanswered.saturating_add(self.failed), packets: self.queries }
    }
}

/// A zone, or a name, of which nothing was found.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LostZone {
    /// What the names have in common; the name itself, where there is one. Nothing when names are left out.
    pub zone: Option<String>,
    /// Different names in it that were asked for.
    pub names: u64,
    /// The one of them that was asked for most often.
    pub most_asked: Option<String>,
    /// Answers that they do not exist.
    pub unknown: u64,
}

/// Answers that a name does not exist which no search list explains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unexplained {
    pub answers: u64,
    /// The name of which most of them are, without a domain that was appended to it.
    pub most_asked: Option<String>,
    /// The zone of which most of them are, and in which no name was found.
    pub lost_zone: Option<LostZone>,
}

pub(crate) fn unexplained(names: &Tally<String, Asked>) -> Unexplained {
    let mut alive: HashSet<&str> = HashSet::new();
    for (name, _) in names.iter().filter(|(_, asked)| asked.found > 0) {
        alive.extend(suffixes(name));
    }
    let mut unknown: u64 = 0;
    let mut most_asked: Option<(u64, Reverse<&str>)> = None;
    let mut zones: HashMap<&str, Unknown<'_>> = HashMap::new();
    for (name, asked) in names.iter().filter(|(_, asked)| asked.unknown > 0) {
        if is_explained(name, names) {
            continue;
        }
        unknown = unknown.saturating_add(asked.unknown);
        let is_lengthened = is_lengthened(name, names);
        if !is_lengthened {
            most_asked = most_asked.max(Some((asked.unknown, Reverse(name.as_str()))));
        }
        if asked.found > 0 || is_asked_at_random(name) || is_lengthened {
            continue;
        }
        for zone in suffixes(name).filter(|zone| zone.contains('.') && !alive.contains(zone)) {
            zones.entry(zone).or_default().add(name, asked.unknown);
        }
    }
    let zones = zones.into_iter().filter(|(_, zone)| zone.times >= zone.names.saturating_mul(ASKED_AGAIN));
    // Of equally many the longer name says no more than is known.
    let lost = zones.max_by_key(|(zone, unknown)| (unknown.times, zone.len(), *zone));
    let told = lost.map(|(zone, Unknown { names, times, most_asked: (_, most_asked) })| LostZone {
        zone: Some(zone.to_owned()),
        names,
        most_asked: Some(most_asked.to_owned()),
        unknown: times,
    });
    let most_asked = most_asked.map(|(_, Reverse(name))| name.to_owned());
    Unexplained { answers: unknown, most_asked, lost_zone: told }
}

/// Answers that names in a zone do not exist.
#[derive(Clone, Copy, Debug, Default)]
struct Unknown<'a> {
    names: u64,
    times: u64,
    most_asked: (u64, &'a str),
}

impl<'a> Unknown<'a> {
    fn add(&mut self, name: &'a str, times: u64) {
        self.names = self.names.saturating_add(1);
        self.times = self.times.saturating_add(times);
        self.most_asked = self.most_asked.max((times, name));
    }
}

/// The name, and what it ends in, label by label.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    let ends = name.match_indices('.').filter_map(|(dot, _)| name.get(dot.saturating_add(1)..));
    std::iter::once(name).chain(ends).filter(|suffix| !suffix.is_empty()).take(MAX_LABELS)
}

/// Whether a name is one that was found with a domain appended, or with more of one than it was found with.
fn is_explained(name: &str, names: &Tally<String, Asked>) -> bool {
    let is_found = |other: &str| other != name && names.get(other).is_some_and(|asked| asked.found > 0);
    let dots: Vec<usize> = name.match_indices('.').map(|(dot, _)| dot).take(MAX_LABELS).collect();
    dots.iter().enumerate().any(|(place, dot)| {
        let Some(begin) = name.get(..*dot) else { return false };
        let shorter = dots.iter().skip(place.saturating_add(1)).filter_map(|later| name.get(*later..));
        is_found(begin) || shorter.into_iter().any(|end| is_found(&format!("{begin}{end}")))
    })
}

/// Whether a name is another one that was asked for, with a domain appended.
fn is_lengthened(name: &str, names: &Tally<String, Asked>) -> bool {
    let begins = name.match_indices('.').filter_map(|(dot, _)| name.get(..dot)).take(MAX_LABELS);
    begins.into_iter().any(|begin| begin.contains('.') && names.get(begin).is_some())
}

/// Names that machines try at random: addresses turned around, and services that may be there.
fn is_asked_at_random(name: &str) -> bool {
    name.ends_with(".arpa") || name.starts_with('_') || name.starts_with("wpad.") || name.starts_with("isatap.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unexplained_of(asked: &[(&str, u64, u64)]) -> (u64, Option<(String, u64)>) {
        let mut names: Tally<String, Asked> = Tally::new(100);
        for (name, unknown, found) in asked {
            *names.entry((*name).to_owned()) = Asked { unknown: *unknown, found: *found, ..Asked::default() };
        }
        let Unexplained { answers, lost_zone, .. } = unexplained(&names);
        (answers, lost_zone.map(|lost| (lost.zone.unwrap(), lost.names)))
    }

    #[test]
    fn names_with_a_domain_appended_are_explained_by_the_name_that_was_found() {
        let search = [
            ("api.partner.example", 0, 4),
            ("api.partner.example.prod.svc.cluster.local", 4, 0),
            ("api.partner.example.cluster.local", 4, 0),
            ("web.prod.svc.cluster.local", 4, 0),
            ("web.svc.cluster.local", 0, 4),
        ];
        assert_eq!(unexplained_of(&search), (0, None));
    }

    #[test]
    fn a_zone_of_which_nothing_is_found_is_told_beside_one_that_is_well() {
        let well = [("www.partner.example", 0, 9), ("ftp.partner.example", 1, 0)];
        let lost = [("db.corp.example", 6, 0), ("api.corp.example", 5, 0)];
        let all = [&well[..], &lost].concat();
        assert_eq!(unexplained_of(&all), (12, Some(("corp.example".to_owned(), 2))));
        assert_eq!(
            unexplained_of(&[&all[..], &[("www.corp.example", 0, 1)]].concat()).1,
            Some(("db.corp.example".to_owned(), 1))
        );
        assert_eq!(unexplained_of(&[&well[..], &lost[..1]].concat()).1, Some(("db.corp.example".to_owned(), 1)));
    }

    #[test]
    fn a_lost_zone_is_told_by_its_own_name_where_a_search_list_is_at_work() {
        let asked =
            [("db.corp.example", 5, 0), ("db.corp.example.svc.cluster.local", 5, 0), ("web.svc.cluster.local", 0, 5)];
        assert_eq!(unexplained_of(&asked).1, Some(("db.corp.example".to_owned(), 1)));
    }

    #[test]
    fn names_that_are_tried_once_or_at_random_are_no_zone() {
        let tried: Vec<String> = (0..40).map(|number| format!("{number}.2.0.192.list.example")).collect();
        let mut asked: Vec<(&str, u64, u64)> = tried.iter().map(|name| (name.as_str(), 2, 0)).collect();
        asked.extend([
            ("4.0.0.10.in-addr.arpa", 50, 0),
            ("_ldap._tcp.corp.example", 9, 0),
            ("wpad.corp.example", 9, 0),
        ]);
        assert_eq!(unexplained_of(&asked).1, None);
    }
}
