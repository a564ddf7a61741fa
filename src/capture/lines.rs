//! What people are told of several files, and of what has changed, in a few lines. Pure.

use crate::measure::{count_of, number, size};
use crate::records::report::InstanceReport;
use crate::report::{Report, more_findings};
use crate::text::clean;

/// The most instances that a line names.
const MOST_NAMES: usize = 3;

/// How much of what was found on a second instance is told, so that there is room for how many others there are.
const LONGEST_SENTENCE: usize = 150;

/// What the files of a scale set say: the worst instance first, whose report this is, and then how much there is.
///
/// `all` are the files that there are, of which the largest were read.
pub fn lines(set: &str, all: usize, instances: &[InstanceReport], worst: &Report) -> Vec<String> {
    let totals = totals(set, all, instances);
    let Some((first, others)) = instances.split_first() else { return vec![totals] };
    match worst.findings.first() {
        None => [totals].into_iter().chain(nothing(instances)).collect(),
        Some(finding) => {
            let told = format!("{}: {} {}", first.name, finding.sentence, finding.next_step).trim_end().to_owned();
            [told].into_iter().chain(beside(others)).chain([totals]).collect()
        }
    }
}

/// Puts a sentence that has no filter behind the first line. Where nothing was found no filter has to keep its place.
pub fn insert_second(sentence: String, lines: &mut Vec<String>, filters: &mut Vec<String>) {
    lines.insert(lines.len().min(1), sentence);
    if !filters.is_empty() {
        filters.insert(1, String::new());
    }
}

