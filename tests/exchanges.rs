//! What Azure has really answered, read by nightcap. The exchanges are no part of this repository: the tests run when
//! `NIGHTCAP_ORACLES` names the folder that has them in `azure/arm`.

use std::fs;
use std::path::PathBuf;

use nightcap::Timestamp;
use nightcap::{Activity, Status};
use serde_json::Value;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("NIGHTCAP_ORACLES").map(|folder| PathBuf::from(folder).join("azure/arm"));
    if folder.is_none() {
        println!("skipped: NIGHTCAP_ORACLES is not set to the folder that holds azure/arm");
    }
    folder
}

fn read(body: &Value) -> Status {
    Status::read(body, Timestamp::from_unix_millis(0)).unwrap_or_else(|| panic!("no status: {body}"))
}

#[test]
fn published_statuses_are_read() {
    let Some(folder) = folder() else { return };
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let statuses: Vec<PathBuf> = files
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("query-status-")))
        .collect();
    assert!(!statuses.is_empty());
    for path in statuses {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let status = read(&serde_json::from_slice(&fs::read(&path).unwrap()).unwrap());
        let what = name.trim_start_matches("query-status-");
        let activity = match what.split('-').next().unwrap() {
            "error" => Activity::Failed,
            "not" => Activity::NotStarted,
            "running" => Activity::Running,
            "stopped" => Activity::Stopped,
            _ => Activity::Unknown,
        };
        assert_eq!(status.activity, activity, "{name}");
        assert_eq!(status.errors.is_empty(), activity != Activity::Failed, "{name}: {status:?}");
        assert_eq!(status.stop_reason.is_some(), activity == Activity::Stopped, "{name}: {status:?}");
        let has_begun = !matches!(activity, Activity::NotStarted | Activity::Unknown);
        assert_eq!(status.began_at.is_some(), has_begun, "{name}: {status:?}");
    }
}

#[test]
fn a_recorded_capture_is_seen_running_in_a_202_and_then_stopped_by_hand() {
    let Some(folder) = folder() else { return };
    let recorded: Value =
        serde_json::from_slice(&fs::read(folder.join("recorded-packet-capture-exchange-2017.json")).unwrap()).unwrap();
    let seen: Vec<(u64, Activity, Option<String>)> = recorded
        .as_array()
        .unwrap()
        .iter()
        .filter(|exchange| exchange["path"].as_str().unwrap().contains("/queryStatus"))
        .map(|exchange| {
            let status = read(&exchange["body"]);
            (exchange["status"].as_u64().unwrap(), status.activity, status.stop_reason)
        })
        .collect();
    assert_eq!(seen.first(), Some(&(202, Activity::Running, None)));
    assert_eq!(seen.last(), Some(&(200, Activity::Stopped, Some("Manual".to_owned()))), "{seen:?}");
}
