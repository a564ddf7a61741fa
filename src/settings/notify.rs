//! Where and how people are told.

use anyhow::{Context, ensure};
use http::Uri;
use strum::EnumString;

use super::reader::Reader;
use crate::azure::origin::Origin;
use crate::azure::secret::Secret;
use crate::notify::Event;

/// Where and how people are told.
#[derive(Clone, Debug)]
pub struct Notify {
    pub url: Secret,
    pub format: NotifyFormat,
    pub on: Vec<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString)]
#[strum(ascii_case_insensitive)]
pub enum NotifyFormat {
    /// An Adaptive Card for Microsoft Teams Workflows.
    Teams,
    Slack,
    /// A CloudEvents 1.0 event as JSON.
    CloudEvents,
}

/// Reads the settings that belong together; `None` when nobody is to be told.
pub fn notify(reader: &mut Reader) -> Option<Notify> {
    let on = reader.take("notify_on", |text| {
        let events: Option<Vec<Event>> = text.split(',').map(|part| Event::parse(part.trim())).collect();
        events.context("it should be a comma separated list of started, joined, finished, failed, skipped")
    });
    if reader.text("notify_url").is_empty() {
        return None;
    }
    let format = reader.take("notify_format", |text| {
        let format = text.parse::<NotifyFormat>().ok();
        format.map(Some).context("with notify_url set, it should be teams, slack or cloudevents")
    });
    let origin = reader.take("notify_origin", Origin::parse);
    let url = reader.take("notify_url", |text| {
        let is_there = text.parse::<Uri>().is_ok_and(|uri| origin.holds(&uri));
        ensure!(is_there, "it should be a URL whose scheme, host and port are those of notify_origin");
        Ok(Secret::new(text))
    });
    Some(Notify { url, format: format?, on })
}
