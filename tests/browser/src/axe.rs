//! axe-core, which is never part of the project: the tests fetch it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

const PACKAGE: &str = "axe-core@4.14.1";

/// Its source, fetched once.
pub fn source(target: &Path) -> anyhow::Result<String> {
    let folder = target.join(PACKAGE);
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if !script.is_file() {
        std::fs::create_dir_all(&folder)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefix"]);
        let output = npm.arg(&folder).arg(PACKAGE).output().context("npm cannot be run")?;
        ensure!(output.status.success(), "npm cannot fetch {PACKAGE}: {}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::read_to_string(&script).context("axe-core is not where npm puts it")
}
