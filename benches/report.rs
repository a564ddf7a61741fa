//! How fast a capture's file becomes a report, and in how much memory: `cargo bench --bench report`
//!
//! The built component in the embedded host reads a file of 1 GiB from the simulator's Blob storage, over loopback. Its
//! time is from the arrival of the first request for the file to that of the last one, so the last piece is not in it.
//! The yardsticks are the same code natively, with the same bytes in memory and in the same pieces, and `capinfos` and
//! `tshark` where they are installed.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/common/alerts.rs"]
mod alerts;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/common/http.rs"]
mod http_client;

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nightcap::PIECE;
use nightcap::report::Analysis;
use nightcap_embedded::{Build, Host, Options};
use nightcap_simulator::{Exchange, OPERATOR_KEY, Server, Service, WEBHOOK_KEY, World};
use serde_json::Value;

/// Traffic for a file of 1 GiB, in percent of the simulator's usual.
const MUCH: u32 = 250_000;

/// The same when the program is not run by `cargo bench`, only to see that it works: some pieces.
const SOME: u32 = 2_000;

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(is_bench));
}

/// How fast Wireshark's programs read the same file, where they are installed: the first counts packets, the second much of
/// what a report says.
fn other_programs(file: &[u8]) -> Vec<(&'static str, f64)> {
    let path = std::env::temp_dir().join(format!("nightcap-bench-{}.cap", std::process::id()));
    std::fs::write(&path, file).expect("room for the file");
    let programs: [(&str, &[&str]); 2] =
        [("capinfos", &[]), ("tshark", &["-n", "-q", "-z", "conv,tcp", "-z", "io,phs", "-r"])];
    let time = |(program, arguments): (&'static str, &[&str])| {
        let began = Instant::now();
        let done =
            Command::new(program).args(arguments).arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let is_there = done.is_ok_and(|status| status.success());
        is_there.then(|| (program, file.len() as f64 / 1e6 / began.elapsed().as_secs_f64()))
    };
    let times = programs.into_iter().filter_map(time).collect();
    let _ = std::fs::remove_file(&path);
    times
}

async fn measure(is_bench: bool) {
    let percent = if is_bench { MUCH } else { SOME };
    let reads: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let seen = reads.clone();
    let note = move |exchange: &Exchange| {
        if exchange.service == Service::Blob && exchange.method == "GET" {
            seen.lock().expect("nobody panics").push(Instant::now());
        }
    };
    let world = |urls| {
        let mut world = World::sample(urls);
        world.timing.latency = Duration::ZERO;
        world.timing.create = Duration::ZERO;
        world.traffic_percent = percent;
        world
    };
    let azure = Server::start_at(0, world, note).await.expect("the simulator starts");
    let settings = azure.azure().lock().expect("the simulator lives").world().settings();
    let options =
        settings.into_iter().fold(Options::new(Build::Spin), |options, (name, value)| options.set(name, value));
    let nightcap = options.set("capture_seconds", "2").set("report_seconds", "3600");
    let nightcap = Host::start(nightcap).await.expect("the component starts");

    let url = format!("{}/api/alerts?code={WEBHOOK_KEY}", nightcap.url());
    let alert = alerts::common("cpu", alerts::TEST_VM).to_string();
    let (_, answer) = http_client::post(&url, &[("content-type", "application/json")], alert).await.json();
    let capture = answer["outcomes"][0]["capture"]["links"]["self"].as_str().expect("a capture").to_owned();
    let bearer = format!("Bearer {OPERATOR_KEY}");
    let look = async |what: &str| {
        let path = format!("{}{capture}{what}", nightcap.url());
        http_client::get(&path, &[("authorization", &bearer)]).await
    };
    let record = loop {
        let (_, record): (_, Value) = look("").await.json();
        if record["phase"] == "finished" {
            break record;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(record["reportProblem"].is_null(), "{record:#}");
    let memory = nightcap.peak_memory();
    let reads = reads.lock().expect("nobody panics").clone();
    let (_, report): (_, Value) = look("/report").await.json();
    let file = look("/file").await.body;
    let component = (reads.len() as u64 - 1) * PIECE;
    let took = reads[reads.len() - 1] - reads[0];
    let component = component as f64 / 1e6 / took.as_secs_f64();

    let began = Instant::now();
    let mut analysis = Analysis::default();
    file.chunks(PIECE as usize).for_each(|piece| analysis.push(piece));
    let own = analysis.finish();
    let native = file.len() as f64 / 1e6 / began.elapsed().as_secs_f64();
    assert_eq!(report["packets"], serde_json::to_value(own.packets).expect("JSON"));

    let other_programs = if is_bench { other_programs(&file) } else { vec![] };

    println!("A file of {} bytes, {} packets", file.len(), own.packets.count);
    println!("component, from Blob storage: {component:>8.0} MB/s, {:.2} of native", component / native);
    println!("native, from memory:          {native:>8.0} MB/s");
    for (program, speed) in other_programs {
        println!("{program:<30}{speed:>8.0} MB/s, the component is {:.1} times as fast", component / speed);
    }
    println!(
        "most linear memory of an instance, whole file sent through as well: {} KiB",
        nightcap.peak_memory() / 1024
    );
    println!("most linear memory of an instance, report alone: {} KiB", memory / 1024);
}
