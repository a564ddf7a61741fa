//! How much time nightcap adds between an alert and the request that starts the capture: `cargo bench --bench added_time`
//!
//! The built component runs in the embedded host, and the simulator answers at once, so what is left is nightcap, its
//! host and the loopback interface. A sample begins when the webhook's request is sent and ends when the PUT arrives at
//! the simulator. Two kinds of alert are measured:
//!
//! - cold: a machine that nightcap has never seen: machine, list, PUT;
//! - warm: a machine that is remembered: list, PUT.
//!
//! The token is there in both, in the store or in the instance; it is fetched about once an hour. The build for WASI 0.2, in
//! which each alert has an instance of its own, is measured beside the one for WASI 0.3, in which all of them share one.
//!
//! The yardstick, taken in turns with the samples, is a plain native client that sends the very same requests, recorded
//! from nightcap and repeated to the letter, one after the other, each on a connection of its own as the host does it.
//! What nightcap takes longer than this is what it adds: taking the webhook in, deciding and remembering.
//!
//! Each capture is deleted after its sample, so that every alert finds an empty watcher.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/common/alerts.rs"]
mod alerts;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/common/http.rs"]
mod http_client;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, StatusCode};
use nightcap_embedded::{Build, Host, Options, Reuse, component};
use nightcap_simulator::{Exchange, Server, Service, Urls, VirtualMachine, WEBHOOK_KEY, World};

/// Samples of each kind.
const SAMPLES: usize = 200;

/// Samples when the program is not run by `cargo bench`, only to see that it works.
const TRIAL_SAMPLES: usize = 3;

/// Later than any sample, so that nightcap does not look after a capture while others are measured.
const MUCH_LATER: u64 = 3600;

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let samples = if is_bench { SAMPLES } else { TRIAL_SAMPLES };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut kinds = Vec::new();
    for build in [Build::Spin, Build::SpinWasi03] {
        kinds.push((format!("{} cold", build.name()), runtime.block_on(measure_cold(build, samples))));
        kinds.push((format!("{} warm", build.name()), runtime.block_on(measure_warm(build, samples))));
    }
    print_times(samples, &kinds);
    print_sizes();
}

/// Each alert meets a new machine.
async fn measure_cold(build: Build, samples: usize) -> Comparison {
    let bench = Bench::new(build, samples + 1).await;
    let [first, machines @ ..] = &bench.machines[..] else { unreachable!("machines were asked for") };
    bench.alert(first).await;
    bench.delete_capture().await;
    let mut comparison = Comparison::default();
    for machine in machines {
        bench.compare(machine, &["GET virtualMachines", "GET packetCaptures", "PUT"], &mut comparison).await;
    }
    comparison
}

/// All alerts meet one machine, which was seen before.
async fn measure_warm(build: Build, samples: usize) -> Comparison {
    let bench = Bench::new(build, 1).await;
    let [machine] = &bench.machines[..] else { unreachable!("one machine was asked for") };
    bench.alert(machine).await;
    bench.delete_capture().await;
    let mut comparison = Comparison::default();
    for _ in 0..samples {
        bench.compare(machine, &["GET packetCaptures", "PUT"], &mut comparison).await;
    }
    comparison
}

/// The simulator and nightcap.
struct Bench {
    azure: Server,
    nightcap: Host,
    machines: Vec<String>,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    alerts_sent: Mutex<u32>,
}

/// A request at the simulator.
#[derive(Clone)]
struct Arrival {
    at: Instant,
    exchange: Exchange,
}

/// What was measured of one kind of alert.
#[derive(Default)]
struct Comparison {
    exchanges: usize,
    nightcap: Vec<Duration>,
    plain: Vec<Duration>,
}

