//! nightcap itself, natively, on a clock that tests turn: its host is the simulator's pure core and tokio's paused time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use nightcap::Instance as Nightcap;
use nightcap::Timestamp;
use nightcap::host::{FileUnreadable, Host, NoAnswer, Progress, SettingsUnreadable, StoreError, Task};
use nightcap_simulator::{
    Azure, CLIENT_ID, CLIENT_SECRET, Capture, CaptureState, Outcome, Service, TENANT_ID, Urls, VirtualMachine,
    WEBHOOK_KEY, World,
};
use serde_json::Value;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tower::ServiceExt;

use super::http::Answer;

/// When the story begins: in the middle of a slot of time, so that boundaries are met only on purpose.
pub const BEGIN: &str = "2026-11-20T02:12:30Z";

/// The network watcher of the sample machines' region.
pub const WATCHER: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/NetworkWatcherRG/providers/Microsoft.Network/networkWatchers/NetworkWatcher_westcentralus";

/// How an operator shows the simulator's operator key.
pub const BEARER: &str = "Bearer simulated-operator-key";

/// What instances share: Azure, and the clock.
#[derive(Clone)]
pub struct Scene {
    pub azure: Arc<Mutex<Azure>>,
    begin: jiff::Timestamp,
    clock: Instant,
    /// Requests that went anywhere but to the four services.
    pub strangers: Arc<Mutex<Vec<String>>>,
    /// The longest that the network takes for a request, and again for its answer.
    pub network: Duration,
    /// How wrong the hosts' clocks are, in milliseconds.
    skew: i64,
    /// Where chance begins; every instance has its own.
    seed: Arc<AtomicU64>,
}

/// A store that outlives its instance and can be told to fail.
#[derive(Clone, Default)]
pub struct Store {
    values: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    pub fail_reads: Arc<AtomicBool>,
    pub fail_writes: Arc<AtomicBool>,
    /// What the keys begin with that alone cannot be written.
    pub refuse: Arc<Mutex<Option<&'static str>>>,
    /// What the keys begin with that alone cannot be read.
    pub withhold: Arc<Mutex<Option<&'static str>>>,
    /// What lies in the files of the hosts.
    pub files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// How long each operation takes, in milliseconds.
    pub takes: Arc<AtomicU64>,
    /// Whether the provider of settings, which may be a vault, does not answer.
    pub fail_settings: Arc<AtomicBool>,
}

/// What an instance asked of the store, or that it asked Azure for a capture.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Such as `read target`, or `PUT`.
    pub what: String,
    /// Whether no request was on its way meanwhile, so that everything had to wait for it.
    pub is_waited_for: bool,
}

/// One instance of nightcap.
pub struct Instance {
    app: Arc<Nightcap<SimulatedHost>>,
    logs: Arc<Mutex<Vec<String>>>,
    tasks: Arc<Mutex<Vec<AbortHandle>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    pub store: Store,
}

pub struct SimulatedHost {
    scene: Scene,
    settings: BTreeMap<String, String>,
    store: Store,
    logs: Arc<Mutex<Vec<String>>>,
    tasks: Arc<Mutex<Vec<AbortHandle>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    chance: AtomicU64,
    /// How many requests are on their way.
    under_way: AtomicU64,
}

impl Scene {
    /// The simulator's sample world on the public cloud's addresses.
    pub fn new() -> Self {
        Self::begun_at(BEGIN)
    }

    pub fn begun_at(begin: &str) -> Self {
        Self::with(begin, |_| ())
    }

    pub fn with(begin: &str, change: impl FnOnce(&mut World)) -> Self {
        let mut world = World::sample(Urls::public());
        change(&mut world);
        Self {
            azure: Arc::new(Mutex::new(Azure::new(world))),
            begin: begin.parse().unwrap(),
            clock: Instant::now(),
            strangers: Arc::default(),
            network: Duration::ZERO,
            skew: 0,
            seed: Arc::new(AtomicU64::new(1)),
        }
    }

    /// The same scene for hosts whose clocks are wrong by so many milliseconds.
    pub fn with_skew(self, skew: i64) -> Self {
        Self { skew, ..self }
    }

