//! The built component on two hosts that share a real Redis, while all three are killed in a storm of alerts.

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::alerts::{common, many_machines};
use common::http::{Answer, try_get, try_post};
use common::redis::{RedisServer, is_redis_installed};
use common::served::{builds, until};
use futures::stream::{self, StreamExt};
use nightcap_embedded::{Build, Host, Options};
use nightcap_simulator::{OPERATOR_KEY, Server, WEBHOOK_KEY, World};
use serde_json::{Value, json};

const MACHINES: usize = 30;
const ALERTS: usize = 120;

/// Alerts that are under way at once: as many instances, where one serves one request.
const AT_ONCE: usize = 12;

/// What somebody else keeps in the same database.
const STRANGERS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_in_which_hosts_and_redis_are_killed_loses_nothing_and_tells_nothing_twice() {
    if !is_redis_installed() {
        return;
    }
    for build in builds().into_iter().filter(|build| matches!(build, Build::Spin | Build::SpinWasi03)) {
        let stage = Stage::new(build).await;
        let alerts: Vec<Value> =
            (0..ALERTS).map(|number| common(&format!("rule{number}"), &stage.machines[number % MACHINES])).collect();
        let storm = async {
            let answers = alerts.iter().enumerate().map(|(number, alert)| stage.deliver(number, alert));
            stream::iter(answers).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await
        };
        let (answers, ()) = tokio::join!(storm, stage.have_accidents());
        stage.end_all_work().await;

        let captures = stage.captures_of(&answers).await;
        let copies = stage.copies();
        println!(
            "{build:?}: {} captures, {} messages, {} of them sent again after a death; {} requests to Azure",
            captures.len(),
            copies.len(),
            copies.values().filter(|copies| **copies > 1).count(),
            stage.azure.azure().lock().unwrap().transcript().len(),
        );
        assert!(captures.len() >= MACHINES, "every machine has one: {captures:#?}");
        let told = stage.told_captures();
        assert!(captures.iter().all(|capture| told.contains(capture)), "{captures:#?} {told:#?}");
        for (message, copies) in &copies {
            let delivered = stage.delivered(message);
            assert!(delivered <= 1, "two hosts have delivered {message}, and both lived to write that down");
            assert!(*copies <= delivered + stage.deaths.load(SeqCst), "{message} was sent {copies} times");
        }
        for number in 0..STRANGERS {
            assert_eq!(stage.redis.lock().unwrap().ask(&["GET", &stranger(number)]), "theirs");
        }
    }
}

fn stranger(number: usize) -> String {
    match number % 2 {
        0 => format!("alert:{number}"),
        _ => format!("somebody-else:{number}"),
    }
}

struct Stage {
    azure: Server,
    machines: Vec<String>,
    redis: Mutex<RedisServer>,
    options: Options,
    hosts: [Mutex<Option<Host>>; 2],
    logs: Arc<Mutex<Vec<String>>>,
    answered: AtomicUsize,
    deaths: AtomicUsize,
}

impl Stage {
    async fn new(build: Build) -> Self {
        let mut machines = vec![];
        let mut quick = |world: &mut World| {
            machines = many_machines(world, MACHINES);
            world.timing.latency = Duration::from_millis(30);
            world.timing.create = Duration::from_millis(300);
            world.timing.file_delay = Duration::from_millis(300);
            world.timing.retry_after = 1;
        };
        let azure = Server::start(|urls| {
            let mut world = World::sample(urls);
            quick(&mut world);
            world
        });
        let azure = azure.await.expect("the simulator starts");
        let redis = RedisServer::start();
        for number in 0..STRANGERS {
            redis.ask(&["SET", &stranger(number), "theirs"]);
        }
        let mut options = Options::new(build);
        options.redis = Some(redis.url());
        let settings = azure.azure().lock().unwrap().world().settings();
        for (name, value) in settings {
            options = options.set(name, value);
        }
        for (name, value) in [("capture_seconds", "2"), ("answer_seconds", "3"), ("notify_format", "cloudevents")] {
            options = options.set(name, value);
        }
        let stage = Self {
            azure,
            machines,
            redis: Mutex::new(redis),
            options,
            hosts: [Mutex::default(), Mutex::default()],
            logs: Arc::default(),
            answered: AtomicUsize::new(0),
            deaths: AtomicUsize::new(0),
        };
        stage.start_host(0).await;
        stage.start_host(1).await;
        stage
    }

    async fn start_host(&self, which: usize) {
        let host = Host::start(self.options.clone()).await.expect("the component starts");
        let logs = self.logs.clone();
        host.on_log(move |line| logs.lock().unwrap().push(line.to_owned()));
        *self.hosts[which].lock().unwrap() = Some(host);
    }

    async fn kill_host(&self, which: usize) {
        let host = self.hosts[which].lock().unwrap().take().expect("it lives");
        assert_eq!(host.traps(), Vec::<String>::new());
        self.deaths.fetch_add(1, SeqCst);
        host.kill().await;
    }

