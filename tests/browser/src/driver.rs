//! Chromium's WebDriver, as a process of its own that ends with this.

use std::process::Stdio;

use anyhow::Context;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::{ParseError, Url};

const STARTED: &str = "was started successfully on port ";

pub struct Driver {
    port: u16,
    _process: Child,
}

impl Driver {
    /// On a port that it finds by itself.
    pub async fn start() -> anyhow::Result<Self> {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process =
            command.spawn().context("there is no chromedriver; Debian has it as chromium-driver, beside chromium")?;
        let mut lines = BufReader::new(process.stdout.take().context("chromedriver has no output")?).lines();
        while let Some(line) = lines.next_line().await? {
            let port = line.split_once(STARTED).and_then(|(_, port)| port.trim_end_matches('.').parse().ok());
            if let Some(port) = port {
                // It says more, and nobody reads it: the pipe has to stay open all the same.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { port, _process: process });
            }
        }
        anyhow::bail!("chromedriver ended before it was ready")
    }

    pub async fn client(&self) -> anyhow::Result<Client> {
        // Neither containers nor root have what the sandbox needs. By its pipe Chromium notices that the driver is gone, and ends.
        let options = json!({"args": [
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--remote-debugging-pipe"
        ]});
        let capabilities = [("goog:chromeOptions".to_owned(), options)].into_iter().collect();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&format!("http://127.0.0.1:{}", self.port)).await;
        client.context("Chromium does not start")
    }
}

/// What the browser is made to be, by the DevTools protocol's `Emulation`.
#[derive(Debug)]
pub struct Emulate(Value);

impl Emulate {
    pub fn scheme(scheme: &str) -> Self {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        Self(json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}}))
    }

    pub fn screen(width: u64, height: u64) -> Self {
        let params = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        Self(json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": params}))
    }

    /// Pages run no scripts; those of the tests are run all the same.
    pub fn no_scripts() -> Self {
        Self(json!({"cmd": "Emulation.setScriptExecutionDisabled", "params": {"value": true}}))
    }
}

impl WebDriverCompatibleCommand for Emulate {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/goog/cdp/execute", session_id.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.0.to_string()))
    }
}
