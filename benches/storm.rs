//! What a storm of alerts costs: `cargo bench --bench storm`
//!
//! The built component runs in the embedded host against the simulator, over real sockets. Many alerts come at once for fewer
//! machines, 64 at a time, and each of the 64 senders sends the next one when the last was answered. Told are, beside how the
//! alerts ended, the requests to Azure, the tokens among them, the instances, and the memory of the whole process: the host and
//! the simulator with all that it remembers. Each build and each storm has a process of its own, so that none inherits the
//! memory of another.
//!
//! Every alert has to end rightly: one for each machine has started a capture, and all others have joined it.

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::alerts::{common_at, many_machines};
use common::served::{Served, until};
use futures::future::join_all;
use nightcap_embedded::{Build, component};
use nightcap_simulator::World;

/// Alerts and machines of each storm.
const STORMS: [(usize, usize); 2] = [(500, 100), (2000, 400)];

/// The same when the program is not run by `cargo bench`, only to see that it works.
const TRIAL: [(usize, usize); 1] = [(20, 4)];

/// How many alerts are on their way at once.
const AT_ONCE: usize = 64;

/// How long Azure takes for each answer.
const LATENCY: Duration = Duration::from_millis(100);

/// Settings beyond those of the simulator's world.
const SETTINGS: [(&str, &str); 2] = [("capture_seconds", "3600"), ("notify_on", "failed")];

/// Tells the process of a storm which one it is.
const STORM: &str = "NIGHTCAP_STORM";

/// What is known of an answer.
struct Answered {
    status: u16,
    /// Where the alert's record lies.
    record: String,
    took: Duration,
}

fn main() {
    if let Ok(storm) = std::env::var(STORM) {
        let numbers: Vec<usize> = storm.split(' ').map(|number| number.parse().expect("a number")).collect();
        let [build, alerts, machines] = numbers[..] else { panic!("{STORM} is a build, alerts and machines") };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        return runtime.block_on(storm_over(Build::ALL[build], alerts, machines));
    }
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let storms: &[(usize, usize)] = if is_bench { &STORMS } else { &TRIAL };
    for (alerts, machines) in storms {
        println!(
            "{alerts} alerts on {machines} machines, {AT_ONCE} at once, an Azure that takes {} ms",
            LATENCY.as_millis()
        );
        for (number, build) in Build::ALL.into_iter().enumerate() {
            // Built here, so that no storm has the compiler beside it.
            component(build).expect("the component is built");
            let program = std::env::current_exe().expect("this program");
            let storm =
                Command::new(program).env(STORM, format!("{number} {alerts} {machines}")).stdin(Stdio::null()).status();
            assert!(storm.expect("the storm begins").success(), "the storm over {} did not end well", build.name());
        }
    }
}

async fn storm_over(build: Build, alerts: usize, machines: usize) {
    let mut ids = vec![];
    let furnish = |world: &mut World| {
        world.timing.latency = LATENCY;
        ids = many_machines(world, machines);
    };
    let scene = Served::with(build, furnish, &SETTINGS).await;
    let before = resident();
    let is_over = AtomicBool::new(false);
    let storm = async {
        let began = Instant::now();
        let answers = send_all(&scene, alerts, &ids).await;
        let took = began.elapsed();
        let ends = ends(&scene, &answers).await;
        is_over.store(true, Ordering::Relaxed);
        (answers, took, ends)
    };
    let ((answers, took, ends), most_memory) = futures::future::join(storm, watch_memory(&is_over)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let instances_after = scene.nightcap.instances();

    let statuses = count(answers.iter().map(|answer| answer.status.to_string()));
    let slowest = answers.iter().map(|answer| answer.took).max().unwrap_or_default();
    let asked = count(scene.asked().into_iter().map(|asked| match asked.starts_with("GET machine-") {
        true => "GET machine".to_owned(),
        false => asked,
    }));
    let tokens: usize = asked.iter().filter(|(what, _)| what.ends_with("token")).map(|(_, count)| count).sum();
    println!("  {}: {:.1} s, slowest answer {} ms", build.name(), took.as_secs_f64(), slowest.as_millis());
    println!("    answers {statuses:?}, ends {ends:?}, tokens {tokens}");
    println!(
        "    requests to Azure {} ({:.2} an alert)",
        asked.values().sum::<usize>(),
        ratio(asked.values().sum(), alerts)
    );
    println!("    {asked:?}");
    println!(
        "    memory {} MiB, {} MiB before; {} instances at most, {instances_after} after 3 s; linear memory {} KiB each at most",
        most_memory / 1024,
        before / 1024,
        scene.nightcap.most_instances(),
        scene.nightcap.peak_memory() / 1024,
    );
    assert!(answers.iter().all(|answer| [200, 201, 202].contains(&answer.status)), "{statuses:?}");
    assert_eq!(ends, BTreeMap::from([("joined".to_owned(), alerts - machines), ("started".to_owned(), machines)]));
    assert_eq!(scene.captures(), machines);
    scene.assert_no_trap();
}

/// Sends all alerts, so many at once, to one machine after the other.
async fn send_all(scene: &Served, alerts: usize, machines: &[String]) -> Vec<Answered> {
    let next = AtomicUsize::new(0);
    let senders = (0..AT_ONCE).map(|_| async {
        let mut answers = vec![];
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= alerts {
                return answers;
            }
            let machine = &machines[number % machines.len()];
            let alert = common_at(&format!("rule-{number}"), machine, &jiff::Timestamp::now().to_string());
            let sent = Instant::now();
            let (status, answer) = scene.alert(&alert).await;
            let record = answer["links"]["record"].as_str().unwrap_or_default().to_owned();
            answers.push(Answered { status: status.as_u16(), record, took: sent.elapsed() });
        }
    });
    join_all(senders).await.into_iter().flatten().collect()
}

/// How the alerts ended, by their records.
async fn ends(scene: &Served, answers: &[Answered]) -> BTreeMap<String, usize> {
    let mut ends = vec![];
    for answer in answers {
        let record = until("the end of an alert", async || {
            let (_, record) = scene.look(&answer.record).await;
            (record["finished"] == true).then_some(record)
        });
        ends.push(record.await["outcomes"][0]["outcome"].as_str().unwrap_or_default().to_owned());
    }
    count(ends.into_iter())
}

fn count(texts: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    counts
}

fn ratio(all: usize, of: usize) -> f64 {
    all as f64 / of as f64
}

/// The most memory that the process has until then, in KiB.
async fn watch_memory(is_over: &AtomicBool) -> u64 {
    let mut most = 0;
    while !is_over.load(Ordering::Relaxed) {
        most = most.max(resident());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    most
}

/// The memory that the process has, in KiB, where the system tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
