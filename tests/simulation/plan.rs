//! What a seed decides before the story begins: the world, the alerts and which kinds of trouble there will be.
//!
//! Each seed switches each kind of trouble on or off and picks its rate, so that quiet and wild stories both occur.

use std::time::Duration;

use jiff::Timestamp;
use nightcap_simulator::{Throttle, Urls, World};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::common::alerts::{CONTOSO_VM, TEST_VM, common_at};
use crate::trouble::{ASKS, Ask, KINDS, Kind};

/// The part of `notify_url` that nobody else may see. Every secret of the simulation has this word in it.
pub const SECRET: &str = "simulated";

const GROUPS: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups";

/// Names that the setting or a program fixes. Azure takes two of them for one, whatever their case.
pub const FIXED_NAMES: [&str; 4] = ["pc1", "PC1", "pc2", "watchdog"];

/// How often a timer sweeps when the storm is over, and from the beginning where nothing lives long.
pub const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// What a person called a capture of their own.
const LIKE_OURS: &str = "nightcap_mine";

/// Everything that a seed decides beforehand.
pub struct Plan {
    pub begin: Timestamp,
    pub hosts: usize,
    /// Whether each request has an instance of its own, as on WASI 0.2.
    pub instance_each: bool,
    /// How long after an answer the host lets its instance live.
    pub stay: Option<Duration>,
    pub settings: Vec<(&'static str, String)>,
    pub changes: Vec<Change>,
    /// Captures that are there before the story begins: watcher, name, machine and whether they run.
    pub there_before: Vec<(String, String, String, bool)>,
    /// How long there may be trouble.
    pub storm: Duration,
    pub deliveries: Vec<Delivery>,
    pub sweeps: Vec<Duration>,
    pub by_hand: Vec<(Duration, ByHand)>,
    /// How long a request, and again its answer, is on its way at most.
    pub network: u64,
    /// How long an operation of the store takes at most, in milliseconds.
    pub store_takes: u64,
    pub azure: AzureTrouble,
    pub store: Vec<StoreTrouble>,
    /// Whether a write that fails may have been written.
    pub store_lies: bool,
    pub kills: Kills,
    /// How wrong each instance's clock is, in milliseconds, and when it jumps how far.
    pub skews: Vec<i64>,
    pub jumps: Vec<(Duration, usize, i64)>,
}

/// One alert as an action group sends it: once, and again when it is not taken.
pub struct Delivery {
    pub at: Duration,
    pub body: Vec<u8>,
    pub form: Form,
    /// The instance that gets it first; repeats go anywhere.
    pub to: usize,
    /// The id of an alert whose end this tells.
    pub ends: Option<String>,
    pub what: String,
}

/// What a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Alert,
    /// The flat body of the 2017 sample, from a program.
    DirectCall,
    /// The same with a value that cannot be.
    BadCall,
    /// No JSON.
    Nonsense,
}

/// A setting that one host has otherwise from a moment on: from the beginning, or from when it is started again for that.
pub struct Change {
    pub at: Duration,
    pub host: usize,
    pub setting: &'static str,
    pub value: String,
}

/// What somebody does to a capture in the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByHand {
    Stop,
    Delete,
}

/// How often requests are struck, and by what.
pub struct AzureTrouble {
    /// Of a thousand requests so many are struck.
    pub rate: u64,
    pub kinds: Vec<Kind>,
    pub sink_rate: u64,
    pub bursts: Vec<Burst>,
    /// Whether Azure may not know of a capture yet when it is asked at once after its creation.
    pub lags: bool,
}

/// A while in which most requests of one sort meet with one trouble.
pub struct Burst {
    pub from: Duration,
    pub to: Duration,
    pub ask: Ask,
    pub kind: Kind,
    pub percent: u64,
}

/// A while in which the store fails.
pub struct StoreTrouble {
    pub from: Duration,
    pub to: Duration,
    pub reads: bool,
    pub writes: bool,
    pub percent: u64,
}

/// When hosts die.
pub struct Kills {
    /// Of ten thousand moments at which a host can die so many are its last.
    pub rate: u64,
    /// A moment that is its last in a third of all cases.
    pub favourite: Option<&'static str>,
    pub most: u32,
    /// The longest that a host stays away, in seconds.
    pub away: u64,
}

