//! The built component, both builds, in the embedded host over real sockets against the simulator.

mod common;

use std::time::Duration;

use common::alerts;
use common::http::{get, post};
use http::StatusCode;
use nightcap_embedded::{Build, Host, Options};
use nightcap_simulator::{OPERATOR_KEY, Server, Service, WEBHOOK_KEY, World};
use serde_json::Value;

const BUILDS: [Build; 2] = [Build::Spin, Build::Wasi];

struct Scene {
    azure: Server,
    nightcap: Host,
}

impl Scene {
    async fn new(build: Build) -> Self {
        Self::with(build, |_| (), &[]).await
    }

    async fn with(build: Build, change: impl FnOnce(&mut World) + Send + 'static, settings: &[(&str, &str)]) -> Self {
        let azure = Server::start(|urls| {
            let mut world = World::sample(urls);
            change(&mut world);
            world
        });
        let azure = azure.await.expect("the simulator starts");
        let mut options = Options::new(build);
        let world_settings = azure.azure().lock().unwrap().world().settings();
        for (name, value) in world_settings {
            options = options.set(name, value);
        }
        for (name, value) in settings {
            options = options.set(name, *value);
        }
        let nightcap = Host::start(options).await.expect("the component starts");
        Self { azure, nightcap }
    }

    async fn alert(&self, body: &Value) -> (StatusCode, Value) {
        let url = format!("{}/api/alerts?code={WEBHOOK_KEY}", self.nightcap.url());
        post(&url, &[("content-type", "application/json")], body.to_string()).await.json()
    }

    /// What Azure was asked, as `METHOD last-part-of-the-path`.
    fn asked(&self) -> Vec<String> {
        common::asked(&self.azure.azure().lock().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_starts_from_each_kind_of_body() {
    for build in BUILDS {
        let scene = Scene::new(build).await;
        let (status, answer) = scene.alert(&alerts::common("cpu", alerts::TEST_VM)).await;
        println!("{answer:#}\n{:#?} {:?} {:?} {:?}", scene.nightcap.logs(), scene.nightcap.traps(), scene.nightcap.outbound(), scene.asked());
        assert_eq!(status, 201, "{answer}");
        assert_eq!(answer["outcomes"][0]["outcome"], "started");
        assert_eq!(scene.asked(), ["POST token", "GET test-vm", "GET packetCaptures", "PUT nightcap"]);
        assert_eq!(scene.nightcap.traps(), Vec::<String>::new());
        println!("{answer:#}\n{:#?}", scene.nightcap.logs());
    }
}
