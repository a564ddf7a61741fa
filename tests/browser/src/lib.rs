//! A headless Chromium that looks at what `cargo demo` runs: nightcap's built component, beside a pretend Azure in which captures take
//! eight seconds. It is driven by WebDriver (<https://www.w3.org/TR/webdriver2/>), so Chromium's own driver has to be there: Debian
//! has both as `chromium` and `chromium-driver`.

#![allow(missing_docs, reason = "a name that says everything needs no sentence")]

mod axe;
mod demo;
mod driver;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use demo::Demo;
pub use demo::{OPERATOR_KEY, WEBHOOK_KEY};
use driver::{Driver, Emulate};

/// How long something may take that comes about by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// nightcap, and somebody who looks.
pub struct Scene {
    pub client: Client,
    demo: Demo,
    axe: Option<String>,
    _driver: Driver,
}

impl Scene {
    /// `None` where there is no browser, which is said; an error where one is required by `NIGHTCAP_BROWSER=required`.
    pub async fn new() -> anyhow::Result<Option<Self>> {
        let is_required = std::env::var("NIGHTCAP_BROWSER").is_ok_and(|value| value == "required");
        let driver = match Driver::start().await {
            Ok(driver) => driver,
            Err(error) if !is_required => {
                println!("skipped: {error:#}");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let axe = match axe::source(&target()) {
            Ok(source) => Some(source),
            Err(error) if !is_required => {
                println!("accessibility is not looked at: {error:#}");
                None
            }
            Err(error) => return Err(error),
        };
        let demo = Demo::start().await?;
        let client = driver.client().await?;
        Ok(Some(Self { client, demo, axe, _driver: driver }))
    }

    pub async fn open(&self, place: &str) -> anyhow::Result<()> {
        Ok(self.client.goto(&format!("{}{place}", self.demo.url)).await?)
    }

    pub async fn sign_in(&self) -> anyhow::Result<()> {
        self.open("/").await?;
        self.fill("key", OPERATOR_KEY).await?;
        self.click("Sign in").await?;
        self.until("the lists are there", "return !!document.getElementById('live')").await
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
        let begin = Instant::now();
        // While one page becomes the next there is nothing to ask.
        while self.ask(script).await.ok() != Some(json!(true)) {
            if begin.elapsed() > PATIENCE {
                anyhow::bail!("{what}: that did not come about. {}", self.text().await?);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub async fn until_it_says(&self, text: &str) -> anyhow::Result<()> {
        let script = format!("return document.body.innerText.includes({})", json!(text));
        self.until(text, &script).await
    }

    /// What axe-core finds wrong, in light, in dark and on a phone, with a picture of each.
    pub async fn violations(&self, page: &str) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        for (looks, scheme, width, height) in
            [("light", "light", 1280, 900), ("dark", "dark", 1280, 900), ("phone", "light", 390, 844)]
        {
            for emulate in [Emulate::scheme(scheme), Emulate::screen(width, height)] {
                self.client.issue_cmd(emulate).await?;
            }
            let pictures = target().join("screenshots");
            std::fs::create_dir_all(&pictures)?;
            std::fs::write(pictures.join(format!("{page}-{looks}.png")), self.client.screenshot().await?)?;
            let width = self.ask("return document.documentElement.scrollWidth - innerWidth").await?;
            if width.as_i64().is_none_or(|width| width > 0) {
                found.push(format!("{page} {looks}: it is wider than the screen by {width}"));
            }
            let Some(axe) = &self.axe else { continue };
            self.client.execute(axe, vec![]).await?;
            let run = "axe.run(document).then(told => arguments[0](told.violations.flatMap(one => one.nodes.map(node => \
                       `${one.id}: ${node.html} ${node.failureSummary}`))))";
            let told = self.client.execute_async(run, vec![]).await?;
            let told = told.as_array().context("axe says nothing")?.clone();
            found.extend(told.iter().map(|one| format!("{page} {looks}: {}", one.as_str().unwrap_or_default())));
        }
        Ok(found)
    }

    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.client.close().await?)
    }
}

/// Cargo's target folder, in which nothing is kept.
fn target() -> PathBuf {
    let usual = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target"));
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(usual, PathBuf::from)
}
