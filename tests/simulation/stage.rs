//! The stage of one story: Azure, the store, the hosts and the clock; and what happened on it, for the invariants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use nightcap::Instance;
use nightcap_simulator::{Azure, CaptureState, Effect, Fault, Service, World};
use serde_json::Value;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::chance::Chance;
use crate::host::SimulatedHost;
use crate::plan::{ByHand, Plan, SECRET};
use crate::trouble::Ask;

/// How long whoever sends an alert waits for the answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// More moments of one host at one time than anybody needs who does not run in circles.
const MOST_AT_ONE_TIME: u64 = 20_000;

pub struct Stage {
    pub plan: Plan,
    pub azure: Mutex<Azure>,
    pub store: Mutex<BTreeMap<String, Vec<u8>>>,
    pub chance: Mutex<Chance>,
    pub happened: Mutex<Happened>,
    hosts: Mutex<Vec<Option<Arc<Running>>>>,
    skews: Mutex<Vec<i64>>,
    storm_is_over: AtomicBool,
    /// The last virtual time at which a host asked for something, in milliseconds, and how often it did at that time.
    busy: (AtomicU64, AtomicU64),
    clock: Instant,
    tells: bool,
}

/// One life of a host: from its start to its death.
pub struct Life {
    pub number: usize,
    pub incarnation: u32,
    pub settings: BTreeMap<&'static str, String>,
    dead: AtomicBool,
    tasks: Mutex<Vec<AbortHandle>>,
}

struct Running {
    life: Arc<Life>,
    router: Router,
}

/// What happened, as far as it matters afterwards.
#[derive(Default)]
pub struct Happened {
    /// What is wrong already.
    pub broken: Vec<String>,
    /// Every request that came to a service, in the order of the simulator's transcript.
    pub requests: Vec<Asked>,
    /// Who asked for each capture that nightcap made, in the order of the simulator's ledger.
    pub makers: Vec<(usize, u32)>,
    /// The settings of each host in each of its lives.
    pub settings: BTreeMap<(usize, u32), BTreeMap<&'static str, String>>,
    /// For whom each token is.
    pub tokens: BTreeMap<String, Service>,
    pub arrivals: Vec<Arrival>,
    pub deaths: Vec<Death>,
    /// Keys under which something was ever written, and when first.
    pub written: BTreeMap<String, Duration>,
    /// The addresses of files, one of each capture, that ever stood in a record.
    pub known_paths: BTreeSet<String>,
    /// Writes that came to nothing, or seemed to.
    pub failed_writes: Vec<(Duration, String)>,
    /// Operations of the store that failed, by key.
    pub failures: Vec<(Duration, String, usize, u32)>,
    /// When it was first written down, by whom, that a message was told.
    pub told: Vec<(Duration, String, usize, u32)>,
    /// Every message that anybody meant to tell, by its id.
    pub notices: BTreeMap<String, Vec<(Duration, Value)>>,
    /// What was answered with success, or to a program with more than that: the key of the record, the status and the
    /// answer.
    pub taken: Vec<(String, StatusCode, Value)>,
    /// The records of all alerts as nightcap itself shows them in the end, by their keys.
    pub alerts: BTreeMap<String, Value>,
    /// What somebody did in the portal: when, to which capture.
    pub by_hand: Vec<(Timestamp, String, ByHand)>,
    /// What the last sweep has found.
    pub swept: String,
    pub story: Vec<String>,
}

pub struct Asked {
    pub at: Duration,
    pub ask: Ask,
    pub struck: bool,
}

/// A message that came to the sink.
pub struct Arrival {
    pub at: Duration,
    pub id: String,
    pub host: usize,
    pub incarnation: u32,
    /// Whether the sender has heard that it was taken.
    pub heard: bool,
}

#[derive(Clone, Copy)]
pub struct Death {
    pub at: Duration,
    pub host: usize,
    pub incarnation: u32,
    /// Whether somebody stopped it to start it again with other settings.
    pub planned: bool,
}

impl Life {
    pub fn id(&self) -> (usize, u32) {
        (self.number, self.incarnation)
    }

    /// Whether it may change nothing.
    pub fn is_dry(&self) -> bool {
        self.settings["dry_run"] == "true"
    }

