//! For programs: an event of the CloudEvents specification 1.0, in its JSON format and HTTP's structured mode.
//!
//! | attribute | value |
//! |---|---|
//! | `id` | the notice's own, so that a second delivery is known by it |
//! | `source` | always `/nightcap`: a notice's id is unique by itself, and one constant is easy to subscribe to |
//! | `type` | `nightcap.capture.` and `started`, `joined`, `finished`, `failed` or `skipped` |
//! | `subject` | the machine's resource id; left out when the alert is about no machine |
//! | `time` | when the notice was written |
//! | `data` | the [`Notice`] as it is; what is not known is `null`, or left out if it is an alert's `reading` |
//!
//! Every intermediary forwards 64 KiB ("CloudEvents", "Size Limits"). Of a larger notice `data` has the same members,
//! with long texts cut, which an ellipsis at their end tells, and with fewer `others` and `files`. Unlike the messages
//! for people it repeats what came from outside character by character: whoever shows it has to escape it.

use serde_json::{Value, json};

use super::message::Message;
use super::notice::Notice;
use crate::digest::digest;
use crate::text::clean;

/// The largest body in bytes; the rest of the 64 KiB is for HTTP's own lines.
const LARGEST: usize = 60 * 1024;

/// The longest text in bytes and the longest list in items, ever tighter. The last are small enough for any notice.
const LIMITS: [(usize, usize); 3] = [(4096, 50), (1024, 20), (256, 8)];

pub(super) fn render(notice: &Notice) -> Message {
    let mut data = serde_json::to_value(notice).unwrap_or_default();
    let mut body = event(notice, &data);
    for (text, items) in LIMITS {
        if body.len() > LARGEST {
            shorten(&mut data, text, items);
            body = event(notice, &data);
        }
    }
    Message { content_type: "application/cloudevents+json; charset=utf-8", body }
}

fn event(notice: &Notice, data: &Value) -> Vec<u8> {
    let mut event = json!({
        "specversion": "1.0",
        "id": id(&notice.id),
        "source": "/nightcap",
        "type": format!("nightcap.capture.{}", notice.event.word()),
        "time": notice.at.to_string(),
        "datacontenttype": "application/json",
        "data": data,
    });
    let subject = clean(notice.target.as_deref().unwrap_or_default(), 512);
    if let (Some(event), false) = (event.as_object_mut(), subject.is_empty()) {
        event.insert("subject".to_owned(), Value::String(subject));
    }
    event.to_string().into_bytes()
}

/// An id without control characters and of a length that fits into a header, as an attribute must be, and not empty.
fn id(id: &str) -> String {
    if !id.is_empty() && id == clean(id, 200) { id.to_owned() } else { digest(id, 16) }
}

