//! Where and how people are told.

use anyhow::{Context, ensure};
use http::Uri;

use super::checks::public_url;
use super::reader::Reader;
use crate::azure::origin::Origin;
use crate::azure::secret::Secret;
use crate::notify::config::{Config, Receiver};
use crate::notify::format::Format;
use crate::notify::notice::Event;

/// Reads the settings that belong together. `arm` is where Azure is.
pub fn notify(reader: &mut Reader, arm: Origin) -> Config {
    Config { receiver: receiver(reader), public_url: reader.take("public_url", public_url), arm }
}

fn receiver(reader: &mut Reader) -> Option<Receiver> {
    let on = reader.take("notify_on", |text| {
        let events: Option<Vec<Event>> = text.split(',').map(|part| Event::parse(part.trim())).collect();
        events.context("it should be a comma separated list of started, joined, finished, failed, skipped")
    });
    if reader.text("notify_url").is_empty() {
        return None;
    }
    let format = reader.take("notify_format", |text| {
        let format = text.parse::<Format>().ok();
        format.map(Some).context("with notify_url set, it should be teams, slack or cloudevents")
    });
    let origin = reader.take("notify_origin", Origin::parse);
    let url = reader.take("notify_url", |text| {
        let is_there = text.parse::<Uri>().is_ok_and(|uri| origin.holds(&uri));
        ensure!(is_there, "it should be a URL whose scheme, host and port are those of notify_origin");
        Ok(Secret::new(text))
    });
    Some(Receiver { url, format: format?, on })
}
