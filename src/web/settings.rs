//! What callers are told when nightcap cannot work with its settings, without a single value.

use http::StatusCode;

use super::problem::Problem;
use crate::settings::SettingError;

/// The host did not give them.
pub fn unreadable() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The host could not read nightcap's settings.")
}

/// They are wrong, and it says which.
pub fn unusable(status: StatusCode, errors: &[SettingError]) -> Problem {
    let sentences: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.setting, error.message)).collect();
    let detail = format!("nightcap cannot work with these settings. {}.", sentences.join("; "));
    Problem::new(status, detail).with("settings", errors)
}
