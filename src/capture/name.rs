//! Names of our own: `nightcap_web-01_20261120T0210Z_1f0c9a2b`.
//!
//! A name is made of the target and a slot of five minutes, not of the alert, so that instances that race for one
//! target, with one alert or with several, ask Azure for the same name, and Azure refuses all but the first. The name
//! tells a reader the machine and the time; eight hexadecimal digits of the target's id keep machines of the same name
//! apart.

use std::time::Duration;

use crate::azure::target::Target;
use crate::digest::digest;
use crate::timestamp::Timestamp;

/// What every name of our own begins with.
pub const PREFIX: &str = "nightcap_";

/// The length of a slot of time. Within one slot a target has one name.
pub const SLOT: Duration = Duration::from_mins(5);

/// How much of a machine's name a capture's name tells, so that it stays below 80 characters.
const LONGEST_MACHINE: usize = 38;

/// The slot that a moment lies in, told by its beginning.
pub fn slot(moment: Timestamp) -> Timestamp {
    moment.round_down(SLOT)
}

/// The name for a target and a slot. A second capture within one slot, after the first has ended, counts up.
pub fn name(target: &Target, slot: Timestamp, taken: impl Fn(&str) -> bool) -> String {
    // Alerts spell a machine in any case; racers must not.
    let fitting = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let machine: String = target.name().chars().map(fitting).take(LONGEST_MACHINE).collect();
    let time = slot.compact();
    let first = format!("{PREFIX}{machine}_{time}_{}", fingerprint(target));
    if !taken(&first) {
        return first;
    }
    (2_u32..).map(|count| format!("{first}_{count}")).find(|name| !taken(name)).unwrap_or(first)
}

/// Whether a capture is one of ours: by its whole name, for a person's may begin like ours.
///
/// The name alone decides. A slot of five minutes to the minute and eight digits of a hash are nobody's habit, and a record is
/// no better witness: it is gone after `retention_days`, or with its store, while the capture stays listed until it makes room.
pub fn is_own(name: &str) -> bool {
    OwnName::parse(name).is_some()
}

/// Whether a capture is one of ours for this target.
pub fn is_own_of(target: &Target, name: &str) -> bool {
    OwnName::parse(name).is_some_and(|own| own.fingerprint == fingerprint(target))
}

/// When a capture of ours was asked for, by its name.
pub fn asked_at(name: &str) -> Option<Timestamp> {
    OwnName::parse(name).map(|own| own.slot)
}

/// Which of several captures of one target stays, of those that were made in a race: the first in this order. It follows from
/// names alone, so that all who look see the same. Those with a name that somebody fixed come last.
pub fn precedence(name: &str) -> impl Ord + use<> {
    let asked_at = asked_at(name);
    (asked_at.is_none(), asked_at, name.to_ascii_lowercase())
}

/// What a name of our own tells.
struct OwnName<'a> {
    slot: Timestamp,
    fingerprint: &'a str,
}

impl<'a> OwnName<'a> {
    /// Reads `nightcap_{machine}_{slot}_{fingerprint}`, with `_{count}` behind it from the second capture of a slot on.
    fn parse(name: &'a str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.split('_');
        let (machine, slot, fingerprint) = (parts.next()?, parts.next()?, parts.next()?);
        let slot = Timestamp::parse_compact(slot)?;
        let is_fingerprint = fingerprint.len() == 8 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_machine =
            !machine.is_empty() && machine.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_count = |count: &str| count.parse().is_ok_and(|number: u32| number >= 2 && number.to_string() == count);
        let is_own = is_machine && is_fingerprint && parts.next().is_none_or(is_count) && parts.next().is_none();
        is_own.then_some(Self { slot, fingerprint })
    }
}

fn fingerprint(target: &Target) -> String {
    digest(&target.id().key(), 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups";

    fn target(group: &str, name: &str) -> Target {
        Target::parse(&format!("{GROUP}/{group}/providers/Microsoft.Compute/virtualMachines/{name}")).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn racers_meet_in_one_name() {
        let one = name(&target("Prod", "Web-01"), slot(at("2026-11-20T02:10:01Z")), |_| false);
        let other = name(&target("prod", "WEB-01"), slot(at("2026-11-20T02:14:59.9Z")), |_| false);
        assert_eq!(one, other);
        assert!(one.starts_with("nightcap_web-01_20261120T0210Z_"), "{one}");
        assert_ne!(one, name(&target("test", "Web-01"), slot(at("2026-11-20T02:13:01Z")), |_| false));
    }

    #[test]
    fn a_taken_name_counts_up() {
        let machine = target("rg", "vm");
        let slot = slot(at("2026-11-20T02:13:00Z"));
        let first = name(&machine, slot, |_| false);
        let second = name(&machine, slot, |name| name == first);
        assert_eq!(second, format!("{first}_2"));
        assert_eq!(name(&machine, slot, |name| name == first || name == second), format!("{first}_3"));
    }

    #[test]
    fn a_name_tells_its_time_and_stays_short() {
        let long = target("rg", &"x".repeat(64));
        let name = name(&long, slot(at("2026-11-20T02:13:40Z")), |name| !name.ends_with("_999"));
        assert!(name.len() < 80, "{}", name.len());
        assert_eq!(asked_at(&name), Some(at("2026-11-20T02:10:00Z")));
        assert_eq!(asked_at("nightcap_mine"), None);
        assert_eq!(asked_at("theirs_20261120T0213Z_x"), None);
    }

    #[test]
    fn only_a_whole_name_is_ours() {
        let own = name(&target("rg", "vm"), slot(at("2026-11-20T02:13:00Z")), |_| false);
        assert!(is_own(&own) && is_own(&format!("{own}_2")), "{own}");
        for theirs in [
            "nightcap_foo",
            "nightcap_vm_20261120T0210Z",
            "nightcap_vm_20261120T0210Z_mine",
            "nightcap_vm_yesterday_1f0c9a2b",
            "nightcap__20261120T0210Z_1f0c9a2b",
            "nightcap_vm.old_20261120T0210Z_1f0c9a2b",
            "nightcap_vm_20261120T0210Z_1f0c9a2b_copy",
            "nightcap_vm_20261120T0210Z_1f0c9a2b_1",
            "nightcap_vm_20261120T0210Z_1f0c9a2b_02",
            "nightcap_vm_20261120T0210Z_1f0c9a2b_2_old",
            "x_nightcap_vm_20261120T0210Z_1f0c9a2b",
        ] {
            assert!(!is_own(theirs), "{theirs}");
        }
    }
}
