//! For Slack: Block Kit, as incoming webhooks take it ("Sending messages using incoming webhooks").
//!
//! What comes from outside stands in `plain_text` without emoji, which reads no markup, and with `&`, `<` and `>`
//! escaped, which Slack decodes everywhere ("Formatting message text"). `mrkdwn` is for labels of our own and for links,
//! whose addresses have no character that means anything there.
//!
//! Links are text and no buttons: after a click Slack marks a button with a warning unless the app that owns the webhook
//! answers for it (slackapi/node-slack-sdk, issue 869).

use serde_json::{Value, json};

use super::message::Message;
use super::notice::{Notice, Tone};

/// The longest header ("Header block").
const LONGEST_HEADER: usize = 150;

/// The longest text of a section ("Section block").
const LONGEST_SECTION: usize = 3000;

/// The longest value of a fact. A field may have 2000 characters, but all texts of a message together about 12,000
/// (slackapi/bolt-js, issue 2509).
const LONGEST_VALUE: usize = 600;

/// The longest link; three of them fit into a section.
const LONGEST_LINK: usize = 950;

/// A section has at most ten fields ("Section block"), and a fact takes two.
const FACTS_IN_A_SECTION: usize = 5;

pub(super) fn render(notice: &Notice) -> Message {
    let words = notice.words();
    let title = format!("{}{}", mark(notice), words.title);
    let mut blocks = vec![json!({"type": "header", "text": plain(&title, LONGEST_HEADER)})];
    if !words.sentence.is_empty() {
        blocks.push(json!({"type": "section", "text": plain(&words.sentence, LONGEST_SECTION)}));
    }
    for facts in words.facts.chunks(FACTS_IN_A_SECTION) {
        let fields: Vec<Value> = facts.iter().flat_map(|(label, value)| fields(label, value)).collect();
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    let links = words.links.iter().map(|(label, url)| link(label, url));
    let links: Vec<String> = links.filter(|link| link.len() <= LONGEST_LINK).collect();
    if !links.is_empty() {
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": links.join("   ")}}));
    }
    // Shown by notifications, which is what a phone has on its screen.
    let text = escaped(format!("{title}. {}", words.sentence).trim_end(), LONGEST_SECTION);
    let message = json!({"text": text, "mrkdwn": false, "blocks": blocks});
    Message { content_type: "application/json; charset=utf-8", body: message.to_string().into_bytes() }
}

/// Stands before the title, for a header has no color.
fn mark(notice: &Notice) -> &'static str {
    match notice.tone() {
        Tone::Good => "\u{1f7e2} ",
        Tone::Warning => "\u{1f7e1} ",
        Tone::Bad => "\u{1f534} ",
        Tone::Neutral => "",
    }
}

/// Fields stand in two columns: here a label and its value.
fn fields(label: &str, value: &str) -> [Value; 2] {
    [json!({"type": "mrkdwn", "text": format!("*{label}*")}), plain(value, LONGEST_VALUE)]
}

fn link(label: &str, url: &str) -> String {
    format!("<{}|{label}>", url.replace('&', "&amp;"))
}

fn plain(text: &str, most: usize) -> Value {
    json!({"type": "plain_text", "text": escaped(text, most), "emoji": false})
}

