//! What a message says, whatever it is written in. Pure.
//!
//! Every text of a [`Notice`] may come from outside: names that somebody gave, errors that Azure wrote, addresses. What
//! is shown of it passes through `text::clean` and is never handed to anything that reads markup.

use serde::{Deserialize, Serialize};

use crate::alert::{Reading, Summary};
use crate::azure::blob::{File, largest};
use crate::measure::{length, size};
use crate::text::clean;
use crate::timestamp::Timestamp;

/// One message, with everything that it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Equal for every delivery of this message, different for any two messages.
    pub id: String,
    pub event: Event,
    pub at: Timestamp,
    /// The machine's name, for people; empty when the alert is about no machine.
    pub machine: String,
    /// The machine's resource id, when there is one.
    pub target: Option<String>,
    /// Why, for machines: an outcome's reason, or how the capture ended.
    pub reason: String,
    /// The same for people: one or several sentences, with a remedy where there is one.
    pub message: String,
    /// What fired; `None` only when nothing is remembered of it.
    pub alert: Option<Summary>,
    /// The other alerts on the same capture, as far as they fit.
    pub others: Vec<Summary>,
    /// How many other alerts there are, including those that are not in `others`.
    pub others_count: usize,
    /// The capture, when there is one.
    pub capture: Option<Captured>,
    pub links: Links,
}

/// What a message is about; the words of the setting `notify_on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An alert has started a capture.
    Started,
    /// An alert was added to a capture that runs.
    Joined,
    /// A capture has ended as captures do: by time, by size, or because somebody stopped it.
    Finished,
    /// An alert led to no capture, or a capture ended badly or out of sight.
    Failed,
    /// Nothing was to be done for an alert.
    Skipped,
    /// An operator wants to see whether messages arrive. No word of the setting.
    Test,
}

/// What a message tells of a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Captured {
    /// Subscription of watcher and machine.
    pub subscription: String,
    pub region: String,
    pub name: String,
    /// When it began, if it did.
    pub began_at: Option<Timestamp>,
    /// When it ended, as far as that is known.
    pub ended_at: Option<Timestamp>,
    /// Its files: one for a machine, one for each instance of a scale set.
    pub files: Vec<File>,
    /// Of several, the number of the one that the lines are about, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leading_file: Option<usize>,
    /// Why there is no file or why it could not be looked at, in sentences.
    pub file_problem: Option<String>,
    /// What the file says, in a few lines.
    #[serde(default)]
    pub report: Vec<String>,
    /// Display filters of Wireshark for the first of these lines; empty where there is none.
    #[serde(default)]
    pub filters: Vec<String>,
}

/// How a message is to be taken at first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A capture ended as it should, and nothing was found in it.
    Good,
    /// Something was found, or the file could not be looked at.
    Warning,
    /// There is no capture, or not all of it.
    Bad,
    /// Something is under way, or was left alone.
    Neutral,
}

/// Where to read on; absolute addresses only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Links {
    /// The machine in Azure's portal.
    pub portal: Option<String>,
    /// nightcap's page on it, for people.
    #[serde(default)]
    pub page: Option<String>,
    /// nightcap's own record, for programs.
    pub record: Option<String>,
    /// What the file says, when it was read; for programs, too.
    #[serde(default)]
    pub report: Option<String>,
}