impl Bench {
    async fn new(build: Build, machines: usize) -> Bench {
        let reuse = Reuse { total: usize::MAX, idle: Duration::from_secs(MUCH_LATER), ..Reuse::default() };
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let seen = arrivals.clone();
        let note = move |exchange: &Exchange| {
            let arrival = Arrival { at: Instant::now(), exchange: exchange.clone() };
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
        };
        let azure = Server::start_at(0, |urls| world(urls, machines), note).await.expect("the simulator starts");
        let (settings, machines) = {
            let azure = azure.azure();
            let azure = azure.lock().expect("the simulator lives");
            let machines = azure.world().virtual_machines.iter().map(|machine| machine.id.clone()).collect();
            (azure.world().settings(), machines)
        };
        let options = settings.into_iter().fold(Options::new(build), |options, (name, value)| options.set(name, value));
        let options = Options { reuse, ..options.set("cooldown_seconds", "0").set("capture_limit", "10000") };
        let nightcap = Host::start(options).await.expect("the component starts");
        Bench { azure, nightcap, machines, arrivals, alerts_sent: Mutex::new(0) }
    }

    /// Takes one sample of nightcap and one of the plain client.
    async fn compare(&self, machine: &str, expected: &[&str], comparison: &mut Comparison) {
        let (took, requests) = self.alert(machine).await;
        let asked: Vec<String> = requests.iter().map(name).collect();
        assert_eq!(asked, expected, "nightcap sent other requests than those that are compared");
        self.delete_capture().await;
        let plain = self.repeat(&requests).await;
        self.delete_capture().await;
        comparison.exchanges = requests.len();
        comparison.nightcap.push(took);
        comparison.plain.push(plain);
    }

    /// Fires an alert of its own. Gives the time until the PUT arrived, and the requests up to it.
    async fn alert(&self, machine: &str) -> (Duration, Vec<Exchange>) {
        let alert = self.next_alert(machine).to_string();
        let url = format!("{}/api/alerts?code={WEBHOOK_KEY}", self.nightcap.url());
        self.arrivals().clear();
        let sent = Instant::now();
        let answer = http_client::post(&url, &[("content-type", "application/json")], alert).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        let arrivals = self.arrivals_until_put();
        (
            arrivals.last().map(|put| put.at - sent).expect("a PUT"),
            arrivals.into_iter().map(|arrival| arrival.exchange).collect(),
        )
    }

    /// Sends the same requests with a plain client. Gives the time until the PUT arrived.
    async fn repeat(&self, requests: &[Exchange]) -> Duration {
        self.arrivals().clear();
        let began = Instant::now();
        for request in requests {
            let status =
                self.send(request.method.parse().expect("a method"), request, request.body.clone().into()).await;
            assert!(status.is_success(), "{status} to {} {}", request.method, request.path);
        }
        self.arrivals_until_put().last().map(|put| put.at - began).expect("a PUT")
    }

    /// Deletes the capture that was created last.
    async fn delete_capture(&self) {
        let put = self.arrivals_until_put().pop().expect("a PUT").exchange;
        let status = self.send(Method::DELETE, &put, Bytes::new()).await;
        assert!(status.is_success(), "the simulator deletes a capture: {status}");
    }

    /// Sends a request with the address and headers of one that nightcap sent.
    async fn send(&self, method: Method, like: &Exchange, body: Bytes) -> StatusCode {
        let urls = self.azure.urls();
        let origin = if like.service == Service::Entra { &urls.authority } else { &urls.arm };
        let headers = like.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers: Vec<(&str, &str)> = headers.filter(|(name, _)| !is_of_connection(name)).collect();
        http_client::send(method, &format!("{origin}{}", like.path), &headers, body).await.status
    }

    fn next_alert(&self, machine: &str) -> serde_json::Value {
        let mut sent = self.alerts_sent.lock().expect("one task");
        *sent += 1;
        let fired = jiff::Timestamp::now().to_string();
        alerts::common_at(&format!("rule-{sent}"), &machine.to_lowercase(), &fired)
    }

