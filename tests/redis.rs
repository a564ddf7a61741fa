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
use jiff::Timestamp;
use nightcap_embedded::{Build, Host, Options};
use nightcap_simulator::{Capture, OPERATOR_KEY, Server, WEBHOOK_KEY, World};
use serde_json::{Value, json};

const MACHINES: usize = 30;
const ALERTS: usize = 120;

/// Alerts that are under way at once: as many instances, where one serves one request.
const AT_ONCE: usize = 12;

/// How long it may take to write down that a message was sent.
const WRITING: Duration = Duration::from_secs(1);

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

        for answer in &answers {
            stage.assert_well_ended(answer).await;
        }
        stage.assert_one_capture_at_a_time();
        stage.assert_all_told().await;
        let copies = stage.copies();
        stage.assert_told_once(&copies);
        stage.hosts.iter().for_each(|host| assert_no_trap(host.lock().unwrap().as_ref().expect("it lives")));
        println!(
            "{build:?}: {} alerts, {} captures, {} messages, {} of them sent again after a death, {} requests to Azure",
            answers.len(),
            stage.captures().len(),
            copies.len(),
            copies.values().filter(|copies| copies.len() > 1).count(),
            stage.azure.azure().lock().unwrap().transcript().len(),
        );
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

/// The slot of time in a capture's name.
fn slot(capture: &Capture) -> &str {
    capture.name.split('_').nth(2).expect("a name of nightcap's own")
}

fn assert_no_trap(host: &Host) {
    assert_eq!(host.traps(), Vec::<String>::new());
}

struct Stage {
    azure: Server,
    machines: Vec<String>,
    redis: Mutex<RedisServer>,
    options: Options,
    hosts: [Mutex<Option<Host>>; 2],
    logs: Arc<Mutex<Vec<String>>>,
    answered: AtomicUsize,
    /// From when to when somebody was dead.
    accidents: Mutex<Vec<(Timestamp, Timestamp)>>,
}

impl Stage {
    async fn new(build: Build) -> Self {
        let mut machines = vec![];
        let azure = Server::start(|urls| {
            let mut world = World::sample(urls);
            machines = many_machines(&mut world, MACHINES);
            world.timing.latency = Duration::from_millis(30);
            world.timing.create = Duration::from_millis(300);
            world.timing.file_delay = Duration::from_millis(300);
            world.timing.retry_after = 1;
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
            accidents: Mutex::default(),
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
        assert_no_trap(&host);
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

    async fn have_accidents(&self) {
        self.until_answered(20).await;
        self.have_accident(&[0], false).await;
        self.until_answered(45).await;
        self.have_accident(&[], true).await;
        self.until_answered(70).await;
        self.have_accident(&[1], true).await;
        self.until_told(5).await;
        self.have_accident(&[0, 1], false).await;
        self.until_told(15).await;
        self.have_accident(&[], true).await;
    }

    /// Kills hosts and Redis, and starts them again.
    async fn have_accident(&self, hosts: &[usize], with_redis: bool) {
        let begin = Timestamp::now();
        for which in hosts {
            self.kill_host(*which).await;
        }
        if with_redis {
            self.redis.lock().unwrap().kill();
            // Long enough for some work to meet no store.
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.redis.lock().unwrap().start_again();
        }
        for which in hosts {
            self.start_host(*which).await;
        }
        self.accidents.lock().unwrap().push((begin, Timestamp::now()));
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

    /// Whether an alert's record says how the alert ended.
    async fn assert_well_ended(&self, answer: &Value) {
        let record = self.look(answer["links"]["record"].as_str().unwrap()).await;
        assert_eq!(record["finished"], true, "{record}");
        let outcome = &record["outcomes"][0];
        let has_capture = ["started", "joined"].contains(&outcome["outcome"].as_str().unwrap());
        assert!(has_capture || outcome["reason"] == "cooldown", "{record}");
    }

    /// Two captures of one machine run at once only when those raced who were on either side of the boundary of two slots.
    fn assert_one_capture_at_a_time(&self) {
        let captures = self.captures();
        for machine in &self.machines {
            let mut of_machine: Vec<_> = captures.iter().filter(|it| it.target.eq_ignore_ascii_case(machine)).collect();
            assert!(!of_machine.is_empty(), "no capture of {machine}");
            of_machine.sort_by_key(|capture| capture.started);
            for pair in of_machine.windows(2) {
                let overlap = pair[0].ended > pair[1].started;
                assert!(!overlap || slot(pair[0]) != slot(pair[1]), "at once: {pair:#?}");
            }
        }
    }

    /// Whether every capture has a record and was told, but for one that gave way to another.
    async fn assert_all_told(&self) {
        let messages = self.messages();
        for capture in self.captures() {
            let name = &capture.name;
            let link = format!("/api/captures/00000000-0000-0000-0000-000000000000/{}/{name}", capture.region);
            let record = self.look(&link).await;
            assert_eq!(record["phase"], "finished", "{record}");
            let is_told = messages.iter().any(|(_, message)| message["data"]["capture"]["name"] == name.as_str());
            assert!(is_told || record["end"]["reason"] == "superseded", "nobody was told of {record}");
        }
    }

    /// A message is sent again only when somebody died between sending it and writing that down.
    fn assert_told_once(&self, copies: &BTreeMap<String, Vec<Timestamp>>) {
        let accidents = self.accidents.lock().unwrap();
        for (message, times) in copies {
            assert!(self.delivered(message) <= 1, "who has delivered {message} lived, and somebody delivered it again");
            for pair in times.windows(2) {
                let explains = |(begin, end): &&(Timestamp, Timestamp)| {
                    *begin <= pair[0] + WRITING && pair[0] <= *end && *begin <= pair[1]
                };
                assert!(accidents.iter().find(explains).is_some(), "{message} came at {times:?}: {accidents:?}");
            }
        }
    }

    async fn look(&self, link: &str) -> Value {
        let bearer = format!("Bearer {OPERATOR_KEY}");
        let url = format!("{}{link}", self.url(0).expect("it lives"));
        let answer: Answer = try_get(&url, &[("authorization", &bearer)]).await.expect("an answer");
        answer.json().1
    }

    fn captures(&self) -> Vec<Capture> {
        self.azure.azure().lock().unwrap().captures()
    }

    /// What people were told, and when.
    fn messages(&self) -> Vec<(Timestamp, Value)> {
        let azure = self.azure.azure();
        let azure = azure.lock().unwrap();
        azure.messages().iter().map(|message| (message.at, serde_json::from_str(&message.body).unwrap())).collect()
    }

    /// When each message came.
    fn copies(&self) -> BTreeMap<String, Vec<Timestamp>> {
        let mut copies: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (at, message) in self.messages() {
            copies.entry(message["id"].as_str().unwrap().to_owned()).or_default().push(at);
        }
        copies
    }

    /// How many hosts have written down that they delivered a message.
    fn delivered(&self, message: &str) -> usize {
        let logs = self.logs.lock().unwrap();
        let events = logs.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        events.filter(|event| event["notice"] == message && event["step"] == "delivered").count()
    }
}
