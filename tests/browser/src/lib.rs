//! A headless Chromium that looks at what `cargo demo` runs: nightcap's built component, beside a pretend Azure in which captures take
//! eight seconds. It is driven by WebDriver (<https://www.w3.org/TR/webdriver2/>), so Chromium's own driver has to be there: Debian
//! has both as `chromium` and `chromium-driver`.

#![allow(missing_docs, reason = "a name that says everything needs no sentence")]

mod axe;
mod demo;
mod driver;
mod inspect;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use demo::Demo;
pub use demo::{OPERATOR_KEY, WEBHOOK_KEY};
use driver::{Driver, Emulate};

/// How often, and with which pauses, somebody looks for what comes about by itself. Looks are counted, for a machine that is busy
/// takes its time with each.
const MOST_LOOKS: usize = 1000;
const PAUSE: Duration = Duration::from_millis(50);

/// A browser and a demo are a lot for one machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// nightcap, and somebody who looks.
pub struct Scene {
    pub client: Client,
    demo: Demo,
    axe: Option<String>,
    _driver: Driver,
    _only: MutexGuard<'static, ()>,
}

impl Scene {
    /// `None` where there is no browser, which is said; an error where one is required by `NIGHTCAP_BROWSER=required`.
    pub async fn new() -> anyhow::Result<Option<Self>> {
        let only = ONE_AT_A_TIME.lock().await;
        let is_required = std::env::var("NIGHTCAP_BROWSER").is_ok_and(|value| value == "required");
        let driver = match Driver::start().await {
            Ok(driver) => driver,
            Err(error) if !is_required => {
                println!("skipped: {error:#}");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let axe = match axe::source(&kept_in()) {
            Ok(source) => Some(source),
            Err(error) if !is_required => {
                println!("accessibility is not looked at: {error:#}");
                None
            }
            Err(error) => return Err(error),
        };
        let demo = Demo::start().await?;
        let client = driver.client().await?;
        Ok(Some(Self { client, demo, axe, _driver: driver, _only: only }))
    }

    pub async fn open(&self, place: &str) -> anyhow::Result<()> {
        Ok(self.client.goto(&format!("{}{place}", self.demo.url)).await?)
    }

    pub async fn sign_in(&self) -> anyhow::Result<()> {
        self.open("/").await?;
        self.fill("key", OPERATOR_KEY).await?;
        self.click("Sign in").await?;
        self.until_it_says("Needs attention").await
    }

    pub async fn forbid_scripts(&self) -> anyhow::Result<()> {
        self.client.issue_cmd(Emulate::no_scripts()).await?;
        Ok(())
    }

    pub async fn fill(&self, id: &str, text: &str) -> anyhow::Result<()> {
        let field = self.client.find(Locator::Id(id)).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Clicks a button or a link by what its text begins with; of several the one with the shortest text.
    pub async fn click(&self, text: &str) -> anyhow::Result<()> {
        let path = "//main//*[self::button or self::a or self::summary] | //header//*[self::button or self::a]";
        let mut found: Option<(String, Element)> = None;
        for element in self.client.find_all(Locator::XPath(path)).await? {
            let own = element.text().await?;
            if own.starts_with(text) && found.as_ref().is_none_or(|(other, _)| own.len() < other.len()) {
                found = Some((own, element));
            }
        }
        let (_, element) = found.with_context(|| format!("there is nothing called {text}"))?;
        Ok(element.click().await?)
    }

    /// What a person reads.
    pub async fn text(&self) -> anyhow::Result<String> {
        Ok(self.client.find(Locator::Css("body")).await?.text().await?)
    }

    pub async fn ask(&self, script: &str) -> anyhow::Result<Value> {
        Ok(self.client.execute(script, vec![]).await?)
    }

    /// Waits until a script says yes.
    pub async fn until(&self, what: &str, script: &str) -> anyhow::Result<()> {
        for _ in 0..MOST_LOOKS {
            // While one page becomes the next there is nothing to ask.
            if self.ask(script).await.ok() == Some(json!(true)) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::bail!("{what}: that did not come about. {}", self.text().await?)
    }

    pub async fn until_it_says(&self, text: &str) -> anyhow::Result<()> {
        let script = format!("return document.body.innerText.includes({})", json!(text));
        self.until(text, &script).await
    }

    /// The same where no script looks for what is new.
    pub async fn reload_until_it_says(&self, text: &str) -> anyhow::Result<()> {
        for _ in 0..MOST_LOOKS {
            if self.text().await?.contains(text) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
            self.client.refresh().await?;
        }
        anyhow::bail!("{text}: that did not come about. {}", self.text().await?)
    }

    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.client.close().await?)
    }
}

/// Where pictures and axe-core lie: in Cargo's target folder, in which nothing is kept for long.
fn kept_in() -> PathBuf {
    let usual = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target"));
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(usual, PathBuf::from).join("browser")
}
