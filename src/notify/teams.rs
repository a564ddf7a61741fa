//! For Microsoft Teams: an Adaptive Card in the envelope that the Workflows trigger "When a Teams webhook request is
//! received" takes ("Create and send messages" in Microsoft's documentation for Teams developers).
//!
//! A message may have 28 KB ("Limits and specifications for Microsoft Teams"). What is counted is not the body but what
//! Teams makes of it, which is a fifth longer (MicrosoftDocs/msteams-docs, issue 11274) or, in UTF-16, twice as long.
//! All that [`Notice::words`] can say stays below half of the limit, so there is nothing to drop here.

use serde_json::{Value, json};

use super::message::Message;
use super::notice::{Captured, Event, Notice};

pub(super) fn render(notice: &Notice) -> Message {
    let words = notice.words();
    let title = json!({
        "type": "TextRun",
        "text": without_macros(&words.title),
        "size": "Large",
        "weight": "Bolder",
        "color": color(notice),
    });
    let mut body = vec![line(vec![title], "Default")];
    if !words.sentence.is_empty() {
        body.push(line(vec![run(&words.sentence, "Default")], "Small"));
    }
    for (label, value) in &words.facts {
        body.push(line(vec![run(&format!("{label}: "), "Bolder"), run(value, "Default")], "Small"));
    }
    let link = |(label, url)| json!({"type": "Action.OpenUrl", "title": label, "url": url});
    let actions: Vec<Value> = words.links.into_iter().map(link).collect();
    let message = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                // This one may be read as Markdown, so it has only words of our own.
                "fallbackText": notice.event.title(""),
                "body": body,
                "actions": actions,
                "msteams": {"width": "Full"},
            },
        }],
    });
    Message { content_type: "application/json; charset=utf-8", body: message.to_string().into_bytes() }
}

/// TextBlock and FactSet read Markdown ("Format cards in Teams"); the runs of a RichTextBlock do not (Adaptive Cards'
/// "Schema Explorer").
fn line(runs: Vec<Value>, spacing: &str) -> Value {
    json!({"type": "RichTextBlock", "inlines": runs, "spacing": spacing})
}

fn run(text: &str, weight: &str) -> Value {
    json!({"type": "TextRun", "text": without_macros(text), "weight": weight})
}

/// Renderers turn `{{DATE(…)}}` and `{{TIME(…)}}` into dates, in a TextRun too (microsoft/AdaptiveCards, pull request
/// 2905).
fn without_macros(text: &str) -> String {
    text.replace("{{", "{ { ")
}