/// What a message says wherever people read it: single lines of limited length, without anything invisible.
pub struct Words {
    pub title: String,
    pub sentence: String,
    /// Label and value, in the order of reading.
    pub facts: Vec<(&'static str, String)>,
    /// Label and address.
    pub links: Vec<(&'static str, String)>,
}

/// The most lines of what a file says, and the room that each has. The first has the worst finding with its next step. What a
/// line leaves of its room is there for the others, for now and then one is long, such as that on what has changed.
const MOST_LINES: usize = 4;
const ROOM: [usize; MOST_LINES] = [600, 180, 180, 180];

/// The most display filters. Findings stand in the first lines.
const MOST_FILTERS: usize = 2;

/// The longest display filter that is shown, in bytes; a longer one is left out, for a part of it is none.
const LONGEST_FILTER: usize = 260;

/// What people get to see of the files, in files.
const MOST_FILES: usize = 10;

/// What people get to see of the other alerts, in names of rules.
const MOST_RULES: usize = 5;

/// The longest address that becomes a link, in bytes. Azure's own have about half of that; a longer one is left out,
/// for a part of an address leads nowhere.
const LONGEST_URL: usize = 800;

impl Notice {
    /// How it is to be taken at first sight.
    pub fn tone(&self) -> Tone {
        let is_quiet = |capture: &Captured| capture.filters.is_empty() && capture.file_problem.is_none();
        match self.event {
            Event::Finished if self.capture.as_ref().is_some_and(is_quiet) => Tone::Good,
            Event::Finished => Tone::Warning,
            Event::Failed => Tone::Bad,
            Event::Started | Event::Joined | Event::Skipped | Event::Test => Tone::Neutral,
        }
    }

    /// What the message says, whatever it is written in.
    pub fn words(&self) -> Words {
        let mut on_the_wire = self.on_the_wire();
        let ending = clean(&self.message, 1100);
        // Whoever is woken reads what is wrong first. How a capture ended that ended well is a detail.
        let (sentence, ending) = match on_the_wire.first() {
            Some(_) if self.event == Event::Finished => (on_the_wire.remove(0).1, ending),
            _ => (ending, String::new()),
        };
        let facts = on_the_wire.into_iter().chain(self.facts(ending));
        Words {
            title: self.event.title(&clean(&self.machine, 80)),
            sentence,
            facts: facts.filter(|(_, value)| !value.is_empty()).collect(),
            links: self.web_links(),
        }
    }

    /// What the file says, each line with the filter that shows its packets.
    fn on_the_wire(&self) -> Vec<(&'static str, String)> {
        let Some(Captured { report, filters, .. }) = &self.capture else { return vec![] };
        let mut filters = filters.iter().take(MOST_FILTERS);
        let lines = fitted(report).into_iter().flat_map(|line| {
            let filter = filters.next().filter(|filter| is_filter(filter)).cloned().unwrap_or_default();
            [("On the wire", line), ("Wireshark filter", filter)]
        });
        lines.filter(|(_, value)| !value.is_empty()).collect()
    }

    fn facts(&self, ending: String) -> Vec<(&'static str, String)> {
        let by_hand = self.alert.as_ref().is_some_and(|alert| alert.by_hand);
        let alert = self.alert.as_ref().filter(|_| !by_hand);
        let capture = self.capture.as_ref();
        let began_at = capture.and_then(|capture| capture.began_at);
        let ended_at = capture.and_then(|capture| capture.ended_at);
        let facts = [
            ("Rule", alert.map(|alert| clean(&alert.rule, 150))),
            ("Asked for", by_hand.then(|| "by hand".to_owned())),
            ("Severity", alert.and_then(|alert| alert.severity.as_deref()).map(|severity| clean(severity, 40))),
            ("Condition", alert.map(|alert| clean(&alert.condition, 40))),
            ("Measured", alert.and_then(|alert| alert.reading.as_ref()).map(measured)),
            ("Alert fired", alert.and_then(|alert| alert.fired_at).map(Timestamp::plain)),
            ("Machine", Some(clean(&self.machine, 80))),
            ("Resource", self.target.as_deref().map(|target| clean(target, 350))),
            ("How it ended", Some(ending)),
            ("Capture began", began_at.map(Timestamp::plain)),
            ("Capture ended", ended_at.map(Timestamp::plain)),
            ("Length", began_at.zip(ended_at).and_then(|(began, ended)| ended.since(began)).map(length)),
            ("Capture", capture.map(|capture| clean(&capture.name, 100))),
            ("File", capture.map(|capture| files(&capture.files))),
            ("File problem", capture.and_then(|capture| capture.file_problem.as_deref()).map(|text| clean(text, 400))),
            ("Other alerts", Some(self.other_rules())),
        ];
        facts.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
    }

    /// The rules of the other alerts, each once.
    fn other_rules(&self) -> String {
        let mut rules: Vec<String> = Vec::new();
        for rule in self.others.iter().map(|other| clean(&other.rule, 80)) {
            if rules.len() < MOST_RULES && !rule.is_empty() && !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        listed(&rules, self.others_count)
    }

    fn web_links(&self) -> Vec<(&'static str, String)> {
        let files = self.capture.as_ref().map_or(&[][..], |capture| &capture.files);
        let leading = self.capture.as_ref().and_then(|capture| capture.leading_file?.checked_sub(1));
        let leading = leading.and_then(|index| files.get(index));
        let file_label = if files.len() > 1 && leading.is_none() { "Largest capture file" } else { "Capture file" };
        let Links { portal, page, record, report } = &self.links;
        // A message that an earlier version has left names no page.
        let report =
            report.as_ref().map(|report| page.as_ref().map_or(report.clone(), |page| format!("{page}/report")));
        let links = [
            ("Report", report),
            ("Record", page.as_ref().or(record.as_ref()).cloned()),
            ("Machine in Azure", portal.clone()),
            (file_label, leading.or_else(|| largest(files)).map(|file| file.url.clone())),
        ];
        let told = links.into_iter().filter_map(|(label, url)| Some((label, url?)));
        told.filter(|(_, url)| is_web_address(url)).collect()
    }
}

/// Lines as they are shown.
fn fitted(lines: &[String]) -> Vec<String> {
    let lines: Vec<String> = lines.iter().take(MOST_LINES).map(|line| clean(line, usize::MAX)).collect();
    let taken = lines.iter().map(String::len).chain(std::iter::repeat(0));
    let mut left: usize = ROOM.iter().zip(taken).map(|(room, taken)| room.saturating_sub(taken)).sum();
    let fitted = lines.iter().zip(ROOM).map(|(line, room)| {
        let more = line.len().saturating_sub(room).min(left);
        left = left.saturating_sub(more);
        clean(line, room.saturating_add(more))
    });
    fitted.collect()
}

impl Event {
    /// Reads the word that the setting `notify_on` has for it, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        let events = [Self::Started, Self::Joined, Self::Finished, Self::Failed, Self::Skipped];
        events.into_iter().find(|event| event.word().eq_ignore_ascii_case(word))
    }

    /// The word in settings and in the type of an event.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Joined => "joined",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Test => "test",
        }
    }