    /// The same scene with a network that takes up to so long each way, by chance.
    pub fn with_network(self, longest: Duration, seed: u64) -> Self {
        Self { network: longest, seed: Arc::new(AtomicU64::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))), ..self }
    }

    pub fn now(&self) -> jiff::Timestamp {
        self.begin + self.clock.elapsed()
    }

    /// The id of the first machine in Azure that is like this.
    pub fn machine(&self, is_it: impl Fn(&VirtualMachine) -> bool) -> String {
        self.azure.lock().unwrap().world().virtual_machines.iter().find(|vm| is_it(vm)).unwrap().id.clone()
    }

    pub fn instance(&self) -> Instance {
        self.instance_with(&[], Store::default())
    }

    /// An instance with settings beyond those of the world.
    pub fn instance_with(&self, settings: &[(&str, &str)], store: Store) -> Instance {
        let mut all: BTreeMap<String, String> = self
            .azure
            .lock()
            .unwrap()
            .world()
            .settings()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let logs = Arc::<Mutex<Vec<String>>>::default();
        let tasks = Arc::<Mutex<Vec<AbortHandle>>>::default();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let host = SimulatedHost {
            scene: self.clone(),
            settings: all,
            store: store.clone(),
            logs: logs.clone(),
            tasks: tasks.clone(),
            asked: asked.clone(),
            chance: AtomicU64::new(self.seed.fetch_add(1 << 32, Ordering::Relaxed)),
            under_way: AtomicU64::new(0),
        };
        Instance { app: Arc::new(Nightcap::new(host)), logs, tasks, asked, store }
    }

    /// What Azure was asked, in order, as `METHOD last-part-of-the-path`.
    pub fn asked(&self) -> Vec<String> {
        super::asked(&self.azure.lock().unwrap())
    }

    /// The same from the nth request on.
    pub fn asked_since(&self, first: usize) -> Vec<String> {
        self.asked().split_off(first)
    }

    /// The same up to the one that creates a capture: what evidence had to wait for.
    pub fn asked_for_it(&self, first: usize) -> Vec<String> {
        let mut asked = self.asked_since(first);
        let put = asked.iter().position(|asked| asked.starts_with("PUT"));
        asked.truncate(put.map_or(0, |put| put + 1));
        asked
    }

    /// Puts a capture of anybody's into the watcher of the sample machines.
    pub fn add_capture(&self, name: &str, target: &str, seconds: u64, state: CaptureState) {
        let limit = Duration::from_secs(seconds);
        self.azure.lock().unwrap().add_capture(self.now(), WATCHER, name, target, limit, state);
    }

    /// What somebody does to a capture without nightcap: stops it, or deletes it.
    pub fn by_hand(&self, method: Method, name: &str, action: &str) {
        let mut azure = self.azure.lock().unwrap();
        let mut ask = |service, method, uri: String, bearer: &str, body: String| {
            let request = Request::builder().method(method).uri(uri).header("authorization", bearer);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            match azure.handle(self.now(), service, request.body(Bytes::from(body)).unwrap()).outcome {
                Outcome::Response(answer) => answer,
                Outcome::Cut => panic!("somebody got no answer"),
            }
        };
        let login = format!("https://login.microsoftonline.com/{TENANT_ID}/oauth2/v2.0/token");
        let secret: String = url::form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect();
        let form = format!(
            "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={secret}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default"
        );
        let token: Value = serde_json::from_slice(ask(Service::Entra, Method::POST, login, "", form).body()).unwrap();
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let capture =
            format!("https://management.azure.com{WATCHER}/packetCaptures/{name}{action}?api-version=2024-05-01");
        let answer = ask(Service::Arm, method, capture, &bearer, String::new());
        assert_eq!(answer.status(), 202);
    }

    /// Names of the captures that run on a machine now.
    pub fn running_on(&self, target: &str) -> Vec<String> {
        let now = self.now();
        self.names_of(|capture| {
            capture.target.eq_ignore_ascii_case(target) && capture.exists(now) && capture.is_active(now)
        })
    }

    /// Names of the captures that somebody stopped, now there or not.
    pub fn stopped(&self) -> Vec<String> {
        self.names_of(|capture| capture.stop_reason.as_deref() == Some("Manual"))
    }

    /// Names of all captures that are there now.
    pub fn captures(&self) -> Vec<String> {
        let now = self.now();
        self.names_of(|capture| capture.exists(now))
    }

    fn names_of(&self, wanted: impl Fn(&Capture) -> bool) -> Vec<String> {
        let captures = self.azure.lock().unwrap().captures();
        captures.into_iter().filter(wanted).map(|capture| capture.name).collect()
    }
}