/// A capture that ended as it should is good news only when nothing was found in it.
fn color(notice: &Notice) -> &'static str {
    let is_quiet = |capture: &Captured| capture.filters.is_empty() && capture.file_problem.is_none();
    match notice.event {
        Event::Finished if notice.capture.as_ref().is_some_and(is_quiet) => "Good",
        Event::Finished => "Warning",
        Event::Failed => "Attention",
        Event::Started | Event::Joined | Event::Skipped | Event::Test => "Default",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::samples;

    const LIMIT: usize = 28 * 1024;

    fn message(notice: &Notice) -> Value {
        serde_json::from_slice(&render(notice).body).unwrap()
    }

    fn card(message: &Value) -> &Value {
        &message["attachments"][0]["content"]
    }

    fn members(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    /// The members that the schema of version 1.4 knows and Teams' own `msteams`, the required ones, and nothing that
    /// reads markup around what came from outside.
    fn check(message: &Value) {
        assert_eq!(members(message), ["attachments", "type"]);
        assert_eq!(message["type"], "message");
        assert_eq!(message["attachments"].as_array().unwrap().len(), 1);
        let attachment = &message["attachments"][0];
        assert_eq!(members(attachment), ["content", "contentType", "contentUrl"]);
        assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
        assert!(attachment["contentUrl"].is_null());

        let card = card(message);
        assert_eq!(members(card), ["$schema", "actions", "body", "fallbackText", "msteams", "type", "version"]);
        assert_eq!(card["$schema"], "http://adaptivecards.io/schemas/adaptive-card.json");
        assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
        assert_eq!(card["msteams"], json!({"width": "Full"}));
        let ours = |c: char| c.is_ascii_alphabetic() || c == ' ';
        assert!(card["fallbackText"].as_str().unwrap().chars().all(ours), "{}", card["fallbackText"]);

        for element in card["body"].as_array().unwrap() {
            assert_eq!(members(element), ["inlines", "spacing", "type"]);
            assert_eq!(element["type"], "RichTextBlock");
            assert!(["Default", "Small"].contains(&element["spacing"].as_str().unwrap()));
            let runs = element["inlines"].as_array().unwrap();
            assert!(!runs.is_empty());
            for run in runs {
                assert!(members(run).iter().all(|name| ["color", "size", "text", "type", "weight"].contains(name)));
                assert_eq!(run["type"], "TextRun");
                assert!(["Default", "Bolder"].contains(&run["weight"].as_str().unwrap()));
                assert!(
                    ["Default", "Good", "Warning", "Attention"].contains(&run["color"].as_str().unwrap_or("Default"))
                );
                let text = run["text"].as_str().unwrap();
                assert!(!text.trim().is_empty());
                assert!(!text.contains("{{"), "{text}");
                samples::check_line(text);
            }
        }
        // Teams shows no more than six.
        assert!(card["actions"].as_array().unwrap().len() <= 6);
        for action in card["actions"].as_array().unwrap() {
            assert_eq!(members(action), ["title", "type", "url"]);
            assert_eq!(action["type"], "Action.OpenUrl");
            assert!(action["title"].as_str().unwrap().chars().all(ours));
            samples::check_url(action["url"].as_str().unwrap());
        }
    }

    /// What stands on the card's lines.
    fn lines(message: &Value) -> Vec<String> {
        let text = |run: &Value| run["text"].as_str().unwrap().to_owned();
        let line = |element: &Value| element["inlines"].as_array().unwrap().iter().map(text).collect::<String>();
        card(message)["body"].as_array().unwrap().iter().map(line).collect()
    }

    #[test]
    fn an_ordinary_card_says_everything() {
        let notice = samples::ordinary();
        let message = message(&notice);
        check(&message);
        let words = notice.words();
        let mut expected = vec![words.title, words.sentence];
        expected.extend(words.facts.iter().map(|(label, value)| format!("{label}: {value}")));
        assert_eq!(lines(&message), expected);
        let link = |(label, url): &(&str, String)| json!({"type": "Action.OpenUrl", "title": label, "url": url});
        assert_eq!(card(&message)["actions"], Value::from_iter(words.links.iter().map(link)));
        assert_eq!(card(&message)["fallbackText"], "Packet capture finished");
        let color = |notice: &Notice| card(&self::message(notice))["body"][0]["inlines"][0]["color"].clone();
        assert_eq!(color(&notice), "Warning", "something was found");
        let quiet = Captured { filters: vec![], ..notice.capture.clone().unwrap() };
        let unread = Captured { file_problem: Some("There is no file.".to_owned()), ..quiet.clone() };
        assert_eq!(color(&Notice { capture: Some(quiet), ..notice.clone() }), "Good");
        assert_eq!(color(&Notice { capture: Some(unread), ..notice }), "Warning");
    }

    #[test]
    fn a_card_of_next_to_nothing_is_a_card() {
        let message = message(&samples::minimal());
        check(&message);
        assert_eq!(lines(&message), ["No packet capture"]);
        assert_eq!(card(&message)["actions"], json!([]));
    }

    #[test]
    fn no_text_from_outside_breaks_a_card_or_makes_it_too_large() {
        for notice in samples::hostile() {
            let message = message(&notice);
            check(&message);
            let body = message.to_string();
            assert!(2 * body.encode_utf16().count() < LIMIT, "{} in UTF-16", 2 * body.encode_utf16().count());
            let as_text = Value::from(card(&message).to_string()).to_string();
            assert!(as_text.len() < LIMIT, "{} within a text", as_text.len());
        }
    }
}