/// The text with Slack's three control characters escaped, at most so many bytes of it and therefore no more
/// characters, whichever of them Slack counts.
fn escaped(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut buffer = [0; 4];
    for c in text.chars() {
        let piece = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => c.encode_utf8(&mut buffer),
        };
        if line.len().saturating_add(piece.len()).saturating_add('…'.len_utf8()) > most {
            line.push('…');
            break;
        }
        line.push_str(piece);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::notice::Event;
    use crate::notify::samples;

    fn message(notice: &Notice) -> Value {
        serde_json::from_slice(&render(notice).body).unwrap()
    }

    fn members(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    fn unescaped(text: &str) -> String {
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }

    fn check_escaped(text: &str, most: usize) {
        assert!((1..=most).contains(&text.encode_utf16().count()), "{} characters", text.len());
        assert!(!text.contains(['<', '>']), "{text}");
        assert!(text.split('&').skip(1).all(|rest| ["amp;", "lt;", "gt;"].iter().any(|name| rest.starts_with(name))));
        samples::check_line(text);
    }

    fn check_plain(object: &Value, most: usize) {
        assert_eq!(members(object), ["emoji", "text", "type"]);
        assert_eq!((&object["type"], &object["emoji"]), (&json!("plain_text"), &json!(false)));
        check_escaped(object["text"].as_str().unwrap(), most);
    }

    fn check_label(object: &Value) {
        assert_eq!(members(object), ["text", "type"]);
        let label = object["text"].as_str().unwrap().strip_prefix('*').unwrap().strip_suffix('*').unwrap();
        assert!(label.chars().all(|c| c.is_ascii_alphabetic() || c == ' '), "{label}");
    }

    /// The documented limits of each kind of block, and no markup around what came from outside.
    fn check(message: &Value) {
        assert_eq!(members(message), ["blocks", "mrkdwn", "text"]);
        assert_eq!(message["mrkdwn"], false);
        check_escaped(message["text"].as_str().unwrap(), 3000);
        let blocks = message["blocks"].as_array().unwrap();
        assert!((1..=50).contains(&blocks.len()));
        for block in blocks {
            match block["type"].as_str().unwrap() {
                "header" => check_plain(&block["text"], 150),
                "section" if block["text"]["type"] == "mrkdwn" => check_links(&block["text"]),
                "section" if block.get("text").is_some() => check_plain(&block["text"], 3000),
                "section" => {
                    let fields = block["fields"].as_array().unwrap();
                    assert!((1..=10).contains(&fields.len()));
                    for pair in fields.chunks(2) {
                        check_label(&pair[0]);
                        check_plain(&pair[1], 2000);
                    }
                }
                other => panic!("a block of type {other}"),
            }
        }
        assert!(texts(message).iter().map(String::len).sum::<usize>() < 12_000);
    }

    /// Addresses and labels of the links in a text that holds nothing else.
    fn links(text: &str) -> Vec<(String, String)> {
        let link = |part: &str| {
            let (url, label) = part.strip_prefix('<').unwrap().strip_suffix('>').unwrap().split_once('|').unwrap();
            (unescaped(url), label.to_owned())
        };
        text.split("   ").map(link).collect()
    }

    fn check_links(object: &Value) {
        assert_eq!(members(object), ["text", "type"]);
        let text = object["text"].as_str().unwrap();
        assert!(text.len() <= 3000);
        for (url, label) in links(text) {
            samples::check_url(&url);
            assert!(label.chars().all(|c| c.is_ascii_alphabetic() || c == ' '), "{label}");
        }
    }

    /// What stands in the blocks.
    fn texts(message: &Value) -> Vec<String> {
        let mut texts = Vec::new();
        for block in message["blocks"].as_array().unwrap() {
            let fields = block.get("fields").and_then(Value::as_array).into_iter().flatten();
            let objects = block.get("text").into_iter().chain(fields);
            texts.extend(objects.map(|object| object["text"].as_str().unwrap().to_owned()));
        }
        texts
    }

    #[test]
    fn an_ordinary_message_says_everything() {
        let notice = samples::ordinary();
        let message = message(&notice);
        check(&message);
        let words = notice.words();
        let title = format!("\u{1f7e1} {}", words.title);
        let mut expected = vec![title.clone(), words.sentence.clone()];
        expected.extend(words.facts.iter().flat_map(|(label, value)| [format!("*{label}*"), value.clone()]));
        let mut texts = texts(&message);
        let linked = texts.pop().unwrap();
        assert_eq!(texts.iter().map(|text| unescaped(text)).collect::<Vec<_>>(), expected);
        assert_eq!(unescaped(message["text"].as_str().unwrap()), format!("{title}. {}", words.sentence));
        let expected: Vec<_> = words.links.iter().map(|(label, url)| (url.clone(), (*label).to_owned())).collect();
        assert_eq!(links(&linked), expected);
    }

    #[test]
    fn the_header_says_how_bad_it_is() {
        let header = |notice: &Notice| texts(&message(notice)).remove(0);
        let found = samples::ordinary();
        let quiet = found.capture.clone().map(|capture| crate::notify::notice::Captured { filters: vec![], ..capture });
        let quiet = Notice { capture: quiet, ..found.clone() };
        let failed = Notice { event: Event::Failed, ..found.clone() };
        let marks = [&quiet, &found, &failed].map(|notice| header(notice).chars().next().unwrap());
        assert_eq!(marks, ['\u{1f7e2}', '\u{1f7e1}', '\u{1f534}']);
        assert_eq!(header(&Notice { event: Event::Started, ..found })[..6], *"Packet");
    }

    #[test]
    fn a_message_of_next_to_nothing_is_a_message() {
        let message = message(&samples::minimal());
        check(&message);
        assert_eq!(texts(&message), ["No packet capture"]);
        assert_eq!(message["text"], "No packet capture.");
    }

    #[test]
    fn no_text_from_outside_breaks_a_message_or_makes_it_too_large() {
        for notice in samples::hostile() {
            check(&message(&notice));
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(escaped("a & b", 20), "a &amp; b");
        assert_eq!(escaped("a & b", 9), "a …");
        assert_eq!(escaped("<!channel>", 14), "&lt;!channe…");
    }
}
