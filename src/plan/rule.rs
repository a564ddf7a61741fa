//! The `rules` setting: which alerts are captured differently, or not at all.

use anyhow::{Context, ensure};
use serde::Deserialize;
use wildmatch::WildMatch;

use crate::alert::overrides::Overrides;
use crate::azure::capture_parameters::{LARGEST_BYTES, LONGEST_SECONDS, Scope, instance};
use crate::azure::packet_filter::Filter;
use crate::json::BadJson;
use crate::records::explanation::RuleTried;
use crate::text::clean;

/// One rule. Every pattern that is there must match; the first rule that matches an alert wins.
#[derive(Clone, Debug)]
pub struct Rule {
    rule: Option<WildMatch>,
    severity: Option<WildMatch>,
    resource_group: Option<WildMatch>,
    target: Option<WildMatch>,
    overrides: Overrides,
}

#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub rule: &'a str,
    /// `Sev0` to `Sev4`, empty when the alert has none.
    pub severity: &'a str,
    pub resource_group: &'a str,
    pub target: &'a str,
}

/// A rule as it stands in the setting.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rule: Option<String>,
    severity: Option<String>,
    resource_group: Option<String>,
    target: Option<String>,
    capture_seconds: Option<u32>,
    capture_bytes: Option<u64>,
    packet_bytes: Option<u64>,
    capture_filters: Option<Vec<Filter>>,
    #[serde(default)]
    scope_include: Vec<String>,
    #[serde(default)]
    scope_exclude: Vec<String>,
    #[serde(default)]
    ignore: bool,
}

const SHAPE: &str = r#"it should be a JSON list of rules, such as [{"rule":"cpu*","severity":"Sev0","capture_seconds":300},{"target":"test-*","ignore":true}]"#;

/// Reads and checks the `rules` setting, a JSON list.
pub fn parse_rules(json: &str) -> anyhow::Result<Vec<Rule>> {
    let written: Vec<Written> = serde_json::from_str(json).map_err(BadJson::from).context(SHAPE)?;
    written.into_iter().map(Rule::checked).collect()
}

impl Rule {
    fn checked(written: Written) -> anyhow::Result<Self> {
        ensure!(
            written.capture_seconds.is_none_or(|seconds| (1..=LONGEST_SECONDS).contains(&seconds)),
            "a rule's capture_seconds is a whole number from 1 to {LONGEST_SECONDS}"
        );
        ensure!(
            [written.capture_bytes, written.packet_bytes].into_iter().flatten().all(|bytes| bytes <= LARGEST_BYTES),
            "a rule's capture_bytes and packet_bytes are whole numbers from 0 to {LARGEST_BYTES}"
        );
        let checked = |filters: Vec<Filter>| filters.into_iter().map(Filter::checked).collect::<anyhow::Result<_>>();
        let filters = written.capture_filters.map(checked).transpose()?;
        // Alerts hold no invisible characters any more, such as those that many a symbol in a name ends with.
        let glob =
            |pattern: Option<String>| pattern.map(|text| WildMatch::new_case_insensitive(&clean(&text, usize::MAX)));
        Ok(Self {
            rule: glob(written.rule),
            severity: glob(written.severity),
            resource_group: glob(written.resource_group),
            target: glob(written.target),
            overrides: Overrides {
                capture_seconds: written.capture_seconds,
                capture_bytes: written.capture_bytes,
                packet_bytes: written.packet_bytes,
                capture_filters: filters,
                scope: Scope { include: instances(written.scope_include)?, exclude: instances(written.scope_exclude)? },
                ignore: written.ignore,
                ..Overrides::default()
            },
        })
    }

    fn matches(&self, subject: Subject) -> bool {
        self.mismatches(subject).next().is_none()
    }

    /// Why it does not match: a part of a sentence for each pattern that is in the way.
    fn mismatches<'a>(&'a self, subject: Subject<'a>) -> impl Iterator<Item = String> + 'a {
        let pairs = [
            ("rule", &self.rule, subject.rule),
            ("severity", &self.severity, subject.severity),
            ("resource_group", &self.resource_group, subject.resource_group),
            ("target", &self.target, subject.target),
        ];
        pairs.into_iter().filter_map(|(name, pattern, text)| {
            let pattern = pattern.as_ref().filter(|pattern| !pattern.matches(text))?;
            Some(format!("its {name} is \"{}\" and the alert's is \"{}\"", pattern.pattern(), clean(text, 200)))
        })
    }
}

