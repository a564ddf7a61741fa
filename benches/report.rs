//! How fast a capture's file becomes a report, and in how much memory: `cargo bench --bench report`
//!
//! The built component in the embedded host reads two files from the simulator's Blob storage, over loopback: 1 GiB as fast as
//! it comes, and a quarter of that from a storage that gives each connection 60 MB/s and begins each answer after 20 ms, as
//! Azure's does about. Its time is from the arrival of the first request for the file to the step in the record that tells that
//! it was read. The yardsticks are the same code natively, with the same bytes in memory and in the same pieces; one plain
//! connection to the same storage; and `capinfos` and `tshark` where they are installed.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/common/alerts.rs"]
mod alerts;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/common/http.rs"]
mod http_client;

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nightcap::PIECE;
use nightcap::report::Analysis;
use nightcap_embedded::{Build, Host, Options};
use nightcap_simulator::{Azure, Exchange, OPERATOR_KEY, Server, Service, WEBHOOK_KEY, World};
use serde_json::Value;

/// Traffic for a file of 1 GiB, in percent of the simulator's usual.
const MUCH: u32 = 250_000;

/// The same when the program is not run by `cargo bench`, only to see that it works: some pieces.
const SOME: u32 = 8_000;

/// What one connection of Azure's Blob storage gives, about.
const BYTES_PER_SECOND: u64 = 60_000_000;
const LATENCY: Duration = Duration::from_millis(20);

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(is_bench));
}

/// A request for a file, as it arrived.
#[derive(Clone)]
struct Read {
    at: Timestamp,
    path: String,
    authorization: String,
}

/// The simulator, and nightcap beside it.
struct Stage {
    azure: Server,
    nightcap: Host,
    reads: Arc<Mutex<Vec<Read>>>,
}

/// A capture whose file became a report.
struct Reported {
    file: Vec<u8>,
    packets: Value,
    /// Bytes of the file in a second, in millions.
    speed: f64,
    /// The first request for the file.
    read: Read,
    /// The most memory of an instance when the report was there, and when the file had been sent through as well.
    memory: [u64; 2],
}

impl Stage {
    async fn new() -> Self {
        let reads: Arc<Mutex<Vec<Read>>> = Arc::default();
        let seen = reads.clone();
        let note = move |exchange: &Exchange| {
            if exchange.service == Service::Blob && exchange.method == "GET" {
                let authorization = exchange.header("authorization").unwrap_or_default().to_owned();
                let read = Read { at: Timestamp::now(), path: exchange.path.clone(), authorization };
                seen.lock().expect("nobody panics").push(read);
            }
        };
        let azure = Server::start_at(0, World::sample, note).await.expect("the simulator starts");
        let settings = azure.azure().lock().expect("the simulator lives").world().settings();
        let options =
            settings.into_iter().fold(Options::new(Build::Spin), |options, (name, value)| options.set(name, value));
        let nightcap = options.set("capture_seconds", "2").set("report_seconds", "3600");
        let nightcap = Host::start(nightcap).await.expect("the component starts");
        Self { azure, nightcap, reads }
    }

    fn change(&self, change: impl FnOnce(&mut World)) {
        let azure: Arc<Mutex<Azure>> = self.azure.azure();
        change(azure.lock().expect("the simulator lives").world_mut());
    }

    /// Has a machine captured, and its file read.
    async fn report_on(&self, machine: &str) -> Reported {
        self.reads.lock().expect("nobody panics").clear();
        let url = format!("{}/api/alerts?code={WEBHOOK_KEY}", self.nightcap.url());
        let alert = alerts::common("cpu", machine).to_string();
        let (_, answer) = http_client::post(&url, &[("content-type", "application/json")], alert).await.json();
        let capture = answer["outcomes"][0]["capture"]["links"]["self"].as_str().expect("a capture").to_owned();
        let bearer = format!("Bearer {OPERATOR_KEY}");
        let look = async |what: &str| {
            let path = format!("{}{capture}{what}", self.nightcap.url());
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
        let steps = record["steps"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["step"] == "report").expect("it was read");
        let read_at: Timestamp = step["at"].as_str().expect("a time").parse().expect("a time");
        let memory = self.nightcap.peak_memory();
        let (_, report): (_, Value) = look("/report").await.json();
        assert_eq!(report["file"]["isComplete"], true);
        let read = self.reads.lock().expect("nobody panics").first().cloned().expect("it was read");
        let file = look("/file").await.body;
        let took = read_at.duration_since(read.at).as_secs_f64();
        Reported {
            speed: file.len() as f64 / 1e6 / took,
            file: file.into(),
            packets: report["packets"].clone(),
            read,
            memory: [memory, self.nightcap.peak_memory()],
        }
    }

    /// How fast one connection of the storage gives the same file.
    async fn speed_of_one_connection(&self, read: &Read) -> f64 {
        let url = format!("{}{}", self.azure.urls().blob, read.path);
        let began = Instant::now();
        let headers = [("authorization", read.authorization.as_str()), ("x-ms-version", "2021-12-02")];
        let answer = http_client::get(&url, &headers).await;
        assert_eq!(answer.status, 200);
        answer.body.len() as f64 / 1e6 / began.elapsed().as_secs_f64()
    }
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
    let stage = Stage::new().await;
    stage.change(|world| {
        world.timing.create = Duration::ZERO;
        world.traffic_percent = percent / 4;
        world.timing.blob_bytes_per_second = Some(BYTES_PER_SECOND);
        world.timing.latency = LATENCY;
    });
    let slow = stage.report_on(alerts::TEST_VM).await;
    let one_connection = stage.speed_of_one_connection(&slow.read).await;

    stage.change(|world| {
        world.traffic_percent = percent;
        world.timing.blob_bytes_per_second = None;
        world.timing.latency = Duration::ZERO;
    });
    let fast = stage.report_on(alerts::CONTOSO_VM).await;
    let began = Instant::now();
    let mut analysis = Analysis::default();
    fast.file.chunks(PIECE as usize).for_each(|piece| analysis.push(piece));
    let own = analysis.finish();
    let native = fast.file.len() as f64 / 1e6 / began.elapsed().as_secs_f64();
    assert_eq!([&fast.packets["count"], &fast.packets["bytes"]], [own.packets.count, own.packets.bytes]);

    println!("60 MB/s a connection and 20 ms, a file of {} bytes", slow.file.len());
    println!(
        "component:                    {:>8.0} MB/s, {:.1} times one connection",
        slow.speed,
        slow.speed / one_connection
    );
    println!("one connection:               {one_connection:>8.0} MB/s");
    println!("No limit, a file of {} bytes, {} packets", fast.file.len(), own.packets.count);
    println!("component:                    {:>8.0} MB/s, {:.2} of native", fast.speed, fast.speed / native);
    println!("native, from memory:          {native:>8.0} MB/s");
    let [report, sent_through] = fast.memory.map(|bytes| bytes / 1024);
    println!("most linear memory of an instance, whole file sent through as well: {sent_through} KiB");
    println!("most linear memory of an instance, report alone: {report} KiB");
    if is_bench {
        for (program, speed) in other_programs(&fast.file) {
            println!("{program:<30}{speed:>8.0} MB/s, the component is {:.1} times as fast", fast.speed / speed);
        }
    }
}