fn shorten(data: &mut Value, most_text: usize, most_items: usize) {
    match data {
        Value::String(text) => *text = clean(text, most_text),
        Value::Array(items) => {
            items.truncate(most_items);
            items.iter_mut().for_each(|item| shorten(item, most_text, most_items));
        }
        Value::Object(members) => members.values_mut().for_each(|member| shorten(member, most_text, most_items)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::notice::Event;
    use crate::notify::samples;
    use crate::timestamp::Timestamp;

    fn message(notice: &Notice) -> Value {
        let message = render(notice);
        assert!(message.body.len() < 63 * 1024, "{} bytes", message.body.len());
        serde_json::from_slice(&message.body).unwrap()
    }

    fn data(event: &Value) -> Notice {
        serde_json::from_value(event["data"].clone()).unwrap()
    }

    /// What the specification asks of attributes.
    fn check(event: &Value) {
        for (name, value) in event.as_object().unwrap().iter().filter(|(name, _)| *name != "data") {
            assert!(name.len() <= 20 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{name}");
            let text = value.as_str().unwrap();
            assert!(!text.is_empty(), "{name}");
            samples::check_line(text);
        }
        assert_eq!(event["specversion"], "1.0");
        assert!(event["id"].is_string());
        assert_eq!(event["source"], "/nightcap");
        assert!(event["type"].as_str().unwrap().starts_with("nightcap.capture."));
        assert!(Timestamp::parse(event["time"].as_str().unwrap()).is_some());
        assert_eq!(event["datacontenttype"], "application/json");
    }

    #[test]
    fn an_ordinary_event_carries_the_notice_as_it_is() {
        let notice = samples::ordinary();
        let event = message(&notice);
        check(&event);
        assert_eq!(data(&event), notice);
        assert_eq!(event["id"], notice.id.as_str());
        assert_eq!(event["type"], "nightcap.capture.finished");
        assert_eq!(event["subject"].as_str(), notice.target.as_deref());
        assert_eq!(event["time"], "2026-11-20T02:15:44.000Z");
    }

    /// Receivers read these names; changing one breaks them.
    #[test]
    fn the_shape_of_the_data_is_a_promise() {
        let expected = json!({
            "id": "b1946ac92492d2347c6235b4d2611184",
            "event": "finished",
            "at": "2026-11-20T02:15:44.000Z",
            "machine": "web-01",
            "target": samples::TARGET,
            "reason": "time_limit",
            "message": "The capture ran for 60 seconds, its time limit.",
            "alert": {
                "id": "/subscriptions/0/providers/Microsoft.AlertsManagement/alerts/1",
                "rule": "CPU high <prod> & test",
                "condition": "Fired",
                "severity": "Sev1",
                "firedAt": "2026-11-20T02:13:41.000Z",
                "reading":
                    {"metric": "Percentage CPU", "operator": "GreaterThan", "threshold": "80", "value": "93.2"},
            },
            "others": [
                {"id": "2", "rule": "Disk queue", "condition": "Fired", "severity": null, "firedAt": null},
                {"id": "3", "rule": "Disk queue", "condition": "Fired", "severity": null, "firedAt": null},
            ],
            "othersCount": 3,
            "capture": {
                "subscription": "00000000-0000-0000-0000-000000000000",
                "region": "westeurope",
                "name": "nightcap_web-01_20261120T0210Z_1f0c9a2b",
                "beganAt": "2026-11-20T02:13:44.000Z",
                "endedAt": "2026-11-20T02:14:45.000Z",
                "files": [{"url": samples::FILE, "bytes": 4500000}],
                "fileProblem": null,
                "report": [samples::FOUND, "8,123 packets, 947.0 KiB in 8 s."],
                "filters": [samples::FILTER],
            },
            "links": {
                "portal": samples::PORTAL,
                "page": samples::PAGE,
                "record": samples::RECORD,
                "report": format!("{}/report", samples::RECORD),
            },
        });
        assert_eq!(message(&samples::ordinary())["data"], expected);
    }

    #[test]
    fn an_event_of_next_to_nothing_is_an_event() {
        let event = message(&samples::minimal());
        check(&event);
        assert_eq!(data(&event), samples::minimal());
        assert!(event.get("subject").is_none());
    }

    #[test]
    fn every_event_has_its_type() {
        let types = [Event::Started, Event::Joined, Event::Finished, Event::Failed, Event::Skipped]
            .map(|event| message(&Notice { event, ..samples::minimal() })["type"].as_str().unwrap().to_owned());
        let words = ["started", "joined", "finished", "failed", "skipped"];
        assert_eq!(types, words.map(|word| format!("nightcap.capture.{word}")));
    }

    #[test]
    fn no_text_from_outside_breaks_an_event_or_makes_it_too_large() {
        for notice in samples::hostile() {
            let event = message(&notice);
            check(&event);
            assert_eq!(data(&event).others_count, notice.others_count);
        }
    }

    #[test]
    fn a_storm_of_ordinary_alerts_costs_only_some_of_the_others() {
        let storm = samples::storm();
        let data = data(&message(&storm));
        assert_eq!(data.others, storm.others[..50]);
        assert_eq!(data.others_count, 200);
        assert_eq!(Notice { others: storm.others.clone(), ..data }, storm);
    }

    #[test]
    fn long_or_empty_ids_stay_apart() {
        let [one, two] = ["1", "2"].map(|end| id(&format!("{}{end}", "x".repeat(1000))));
        assert_ne!(one, two);
        assert!(!id("").is_empty());
        assert_eq!(id("plain"), "plain");
    }
}