impl Store {
    pub fn values(&self) -> BTreeMap<String, String> {
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
        self.values.lock().unwrap().iter().map(|(key, value)| (key.clone(), text(value))).collect()
    }

    /// Loses the values whose keys begin like this.
    pub fn lose(&self, prefix: &str) {
        self.values.lock().unwrap().retain(|key, _| !key.starts_with(prefix));
    }

    /// Puts a value under a key, whatever it is.
    pub fn put(&self, key: &str, value: &str) {
        self.values.lock().unwrap().insert(key.to_owned(), value.as_bytes().to_vec());
    }

    /// The one value whose key begins like this.
    pub fn json(&self, prefix: &str) -> Value {
        let values = self.values();
        let mut found = values.iter().filter(|(key, _)| key.starts_with(prefix));
        let (_, value) = found.next().unwrap_or_else(|| panic!("nothing at {prefix}: {:?}", values.keys()));
        serde_json::from_str(value).unwrap()
    }
}

impl Instance {
    /// Sends an alert as an action group does.
    pub async fn alert(&self, body: &Value) -> Answer {
        self.post(body.to_string().into_bytes()).await
    }

    /// What an operator sees at an address.
    pub async fn look(&self, link: &str) -> Value {
        self.send(Method::GET, link, &[("authorization", BEARER)], "").await.json().1
    }

    /// The record of its one alert, as an operator sees it.
    pub async fn alert_record(&self) -> Value {
        let key = self.store.json("alert:")["key"].clone();
        self.look(&format!("/api/alerts/{}", key.as_str().unwrap())).await
    }

    /// Sweeps, as a timer does.
    pub async fn sweep(&self) -> Answer {
        self.send(Method::POST, "/api/sweep", &[("authorization", BEARER)], "").await
    }

    pub async fn post(&self, body: impl Into<Bytes>) -> Answer {
        let url = format!("/api/alerts?code={WEBHOOK_KEY}");
        self.send(Method::POST, &url, &[("content-type", "application/json")], body).await
    }

    pub async fn send(&self, method: Method, url: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.into())).unwrap();
        let answer = nightcap::router(self.app.clone()).oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        Answer { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    /// Ends everything that the instance still does, wherever it is.
    pub fn kill(self) {
        self.tasks.lock().unwrap().iter().for_each(AbortHandle::abort);
    }

    pub fn logs(&self) -> Vec<String> {
        self.logs.lock().unwrap().clone()
    }

    /// Everything that it asked the store, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What it asked the store before it first asked Azure for a capture.
    pub fn asked_before_put(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().take_while(|asked| asked.what != "PUT").cloned().collect()
    }
}

impl Store {
    /// Waits as long as an operation takes.
    async fn work(&self) {
        let takes = self.takes.load(Ordering::Relaxed);
        if takes > 0 {
            tokio::time::sleep(Duration::from_millis(takes)).await;
        }
    }
}

impl SimulatedHost {
    fn travel(&self) -> Duration {
        let [.., chance] = self.random();
        self.scene.network * u32::from(chance) / 255
    }

    /// Notes what the store is asked.
    fn note(&self, verb: &str, key: &str) {
        let parts = if key.starts_with("open:") { 2 } else { 1 };
        let kind: Vec<&str> = key.split(':').take(parts).collect();
        self.note_asked(format!("{verb} {}", kind.join(":")));
    }

    fn note_asked(&self, what: String) {
        let is_waited_for = self.under_way.load(Ordering::Relaxed) == 0;
        self.asked.lock().unwrap().push(Asked { what, is_waited_for });
    }
}

