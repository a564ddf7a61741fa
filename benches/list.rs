//! What a page of a long list costs: `cargo bench --bench list`
//!
//! The built component runs in the embedded host against the simulator, over loopback. Its store holds the records of many
//! captures, and the region's watcher holds as many, half of them somebody else's. Told are, for each list: how long its first
//! page takes, and how often that is what it takes with a hundredth of all that; what the store is asked for it; and the most
//! memory that an instance has had, by a host of its own for each list. The simulator answers at once, so its own work on a
//! long list is all that Azure takes here.

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use common::alerts::TEST_VM;
use common::crowd::{copies, fill_watcher};
use common::http::get;
use common::served::{Served, until};
use http::Method;
use nightcap_embedded::Build;
use nightcap_simulator::OPERATOR_KEY;
use serde_json::json;

/// Records, and captures in the watcher.
const MANY: usize = 10_000;
const FEW: usize = MANY / 100;

/// How often each page is asked for; how often when the program is not run by `cargo bench`, only to see that it works.
const SAMPLES: usize = 30;
const TRIAL_SAMPLES: usize = 2;

const HERE: &str = "subscription=00000000-0000-0000-0000-000000000000&region=westcentralus";

/// What a page has cost.
struct Cost {
    median: Duration,
    longest: Duration,
    /// What the store was asked for one page: single values, and all keys.
    reads: usize,
    listings: usize,
    writes: usize,
    /// How long the page is, in bytes.
    length: usize,
    /// The most linear memory of an instance, in bytes.
    memory: u64,
}

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let (many, samples) = if is_bench { (MANY, SAMPLES) } else { (2 * FEW, TRIAL_SAMPLES) };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(many, samples));
}

async fn measure(many: usize, samples: usize) {
    let lists = [
        ("records", "/api/captures".to_owned()),
        ("records of what has finished", "/api/captures?phase=finished".to_owned()),
        ("records and what the watcher has", format!("/api/captures?{HERE}")),
        ("the same of one machine", format!("/api/captures?{HERE}&target={TEST_VM}")),
        ("the page for people", "/".to_owned()),
    ];
    let (mut few_here, mut many_here) = (crowd(FEW).await, crowd(many).await);
    println!("{many} records and {many} captures in the watcher; `x` is how often the time of {FEW} of each");
    for (name, url) in lists {
        let (few, cost);
        (few_here, few) = costs_of(few_here, &url, samples).await;
        (many_here, cost) = costs_of(many_here, &url, samples).await;
        println!(
            "{name:<34}{:>8.1} ms, {:.1} at most, {:.1} x; reads {}, listings {}, writes {}; {} KB; memory {} KiB, {} KiB with {FEW}",
            millis(cost.median),
            millis(cost.longest),
            cost.median.as_secs_f64() / few.median.as_secs_f64(),
            cost.reads,
            cost.listings,
            cost.writes,
            cost.length / 1000,
            cost.memory / 1024,
            few.memory / 1024,
        );
    }
}

/// A pretend Azure and nightcap with a capture that has finished, and with so many more like it.
async fn crowd(many: usize) -> Served {
    let scene = Served::with(Build::Spin, |world| world.traffic_percent = 0, &[]).await;
    let body = json!({"target": TEST_VM, "timeLimitInSeconds": 1}).to_string();
    let (_, started): (_, serde_json::Value) = scene.operate(Method::POST, "/api/captures", &body).await.json();
    let name = started["capture"]["name"].as_str().expect("a capture").to_owned();
    let finished = || async {
        let (_, list) = scene.look("/api/captures?phase=finished").await;
        (!list["captures"].as_array()?.is_empty()).then_some(())
    };
    until("the end of the capture", finished).await;
    let state = &scene.options.state;
    let key = state.keys().into_iter().find(|key| key.starts_with("capture:")).expect("a record");
    let record = String::from_utf8(state.get(&key).expect("a record")).expect("JSON");
    for (key, value) in copies(&key, &record, many) {
        state.put(&key, value);
    }
    scene.on_azure(|azure| fill_watcher(azure, jiff::Timestamp::now(), &name, many));
    scene
}

/// What the first page of a list costs, asked for again and again of a host that does nothing else.
async fn costs_of(scene: Served, url: &str, samples: usize) -> (Served, Cost) {
    let scene = scene.restart().await;
    let bearer = format!("Bearer {OPERATOR_KEY}");
    let look = async || {
        let (steps, began) = (scene.nightcap.steps().len(), Instant::now());
        let page = get(&format!("{}{url}", scene.nightcap.url()), &[("authorization", &bearer)]).await;
        assert_eq!(page.status, 200, "{url}");
        (began.elapsed(), page.body.len(), scene.nightcap.steps().split_off(steps))
    };
    // The first one has the connections, and the token, made.
    look().await;
    let mut looks = Vec::new();
    for _ in 0..samples {
        looks.push(look().await);
    }
    looks.sort_unstable_by_key(|(took, ..)| *took);
    let (median, length, steps) = &looks[looks.len() / 2];
    let asked = |verb: &str| steps.iter().filter(|step| step.starts_with(verb)).count();
    let cost = Cost {
        median: *median,
        longest: looks.last().expect("a sample").0,
        reads: asked("read "),
        listings: asked("list "),
        writes: asked("write "),
        length: *length,
        memory: scene.nightcap.peak_memory(),
    };
    scene.assert_no_trap();
    (scene, cost)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