/// What there is to say of the instances beside the worst.
fn beside(others: &[InstanceReport]) -> Option<String> {
    let (found, rest): (Vec<_>, Vec<_>) =
        others.iter().filter(|other| other.packets > 0).partition(|other| other.worst.is_some());
    let told =
        |next: &&InstanceReport| Some(format!("{}: {}", next.name, clean(next.worst.as_ref()?, LONGEST_SENTENCE)));
    let next = found.first().and_then(told);
    let more = match found.len().saturating_sub(1) {
        0 => None,
        more => Some(format!("Something stood out on {} more.", number(more as u64))),
    };
    let quiet = (!rest.is_empty()).then(|| format!("Nothing stood out on {}.", listed(&rest)));
    let said: Vec<String> = [next, more, quiet, nothing(others)].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// How many findings are not told: one each is of the worst instance and of the next one.
fn untold(instances: &[InstanceReport]) -> String {
    let sum = |of: fn(&InstanceReport) -> usize| {
        let beyond_the_told = |(place, one): (usize, &InstanceReport)| of(one).saturating_sub((place < 2).into());
        instances.iter().enumerate().map(beyond_the_told).fold(0, usize::saturating_add) as u64
    };
    more_findings("The reports have", sum(|one| one.criticals.saturating_add(one.warnings)), sum(|one| one.criticals))
}

/// Those that have captured nothing.
fn nothing(instances: &[InstanceReport]) -> Option<String> {
    let empty: Vec<_> = instances.iter().filter(|one| one.packets == 0 && one.problem.is_none()).collect();
    (!empty.is_empty()).then(|| format!("Nothing was captured on {}.", listed(&empty)))
}

fn totals(set: &str, all: usize, instances: &[InstanceReport]) -> String {
    let sum = |of: fn(&InstanceReport) -> u64| instances.iter().map(of).fold(0, u64::saturating_add);
    let (packets, bytes) = (sum(|one| one.packets), sum(|one| one.bytes));
    let unread: Vec<_> = instances.iter().filter(|one| one.problem.is_some()).collect();
    let partly: Vec<_> = instances.iter().filter(|one| one.problem.is_none() && !one.is_complete).collect();
    let read = instances.len().saturating_sub(unread.len());
    let files = match all {
        _ if read == all => count_of(all as u64, "file", "files"),
        _ => format!("{} of {} files", number(read as u64), number(all as u64)),
    };
    let mut line = format!("{set}: {} packets, {} in {files}.{}", number(packets), size(bytes), untold(instances));
    if !partly.is_empty() {
        line.push_str(&format!(" Only a part was read of {}.", listed(&partly)));
    }
    if let Some(problem) = unread.first().and_then(|one| one.problem.as_ref()) {
        line.push_str(&format!(" Not read: {}. {problem}", listed(&unread)));
    }
    line
}

fn listed(instances: &[&InstanceReport]) -> String {
    let names: Vec<&str> = instances.iter().take(MOST_NAMES).map(|one| one.name.as_str()).collect();
    match instances.len().saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {} more", names.join(", "), number(more as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Analysis, Finding, FindingKind, Severity};

    fn instance(name: &str, packets: u64, worst: Option<&str>) -> InstanceReport {
        let worst = worst.map(str::to_owned);
        InstanceReport { packets, bytes: packets * 1024, worst, is_complete: true, ..InstanceReport::new(1, name) }
    }

    fn report(findings: &[&str]) -> Report {
        let finding = |sentence: &&str| Finding {
            kind: FindingKind::SilentService,
            severity: Severity::Critical,
            sentence: (*sentence).to_owned(),
            next_step: "Look there.".to_owned(),
            filter: None,
            evidence: Default::default(),
            from: None,
            to: None,
        };
        Report { findings: findings.iter().map(finding).collect(), ..Analysis::default().finish() }
    }

    #[test]
    fn the_worst_instance_is_named_first_and_the_others_after_it() {
        let told = |instances: &[InstanceReport], findings: &[&str]| {
            lines("web", instances.len(), instances, &report(findings))
        };
        let silent = instance("web_3", 1_000, Some("It is silent."));
        let (quiet, empty) = (|name: &str| instance(name, 10, None), |name: &str| instance(name, 0, None));
        assert_eq!(
            told(&[silent.clone(), quiet("web_0"), empty("web_1")], &["It is silent."]),
            [
                "web_3: It is silent. Look there.",
                "Nothing stood out on web_0. Nothing was captured on web_1.",
                "web: 1,010 packets, 1,010.0 KiB in 3 files."
            ]
        );
        let slow = |name: &str| instance(name, 5, Some("It is slow."));
        let quiet_ones = ["web_6", "web_7", "web_8", "web_9"].map(quiet);
        let many: Vec<_> = [silent.clone(), slow("web_4"), slow("web_5")].into_iter().chain(quiet_ones).collect();
        assert_eq!(
            told(&many, &["It is silent."])[1],
            "web_4: It is slow. Something stood out on 1 more. Nothing stood out on web_6, web_7, web_8 and 1 more."
        );
        assert_eq!(told(&[quiet("web_0"), quiet("web_1")], &[]), ["web: 20 packets, 20.0 KiB in 2 files."]);
        assert_eq!(told(&[quiet("web_0"), empty("web_1")], &[])[1], "Nothing was captured on web_1.");
    }

    #[test]
    fn what_has_changed_stands_second_and_is_no_finding() {
        let with_change = |lines: &[&str], filters: &[&str]| {
            let [mut lines, mut filters] =
                [lines, filters].map(|list| list.iter().map(|text| (*text).to_owned()).collect());
            insert_second("It has grown.".to_owned(), &mut lines, &mut filters);
            (lines.join(" "), filters)
        };
        assert_eq!(with_change(&["10 packets.", "Even."], &[]), ("10 packets. It has grown. Even.".to_owned(), vec![]));
        let (lines, filters) = with_change(&["Silent.", "Slow.", "10 packets."], &["tcp", "udp"]);
        assert_eq!(
            (lines.as_str(), filters.join("|").as_str()),
            ("Silent. It has grown. Slow. 10 packets.", "tcp||udp")
        );
    }

    #[test]
    fn findings_that_there_is_no_room_for_are_counted() {
        let one = |name: &str, criticals, warnings| InstanceReport {
            criticals,
            warnings,
            ..instance(name, 10, Some("It is silent."))
        };
        let last = |instances: &[InstanceReport]| {
            lines("web", instances.len(), instances, &report(&["It is silent.", "It is slow."])).pop().unwrap()
        };
        let several = [one("web_0", 2, 1), one("web_1", 1, 1), one("web_2", 1, 0), one("web_3", 0, 2)];
        assert_eq!(
            last(&several),
            "web: 40 packets, 40.0 KiB in 4 files. The reports have 6 more findings, 2 of them critical."
        );
        assert_eq!(last(&[one("web_0", 0, 1), one("web_1", 0, 1)]), "web: 20 packets, 20.0 KiB in 2 files.");
        assert_eq!(
            last(&[one("web_0", 0, 2)]),
            "web: 10 packets, 10.0 KiB in 1 file. The reports have 1 more finding."
        );
    }

    #[test]
    fn a_long_sentence_leaves_room_for_how_many_others_there_are() {
        let long = "It is silent. ".repeat(30);
        let instances = ["web_0", "web_1", "web_2"].map(|name| instance(name, 10, Some(&long)));
        let told = lines("web", 3, &instances, &report(&[&long]));
        assert!(told[1].len() < 250 && told[1].ends_with("… Something stood out on 1 more."), "{}", told[1]);
    }

    #[test]
    fn what_was_not_read_is_told() {
        let part = InstanceReport { is_complete: false, ..instance("web_1", 5, None) };
        let unread =
            InstanceReport { problem: Some("There is no right to it.".to_owned()), ..InstanceReport::new(3, "web_2") };
        let read = [instance("web_0", 5, None), part, unread];
        assert_eq!(
            lines("web", 60, &read, &report(&[])),
            [
                "web: 10 packets, 10.0 KiB in 2 of 60 files. Only a part was read of web_1. Not read: web_2. There is no right \
              to it."
            ]
        );
    }
}
