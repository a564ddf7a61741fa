//! A host of nightcap that can die at any moment: every call that nightcap makes into it is two such moments, one before
//! it takes effect and one after, when the caller has not heard of it yet.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::channel::oneshot;
use http::{Method, Request, Response, header};
use nightcap::Timestamp;
use nightcap::host::{FileUnreadable, Host, NoAnswer, Progress, SettingsUnreadable, StoreError, Task};
use nightcap_simulator::{Azure, Outcome, Service};
use serde_json::Value;

use crate::stage::{Arrival, Asked, Happened, Life, Stage};
use crate::trouble::Ask;

pub struct SimulatedHost {
    stage: Arc<Stage>,
    life: Arc<Life>,
}

impl SimulatedHost {
    pub fn new(stage: Arc<Stage>, life: Arc<Life>) -> Self {
        Self { stage, life }
    }

    async fn before(&self, moment: &str) {
        self.stage.count_moment();
        self.may_die(moment, "before").await;
    }

    async fn after(&self, moment: &str) {
        self.may_die(moment, "after").await;
    }

    /// A dead host's work stays where it was for ever.
    async fn may_die(&self, moment: &str, when: &str) {
        if self.life.is_over() || self.stage.dies(&self.life, moment, when) {
            pending::<()>().await;
        }
    }

    /// An operation of the store takes a while and takes effect somewhere within it. When the host dies meanwhile, it may
    /// take effect or not.
    async fn in_store<T: Send + 'static>(
        &self,
        operation: &'static str,
        key: String,
        effect: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let moment = moment(operation, &key);
        self.before(moment).await;
        let writes = matches!(operation, "save" | "delete");
        let fails = self.stage.store_fails(writes);
        let takes = self.stage.plan.store_takes;
        let (early, late) = {
            let mut chance = self.stage.chance();
            (chance.below(takes + 1) / 2, chance.below(takes + 1) / 2)
        };
        let (told, heard) = oneshot::channel();
        let (stage, life) = (self.stage.clone(), self.life.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(early)).await;
            if life.is_over() && stage.chance().percent(50) {
                return;
            }
            let done = match fails {
                Some(false) => None,
                None | Some(true) => Some(effect(&mut stage.store.lock().unwrap())),
            };
            if writes {
                note_write(&stage, &life, operation, &key, fails);
            }
            if fails.is_some() {
                let failure = (stage.elapsed(), key.clone(), life.number, life.incarnation);
                stage.happened().failures.push(failure);
                stage.tell(|| format!("host {}: the store fails to {operation} {key}", life.number));
            }
            tokio::time::sleep(Duration::from_millis(late)).await;
            let done = done.filter(|_| fails.is_none());
            let _ = told.send(done.ok_or_else(|| StoreError("the disk is on fire".to_owned())));
        });
        let done = match heard.await {
            Ok(done) => done,
            Err(_) => pending().await,
        };
        self.after(moment).await;
        done
    }
}

/// Notes what the invariants want to know of what is in the store.
fn note_write(stage: &Stage, life: &Life, operation: &str, key: &str, fails: Option<bool>) {
    let mut happened = stage.happened();
    let at = stage.elapsed();
    if operation == "save" && fails != Some(false) {
        happened.written.entry(key.to_owned()).or_insert(at);
        if let Some(id) = key.strip_prefix("told:") {
            happened.told.push((at, id.to_owned(), life.number, life.incarnation));
        }
    }
    if key.starts_with("capture:") && operation == "save" && fails != Some(false) {
        let store = stage.store.lock().unwrap();
        let record: Option<Value> = store.get(key).and_then(|value| serde_json::from_slice(value).ok());
        happened.known_paths.extend(record.and_then(|record| record["storagePath"].as_str().map(str::to_owned)));
    }
    if operation == "save" && fails.is_some() {
        happened.failed_writes.push((at, key.to_owned()));
    }
}

/// What the moment of an operation on a key is called.
fn moment(operation: &str, key: &str) -> &'static str {
    let kind = key.split(':').next().unwrap_or_default();
    match (operation, kind) {
        ("save", "alert") => "save alert",
        ("save", "capture") => "save capture",
        ("save", "open") => "save open",
        ("save", "on") => "save on",
        ("save", "notice") => "save notice",
        ("save", "claim") => "save claim",
        ("save", "told") => "save told",
        ("save", "target") => "save target",
        ("save", _) => "save",
        ("delete", "notice") => "delete notice",
        ("delete", "open") => "delete open",
        ("delete", _) => "delete",
        ("keys", _) => "keys",
        _ => "load",
    }
}

