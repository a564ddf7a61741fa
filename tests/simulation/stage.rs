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
    hosts: Mutex<Vec<Option<Running>>>,
    skews: Mutex<Vec<i64>>,
    storm_is_over: AtomicBool,
    /// The last virtual time at which a host asked for something, in milliseconds, and how often it did at that time.
    busy: (AtomicU64, AtomicU64),
    clock: Instant,
    tells: bool,
}

/// One instance on a host: with its own memory, from its first request to its end.
pub struct Life {
    /// The host's number.
    pub number: usize,
    /// Which of that host's instances it is.
    pub incarnation: u32,
    pub settings: BTreeMap<&'static str, String>,
    dead: AtomicBool,
    tasks: Mutex<Vec<AbortHandle>>,
}

/// A host that is up.
struct Running {
    /// The instance that serves every request; none where each has one of its own.
    shared: Option<(Arc<Life>, Router)>,
    /// Every instance.
    lives: Vec<Arc<Life>>,
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
    /// The settings of each instance of each host.
    pub settings: BTreeMap<(usize, u32), BTreeMap<&'static str, String>>,
    /// For whom each token is.
    pub tokens: BTreeMap<String, Service>,
    pub arrivals: Vec<Arrival>,
    /// Instances that came to an end while they were at work.
    pub deaths: Vec<Death>,
    /// How often a host has died by itself.
    pub crashes: u32,
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

    /// The task dies with the instance.
    pub fn owns(&self, task: AbortHandle) {
        self.tasks.lock().unwrap().push(task);
    }

    fn is_at_work(&self) -> bool {
        self.tasks.lock().unwrap().iter().any(|task| !task.is_finished())
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
            hosts: Mutex::new((0..plan.hosts).map(|_| None).collect()),
            skews: Mutex::new(plan.skews.clone()),
            storm_is_over: AtomicBool::new(false),
            busy: (AtomicU64::new(0), AtomicU64::new(0)),
            clock: Instant::now(),
            tells,
            plan,
        });
        (0..stage.plan.hosts).for_each(|number| stage.start(number));
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
        let is_first = self.elapsed().is_zero();
        let shared = (!self.plan.instance_each).then(|| self.instance(number));
        let lives = shared.iter().map(|(life, _)| life.clone()).collect();
        hosts[number] = Some(Running { shared, lives });
        drop(hosts);
        if !is_first {
            self.tell(|| format!("host {number} starts again"));
        }
    }

    /// A new instance on a host.
    fn instance(self: &Arc<Self>, number: usize) -> (Arc<Life>, Router) {
        let settings = self.settings_of(number);
        let incarnation = {
            let all = &mut self.happened().settings;
            let incarnation = all.range((number, 0)..(number + 1, 0)).count() as u32;
            all.insert((number, incarnation), settings.clone());
            incarnation
        };
        let life = Life { number, incarnation, settings, dead: AtomicBool::new(false), tasks: Mutex::default() };
        let life = Arc::new(life);
        let host = SimulatedHost::new(self.clone(), life.clone());
        (life, nightcap::router(Arc::new(Instance::new(host))))
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
        if self.kill(number) {
            self.tell(|| format!("host {number} is stopped"));
        }
        self.start(number);
    }

    /// Whether a host dies at this moment. It does nothing more when it does, and comes back after a while.
    pub fn dies(self: &Arc<Self>, life: &Arc<Life>, moment: &str, when: &str) -> bool {
        let kills = &self.plan.kills;
        if !self.is_stormy() || (kills.rate == 0 && kills.favourite.is_none()) {
            return false;
        }
        let crashes = self.happened().crashes;
        let dies = crashes < kills.most && {
            let mut chance = self.chance();
            let is_favourite = kills.favourite == Some(moment);
            (is_favourite && chance.percent(33)) || (kills.rate > 0 && chance.below(10_000) < kills.rate)
        };
        if dies {
            self.tell(|| format!("host {} dies {when} {moment}", life.number));
            self.happened().crashes += 1;
            self.kill(life.number);
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

    /// Ends every instance of a host. Tells whether it was up.
    fn kill(&self, number: usize) -> bool {
        let Some(running) = self.hosts.lock().unwrap()[number].take() else { return false };
        running.lives.iter().for_each(|life| self.end(life));
        true
    }

    /// Ends an instance, whatever it is at.
    fn end(&self, life: &Life) {
        life.dead.store(true, Ordering::Relaxed);
        if life.is_at_work() {
            let death = Death { at: self.elapsed(), host: life.number, incarnation: life.incarnation };
            self.happened().deaths.push(death);
        }
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
    pub async fn call(self: &Arc<Self>, number: usize, request: Request<Body>) -> Option<(StatusCode, Bytes)> {
        let (life, router) = self.instance_for_request(number)?;
        let task = tokio::spawn(async move {
            let answer = router.oneshot(request).await.unwrap();
            let status = answer.status();
            (status, answer.into_body().collect().await.unwrap().to_bytes())
        });
        life.owns(task.abort_handle());
        let (status, body) = tokio::time::timeout(PATIENCE, task).await.ok()?.ok()?;
        self.keeps_secrets(&String::from_utf8_lossy(&body), "an answer");
        if let Some(stay) = self.plan.stay {
            let stage = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(stay).await;
                stage.end(&life);
            });
        }
        Some((status, body))
    }

    /// The instance that serves the next request to a host, if that is up.
    fn instance_for_request(self: &Arc<Self>, number: usize) -> Option<(Arc<Life>, Router)> {
        let mut hosts = self.hosts.lock().unwrap();
        let running = hosts[number].as_mut()?;
        if let Some(shared) = &running.shared {
            return Some(shared.clone());
        }
        let (life, router) = self.instance(number);
        running.lives.retain(|life| life.is_at_work());
        running.lives.push(life.clone());
        Some((life, router))
    }

    pub fn end_the_storm(self: &Arc<Self>) {
        self.storm_is_over.store(true, Ordering::Relaxed);
        self.azure.lock().unwrap().world_mut().throttle = None;
        self.tell(|| "the storm is over".to_owned());
        (0..self.plan.hosts).for_each(|number| self.start(number));
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
