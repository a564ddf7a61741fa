//! Builds the component.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

const TARGET: &str = "wasm32-wasip2";

/// The builds of the one source, named as its features are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Build {
    /// The default: Spin's variables and key-value store.
    Spin,
    /// Environment variables and a directory, for any other host.
    Wasmtime,
    /// The first for Spin with WASI 0.3.
    SpinWasi03,
    /// The second for hosts with WASI 0.3.
    WasmtimeWasi03,
}

/// The version of WASI that a build speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wasi {
    V02,
    V03,
}

impl Build {
    pub const ALL: [Build; 4] = [Build::Spin, Build::Wasmtime, Build::SpinWasi03, Build::WasmtimeWasi03];

    pub(crate) fn wasi(self) -> Wasi {
        match self {
            Self::Spin | Self::Wasmtime => Wasi::V02,
            Self::SpinWasi03 | Self::WasmtimeWasi03 => Wasi::V03,
        }
    }

    pub(crate) fn is_for_spin(self) -> bool {
        matches!(self, Self::Spin | Self::SpinWasi03)
    }

    /// The feature that chooses it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spin => "spin",
            Self::Wasmtime => "wasmtime",
            Self::SpinWasi03 => "spin-wasi03",
            Self::WasmtimeWasi03 => "wasmtime-wasi03",
        }
    }
}

/// Path of the built component. The first call in a process runs cargo, which knows what is still fresh;
/// later calls have the answer of the first.
pub fn component(build: Build) -> anyhow::Result<PathBuf> {
    static BUILT: Mutex<[Option<Result<PathBuf, String>>; 4]> = Mutex::new([const { None }; 4]);
    // Held while building: cargo would let two builds wait for each other anyway.
    let mut built = BUILT.lock().unwrap();
    let answer = built[build as usize].get_or_insert_with(|| run_cargo(build).map_err(|error| format!("{error:#}")));
    answer.clone().map_err(anyhow::Error::msg)
}

/// The directory of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate lies two levels below the workspace")
}

fn run_cargo(build: Build) -> anyhow::Result<PathBuf> {
    install_target()?;
    let profile = profile()?;
    let mut target = target_directory()?;
    let mut cargo = cargo();
    cargo.args(["build", "--package", "nightcap", "--lib"]);
    cargo.args(["--profile", profile, "--target", TARGET]);
    if profile == "quick" {
        // It need not name its commit, so that it is not built anew with each one.
        cargo.env("NIGHTCAP_COMMIT", "");
    }
    if build != Build::Spin {
        // All builds have the same file name, so each has a directory of its own.
        target.push(build.name());
        cargo.args(["--no-default-features", "--features", build.name()]);
    }
    cargo.arg("--target-dir").arg(&target);
    say(&format!("building the component for {TARGET} (build {}, profile {profile})", build.name()));
    run(cargo).context("the component was not built; cargo said above what to mend")?;
    let path = target.join(TARGET).join(profile).join("nightcap.wasm");
    ensure!(
        path.is_file(),
        "cargo built the component, but left no {}; does Cargo.toml still have the crate type cdylib?",
        path.display()
    );
    Ok(path)
}

/// The profile in `Cargo.toml` to build with. Tests and the demo are content with a component that is built quickly,
/// unless `NIGHTCAP_COMPONENTS` asks for the released form, which `all` does not. Benchmarks, which are built without debug
/// assertions, always measure that one.
fn profile() -> anyhow::Result<&'static str> {
    match std::env::var("NIGHTCAP_COMPONENTS").as_deref() {
        Ok("release") => Ok("release"),
        Ok(other) if other != "all" => bail!("NIGHTCAP_COMPONENTS is `{other}`; it can be `all`, `release` or not set"),
        _ if cfg!(debug_assertions) => Ok("quick"),
        _ => Ok("release"),
    }
}

fn install_target() -> anyhow::Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    rustc.current_dir(workspace());
    let libraries = output(rustc)?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    say(&format!("installing Rust's target {TARGET}, with rustup"));
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]);
    rustup.current_dir(workspace());
    run(rustup).with_context(|| format!("Rust's target {TARGET} is missing; install it with your source of Rust"))
}

fn target_directory() -> anyhow::Result<PathBuf> {
    let mut cargo = cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&output(cargo)?)?;
    let directory = metadata["target_directory"].as_str().context("`cargo metadata` names no target directory")?;
    Ok(directory.into())
}

fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut cargo = Command::new(program);
    cargo.current_dir(workspace());
    // What an outer cargo, clippy or coverage tool set for its own build and not for this one.
    for (name, _) in std::env::vars_os() {
        if is_of_outer_build(&name.to_string_lossy()) {
            cargo.env_remove(name);
        }
    }
    cargo
}

fn is_of_outer_build(name: &str) -> bool {
    const NAMES: [&str; 6] = [
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_BUILD_TARGET",
        "RUSTC_WORKSPACE_WRAPPER",
        "CLIPPY_ARGS",
    ];
    NAMES.contains(&name)
        || ["CARGO_PKG_", "CARGO_CFG_", "CARGO_FEATURE_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Runs a command whose output goes to the user, all of it to standard error.
fn run(mut command: Command) -> anyhow::Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status().with_context(|| format!("could not run {}; is it installed?", describe(&command)))?;
    ensure!(status.success(), "{} failed: {status}", describe(&command));
    Ok(())
}

/// Runs a command for what it prints.
fn output(mut command: Command) -> anyhow::Result<String> {
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("could not run {}; is it installed?", describe(&command)))?;
    if !output.status.success() {
        bail!("{} failed: {}", describe(&command), output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn describe(command: &Command) -> String {
    let mut text = format!("`{}", command.get_program().to_string_lossy());
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text.push('`');
    text
}

/// Straight to standard error, past the test harness, for a build takes long enough to be explained.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "nightcap: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found() {
        assert!(workspace().join("Cargo.toml").is_file());
        assert!(workspace().join("tests/embedded/Cargo.toml").is_file());
    }

    #[test]
    fn only_what_an_outer_cargo_set_is_removed() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CLIPPY_ARGS"] {
            assert!(is_of_outer_build(name), "{name}");
        }
        for name in ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "RUSTFLAGS", "PATH"] {
            assert!(!is_of_outer_build(name), "{name}");
        }
    }
}