    pub fn is_over(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// The task dies with the host.
    pub fn owns(&self, task: AbortHandle) {
        self.tasks.lock().unwrap().push(task);
    }
}

impl Stage {
    pub fn new(plan: Plan, world: World, chance: Chance, tells: bool) -> Arc<Self> {
        let mut azure = Azure::new(world);
        for (watcher, name, target, runs) in &plan.there_before {
            let state = if *runs { CaptureState::Running } else { CaptureState::Finished };
            azure.add_capture(plan.begin, watcher, name, target, Duration::from_secs(300), state);
        }
        let stage = Arc::new(Self {
            azure: Mutex::new(azure),
            store: Mutex::default(),
            chance: Mutex::new(chance),
            happened: Mutex::default(),
            hosts: Mutex::new((0..plan.instances).map(|_| None).collect()),
            skews: Mutex::new(plan.skews.clone()),
            storm_is_over: AtomicBool::new(false),
            busy: (AtomicU64::new(0), AtomicU64::new(0)),
            clock: Instant::now(),
            tells,
            plan,
        });
        (0..stage.plan.instances).for_each(|number| stage.start(number));
        stage
    }

    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    pub fn now(&self) -> Timestamp {
        self.plan.begin + self.clock.elapsed()
    }

    pub fn chance(&self) -> MutexGuard<'_, Chance> {
        self.chance.lock().unwrap()
    }