    fn arrivals(&self) -> std::sync::MutexGuard<'_, Vec<Arrival>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The PUT and the requests that led to it. An earlier capture may still be seen to meanwhile; the id that nightcap
    /// gives to all requests of an alert tells them apart.
    fn arrivals_until_put(&self) -> Vec<Arrival> {
        let arrivals = self.arrivals();
        let place = arrivals.iter().position(|arrival| arrival.exchange.method == "PUT").expect("a PUT has arrived");
        let alert = |arrival: &Arrival| arrival.exchange.header("x-ms-client-request-id").map(str::to_owned);
        let put = alert(&arrivals[place]);
        // Tokens have no such id, but the one for Blob storage is never needed for a PUT.
        let is_for_azure = |arrival: &Arrival| {
            arrival.exchange.service == Service::Entra && !arrival.exchange.body.contains("storage.azure.com")
        };
        let is_of_alert = |arrival: &&Arrival| is_for_azure(arrival) || alert(arrival) == put;
        arrivals[..=place].iter().filter(is_of_alert).cloned().collect()
    }
}

/// An Azure without delays, and with so many machines.
fn world(urls: Urls, machines: usize) -> World {
    let mut world = World::sample(urls);
    world.timing.create = Duration::ZERO;
    world.timing.delete = Duration::ZERO;
    world.timing.latency = Duration::ZERO;
    world.timing.retry_after = MUCH_LATER;
    let model = world.virtual_machines[0].clone();
    let machine = |number| VirtualMachine { id: format!("{}-{number}", model.id), ..model.clone() };
    world.virtual_machines = (0..machines).map(machine).collect();
    world
}

/// Headers that a client sets for each connection by itself.
fn is_of_connection(header: &str) -> bool {
    matches!(header, "host" | "connection" | "content-length" | "transfer-encoding")
}

/// A request in short: `GET virtualMachines`.
fn name(exchange: &Exchange) -> String {
    let path = exchange.path.split('?').next().unwrap_or_default();
    let word = ["token", "virtualMachines", "packetCaptures"]
        .into_iter()
        .rfind(|word| path.to_lowercase().contains(&word.to_lowercase()));
    match exchange.method.as_str() {
        "PUT" => "PUT".into(),
        method => format!("{method} {}", word.unwrap_or(path)),
    }
}

fn print_times(samples: usize, kinds: &[(String, Comparison)]) {
    println!("From the alert's sending to the arrival of the request that starts the capture, in ms");
    println!("({samples} alerts of each kind, real sockets on this computer, an Azure that answers at once)\n");
    println!("{:22} {:>16} {:>16} {:>17}", "", "nightcap", "plain client", "added by nightcap");
    println!("{:22} {:>9}{:>7} {:>9}{:>7} {:>17}", "", "median", "p95", "median", "p95", "median");
    for (kind, comparison) in kinds {
        let [median, p95] = [50, 95].map(|percent| ms(&comparison.nightcap, percent));
        let [plain_median, plain_p95] = [50, 95].map(|percent| ms(&comparison.plain, percent));
        let kind = format!("{kind}, {} requests", comparison.exchanges);
        let added = median - plain_median;
        println!("{kind:22} {median:>9.2}{p95:>7.2} {plain_median:>9.2}{plain_p95:>7.2} {added:>17.2}");
    }
    println!("\nWithout the machine's speed in it: nightcap's time divided by the plain client's");
    for (kind, comparison) in kinds {
        let [median, p95] = [50, 95].map(|percent| ms(&comparison.nightcap, percent) / ms(&comparison.plain, percent));
        println!("{kind}: median {median:.2}, p95 {p95:.2}");
    }
}

fn print_sizes() {
    println!("\nSize of the component, in bytes, and relative to 1,000,000");
    for build in Build::ALL {
        let path = component(build).expect("the component is built");
        let size = std::fs::metadata(path).expect("a file").len();
        println!("{}: {size} ({:.3})", build.name(), size as f64 / 1e6);
    }
}

/// A percentile in milliseconds.
fn ms(durations: &[Duration], percent: usize) -> f64 {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted[place].as_secs_f64() * 1000.0
}
