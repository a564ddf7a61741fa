//! A real Redis, for as long as a test lasts.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server on a socket of its own, which loses nothing that it has acknowledged.
pub struct RedisServer {
    directory: TempDir,
    process: Child,
}

/// Whether there is a Redis to test with. Where everything must be there, its absence is a failure.
pub fn is_redis_installed() -> bool {
    let installed = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(installed || std::env::var_os("NIGHTCAP_ORACLES").is_none(), "there is no `redis-server`; install it");
    if !installed {
        println!("skipped: there is no `redis-server`, which `apt-get install redis-server` would bring");
    }
    installed
}

impl RedisServer {
    pub fn start() -> Self {
        let directory = TempDir::with_prefix("nightcap-redis-").expect("a directory");
        let process = run(directory.path());
        let server = Self { directory, process };
        server.wait_until_ready();
        server
    }

    /// Ends it like a power cut. [`RedisServer::start_again`] brings back what was written.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    pub fn start_again(&mut self) {
        self.process = run(self.directory.path());
        self.wait_until_ready();
    }

    /// The address of its database with the number 0.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket())
    }

    /// What it answers to a command of somebody else.
    pub fn ask(&self, command: &[&str]) -> String {
        let output = Command::new("redis-cli").arg("-s").arg(self.socket()).args(command).output();
        String::from_utf8(output.expect("`redis-cli` comes with `redis-server`").stdout)
            .expect("text")
            .trim()
            .to_owned()
    }

    fn socket(&self) -> String {
        self.directory.path().join("socket").display().to_string()
    }

    fn wait_until_ready(&self) {
        let begin = Instant::now();
        while self.ask(&["PING"]) != "PONG" {
            assert!(begin.elapsed() < Duration::from_secs(60), "`redis-server` does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // A test that has failed may have killed it before.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(directory: &Path) -> Child {
    let mut command = Command::new("redis-server");
    command.current_dir(directory).stdout(Stdio::null());
    command.args(["--port", "0", "--unixsocket", "socket", "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", "always"]);
    command.spawn().expect("`redis-server` starts")
}
