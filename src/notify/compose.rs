//! What there is to say, and of what.

use super::config::Config;
use super::notice::{Captured, Event, Links, Notice};
use crate::alert::Summary;
use crate::azure::cloud;
use crate::azure::target::Target;
use crate::digest::digest;
use crate::records::alert::OnCapture;
use crate::records::capture::{CaptureRecord, End};
use crate::records::outcome::{CaptureRef, Kind, Outcome};
use crate::timestamp::Timestamp;

/// The most other alerts that a message lists.
const MOST_OTHERS: usize = 20;

/// What is said when a capture is over, well or not. `alerts` are those on it, first one first, and `count` all of them.
pub fn capture_ended(
    record: &CaptureRecord,
    end: &End,
    alerts: Vec<OnCapture>,
    count: usize,
    config: &Config,
    now: Timestamp,
) -> Notice {
    let mut alerts = alerts.into_iter().map(|on| on.alert);
    let first = alerts.next();
    let machine = record.machine();
    Notice {
        id: id_of_end(record),
        event: if end.reason.is_good() { Event::Finished } else { Event::Failed },
        at: now,
        machine: machine.name(),
        target: Some(machine.id().to_string()),
        reason: end.reason.word().to_owned(),
        message: match &record.agent {
            Some(agent) => format!("{} {agent}", end.message),
            None => end.message.clone(),
        },
        alert: first,
        others: alerts.take(MOST_OTHERS).collect(),
        others_count: count.saturating_sub(1),
        capture: Some(Captured {
            subscription: record.subscription.clone(),
            region: record.region.to_string(),
            name: record.name.clone(),
            began_at: record.began_at,
            ended_at: end.at,
            files: record.files.clone(),
            leading_file: record.leading_file,
            file_problem: record.file_problem.clone(),
            report: record.report.clone(),
            filters: record.filters.clone(),
        }),
        links: links_about(record, config),
    }
}

/// What is said to see whether it arrives.
pub fn test(id: String, now: Timestamp) -> Notice {
    Notice {
        id,
        event: Event::Test,
        at: now,
        machine: String::new(),
        target: None,
        reason: Event::Test.word().to_owned(),
        message: "An operator asked nightcap for this message, to see whether it arrives. Nothing has fired."
            .to_owned(),
        alert: None,
        others: vec![],
        others_count: 0,
        capture: None,
        links: Links::default(),
    }
}

/// Where to read on about a capture, from a chat or from a page that was saved.
pub fn links_about(record: &CaptureRecord, config: &Config) -> Links {
    let CaptureRecord { subscription, region, name, .. } = record;
    let address = CaptureRef::new(&config.public_url, subscription, region, name, None).links.this;
    let links = links(Some(&record.machine()), &address, config);
    let is_read = !record.report.is_empty();
    Links { report: links.record.as_ref().filter(|_| is_read).map(|record| format!("{record}/report")), ..links }
}

/// The id of the message about a capture's end.
pub fn id_of_end(record: &CaptureRecord) -> String {
    digest(&format!("capture\n{}", record.identity()), 16)
}

/// What is said of an alert for one of its targets; nothing while it is worked on. `record` is the address of the alert's
/// own record.
pub fn alert_ended(
    key: &str,
    alert: &Summary,
    outcome: &Outcome,
    record: &str,
    config: &Config,
    now: Timestamp,
) -> Option<Notice> {
    let event = match outcome.outcome {
        Kind::Started => Event::Started,
        Kind::Joined => Event::Joined,
        Kind::Skipped => Event::Skipped,
        Kind::Failed => Event::Failed,
        Kind::Accepted => return None,
    };
    let target = outcome.target.as_deref().and_then(Target::parse);
    let record = outcome.capture.as_ref().map_or(record, |capture| &capture.links.this);
    Some(Notice {
        // Not of the outcome: whoever works on an alert once more may end it otherwise, and it is told once.
        id: digest(
            &format!("alert\n{key}\n{}", target.as_ref().map(|target| target.id().key()).unwrap_or_default()),
            16,
        ),
        event,
        at: now,
        machine: target.as_ref().map(Target::name).unwrap_or_default(),
        target: outcome.target.clone(),
        reason: outcome.reason.word().to_owned(),
        message: outcome.message.clone(),
        alert: Some(alert.clone()),
        others: vec![],
        others_count: 0,
        capture: outcome.capture.as_ref().map(|capture| Captured {
            subscription: capture.subscription.clone(),
            region: capture.region.to_string(),
            name: capture.name.clone(),
            began_at: None,
            ended_at: None,
            files: vec![],
            leading_file: None,
            file_problem: None,
            report: vec![],
            filters: vec![],
        }),
        links: links(target.as_ref(), record, config),
    })
}

/// The page on what the API has a record of: it lies at the same address without `/api`.
fn page(record: &str, config: &Config) -> Option<String> {
    let Config { public_url, .. } = config;
    let path = record.strip_prefix(public_url).filter(|_| !public_url.is_empty())?.strip_prefix("/api")?;
    Some(format!("{public_url}{path}"))
}

/// Links that lead somewhere from elsewhere: without a public address nightcap's own do not.
fn links(target: Option<&Target>, record: &str, config: &Config) -> Links {
    Links {
        portal: target.map(|target| cloud::portal(&config.arm, &target.resource())),
        page: page(record, config),
        record: record.starts_with("http").then(|| record.to_owned()),
        report: None,
    }
}