/// The moments at which a host may die, as the host calls them: what nightcap asks of it, and of what.
const MOMENTS: [&str; 19] = [
    "send put",
    "send delete",
    "send status",
    "send stop",
    "send list",
    "send get",
    "send sink",
    "send file",
    "save alert",
    "save capture",
    "save open",
    "save on",
    "save notice",
    "save claim",
    "save told",
    "save target",
    "delete notice",
    "delete open",
    "spawn",
];

impl Plan {
    pub fn of_seed(chance: &mut Chance) -> (Self, World) {
        let calm = chance.percent(15);
        let storm = Duration::from_secs(*chance.pick(&[60, 120, 300, 600, 900, 1500]));
        let races = chance.percent(15);
        let (mut settings, limit) = settings(chance, races);
        let mut world = world(chance, calm);
        // From the middle of a slot of five minutes, or a moment before its end.
        let into_the_slot = match chance.percent(40) {
            _ if races => chance.between(297_500, 300_000),
            true => chance.between(296_000, 299_900),
            false => chance.below(300_000),
        };
        let begin: Timestamp = "2026-11-20T02:10:00Z".parse().unwrap();
        let begin = begin + Duration::from_millis(into_the_slot);
        let hosts = chance.between(if races { 2 } else { 1 }, 4) as usize;
        let machines = machines(chance);
        let mut deliveries = deliveries(chance, begin, storm, hosts, &machines);
        if races {
            deliveries.extend(race(chance, begin, hosts, &machines[0]));
        }
        if chance.percent(30) {
            deliveries.extend(direct_calls(chance, storm, hosts, &machines));
        }
        let there_before = there_before(chance, &mut world, limit);
        let mut azure = azure_trouble(chance, storm, calm);
        if chance.percent(20) {
            let (delivery, burst) = failure_of_two(chance, begin, storm, hosts);
            deliveries.push(delivery);
            azure.bursts.extend(burst);
        }
        let wild = |chance: &mut Chance, percent| !calm && chance.percent(percent);
        let instance_each = chance.percent(50);
        let stay = (instance_each && chance.percent(40)).then_some(Duration::from_secs(8));
        settings.extend(stay.map(|stay| ("stay_seconds", stay.as_secs().to_string())));
        if stay.is_some() {
            // What takes longer than an instance lives never ends, and a list of many pages over a slow network would.
            world.captures_per_page = None;
        }
        let plan = Self {
            begin,
            hosts,
            instance_each,
            stay,
            settings,
            there_before,
            storm,
            deliveries,
            sweeps: if stay.is_some() { by_timer(storm) } else { sweeps(chance, storm) },
            by_hand: if wild(chance, 30) { by_hand(chance, storm) } else { vec![] },
            network: match stay {
                _ if races => 500,
                Some(_) => *chance.pick(&[0, 5, 50, 300]),
                None => *chance.pick(&[0, 5, 50, 300, if calm { 50 } else { 3000 }]),
            },
            store_takes: *chance.pick(&[0, 5, 50]),
            azure,
            changes: if chance.percent(25) { changes(chance, storm, hosts) } else { vec![] },
            store: if wild(chance, 35) { store_trouble(chance, storm) } else { vec![] },
            store_lies: chance.percent(30),
            kills: Kills {
                rate: if wild(chance, 50) { *chance.pick(&[2, 10, 40]) } else { 0 },
                favourite: wild(chance, 40).then(|| *chance.pick(&MOMENTS)),
                most: chance.between(1, 12) as u32,
                away: *chance.pick(&[1, 20, 120, 400]),
            },
            skews: if wild(chance, 40) { skews(chance, hosts) } else { vec![0; hosts] },
            jumps: if wild(chance, 25) { jumps(chance, storm, hosts) } else { vec![] },
        };
        (plan, world)
    }
}