    pub fn happened(&self) -> MutexGuard<'_, Happened> {
        self.happened.lock().unwrap()
    }

    pub fn is_stormy(&self) -> bool {
        !self.storm_is_over.load(Ordering::Relaxed)
    }

    /// The time of day as a host has it.
    pub fn time_of(&self, host: usize) -> i64 {
        self.now().as_millisecond() + self.skews.lock().unwrap()[host]
    }

    pub fn set_clock(&self, host: usize, skew: i64) {
        self.skews.lock().unwrap()[host] = skew;
        self.tell(|| format!("the clock of host {host} jumps and is {skew} ms wrong"));
    }

    /// Adds a line to the story, when anybody is to read it.
    pub fn tell(&self, what: impl FnOnce() -> String) {
        if self.tells {
            let at = self.elapsed().as_secs_f64();
            self.happened().story.push(format!("{at:10.3}  {}", what()));
        }
    }

    pub fn broken(&self, what: String) {
        self.tell(|| format!("BROKEN: {what}"));
        self.happened().broken.push(what);
    }

    /// Whatever leaves nightcap is looked at for secrets.
    pub fn keeps_secrets(&self, text: &str, what: &str) {
        if text.contains(SECRET) {
            self.broken(format!("6: there is a secret in {what}: {text}"));
        }
    }

    // ---- Hosts

    /// Starts a host that is down, with nothing in its memory.
    pub fn start(self: &Arc<Self>, number: usize) {
        let mut hosts = self.hosts.lock().unwrap();
        if hosts[number].is_some() {
            return;
        }
        let incarnation = self.happened().deaths.iter().filter(|death| death.host == number).count() as u32;
        let settings = self.settings_of(number);
        self.happened().settings.insert((number, incarnation), settings.clone());
        let life = Life { number, incarnation, settings, dead: AtomicBool::new(false), tasks: Mutex::default() };
        let life = Arc::new(life);
        let host = SimulatedHost::new(self.clone(), life.clone());
        let router = nightcap::router(Arc::new(Instance::new(host)));
        hosts[number] = Some(Arc::new(Running { life, router }));
        drop(hosts);
        if incarnation > 0 {
            self.tell(|| format!("host {number} starts again"));
        }
    }

    /// What a host is set to that starts now.
    fn settings_of(&self, number: usize) -> BTreeMap<&'static str, String> {
        let mut settings: BTreeMap<_, _> = self.azure.lock().unwrap().world().settings().into_iter().collect();
        settings.extend(self.plan.settings.iter().cloned());
        let now = self.elapsed();
        for change in self.plan.changes.iter().filter(|change| change.host == number && change.at <= now) {
            settings.insert(change.setting, change.value.clone());
        }
        settings
    }

    /// Somebody stops a host and starts it again.
    pub fn restart(self: &Arc<Self>, number: usize) {
        let running = self.hosts.lock().unwrap()[number].clone();
        if let Some(running) = running {
            self.tell(|| format!("host {number} is stopped"));
            self.kill(&running.life, true);
        }
        self.start(number);
    }

    /// Whether a host dies at this moment. It does nothing more when it does, and comes back after a while.
    pub fn dies(self: &Arc<Self>, life: &Arc<Life>, moment: &str, when: &str) -> bool {
        let kills = &self.plan.kills;
        if !self.is_stormy() || (kills.rate == 0 && kills.favourite.is_none()) {
            return false;
        }
        let deaths = self.happened().deaths.iter().filter(|death| !death.planned).count();
        let dies = deaths < kills.most as usize && {
            let mut chance = self.chance();
            let is_favourite = kills.favourite == Some(moment);
            (is_favourite && chance.percent(33)) || (kills.rate > 0 && chance.below(10_000) < kills.rate)
        };
        if dies {
            self.tell(|| format!("host {} dies {when} {moment}", life.number));
            self.kill(life, false);
            let away = self.chance().between(0, kills.away * 1000);
            let stage = self.clone();
            let number = life.number;
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(away)).await;
                stage.start(number);
            });
        }
        dies
    }

    fn kill(&self, life: &Life, planned: bool) {
        life.dead.store(true, Ordering::Relaxed);
        self.hosts.lock().unwrap()[life.number] = None;
        let death = Death { at: self.elapsed(), host: life.number, incarnation: life.incarnation, planned };
        self.happened().deaths.push(death);
        life.tasks.lock().unwrap().drain(..).for_each(|task| task.abort());
    }

    /// Finds out who runs in circles.
    pub fn count_moment(&self) {
        let now = self.elapsed().as_millis() as u64;
        if self.busy.0.swap(now, Ordering::Relaxed) != now {
            self.busy.1.store(0, Ordering::Relaxed);
        }
        let count = self.busy.1.fetch_add(1, Ordering::Relaxed);
        assert!(count < MOST_AT_ONE_TIME, "8: somebody runs in circles");
    }

    /// Sends a request to a host. `None` when nobody answers.
    pub async fn call(&self, number: usize, request: Request<Body>) -> Option<(StatusCode, Bytes)> {
        let running = self.hosts.lock().unwrap()[number].clone()?;
        let router = running.router.clone();
        let task = tokio::spawn(async move {
            let answer = router.oneshot(request).await.unwrap();
            let status = answer.status();
            (status, answer.into_body().collect().await.unwrap().to_bytes())
        });
        running.life.owns(task.abort_handle());
        let (status, body) = tokio::time::timeout(PATIENCE, task).await.ok()?.ok()?;
        self.keeps_secrets(&String::from_utf8_lossy(&body), "an answer");
        Some((status, body))
    }

    pub fn end_the_storm(self: &Arc<Self>) {
        self.storm_is_over.store(true, Ordering::Relaxed);
        self.azure.lock().unwrap().world_mut().throttle = None;
        self.tell(|| "the storm is over".to_owned());
        (0..self.plan.instances).for_each(|number| self.start(number));
    }

    /// Lets go of the hosts, which hold the stage.
    pub fn close(&self) {
        self.hosts.lock().unwrap().clear();
    }

    // ---- Azure

    /// What strikes a request, if anything.
    pub fn strikes(&self, ask: Ask, request: &Request<Bytes>) -> Option<Effect> {
        if !self.is_stormy() {
            return None;
        }
        let now = self.elapsed();
        let trouble = &self.plan.azure;
        let mut chance = self.chance();
        if trouble.lags && ask == Ask::Get && self.is_new(request) && chance.percent(50) {
            return Some(Effect::Status {
                status: 404,
                code: "ResourceNotFound".to_owned(),
                message: String::new(),
                retry_after: None,
            });
        }
        let burst = trouble.bursts.iter().find(|burst| burst.ask == ask && burst.from <= now && now < burst.to);
        if let Some(burst) = burst
            && chance.percent(burst.percent)
        {
            return burst.kind.effect(ask, &mut chance);
        }
        let rate = if ask == Ask::Sink { trouble.sink_rate } else { trouble.rate };
        if trouble.kinds.is_empty() || !chance.per_mille(rate) {
            return None;
        }
        let kind = *chance.pick(&trouble.kinds);
        kind.effect(ask, &mut chance)
    }

    /// Whether a capture was created within the last two seconds, so that not all of Azure knows of it yet.
    fn is_new(&self, request: &Request<Bytes>) -> bool {
        let path = request.uri().path();
        let since = self.now() - Duration::from_secs(2);
        let captures = self.azure.lock().unwrap().captures();
        captures.iter().any(|capture| capture.created > since && capture.id.eq_ignore_ascii_case(path))
    }

    /// A fault that strikes the next request and no other.
    pub fn strike_next(azure: &mut Azure, effect: Option<Effect>) {
        azure.clear_faults();
        if let Some(effect) = effect {
            azure.add_fault(Fault::new(effect).times(1));
        }
    }

    // ---- The store

    /// Whether an operation of the store fails now, and if it does, whether it is carried out all the same.
    pub fn store_fails(&self, writes: bool) -> Option<bool> {
        if !self.is_stormy() || self.plan.store.is_empty() {
            return None;
        }
        let now = self.elapsed();
        let mut troubles = self.plan.store.iter().filter(|trouble| trouble.from <= now && now < trouble.to);
        let trouble = troubles.find(|trouble| if writes { trouble.writes } else { trouble.reads })?;
        let mut chance = self.chance();
        chance.percent(trouble.percent).then(|| self.plan.store_lies && chance.percent(40))
    }
}
