//! What the settings are: wrong, or surely not as they were meant. Pure.

use super::line::{Check, Line};
use crate::context::Loaded;
use crate::settings::{Keys, Settings};

/// The lines of the settings, the keys and the messages.
pub fn lines(loaded: &Loaded) -> Vec<Line> {
    let mut lines = match &loaded.settings {
        Ok(_) => vec![Line::good(Check::Settings, "All settings can be used.")],
        Err(errors) => {
            let wrong = errors.iter().map(|error| {
                let message = format!("The setting {} cannot be used: {}.", error.setting, error.message);
                Line::bad(Check::Settings, message, error.setting).about(error.setting)
            });
            wrong.collect()
        }
    };
    let remarks = loaded.remarks.iter();
    lines.extend(
        remarks.map(|remark| Line::attention(Check::Settings, &remark.message, &remark.setting).about(&remark.setting)),
    );
    let takes_tokens = loaded.settings.as_ref().is_ok_and(|settings| settings.webhook_entra.is_some());
    lines.push(match takes_tokens && loaded.webhook_keys.is_empty() {
        true => Line::good(Check::Key, "Alerts come with tokens of Microsoft Entra.").about("webhook_entra"),
        false => key("webhook_key", &loaded.webhook_keys),
    });
    lines.push(key("operator_key", &loaded.operator_keys));
    if loaded.webhook_keys.share_one_with(&loaded.operator_keys) {
        let message = "A key is in webhook_key and in operator_key. Whoever can read the action group can then read every \
                       record and stop captures.";
        lines.push(Line::attention(Check::Key, message, "operator_key").about("operator_key"));
    }
    if let Ok(settings) = &loaded.settings {
        lines.push(messages(settings));
        lines.extend(public_url(settings));
        if settings.dry_run {
            let message = "dry_run is on: alerts lead to no captures.";
            lines.push(Line::attention(Check::Settings, message, "dry_run").about("dry_run"));
        }
    }
    lines
}

fn key(setting: &'static str, keys: &Keys) -> Line {
    let line = match (keys.count(), keys.weakness()) {
        (0, _) => Line::bad(Check::Key, format!("{setting} has no key in it, so nobody is let in."), setting),
        (_, Some(weakness)) => {
            let message = format!("A key in {setting} {weakness}. Make one with: openssl rand -hex 24");
            Line::attention(Check::Key, message, setting)
        }
        (1, None) => Line::good(Check::Key, format!("{setting} has one key that is not easily guessed.")),
        (count, None) => {
            let message = format!("{setting} has {count} keys that are not easily guessed; take out what nobody uses.");
            Line::good(Check::Key, message)
        }
    };
    line.about(setting)
}

fn messages(settings: &Settings) -> Line {
    match &settings.notify.receiver {
        None => Line::attention(Check::Messages, "notify_url is not set, so nobody is told of captures.", "notify_url"),
        Some(_) => {
            let message = "POST /api/preflight/message sends a test message; looking at this page sends none.";
            Line::not_tried(Check::Messages, message)
        }
    }
}

/// Links in messages lead there.
fn public_url(settings: &Settings) -> Option<Line> {
    let url = &settings.notify.public_url;
    let line = if url.is_empty() {
        settings.notify.receiver.as_ref()?;
        let message = "public_url is not set, so messages have no links to report and record.";
        Line::attention(Check::Messages, message, "public_url")
    } else if url.starts_with("https://") {
        Line::good(Check::Messages, format!("Links in messages lead to {url}."))
    } else {
        let message = "public_url is not https, so the operator key of whoever follows a link can be read on its way.";
        Line::attention(Check::Messages, message, "public_url")
    };
    Some(line.about("public_url"))
}