fn settings(chance: &mut Chance, races: bool) -> (Vec<(&'static str, String)>, u64) {
    let seconds = if races { 120 } else { *chance.pick(&[5, 10, 20, 60, 120]) };
    let limit = if chance.percent(40) { chance.between(1, 5) } else { *chance.pick(&[10, 100]) };
    let told = match chance.below(10) {
        0..=5 => "finished,failed",
        6..=8 => "finished,failed,started,joined,skipped",
        _ => "failed",
    };
    let settings = vec![
        ("capture_seconds", seconds.to_string()),
        ("capture_limit", limit.to_string()),
        ("capture_keep", chance.pick(&["0", "1", "3", "100"]).to_string()),
        ("capture_bytes", "1000000".to_owned()),
        ("cooldown_seconds", chance.pick(&["0", "0", "30", "600"]).to_string()),
        ("stop_on_resolve", chance.percent(50).to_string()),
        ("dry_run", chance.percent(3).to_string()),
        ("capture_name", if chance.percent(12) { "watchdog".to_owned() } else { String::new() }),
        ("answer_seconds", chance.pick(&["1", "5", "5", "9"]).to_string()),
        ("notify_on", told.to_owned()),
        ("notify_format", "cloudevents".to_owned()),
        ("notify_url", format!("https://sink.example/hooks/{SECRET}-path")),
        ("public_url", "https://nightcap.example".to_owned()),
    ];
    (settings, limit)
}

/// One host is given another setting, or all are, one after the other.
fn changes(chance: &mut Chance, storm: Duration, hosts: usize) -> Vec<Change> {
    let mut all = Vec::new();
    for _ in 0..chance.between(1, 3) {
        let (setting, value) = match chance.below(6) {
            0 => ("capture_limit", chance.between(1, 100).to_string()),
            1 => ("capture_name", (*chance.pick(&["", "watchdog"])).to_owned()),
            2 => ("stop_on_resolve", chance.percent(50).to_string()),
            3 => ("dry_run", chance.percent(50).to_string()),
            4 => ("capture_seconds", chance.between(5, 120).to_string()),
            _ => ("cooldown_seconds", chance.between(0, 60).to_string()),
        };
        let from_the_beginning = chance.percent(30);
        let at = if from_the_beginning { 0 } else { chance.below(storm.as_millis() as u64) };
        let apart = if from_the_beginning { 0 } else { *chance.pick(&[1, 3000, 30_000]) };
        let hosts: Vec<usize> =
            if chance.percent(50) { (0..hosts).collect() } else { vec![chance.below(hosts as u64) as usize] };
        all.extend(hosts.into_iter().enumerate().map(|(turn, host)| {
            let at = Duration::from_millis(at + turn as u64 * apart);
            Change { at, host, setting, value: value.clone() }
        }));
    }
    all
}

fn world(chance: &mut Chance, calm: bool) -> World {
    let mut world = World::sample(Urls::public());
    world.traffic_percent = 0;
    world.empty_status_202 = chance.percent(25);
    // `capture_bytes` is a million.
    world.session_bytes_per_second = chance.percent(25).then(|| *chance.pick(&[20_000, 100_000, 1_000_000]));
    world.captures_per_page = chance.percent(25).then(|| *chance.pick(&[1, 2, 5]));
    world.watchers_per_page = chance.percent(25).then_some(1);
    let timing = &mut world.timing;
    timing.create = Duration::from_millis(*chance.pick(&[500, 4000, 30_000]));
    timing.delete = Duration::from_millis(*chance.pick(&[500, 8000, 20_000]));
    timing.stop = Duration::from_millis(*chance.pick(&[500, 3000, 10_000]));
    timing.file_delay = Duration::from_secs(*chance.pick(&[0, 3, 20, 60]));
    timing.retry_after = *chance.pick(&[1, 10]);
    timing.latency = Duration::from_millis(*chance.pick(&[0, 20, 500]));
    timing.token_seconds = *chance.pick(&[3599, 3599, 400]);
    if !calm && chance.percent(15) {
        let window = Duration::from_secs(chance.between(10, 60));
        world.throttle = Some(Throttle { requests: chance.between(5, 40) as u32, window });
    }
    world
}

/// The machines that the alerts of one story are about: few, so that alerts meet.
fn machines(chance: &mut Chance) -> Vec<String> {
    let id = |group: &str, rest: &str| format!("{GROUPS}/{group}/providers/Microsoft.Compute/{rest}");
    let all = [
        TEST_VM.to_owned(),
        CONTOSO_VM.to_owned(),
        id("pipelinealertrg", "virtualMachines/wcus-r2-gen2"),
        id("platform-app", "virtualMachines/europe-vm"),
        id("example-rg", "virtualMachines/example-vm"),
        id("testrg", "virtualMachineScaleSets/testvmss"),
        id("testrg", "virtualMachineScaleSets/testvmss/virtualMachines/1"),
        id("test-RG", "virtualMachines/no-agent"),
    ];
    let count = *chance.pick(&[1, 1, 2, 3, 4]);
    // The first three share a watcher and are met most.
    (0..count).map(|_| if chance.percent(60) { chance.pick(&all[..3]) } else { chance.pick(&all) }.clone()).collect()
}

fn deliveries(
    chance: &mut Chance,
    begin: Timestamp,
    storm: Duration,
    hosts: usize,
    machines: &[String],
) -> Vec<Delivery> {
    let mut all = Vec::new();
    let waves = chance.between(1, 5);
    for wave in 0..waves {
        let at = if wave == 0 { chance.between(0, 200) } else { chance.below(storm.as_millis() as u64) };
        let rules = *chance.pick(&[1, 1, 2, 3, 5]);
        let apart = *chance.pick(&[0, 300, 3000, 30_000]);
        for rule in 0..rules {
            let at = Duration::from_millis(at + chance.below(apart + 1));
            let fired = begin + at - Duration::from_secs(chance.between(1, 90));
            let name = format!("rule{wave}-{rule}");
            let targets: Vec<&String> = match chance.below(10) {
                0 => machines.iter().collect(),
                _ => vec![chance.pick(machines)],
            };
            let alert = alert(chance, &name, &targets, fired);
            let times = *chance.pick(&[1, 1, 1, 2, 3]);
            for _ in 0..times {
                let most = *chance.pick(&[1, 2000, 40_000]);
                let late = Duration::from_millis(chance.below(most));
                all.push(delivery(chance, at + late, &alert, hosts, &name));
            }
            if chance.percent(50) {
                let over = alert_over(&alert, fired + Duration::from_secs(chance.between(1, 200)));
                // Now and then the end is told before the beginning.
                let from = at.as_millis() as u64;
                let told = Duration::from_millis(chance.between(from.saturating_sub(3000), from + 150_000));
                all.push(delivery(chance, told, &over, hosts, &format!("{name} resolved")));
                if chance.percent(20) {
                    all.push(delivery(chance, told, &over, hosts, &format!("{name} resolved")));
                }
            }
        }
        if chance.percent(15) {
            all.push(about_nothing(chance, Duration::from_millis(at), begin, hosts));
        }
    }
    all
}

/// Several alerts on one machine, each to another instance, about where two slots of time meet.
fn race(chance: &mut Chance, begin: Timestamp, hosts: usize, machine: &String) -> Vec<Delivery> {
    let apart = *chance.pick(&[200, 1000, 2500]);
    (0..hosts)
        .map(|to| {
            let name = format!("race-{to}");
            let at = Duration::from_millis(chance.below(apart));
            let alert = alert(chance, &name, &[machine], begin);
            Delivery { to, ..delivery(chance, at, &alert, hosts, &name) }
        })
        .collect()
}

fn alert(chance: &mut Chance, rule: &str, targets: &[&String], fired: Timestamp) -> Value {
    let mut alert = common_at(rule, "", &fired.to_string());
    alert["data"]["essentials"]["alertTargetIDs"] = json!(targets);
    if chance.percent(5) {
        // Some alerts tell no time and cannot be recognised.
        alert["data"]["essentials"]["firedDateTime"] = Value::Null;
    }
    alert
}

fn alert_over(alert: &Value, at: Timestamp) -> Value {
    let mut over = alert.clone();
    over["data"]["essentials"]["monitorCondition"] = "Resolved".into();
    over["data"]["essentials"]["resolvedDateTime"] = at.to_string().into();
    over
}

fn delivery(chance: &mut Chance, at: Duration, alert: &Value, hosts: usize, what: &str) -> Delivery {
    let to = chance.below(hosts as u64) as usize;
    let essentials = &alert["data"]["essentials"];
    let id = essentials["alertId"].as_str().filter(|_| essentials["monitorCondition"] == "Resolved");
    let body = alert.to_string().into_bytes();
    Delivery { at, body, form: Form::Alert, to, ends: id.map(str::to_owned), what: what.to_owned() }
}

/// Programs that ask for captures, some of them for several at once.
fn direct_calls(chance: &mut Chance, storm: Duration, hosts: usize, machines: &[String]) -> Vec<Delivery> {
    let mut all = Vec::new();
    for number in 0..chance.between(1, 3) {
        let at = chance.below(storm.as_millis() as u64);
        let times = *chance.pick(&[1, 1, 1, 2, 3]);
        for _ in 0..times {
            let late = *chance.pick(&[1, 2000, 40_000]);
            let at = Duration::from_millis(at + chance.below(late));
            all.push(direct_call(chance, at, hosts, machines, &format!("program{number}")));
        }
    }
    all
}

fn direct_call(chance: &mut Chance, at: Duration, hosts: usize, machines: &[String], what: &str) -> Delivery {
    let mut call = json!({"targetVM": chance.pick(machines), "timeLimit": *chance.pick(&[5, 20, 60])});
    if chance.percent(70) {
        call["packetCaptureName"] = (*chance.pick(&FIXED_NAMES)).into();
    }
    if chance.percent(5) {
        call["networkWatcherName"] = "NetworkWatcher_nowhere".into();
        call["networkWatcherResourceGroup"] = "NetworkWatcherRG".into();
    }
    let is_bad = chance.percent(5);
    if is_bad {
        call["timeLimit"] = "a while".into();
    }
    let form = if is_bad { Form::BadCall } else { Form::DirectCall };
    let to = chance.below(hosts as u64) as usize;
    Delivery { at, body: call.to_string().into_bytes(), form, to, ends: None, what: what.to_owned() }
}

/// An alert about two machines that comes to nothing for both at once: they have no agent or are not there, or Azure begins
/// their captures and fails.
fn failure_of_two(chance: &mut Chance, begin: Timestamp, storm: Duration, hosts: usize) -> (Delivery, Option<Burst>) {
    let at = Duration::from_millis(chance.below(storm.as_millis() as u64));
    let gone =
        ["nobody", "noone"].map(|name| format!("{GROUPS}/rg/providers/Microsoft.Compute/virtualMachines/{name}"));
    let no_agent = format!("{GROUPS}/test-RG/providers/Microsoft.Compute/virtualMachines/no-agent");
    let good = [TEST_VM.to_owned(), CONTOSO_VM.to_owned()];
    let (targets, fails) = match chance.below(4) {
        0 => (gone, None),
        1 => ([no_agent, gone[0].clone()], None),
        2 => (good, Some(Kind::Refused)),
        _ => (good, Some(Kind::FailedOperation)),
    };
    let fired = begin + at - Duration::from_secs(5);
    let alert = alert(chance, "two-fail", &[&targets[0], &targets[1]], fired);
    let delivery = delivery(chance, at, &alert, hosts, "two-fail");
    let burst = fails.map(|kind| {
        let to = at + Duration::from_secs(30);
        Burst { from: at, to, ask: Ask::Put, kind, percent: 100 }
    });
    (delivery, burst)
}

fn about_nothing(chance: &mut Chance, at: Duration, begin: Timestamp, hosts: usize) -> Delivery {
    let no_machine = format!("{GROUPS}/rg/providers/Microsoft.Storage/storageAccounts/nothing");
    let nobody = format!("{GROUPS}/rg/providers/Microsoft.Compute/virtualMachines/nobody");
    let target = chance.pick(&[no_machine, nobody]).clone();
    let alert = common_at("nothing", &target, &begin.to_string());
    let mut delivery = delivery(chance, at, &alert, hosts, "nothing");
    if chance.percent(30) {
        delivery.body.truncate(20);
        delivery.form = Form::Nonsense;
    }
    delivery
}

fn there_before(chance: &mut Chance, world: &mut World, limit: u64) -> Vec<(String, String, String, bool)> {
    let mut all = Vec::new();
    for watcher in &world.watchers {
        let theirs = if chance.percent(30) { chance.below(limit.min(6) + 1) } else { 0 };
        for number in 0..theirs {
            all.push((watcher.id.clone(), format!("theirs-{number}"), TEST_VM.to_owned(), chance.percent(50)));
        }
        if chance.percent(15) {
            let runs = chance.percent(30);
            let name = *chance.pick(&[LIKE_OURS, FIXED_NAMES[0]]);
            all.push((watcher.id.clone(), name.to_owned(), TEST_VM.to_owned(), runs));
        }
        let ours = if chance.percent(40) { chance.below(limit.min(6) + 1) } else { 0 };
        for number in 0..ours {
            let name = format!("nightcap_other_20261119T00{number:02}Z_00000001");
            all.push((watcher.id.clone(), name, CONTOSO_VM.replace("ContosoVM", "other"), false));
        }
    }
    all
}

fn by_timer(storm: Duration) -> Vec<Duration> {
    (0..).map(|count| SWEEP_EVERY * count).take_while(|at| *at < storm).collect()
}

fn sweeps(chance: &mut Chance, storm: Duration) -> Vec<Duration> {
    let Some(every) = *chance.pick(&[None, Some(20), Some(60), Some(60), Some(200)]) else { return vec![] };
    let quiet_until = if chance.percent(20) { storm.as_secs() / 2 } else { 0 };
    let mut all = Vec::new();
    let mut at = quiet_until + chance.below(every);
    while at < storm.as_secs() {
        all.push(Duration::from_secs(at));
        if chance.percent(15) {
            all.push(Duration::from_secs(at));
        }
        at += chance.between(every / 2, every * 2);
    }
    all
}

fn by_hand(chance: &mut Chance, storm: Duration) -> Vec<(Duration, ByHand)> {
    let some = chance.between(1, 6);
    let when = |chance: &mut Chance| Duration::from_millis(chance.below(storm.as_millis() as u64));
    (0..some).map(|_| (when(chance), *chance.pick(&[ByHand::Stop, ByHand::Delete]))).collect()
}

fn azure_trouble(chance: &mut Chance, storm: Duration, calm: bool) -> AzureTrouble {
    if calm {
        return AzureTrouble { rate: 0, kinds: vec![], sink_rate: 0, bursts: vec![], lags: false };
    }
    let share = *chance.pick(&[15, 40, 80]);
    let bursts = if chance.percent(30) { chance.between(1, 4) } else { 0 };
    let bursts = (0..bursts).map(|_| {
        let (from, to) = some_while(chance, storm, &[10, 60, 200, 1500]);
        Burst { from, to, ask: *chance.pick(&ASKS), kind: *chance.pick(&KINDS), percent: *chance.pick(&[50, 100]) }
    });
    let bursts = bursts.collect();
    AzureTrouble {
        rate: *chance.pick(&[0, 10, 50, 150, 300]),
        kinds: chance.some_of(&KINDS, share),
        sink_rate: *chance.pick(&[0, 0, 50, 200, 500]),
        bursts,
        lags: chance.percent(10),
    }
}

fn store_trouble(chance: &mut Chance, storm: Duration) -> Vec<StoreTrouble> {
    let some = chance.between(1, 4);
    (0..some)
        .map(|_| {
            let (from, to) = some_while(chance, storm, &[2, 10, 60, 300]);
            let (reads, writes) = *chance.pick(&[(true, false), (false, true), (true, true)]);
            StoreTrouble { from, to, reads, writes, percent: *chance.pick(&[5, 30, 100]) }
        })
        .collect()
}

fn some_while(chance: &mut Chance, storm: Duration, lengths: &[u64]) -> (Duration, Duration) {
    let from = Duration::from_millis(chance.below(storm.as_millis() as u64));
    let length = Duration::from_secs(*chance.pick(lengths));
    (from, (from + length).min(storm))
}

fn skews(chance: &mut Chance, hosts: usize) -> Vec<i64> {
    (0..hosts).map(|_| skew(chance)).collect()
}

fn jumps(chance: &mut Chance, storm: Duration, hosts: usize) -> Vec<(Duration, usize, i64)> {
    let some = chance.between(1, 6);
    (0..some)
        .map(|_| {
            let at = Duration::from_millis(chance.below(storm.as_millis() as u64));
            (at, chance.below(hosts as u64) as usize, skew(chance))
        })
        .collect()
}

/// Up to some seconds, minutes or hours, ahead or back.
fn skew(chance: &mut Chance) -> i64 {
    let most = *chance.pick(&[0, 2000, 60_000, 900_000, 10_800_000]);
    chance.between(0, 2 * most).cast_signed() - most.cast_signed()
}
