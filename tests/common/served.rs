//! The built component in the embedded host, over real sockets against the simulator.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use nightcap_embedded::{Build, Host, Options};
use nightcap_simulator::{Azure, OPERATOR_KEY, Server, WEBHOOK_KEY, World};
use serde_json::Value;

use super::http::{Answer, get, post, send};

/// The builds that the tests run: those of WASI 0.2, which everybody gets, and all of them where `NIGHTCAP_COMPONENTS` is set
/// to `all`, or to `release` for their released form.
pub fn builds() -> Vec<Build> {
    let all = std::env::var_os("NIGHTCAP_COMPONENTS").is_some();
    Build::ALL.into_iter().take(if all { Build::ALL.len() } else { 2 }).collect()
}

/// A pretend Azure, and nightcap beside it.
pub struct Served {
    pub azure: Server,
    pub options: Options,
    pub nightcap: Host,
}

impl Served {
    pub async fn new(build: Build) -> Self {
        Self::with(build, |_| (), &[]).await
    }

    pub async fn with(build: Build, change: impl FnOnce(&mut World), settings: &[(&str, &str)]) -> Self {
        Self::on(Options::new(build), change, settings).await
    }

    pub async fn on(mut options: Options, change: impl FnOnce(&mut World), settings: &[(&str, &str)]) -> Self {
        let azure = Server::start(|urls| {
            let mut world = World::sample(urls);
            change(&mut world);
            world
        });
        let azure = azure.await.expect("the simulator starts");
        let world_settings = azure.azure().lock().unwrap().world().settings();
        for (name, value) in world_settings {
            options = options.set(name, value);
        }
        for (name, value) in settings {
            options = options.set(name, *value);
        }
        let nightcap = Host::start(options.clone()).await.expect("the component starts");
        Self { azure, options, nightcap }
    }

    pub async fn post(&self, body: impl Into<bytes::Bytes>) -> Answer {
        let url = format!("{}/api/alerts?code={WEBHOOK_KEY}", self.nightcap.url());
        post(&url, &[("content-type", "application/json")], body).await
    }

    pub async fn alert(&self, body: &Value) -> (StatusCode, Value) {
        self.post(body.to_string()).await.json()
    }

    /// What an operator sees at an address.
    pub async fn look(&self, link: &str) -> (StatusCode, Value) {
        let bearer = format!("Bearer {OPERATOR_KEY}");
        get(&format!("{}{link}", self.nightcap.url()), &[("authorization", &bearer)]).await.json()
    }

    /// What an operator asks for.
    pub async fn operate(&self, method: Method, link: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {OPERATOR_KEY}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        send(method, &format!("{}{link}", self.nightcap.url()), &headers, body.to_owned().into()).await
    }

    /// Sweeps, as a timer does.
    pub async fn sweep(&self) -> (StatusCode, Value) {
        let bearer = format!("Bearer {OPERATOR_KEY}");
        post(&format!("{}/api/sweep", self.nightcap.url()), &[("authorization", &bearer)], "").await.json()
    }

    /// Looks at the pretend Azure, or tampers with it.
    pub fn on_azure<T>(&self, look: impl FnOnce(&mut Azure) -> T) -> T {
        look(&mut self.azure.azure().lock().unwrap())
    }

    /// Ends the host like a power cut and starts it again. Only its state is left.
    pub async fn restart(self) -> Self {
        let Self { azure, options, nightcap } = self;
        nightcap.kill().await;
        let nightcap = Host::start(options.clone()).await.expect("the component starts again");
        Self { azure, options, nightcap }
    }

    pub fn asked(&self) -> Vec<String> {
        super::asked(&self.azure.azure().lock().unwrap())
    }

    pub fn captures(&self) -> usize {
        self.azure.azure().lock().unwrap().captures().len()
    }

    pub fn assert_no_trap(&self) {
        assert_eq!(self.nightcap.traps(), Vec::<String>::new(), "{:#?}", self.nightcap.logs());
    }
}

/// Looks again and again until something is so. Bounded, and for what comes about by itself only.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
