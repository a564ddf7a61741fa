//! What holds for every page, whatever it shows.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::demo::OPERATOR_KEY;
use crate::driver::Emulate;
use crate::{Scene, kept_in};

/// The largest page, style and script included.
const LARGEST: u64 = 100_000;

/// How the pages are looked at: a name, the colours that are preferred, and the screen.
const LOOKS: [(&str, &str, u64, u64); 3] =
    [("light", "light", 1280, 900), ("dark", "dark", 1280, 900), ("phone", "light", 390, 844)];

/// The tallest picture.
const TALLEST: u64 = 4000;

impl Scene {
    /// Inspects the page that is open: what it loads, what it tells, and how it looks. Its pictures are called by `name`.
    pub async fn inspect(&self, name: &str) -> anyhow::Result<()> {
        self.inspect_loading(name).await?;
        self.inspect_secrecy(name).await?;
        let mut found = Vec::new();
        for (looks, scheme, width, height) in LOOKS {
            for emulate in [Emulate::scheme(scheme), Emulate::screen(width, height)] {
                self.client.issue_cmd(emulate).await?;
            }
            let name = format!("{name}-{looks}");
            found.extend(self.violations().await?.into_iter().map(|violation| format!("{name}: {violation}")));
            self.take_picture(&name, width, height).await?;
        }
        ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    }

    /// One answer is all that it takes to paint the page. Later the script asks for the same page again.
    async fn inspect_loading(&self, name: &str) -> anyhow::Result<()> {
        self.until("it is painted", "return performance.getEntriesByName('first-contentful-paint').length === 1")
            .await?;
        let bytes = self.ask("return performance.getEntriesByType('navigation')[0].decodedBodySize").await?;
        ensure!(bytes.as_u64().is_some_and(|bytes| (500..LARGEST).contains(&bytes)), "{name} has {bytes} bytes");
        let foreign = "return performance.getEntriesByType('resource').filter(one => one.initiatorType !== 'fetch' || \
                       one.name !== location.href.split('#')[0]).map(one => one.name)";
        let foreign = self.ask(foreign).await?;
        ensure!(foreign == json!([]), "{name} loads {foreign}");
        Ok(())
    }

    async fn inspect_secrecy(&self, name: &str) -> anyhow::Result<()> {
        let source = self.client.source().await?;
        ensure!(!source.contains(OPERATOR_KEY), "{name} has the operator key in its source");
        let told = "return [location.href, document.referrer, document.cookie, ...Object.values(localStorage), \
                    ...Object.values(sessionStorage)].join(' ')";
        let told = self.ask(told).await?.to_string();
        ensure!(!told.contains(OPERATOR_KEY), "{name} tells the operator key: {told}");
        let secret = self.ask("return document.referrer + document.cookie").await?;
        ensure!(secret == "", "{name} has a referrer or a cookie that scripts can read: {secret}");
        Ok(())
    }

    /// What axe-core finds wrong, and whether the page fits the screen.
    async fn violations(&self) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        let wider = self.ask("return document.documentElement.scrollWidth - innerWidth").await?;
        if wider.as_i64().is_none_or(|wider| wider > 0) {
            found.push(format!("the page is wider than the screen by {wider}"));
        }
        let Some(axe) = &self.axe else { return Ok(found) };
        self.client.execute(axe, vec![]).await?;
        let run = "axe.run(document).then(told => arguments[0](told.violations.flatMap(one => one.nodes.map(node => \
                   `${one.id}: ${node.html} ${node.failureSummary}`))))";
        let told = self.client.execute_async(run, vec![]).await?;
        let told = told.as_array().context("axe says nothing")?;
        found.extend(told.iter().filter_map(Value::as_str).map(str::to_owned));
        Ok(found)
    }

    /// Of the whole page, as far as it is not endless.
    async fn take_picture(&self, name: &str, width: u64, height: u64) -> anyhow::Result<()> {
        let tall = self.ask("return document.documentElement.scrollHeight").await?.as_u64().unwrap_or_default();
        self.client.issue_cmd(Emulate::screen(width, tall.clamp(height, TALLEST))).await?;
        let pictures = kept_in().join("screenshots");
        std::fs::create_dir_all(&pictures)?;
        std::fs::write(pictures.join(format!("{name}.png")), self.client.screenshot().await?)?;
        Ok(())
    }
}