    fn url(&self, which: usize) -> Option<String> {
        self.hosts[which].lock().unwrap().as_ref().map(Host::url)
    }

    /// Sends an alert to one host or the other until it is taken, as Azure does when there is no answer, or a 503.
    async fn deliver(&self, number: usize, alert: &Value) -> Value {
        for attempt in 0..200 {
            if let Some(url) = self.url((number + attempt) % 2) {
                let url = format!("{url}/api/alerts?code={WEBHOOK_KEY}");
                match try_post(&url, &[("content-type", "application/json")], alert.to_string()).await {
                    Some(answer) if answer.status.is_success() => {
                        self.answered.fetch_add(1, SeqCst);
                        return answer.json().1;
                    }
                    Some(answer) => assert_eq!(answer.status, 503, "{:?}", answer.body),
                    None => {}
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("nobody took the alert {alert}");
    }

    /// Kills whoever is to be killed when the storm has come so far, and starts it again.
    async fn have_accidents(&self) {
        self.until_answered(20).await;
        self.kill_host(0).await;
        self.start_host(0).await;

        self.until_answered(45).await;
        self.redis.lock().unwrap().kill();
        // Long enough for some alerts to meet no store.
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.redis.lock().unwrap().start_again();

        self.until_answered(70).await;
        self.kill_host(1).await;
        self.redis.lock().unwrap().kill();
        self.redis.lock().unwrap().start_again();
        self.start_host(1).await;

        self.until_told(5).await;
        self.kill_host(0).await;
        self.kill_host(1).await;
        self.start_host(0).await;
        self.start_host(1).await;

        self.until_told(15).await;
        self.redis.lock().unwrap().kill();
        self.redis.lock().unwrap().start_again();
    }

    async fn until_answered(&self, count: usize) {
        until("so many answers", async || (self.answered.load(SeqCst) >= count).then_some(())).await;
    }

    async fn until_told(&self, count: usize) {
        until("so many messages", async || {
            // What dead hosts have left is carried on by a timer.
            self.sweep(0).await;
            (self.copies().len() >= count).then_some(())
        })
        .await;
    }

    async fn end_all_work(&self) {
        until("the end of all work", async || {
            let none = json!({"alerts": 0, "captures": 0, "notices": 0});
            let (first, second) = (self.sweep(0).await?, self.sweep(1).await?);
            (first["unfinished"] == none && second["unfinished"] == none).then_some(())
        })
        .await;
    }

    async fn sweep(&self, which: usize) -> Option<Value> {
        let bearer = format!("Bearer {OPERATOR_KEY}");
        let url = format!("{}/api/sweep", self.url(which)?);
        Some(try_post(&url, &[("authorization", &bearer)], "").await?.json().1)
    }

    /// The captures that serve the alerts, which all have come to their end.
    async fn captures_of(&self, answers: &[Value]) -> Vec<String> {
        let mut captures = vec![];
        for answer in answers {
            let record = self.look(answer["links"]["record"].as_str().unwrap()).await;
            assert_eq!(record["finished"], true, "{record}");
            let outcome = &record["outcomes"][0];
            let is_served = ["started", "joined"].contains(&outcome["outcome"].as_str().unwrap());
            assert!(is_served || outcome["reason"] == "cooldown", "{record}");
            if is_served {
                let capture = self.look(outcome["capture"]["links"]["self"].as_str().unwrap()).await;
                assert_eq!(capture["phase"], "finished", "{capture}");
                captures.push(outcome["capture"]["name"].as_str().unwrap().to_owned());
            }
        }
        captures.sort();
        captures.dedup();
        captures
    }

    async fn look(&self, link: &str) -> Value {
        let bearer = format!("Bearer {OPERATOR_KEY}");
        let url = format!("{}{link}", self.url(0).expect("it lives"));
        let answer: Answer = try_get(&url, &[("authorization", &bearer)]).await.expect("an answer");
        answer.json().1
    }

    fn messages(&self) -> Vec<Value> {
        let azure = self.azure.azure();
        let azure = azure.lock().unwrap();
        azure.messages().iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }

    /// How often each message came.
    fn copies(&self) -> BTreeMap<String, usize> {
        let mut copies = BTreeMap::new();
        for message in self.messages() {
            *copies.entry(message["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        copies
    }

    fn told_captures(&self) -> Vec<String> {
        let name = |message: &Value| message["data"]["capture"]["name"].as_str().unwrap_or_default().to_owned();
        self.messages().iter().map(name).collect()
    }

    /// How many hosts have written down that they delivered a message.
    fn delivered(&self, message: &str) -> usize {
        let logs = self.logs.lock().unwrap();
        let events = logs.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        events.filter(|event| event["notice"] == message && event["step"] == "delivered").count()
    }
}