/// A request on its way to Azure and its answer on the way back. It has left the host, so it goes on without it; when the
/// host dies first, it may have been too late.
async fn carry(
    stage: Arc<Stage>,
    life: Arc<Life>,
    service: Service,
    request: Request<Bytes>,
    told: oneshot::Sender<Result<Response<Bytes>, NoAnswer>>,
) {
    let (there, back) = {
        let mut chance = stage.chance();
        (chance.below(stage.plan.network + 1), chance.below(stage.plan.network + 1))
    };
    tokio::time::sleep(Duration::from_millis(there)).await;
    if life.is_over() && stage.chance().percent(50) {
        return;
    }
    let ask = Ask::of(service, &request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let id = request.headers().get("idempotency-key").and_then(|id| id.to_str().ok()).map(|id| id.replace('"', ""));
    let form = if ask == Ask::Token { request.body().clone() } else { Bytes::new() };
    let effect = stage.strikes(ask, &request);
    let struck = effect.as_ref().map(|effect| effect.name());
    check_tokens(&stage, service, &request);
    if life.is_dry() && matches!(ask, Ask::Put | Ask::Delete | Ask::Stop) {
        stage.broken(format!("3: a host with dry_run sent {method} {path}"));
    }
    let (reply, taken, made) = {
        let mut azure = stage.azure.lock().unwrap();
        let captures = |azure: &Azure| if ask == Ask::Put { azure.captures().len() } else { 0 };
        let before = (azure.messages().len(), captures(&azure));
        Stage::strike_next(&mut azure, effect);
        let reply = azure.handle(stage.now(), service, request);
        (reply, azure.messages().len() > before.0, captures(&azure) > before.1)
    };
    let status = match &reply.outcome {
        Outcome::Response(response) => response.status().as_u16(),
        Outcome::Cut => 0,
    };
    stage.tell(|| {
        let name = path.rsplit_once("/packetCaptures/").map_or(path.rsplit('/').next().unwrap_or_default(), |(_, n)| n);
        let name = if ask == Ask::Sink { id.as_deref().unwrap_or_default() } else { name };
        let struck = struck.map(|struck| format!(" [{struck}]")).unwrap_or_default();
        format!("host {}: {method} {ask:?} {name} {status}{struck}", life.number)
    });
    let arrival = {
        let mut happened = stage.happened();
        let (host, incarnation) = (life.number, life.incarnation);
        happened.requests.push(Asked { at: stage.elapsed(), ask, struck: struck.is_some() });
        if made {
            happened.makers.push(life.id());
        }
        taken.then(|| {
            let id = id.unwrap_or_default();
            happened.arrivals.push(Arrival { at: stage.elapsed(), id, host, incarnation, heard: false });
            happened.arrivals.len() - 1
        })
    };
    let result = match reply.outcome {
        Outcome::Response(response) if ends_early(&method, &response) => Err("the body ended early"),
        Outcome::Response(response) => Ok(response),
        Outcome::Cut => Err("the connection was cut"),
    };
    if let (Ok(response), Ask::Token) = (&result, ask) {
        note_token(&mut stage.happened(), &form, response);
    }
    tokio::time::sleep(reply.after + Duration::from_millis(back)).await;
    let is_good = result.as_ref().is_ok_and(|response| response.status().is_success());
    let heard = told.send(result.map_err(|why| NoAnswer(why.to_owned()))).is_ok() && !life.is_over();
    if let Some(arrival) = arrival {
        stage.happened().arrivals[arrival].heard = heard && is_good;
    }
}

fn ends_early(method: &Method, response: &Response<Bytes>) -> bool {
    let length = response.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    method != Method::HEAD && length.is_some_and(|length: usize| length > response.body().len())
}

/// A token goes to the service that it is for and to no other, and the application's secret only to Entra.
fn check_tokens(stage: &Stage, service: Service, request: &Request<Bytes>) {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.map(|shown| shown.trim_start_matches("Bearer "));
    let owner = token.and_then(|token| stage.happened().tokens.get(token).copied());
    if token.is_some() && owner != Some(service) {
        stage.broken(format!("6: a token for {owner:?} was shown to {service:?}"));
    }
    if service != Service::Entra {
        stage.keeps_secrets(&String::from_utf8_lossy(request.body()), "a request");
    }
    if service != Service::Sink {
        stage.keeps_secrets(&request.uri().to_string(), "an address");
    }
}

fn note_token(happened: &mut Happened, form: &[u8], response: &Response<Bytes>) {
    let granted: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let Some(token) = granted["access_token"].as_str() else { return };
    let is_for_storage = String::from_utf8_lossy(form).contains("storage.azure.com");
    happened.tokens.insert(token.to_owned(), if is_for_storage { Service::Blob } else { Service::Arm });
}

impl Host for SimulatedHost {
    async fn send(&self, request: Request<Bytes>, _: &Progress) -> Result<Response<Bytes>, NoAnswer> {
        let service = match request.uri().host().unwrap_or_default() {
            "login.microsoftonline.com" => Service::Entra,
            "management.azure.com" => Service::Arm,
            host if host.ends_with(".blob.core.windows.net") => Service::Blob,
            "sink.example" => Service::Sink,
            host => {
                self.stage.broken(format!("6: a request went to {host}"));
                return Err(NoAnswer(format!("{host} is a stranger")));
            }
        };
        let moment = Ask::of(service, &request).moment();
        self.before(moment).await;
        let (told, heard) = oneshot::channel();
        tokio::spawn(carry(self.stage.clone(), self.life.clone(), service, request, told));
        let answer = match heard.await {
            Ok(answer) => answer,
            Err(_) => pending().await,
        };
        self.after(moment).await;
        answer
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.stage.time_of(self.life.number))
    }

    fn monotonic(&self) -> Duration {
        self.stage.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        self.before("sleep").await;
        tokio::time::sleep(duration).await;
        self.after("sleep").await;
    }

    fn random(&self) -> [u8; 16] {
        let mut chance = self.stage.chance();
        (u128::from(chance.next()) << 64 | u128::from(chance.next())).to_le_bytes()
    }

    async fn setting(&self, name: &'static str) -> Result<Option<String>, SettingsUnreadable> {
        self.before("setting").await;
        Ok(self.life.settings.get(name).cloned())
    }

    fn given_settings(&self) -> Vec<String> {
        Vec::new()
    }

    fn has_store(&self) -> bool {
        true
    }

    async fn file(&self, path: String) -> Result<Vec<u8>, FileUnreadable> {
        Err(FileUnreadable(format!("{path} is not there")))
    }

    async fn load(&self, key: String) -> Result<Option<Vec<u8>>, StoreError> {
        let wanted = key.clone();
        self.in_store("load", key, move |store| store.get(&wanted).cloned()).await
    }

    async fn save(&self, key: String, value: Vec<u8>) -> Result<(), StoreError> {
        let fits = key.len() <= 256 && value.len() <= 1_000_000 && !key.contains(['/', '\\', '?', '#']);
        assert!(fits, "no store takes {key}");
        self.stage.keeps_secrets(&String::from_utf8_lossy(&value), &key);
        if let Some(id) = key.strip_prefix("notice:") {
            let waiting: Value = serde_json::from_slice(&value).unwrap();
            let meant = (self.stage.elapsed(), waiting["notice"].clone());
            self.stage.tell(|| {
                let notice = &meant.1;
                let what = format!("{} {} of {}", notice["event"], notice["reason"], notice["machine"]);
                format!("host {}: message {id}: {what}, alert {}", self.life.number, notice["alert"]["rule"])
            });
            self.stage.happened().notices.entry(id.to_owned()).or_default().push(meant);
        }
        if key.starts_with("capture:") {
            self.stage.tell(|| {
                let record: Value = serde_json::from_slice(&value).unwrap();
                let (phase, end, path) = (&record["phase"], &record["end"]["reason"], &record["storagePath"]);
                let file = path.as_str().and_then(|path| path.rsplit('/').next()).unwrap_or("no file");
                let name = key.rsplit(':').next().unwrap_or_default();
                let machine = record["target"].as_str().and_then(|id| id.rsplit('/').next()).unwrap_or_default();
                format!(
                    "host {}: writes of {name} on {machine} that it is {phase}, end {end}, {file}",
                    self.life.number
                )
            });
        }
        let wanted = key.clone();
        self.in_store("save", key, move |store| drop(store.insert(wanted, value))).await
    }

    async fn delete(&self, key: String) -> Result<(), StoreError> {
        let wanted = key.clone();
        self.in_store("delete", key, move |store| drop(store.remove(&wanted))).await
    }

    async fn keys(&self, prefix: String) -> Result<Vec<String>, StoreError> {
        let wanted = prefix.clone();
        let keys = move |store: &mut BTreeMap<String, Vec<u8>>| {
            store.keys().filter(|key| key.starts_with(&wanted)).cloned().collect()
        };
        self.in_store("keys", prefix, keys).await
    }

    async fn spawn(&self, task: Task) {
        self.before("spawn").await;
        self.life.owns(tokio::spawn(task).abort_handle());
        self.after("spawn").await;
    }

    fn log(&self, line: &str) {
        if !self.life.is_over() {
            self.stage.keeps_secrets(line, "the log");
        }
    }
}
