//! The commit that the component is built from, for `/healthz`.
//!
//! `NIGHTCAP_COMMIT` says it, where a release or an image is built; else the checkout does, if this is one. Only components
//! name it: what is built for tests would be built anew with every commit.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=NIGHTCAP_COMMIT");
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|target| target != "wasm32") {
        return;
    }
    if let Some(commit) = env::var("NIGHTCAP_COMMIT").ok().or_else(checked_out) {
        println!("cargo::rustc-env=NIGHTCAP_COMMIT={commit}");
    }
}

/// The commit of the checkout, with `-dirty` after it when something has been changed since. None in an unpacked archive,
/// also when that lies in the checkout of something else.
fn checked_out() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    // What changes with a commit, and what is compiled. A path that is not there would be taken for a change each time.
    let head = ["HEAD", "logs/HEAD"].map(|file| git(&["rev-parse", "--git-path", file]));
    let sources = ["src", "crates/report", "Cargo.toml", "Cargo.lock"].map(|path| Some(path.to_owned()));
    for path in head.into_iter().chain(sources).flatten().filter(|path| Path::new(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
    git(&["describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").env("GIT_OPTIONAL_LOCKS", "0").args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}
