//! The stage: a pretend Azure, and nightcap beside it.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use nightcap_embedded::{Build, Host, Options, component};
use nightcap_simulator::{Azure, Server, Urls, WEBHOOK_KEY, World};
use serde_json::Value;

use crate::options::{self, Story};
use crate::timeline::{LATENCY, Style, Timeline};

/// How long the simulator takes to begin a capture, so that the demo is short.
pub const BEGINNING: Duration = Duration::from_secs(2);

/// How long captures run in the demo.
pub const CAPTURE: Duration = Duration::from_secs(8);

/// How much of nightcap's log is shown when something went wrong.
const LAST_LINES: usize = 20;

/// Everything that runs.
pub struct Stage {
    /// The pretend Azure.
    pub azure: Server,
    /// nightcap, in an embedded wasmtime.
    pub nightcap: Host,
    /// nightcap's settings, by name.
    pub settings: Vec<(&'static str, String)>,
}

impl Stage {
    /// Starts everything, and says so before it takes time.
    pub async fn set_up(options: &options::Options, timeline: &Arc<Timeline>) -> anyhow::Result<Stage> {
        let address = free_address(options.listen())?;
        timeline.say(&timeline.paint(Style::Bold, "nightcap demo"));
        timeline.say(match options.story {
            Story::Untold => "nightcap beside a pretend Azure, all of it on this computer.",
            _ => "An alert is about to fire on a pretend machine in a pretend Azure, all of it on this computer.",
        });
        timeline.say("No Azure account is needed.\n");
        timeline.remark("Building nightcap, a WebAssembly component. The first time this takes a minute or more.");
        let component = build(options.build).await?;
        let size = std::fs::metadata(&component)?.len();
        timeline.remark(&format!("Built: {} kB. Starting a pretend Azure, and nightcap beside it.", size / 1000));

        let azure = start_azure(timeline.clone()).await.context("the pretend Azure found no free ports")?;
        let before = Instant::now();
        let settings = settings(&azure, address);
        let nightcap = Host::start(nightcap_options(&settings, options.build, address)).await?;
        let stage = Stage { azure, nightcap, settings };
        timeline.remark(&format!("Ready after {:.1} s.\n", before.elapsed().as_secs_f64()));
        stage.introduce(timeline);
        if options.story != Story::Untold {
            timeline.remark("Times are those since the alert was sent.\n");
        }
        Ok(stage)
    }

    /// Looks at the pretend Azure.
    pub fn look<T>(&self, look: impl FnOnce(&Azure) -> T) -> T {
        look(&self.azure.azure().lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The resource id of a machine in the pretend Azure, by its name.
    pub fn machine(&self, name: &str) -> anyhow::Result<String> {
        let machine = |azure: &Azure| {
            let machines = &azure.world().virtual_machines;
            machines.iter().find(|machine| machine.id.ends_with(&format!("/{name}"))).map(|machine| machine.id.clone())
        };
        self.look(machine).with_context(|| format!("the pretend Azure has no machine {name}"))
    }

    /// The webhook's address, as an action group has it.
    pub fn webhook(&self) -> String {
        format!("{}/api/alerts?code={WEBHOOK_KEY}", self.nightcap.url())
    }

    /// Tells from now on which alerts nightcap gets, and how they end, as its log says.
    pub fn tell_of_alerts(&self, timeline: &Arc<Timeline>) {
        let timeline = timeline.clone();
        self.nightcap.on_log(move |line| {
            let event: Value = serde_json::from_str(line).unwrap_or_default();
            let word = |member: &str| event[member].as_str().unwrap_or_default();
            match word("event") {
                "alert_received" => timeline.event("alert", Style::Bold, "nightcap has received an alert"),
                "outcome" => {
                    let text = format!("{}, {}, after {} ms", word("outcome"), word("reason"), event["ms"]);
                    timeline.event("outcome", Style::Green, &text);
                }
                _ => {}
            }
        });
    }

    /// Helps to find out why something did not go as it should.
    pub fn show_what_nightcap_wrote(&self) {
        let logs = self.nightcap.logs();
        eprintln!("\nThe end of nightcap's log:");
        for line in &logs[logs.len().saturating_sub(LAST_LINES)..] {
            eprintln!("  {line}");
        }
        for trap in self.nightcap.traps() {
            eprintln!("nightcap died: {trap}");
        }
    }

    fn introduce(&self, timeline: &Timeline) {
        let urls = self.azure.urls();
        timeline.say(&format!("nightcap            {}", self.nightcap.url()));
        timeline.say(&format!("Microsoft Entra     {}   (pretend)", urls.authority));
        timeline.say(&format!("Resource Manager    {}   (pretend)", urls.arm));
        timeline.say(&format!("Blob storage        {}   (pretend)", urls.blob));
        timeline.say(&format!("Messages            {}   (pretend)\n", urls.sink));
        timeline.remark(&format!(
            "The pretend Azure takes {} ms for every answer and {} s to begin a capture; the real one takes up to 30 s for that. \
             Captures last {} s here, and {} s unless somebody says otherwise.",
            LATENCY.as_millis(),
            BEGINNING.as_secs(),
            CAPTURE.as_secs(),
            60
        ));
    }
}

/// Builds the component, with cargo's own progress on standard error.
async fn build(build: Build) -> anyhow::Result<PathBuf> {
    tokio::task::spawn_blocking(move || component(build)).await?
}

/// Starts the simulator, which tells the timeline of every request.
async fn start_azure(timeline: Arc<Timeline>) -> std::io::Result<Server> {
    Server::start_at(0, world, move |exchange| timeline.request(exchange)).await
}

fn world(urls: Urls) -> World {
    let mut world = World::sample(urls);
    world.timing.latency = LATENCY;
    world.timing.create = BEGINNING;
    world.timing.retry_after = BEGINNING.as_secs();
    world.timing.file_delay = Duration::from_secs(1);
    world
}

/// Where nightcap will listen. Its settings hold its address, so a free port has to be found before it starts.
fn free_address(wanted: SocketAddr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(wanted);
    let listener =
        listener.with_context(|| format!("port {} cannot be used; choose another with --port", wanted.port()))?;
    Ok(listener.local_addr()?)
}

fn settings(azure: &Server, address: SocketAddr) -> Vec<(&'static str, String)> {
    let mut settings = azure.azure().lock().unwrap_or_else(PoisonError::into_inner).world().settings();
    settings.push(("capture_seconds", CAPTURE.as_secs().to_string()));
    settings.push(("public_url", format!("http://{address}")));
    settings
}

fn nightcap_options(settings: &[(&str, String)], build: Build, address: SocketAddr) -> Options {
    let options = Options { listen: Some(address), ..Options::new(build) };
    settings.iter().fold(options, |options, (name, value)| options.set(name, value.as_str()))
}