    /// The message in a few words; without a machine's name there is nothing in them that is not ours.
    pub fn title(self, machine: &str) -> String {
        let on = if machine.is_empty() { String::new() } else { format!(" on {machine}") };
        match self {
            Self::Started => format!("Packet capture{on} started"),
            Self::Joined => format!("Alert joined a packet capture{on}"),
            Self::Finished => format!("Packet capture{on} finished"),
            Self::Failed => format!("Packet capture{on} failed"),
            Self::Skipped => format!("No packet capture{on}"),
            Self::Test => "Test message of nightcap".to_owned(),
        }
    }
}

/// `Percentage CPU 93.2 (> 80)`, without what is not known.
fn measured(reading: &Reading) -> String {
    let part = |text: &Option<String>| clean(text.as_deref().unwrap_or_default(), 40);
    let (operator, threshold) = (part(&reading.operator), part(&reading.threshold));
    let comparison = match (sign(&operator), threshold.as_str()) {
        (_, "") => String::new(),
        ("", threshold) => format!("(threshold {threshold})"),
        (sign, threshold) => format!("({sign} {threshold})"),
    };
    let parts = [clean(&reading.metric, 80), part(&reading.value), comparison];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The sign for one of Azure's operators; metric alerts, log alerts and their older versions each spell them in their
/// own way. An unknown one stays as it is.
fn sign(operator: &str) -> &str {
    match operator.replace(' ', "").to_ascii_lowercase().as_str() {
        "greaterthan" => ">",
        "greaterthanorequal" => "≥",
        "lessthan" | "lowerthan" => "<",
        "lessthanorequal" => "≤",
        "equal" | "equals" => "=",
        "greaterorlessthan" => "> or <",
        _ => operator,
    }
}

/// Names and sizes of files. Those of a scale set's instances have their differences in their folders, so a name is
/// what follows the last folder that all of them share.
fn files(files: &[File]) -> String {
    let first = files.first().map_or("", |file| file.url.as_str());
    let in_common = |file: &File| first.bytes().zip(file.url.bytes()).take_while(|(one, other)| one == other).count();
    let shared = first.floor_char_boundary(files.iter().map(in_common).min().unwrap_or_default());
    let folder = first.get(..shared).and_then(|shared| shared.rfind('/')).map_or(0, |slash| slash.saturating_add(1));
    let told = |file: &File| {
        let name = clean(file.url.get(folder..).unwrap_or_default(), 56);
        let name = if name.is_empty() { "unnamed".to_owned() } else { name };
        file.bytes.map_or(name.clone(), |bytes| format!("{name} ({})", size(bytes)))
    };
    listed(&files.iter().take(MOST_FILES).map(told).collect::<Vec<_>>(), files.len())
}

/// `this, that and 3 more`, when there are five of them.
fn listed(names: &[String], all: usize) -> String {
    match (names.join(", "), all.saturating_sub(names.len())) {
        (names, 0) => names,
        (names, more) if names.is_empty() => more.to_string(),
        (names, more) => format!("{names} and {more} more"),
    }
}

/// Whether a display filter can be shown as it is.
fn is_filter(filter: &str) -> bool {
    filter.len() <= LONGEST_FILTER && filter.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\')
}

/// Whether a link may lead there: the web, in none but the characters that an address has (RFC 3986, 2), so that it can
/// stand in any markup.
fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    rest.is_some_and(|rest| !rest.is_empty()) && url.len() <= LONGEST_URL && url.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::samples;

    fn facts(notice: &Notice) -> Vec<(&'static str, String)> {
        notice.words().facts
    }

    fn fact(notice: &Notice, label: &str) -> Option<String> {
        facts(notice).into_iter().find(|(own, _)| *own == label).map(|(_, value)| value)
    }

    fn with_files(files: &[(&str, Option<u64>)]) -> Notice {
        let files = files.iter().map(|(url, bytes)| File { url: (*url).to_owned(), bytes: *bytes }).collect();
        Notice {
            capture: samples::ordinary().capture.map(|capture| Captured { files, ..capture }),
            ..samples::ordinary()
        }
    }

    #[test]
    fn there_is_room_for_what_has_changed_beside_what_was_found() {
        let changed =
            format!("Compared with 2026-11-19 02:13:41 UTC, the last capture: {}.", "it is slower ".repeat(20));
        let report = ["It is silent. Look there.", changed.trim(), "It is slow.", "10 packets."].map(str::to_owned);
        let capture = samples::ordinary().capture.map(|capture| Captured { report: report.into(), ..capture });
        let notice = Notice { capture, ..samples::ordinary() };
        let told: Vec<String> = notice
            .words()
            .facts
            .into_iter()
            .filter(|(label, _)| *label == "On the wire")
            .map(|(_, value)| value)
            .collect();
        assert_eq!(told, [clean(&changed, 1_000), "It is slow.".to_owned(), "10 packets.".to_owned()]);
        let long = ["x", "y", "z", "t", "u"].map(|letter| letter.repeat(2_000));
        assert_eq!(fitted(&long).iter().map(String::len).collect::<Vec<_>>(), ROOM);
    }

    #[test]
    fn a_message_says_what_fired_on_what_and_what_came_of_it() {
        let words = samples::ordinary().words();
        assert_eq!(words.title, "Packet capture on web-01 finished");
        assert_eq!(words.sentence, samples::FOUND);
        let told: Vec<_> = words.facts.iter().map(|(label, value)| (*label, value.as_str())).collect();
        assert_eq!(
            told,
            [
                ("Wireshark filter", samples::FILTER),
                ("On the wire", "8,123 packets, 947.0 KiB in 8 s."),
                ("Rule", "CPU high <prod> & test"),
                ("Severity", "Sev1"),
                ("Condition", "Fired"),
                ("Measured", "Percentage CPU 93.2 (> 80)"),
                ("Alert fired", "2026-11-20 02:13:41 UTC"),
                ("Machine", "web-01"),
                ("Resource", samples::TARGET),
                ("How it ended", "The capture ran for 60 seconds, its time limit."),
                ("Capture began", "2026-11-20 02:13:44 UTC"),
                ("Capture ended", "2026-11-20 02:14:45 UTC"),
                ("Length", "1 min 1 s"),
                ("Capture", "nightcap_web-01_20261120T0210Z_1f0c9a2b"),
                ("File", "packetcapture_02_13_44_123.cap (4.2 MiB)"),
                ("Other alerts", "Disk queue and 2 more"),
            ]
        );
        let links: Vec<_> = words.links.iter().map(|(label, url)| (*label, url.as_str())).collect();
        let report = format!("{}/report", samples::PAGE);
        assert_eq!(
            links,
            [
                ("Report", &*report),
                ("Record", samples::PAGE),
                ("Machine in Azure", samples::PORTAL),
                ("Capture file", samples::FILE)
            ]
        );
    }

    #[test]
    fn a_message_of_an_earlier_version_leads_to_the_record() {
        let mut notice = serde_json::to_value(samples::ordinary()).unwrap();
        notice["links"].as_object_mut().unwrap().remove("page");
        let words = serde_json::from_value::<Notice>(notice).unwrap().words();
        let record = samples::RECORD.to_owned();
        assert_eq!(words.links[..2], [("Report", format!("{record}/report")), ("Record", record)]);
    }

    #[test]
    fn every_event_has_its_title_with_and_without_a_machine() {
        let events = [Event::Started, Event::Joined, Event::Finished, Event::Failed, Event::Skipped];
        let named = [
            "Packet capture on vm started",
            "Alert joined a packet capture on vm",
            "Packet capture on vm finished",
            "Packet capture on vm failed",
            "No packet capture on vm",
        ];
        assert_eq!(events.map(|event| event.title("vm")), named);
        assert_eq!(events.map(|event| event.title("")), named.map(|title| title.replace(" on vm", "")));
    }

    #[test]
    fn the_words_of_events_are_those_that_are_stored() {
        for event in [Event::Started, Event::Joined, Event::Finished, Event::Failed, Event::Skipped] {
            assert_eq!(serde_json::to_value(event).unwrap(), event.word());
        }
    }

    #[test]
    fn a_reading_is_told_as_far_as_it_goes() {
        let reading = |metric: &str, value: &str, operator: &str, threshold: &str| {
            let part = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            measured(&Reading {
                metric: metric.to_owned(),
                operator: part(operator),
                threshold: part(threshold),
                value: part(value),
            })
        };
        for (operator, sign) in [
            ("GreaterThan", ">"),
            ("Greater Than", ">"),
            ("GreaterThanOrEqual", "≥"),
            ("LessThan", "<"),
            ("LowerThan", "<"),
            ("LessThanOrEqual", "≤"),
            ("Equals", "="),
            ("GreaterOrLessThan", "> or <"),
            ("Contains", "Contains"),
        ] {
            assert_eq!(reading("CPU", "93.2", operator, "80"), format!("CPU 93.2 ({sign} 80)"));
        }
        assert_eq!(reading("CPU", "93.2", "", "80"), "CPU 93.2 (threshold 80)");
        assert_eq!(reading("CPU", "93.2", "GreaterThan", ""), "CPU 93.2");
        assert_eq!(reading("CPU", "", "GreaterThan", "80"), "CPU (> 80)");
        assert_eq!(reading("", "93.2", "", ""), "93.2");
        assert_eq!(reading("", "", "", ""), "");
    }

    #[test]
    fn a_filter_that_is_none_is_left_out_and_takes_nobody_elses_place() {
        let filters = |filters: [&str; 2]| {
            let mut notice = samples::ordinary();
            let capture = notice.capture.as_mut().unwrap();
            capture.report = ["First.", "Second.", "Third."].map(str::to_owned).into();
            capture.filters = filters.map(str::to_owned).into();
            facts(&notice).into_iter().take(4).collect::<Vec<_>>()
        };
        let long = "x".repeat(261);
        for none in ["", "tcp\n&& ip", "tcp \u{202e}", &long] {
            let told = filters([none, "tcp"]);
            assert_eq!(told[0], ("On the wire", "Second.".to_owned()));
            assert_eq!(told[1], ("Wireshark filter", "tcp".to_owned()));
            assert_eq!(told[2], ("On the wire", "Third.".to_owned()));
        }
        assert_eq!(filters(["ip", "tcp"])[0], ("Wireshark filter", "ip".to_owned()));
    }

    #[test]
    fn what_went_wrong_with_a_capture_comes_before_what_is_in_its_file() {
        let mut notice = Notice { event: Event::Failed, ..samples::ordinary() };
        notice.message = "The agent has stopped.".to_owned();
        let words = notice.words();
        assert_eq!(words.sentence, "The agent has stopped.");
        assert_eq!(words.facts[0], ("On the wire", samples::FOUND.to_owned()));
        assert_eq!(fact(&notice, "How it ended"), None);
    }

    #[test]
    fn an_end_before_the_beginning_has_no_length() {
        let mut notice = samples::ordinary();
        notice.capture.as_mut().unwrap().ended_at = Some(samples::at("2026-11-20T02:13:00Z"));
        assert_eq!(fact(&notice, "Length"), None);
    }

    #[test]
    fn files_are_told_apart() {
        let file = |files: &[(&str, Option<u64>)]| fact(&with_files(files), "File");
        assert_eq!(file(&[]), None);
        assert_eq!(file(&[("https://a/b/c.cap", None)]).unwrap(), "c.cap");
        assert_eq!(file(&[("https://a/b/", None)]).unwrap(), "unnamed");
        let two = [("https://a/ss/10/x.cap", Some(24)), ("https://a/ss/12/x.cap", None)];
        assert_eq!(file(&two).unwrap(), "10/x.cap (24 bytes), 12/x.cap");
        assert_eq!(file(&[("https://a/ä.cap", None), ("https://a/å.cap", None)]).unwrap(), "ä.cap, å.cap");
        let urls: Vec<_> = (0..12).map(|n| format!("https://a/{n:02}.cap")).collect();
        let many: Vec<_> = urls.iter().map(|url| (url.as_str(), None)).collect();
        let told = file(&many).unwrap();
        assert!(told.starts_with("00.cap, 01.cap, ") && told.ends_with(", 09.cap and 2 more"), "{told}");
        assert_eq!(with_files(&many).words().links.last().unwrap().0, "Largest capture file");
    }

    #[test]
    fn a_missing_file_is_explained() {
        let mut notice = with_files(&[]);
        notice.capture.as_mut().unwrap().file_problem = Some("The storage account refused to look.".to_owned());
        assert_eq!(fact(&notice, "File problem").unwrap(), "The storage account refused to look.");
        assert_eq!(fact(&notice, "File"), None);
    }

    #[test]
    fn rules_are_named_once_and_the_rest_is_counted() {
        let others = |rules: &[&str], others_count| {
            let others = rules.iter().map(|rule| samples::other("1", rule)).collect();
            fact(&Notice { others, others_count, ..samples::ordinary() }, "Other alerts")
        };
        assert_eq!(others(&[], 0), None);
        assert_eq!(others(&["a", "b"], 2).unwrap(), "a, b");
        assert_eq!(others(&["a", "a", ""], 7).unwrap(), "a and 6 more");
        assert_eq!(others(&["a", "b", "c", "d", "e", "f"], 6).unwrap(), "a, b, c, d, e and 1 more");
        assert_eq!(others(&["", " "], 2).unwrap(), "2");
    }

    #[test]
    fn links_lead_into_the_web_and_nowhere_else() {
        for url in [samples::PORTAL, samples::RECORD, samples::FILE, "http://127.0.0.1:3000/x?a=b&c=%20#d"] {
            assert!(is_web_address(url), "{url}");
        }
        let long = format!("https://a/{}", "x".repeat(LONGEST_URL));
        for url in [
            "",
            "https://",
            "javascript:alert(1)",
            "data:text/html,x",
            "/relative",
            "//evil.example",
            "https://a/ b",
            "https://a/\n",
            "https://a/<b>",
            "https://a|Record",
            "https://a/\"",
            "https://a/ä",
            &long,
        ] {
            assert!(!is_web_address(url), "{url}");
        }
        let links =
            Links { portal: Some("javascript:alert(1)".to_owned()), record: Some(long.clone()), ..Links::default() };
        let labels: Vec<_> =
            Notice { links, ..samples::ordinary() }.words().links.into_iter().map(|(label, _)| label).collect();
        assert_eq!(labels, ["Capture file"]);
    }
}
