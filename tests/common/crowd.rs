//! A store and a watcher that hold many captures.

use std::time::Duration;

use jiff::Timestamp;
use nightcap_simulator::{Azure, CaptureState};
use serde_json::Value;

use super::alerts::TEST_VM;
use super::instance::WATCHER;

/// The record of a capture many times over, each under a name of its own and asked for a minute before the last, and the entries
/// of all of them in the index: keys and values.
pub fn copies(key: &str, record: &str, many: usize) -> Vec<(String, String)> {
    let record: Value = serde_json::from_str(record).unwrap();
    let name = record["name"].as_str().unwrap().to_lowercase();
    let first: Timestamp = record["askedAt"].as_str().unwrap().parse().unwrap();
    let copy = |number: usize| {
        let at = first - Duration::from_secs(60 * number as u64);
        let own = copy_of(&name, number);
        let mut copy = record.clone();
        copy["name"] = own.clone().into();
        copy["askedAt"] = at.to_string().into();
        copy.as_object_mut().unwrap().remove("storagePath");
        let key = key.replace(&name, &own);
        let (moment, capture) = (at.as_millisecond(), key.trim_start_matches("capture:"));
        let entry = format!("index:capture:{:013}:caf62a9d:{capture}:{moment}", 9_999_999_999_999 - moment);
        [(key, copy.to_string()), (entry, format!("{{\"at\":\"{at}\"}}"))]
    };
    (0..many).flat_map(copy).collect()
}

/// Has the watcher hold so many finished captures, half of them of the copies' names and half of somebody else's.
pub fn fill_watcher(azure: &mut Azure, now: Timestamp, name: &str, many: usize) {
    for number in 0..many / 2 {
        let limit = Duration::from_secs(60);
        azure.add_capture(now, WATCHER, &copy_of(name, number), TEST_VM, limit, CaptureState::Finished);
        azure.add_capture(now, WATCHER, &format!("theirs-{number}"), TEST_VM, limit, CaptureState::Finished);
    }
}

fn copy_of(name: &str, number: usize) -> String {
    format!("{}_{}", name.to_lowercase(), number + 2)
}
