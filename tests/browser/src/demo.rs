//! `cargo demo`, as a process of its own that ends with this.

use std::process::Stdio;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The keys of what the demo runs. They are the simulator's, and open nothing else.
pub const OPERATOR_KEY: &str = "simulated-operator-key";
pub const WEBHOOK_KEY: &str = "simulated-webhook-key";

/// What the demo says last before everything can be tried.
const READY: &str = "The operator's key is ";

pub struct Demo {
    pub url: String,
    _process: Child,
}

impl Demo {
    /// Starts it, and waits until its story has been told: there is a capture then that has ended.
    pub async fn start() -> anyhow::Result<Self> {
        let mut command = Command::new("cargo");
        command.args(["demo", "--port", "0"]).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("the demo has no output")?).lines();
        let mut url = None;
        while let Some(line) = lines.next_line().await? {
            let address = line.strip_prefix("nightcap ").map(str::trim).filter(|rest| rest.starts_with("http"));
            url = url.or(address.map(str::to_owned));
            if line.contains(READY) {
                // It goes on telling, and nobody reads it: the pipe has to stay open all the same.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                let url = url.context("the demo did not say where nightcap is")?;
                return Ok(Self { url, _process: process });
            }
        }
        anyhow::bail!("the demo ended before it was ready")
    }
}