/// A request on its way, until this is dropped.
struct UnderWay<'a>(&'a AtomicU64);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Host for SimulatedHost {
    async fn send(&self, request: Request<Bytes>, _: &Progress) -> Result<Response<Bytes>, NoAnswer> {
        let service = match request.uri().host().unwrap_or_default() {
            "login.microsoftonline.com" => Service::Entra,
            "management.azure.com" => Service::Arm,
            host if host.ends_with(".blob.core.windows.net") => Service::Blob,
            "sink.example" => Service::Sink,
            "169.254.169.254" | "localhost" => Service::Identity,
            host => {
                self.scene.strangers.lock().unwrap().push(host.to_owned());
                return Err(NoAnswer(format!("{host} is a stranger")));
            }
        };
        if request.method() == Method::PUT {
            self.note_asked("PUT".to_owned());
        }
        let under_way = UnderWay::begin(&self.under_way);
        tokio::time::sleep(self.travel()).await;
        let reply = self.scene.azure.lock().unwrap().handle(self.scene.now(), service, request);
        tokio::time::sleep(reply.after + self.travel()).await;
        drop(under_way);
        match reply.outcome {
            Outcome::Response(response) => Ok(response),
            Outcome::Cut => Err(NoAnswer("the connection was cut".to_owned())),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.scene.now().as_millisecond() + self.scene.skew)
    }

    fn monotonic(&self) -> Duration {
        self.scene.clock.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        let count = self.chance.fetch_add(1, Ordering::Relaxed);
        u128::from(count).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes()
    }

    async fn setting(&self, name: &'static str) -> Result<Option<String>, SettingsUnreadable> {
        if self.store.fail_settings.load(Ordering::Relaxed) {
            return Err(SettingsUnreadable(format!("the vault did not hand out {name}")));
        }
        Ok(self.settings.get(name).cloned())
    }

    fn given_settings(&self) -> Vec<String> {
        self.settings.keys().cloned().collect()
    }

    fn has_store(&self) -> bool {
        true
    }

    async fn file(&self, path: String) -> Result<Vec<u8>, FileUnreadable> {
        let files = self.store.files.lock().unwrap();
        files.get(&path).cloned().ok_or_else(|| FileUnreadable(format!("{path} is not there")))
    }

    async fn load(&self, key: String) -> Result<Option<Vec<u8>>, StoreError> {
        self.note("read", &key);
        self.store.work().await;
        assert!(key.len() <= 256, "{key}");
        let is_withheld = self.store.withhold.lock().unwrap().is_some_and(|prefix| key.starts_with(prefix));
        if is_withheld || self.store.fail_reads.load(Ordering::Relaxed) {
            return Err(StoreError("the disk is on fire".to_owned()));
        }
        Ok(self.store.values.lock().unwrap().get(&key).cloned())
    }

    async fn save(&self, key: String, value: Vec<u8>) -> Result<(), StoreError> {
        self.note("write", &key);
        self.store.work().await;
        let taken_by_every_store = key.len() <= 256 && value.len() <= 1_000_000 && !key.contains(['/', '\\', '?', '#']);
        assert!(taken_by_every_store, "{key}");
        let is_refused = self.store.refuse.lock().unwrap().is_some_and(|prefix| key.starts_with(prefix));
        if is_refused || self.store.fail_writes.load(Ordering::Relaxed) {
            return Err(StoreError("the disk is full".to_owned()));
        }
        self.store.values.lock().unwrap().insert(key, value);
        Ok(())
    }

    async fn delete(&self, key: String) -> Result<(), StoreError> {
        self.note("delete", &key);
        self.store.work().await;
        if self.store.fail_writes.load(Ordering::Relaxed) {
            return Err(StoreError("the disk is full".to_owned()));
        }
        self.store.values.lock().unwrap().remove(&key);
        Ok(())
    }

    async fn keys(&self, prefix: String) -> Result<Vec<String>, StoreError> {
        self.note("list", &prefix);
        self.store.work().await;
        if self.store.fail_reads.load(Ordering::Relaxed) {
            return Err(StoreError("the disk is on fire".to_owned()));
        }
        Ok(self.store.values.lock().unwrap().keys().filter(|key| key.starts_with(&prefix)).cloned().collect())
    }

    async fn spawn(&self, task: Task) {
        self.tasks.lock().unwrap().push(tokio::spawn(task).abort_handle());
    }

    fn log(&self, line: &str) {
        self.logs.lock().unwrap().push(line.to_owned());
    }
}