fn instances(written: Vec<String>) -> anyhow::Result<Vec<String>> {
    let instances: anyhow::Result<_> = written.iter().map(|text| instance(text)).collect();
    instances.context("a rule's scope_include and scope_exclude")
}

/// What each rule came to.
pub fn tried(rules: &[Rule], subject: Subject) -> Vec<RuleTried> {
    let first = rules.iter().position(|rule| rule.matches(subject));
    let tried = rules.iter().enumerate().map(|(index, rule)| {
        let mismatches: Vec<String> = rule.mismatches(subject).collect();
        let why_not = match first {
            Some(first) if first == index => None,
            Some(first) if mismatches.is_empty() => {
                Some(format!("It matches as well, and entry {} came first.", first.saturating_add(1)))
            }
            _ => Some(format!("It does not match: {}.", mismatches.join(", and "))),
        };
        RuleTried { number: index.saturating_add(1), applies: why_not.is_none(), why_not }
    });
    tried.collect()
}

/// What the first matching rule says, or nothing.
pub fn first_match(rules: &[Rule], subject: Subject) -> Overrides {
    rules.iter().find(|rule| rule.matches(subject)).map(|rule| rule.overrides.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject =
        Subject { rule: "cpu-high", severity: "Sev1", resource_group: "Prod-RG", target: "web-01" };

    #[test]
    fn the_first_match_wins_and_case_does_not_matter() {
        let rules = parse_rules(
            r#"[{"target":"db-*","ignore":true},
                {"rule":"CPU*","severity":"sev?","resource_group":"prod-rg","capture_seconds":300},
                {"capture_seconds":5}]"#,
        )
        .unwrap();
        assert_eq!(first_match(&rules, SUBJECT).capture_seconds, Some(300));
        assert_eq!(first_match(&rules, Subject { rule: "disk", ..SUBJECT }).capture_seconds, Some(5));
        assert!(first_match(&rules, Subject { target: "DB-7", ..SUBJECT }).ignore);
        assert_eq!(first_match(&[], SUBJECT), Overrides::default());
        let rules = parse_rules("[{\"rule\":\"\u{26a0}\u{fe0f} cpu*\",\"ignore\":true}]").unwrap();
        assert!(first_match(&rules, Subject { rule: "\u{26a0} CPU high", ..SUBJECT }).ignore, "as alerts have it");
    }

    #[test]
    fn each_rule_says_why_it_does_not_count() {
        let rules = parse_rules(
            r#"[{"target":"db-*","severity":"Sev0","ignore":true},{"rule":"cpu*"},{"capture_seconds":5},{"severity":"Sev4"}]"#,
        )
        .unwrap();
        let tried = tried(&rules, SUBJECT);
        assert_eq!(tried.iter().map(|rule| rule.applies).collect::<Vec<_>>(), [false, true, false, false]);
        let why_not = |index: usize| tried[index].why_not.clone().unwrap();
        assert!(why_not(0).contains("target is \"db-*\"") && why_not(0).contains("\"Sev1\""), "{}", why_not(0));
        assert!(why_not(2).contains("entry 2 came first"), "{}", why_not(2));
        assert!(why_not(3).contains("does not match"), "an earlier match does not make it one: {}", why_not(3));
    }

    #[test]
    fn a_rule_that_cannot_be_meant_is_refused() {
        for wrong in [
            "nonsense",
            "{}",
            r#"[{"name":"cpu*"}]"#,
            r#"[{"rule":5}]"#,
            r#"[{"capture_seconds":0}]"#,
            r#"[{"capture_seconds":18001}]"#,
            r#"[{"capture_bytes":4294967296}]"#,
            r#"[{"capture_filters":[{"protocol":"ICMP"}]}]"#,
            r#"[{"scope_include":["a/b"]}]"#,
            r#"["ignore"]"#,
        ] {
            assert!(parse_rules(wrong).is_err(), "{wrong}");
        }
    }
}
