//! Room in a watcher: which captures may go to make some.

use std::time::Duration;

use super::name::{asked_at, is_own};
use crate::azure::packet_capture::PacketCapture;
use crate::timestamp::Timestamp;

/// How much longer than its time limit a capture may take from the beginning of its slot: the slot itself, and Azure
/// being slow to begin. Within this time Azure is asked whether it is over, which costs a round trip.
const SLOW_BEGINNING: Duration = Duration::from_mins(10);

/// The longest classic capture in seconds, for captures that do not tell their limit.
const LONGEST_CAPTURE: u64 = crate::azure::capture_parameters::LONGEST_SECONDS as u64;

/// How many captures must go before one more is within the limit.
pub fn excess(captures: usize, limit: usize) -> usize {
    captures.saturating_add(1).saturating_sub(limit)
}

/// The captures of our own that may have ended, oldest first. Only Azure can say which of them have.
///
/// Captures that Azure is creating or deleting are left alone.
pub fn candidates(captures: &[PacketCapture]) -> Vec<&PacketCapture> {
    let settled = |capture: &&PacketCapture| !capture.is_beginning() && !capture.is_deleting();
    let mut own: Vec<_> = captures.iter().filter(|capture| is_own(&capture.name)).filter(settled).collect();
    own.sort_unstable_by_key(|capture| (asked_at(&capture.name), capture.name.clone()));
    own
}

/// Whether a capture can still be running, by its name and limit. Names that tell no time leave it open.
pub fn may_still_run(capture: &PacketCapture, now: Timestamp) -> bool {
    let Some(asked_at) = asked_at(&capture.name) else { return true };
    let limit = capture.time_limit.unwrap_or(LONGEST_CAPTURE);
    now < asked_at.after(Duration::from_secs(limit).saturating_add(SLOW_BEGINNING))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(name: &str, state: &str) -> PacketCapture {
        PacketCapture { name: name.to_owned(), provisioning_state: state.to_owned(), ..PacketCapture::default() }
    }

    #[test]
    fn room_is_for_one_more() {
        assert_eq!(excess(9, 10), 0);
        assert_eq!(excess(10, 10), 1);
        assert_eq!(excess(12, 10), 3);
    }

    #[test]
    fn only_settled_captures_of_our_own_may_go_oldest_first() {
        let captures = [
            capture("nightcap_b_20261120T0300Z_aaaaaaaa", "Succeeded"),
            capture("theirs", "Failed"),
            capture("nightcap_z_20261120T0100Z_aaaaaaaa", "Failed"),
            capture("nightcap_a_20261120T0200Z_aaaaaaaa", "Updating"),
            capture("nightcap_a_20261120T0100Z_aaaaaaaa", "Deleting"),
        ];
        let names: Vec<_> = candidates(&captures).into_iter().map(|capture| capture.name.as_str()).collect();
        assert_eq!(names, ["nightcap_z_20261120T0100Z_aaaaaaaa", "nightcap_b_20261120T0300Z_aaaaaaaa"]);
    }
}
