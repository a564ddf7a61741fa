//! What the demo is started with.

use std::net::{Ipv4Addr, SocketAddr};

use lexopt::prelude::*;
use nightcap_embedded::Build;

pub const HELP: &str = "\
nightcap demo: an alert fires in a pretend Azure on this computer, and a packet capture starts

usage: cargo demo [options]

  --once         tell the story, then end: status 0 when all went as it should, 1 when not
  --serve        tell no story; everything is there for your own requests, and the settings are printed
  --build NAME   which build of nightcap runs: spin (default), wasmtime, spin-wasi03
                 or wasmtime-wasi03
  --port N       nightcap's port on 127.0.0.1 (default: a free one)
  -h, --help     this text

Without --once everything keeps running after the story, with commands to try, until Ctrl-C.
No Azure account is needed, and nothing leaves this computer. The first run builds nightcap, which takes a few minutes.
Colours are used on a terminal, unless NO_COLOR is set.
";

/// What to do.
pub enum Command {
    /// Tell the story.
    Run(Options),
    /// Print [`HELP`].
    Help,
}

/// What happens in the pretend Azure by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// The story, and then the end.
    Once,
    /// The story, and then whatever people try.
    AndMore,
    /// Only what people try.
    Untold,
}

/// What the demo does.
pub struct Options {
    /// Whether the story is told, and what comes after it.
    pub story: Story,
    /// The build of nightcap that runs.
    pub build: Build,
    /// nightcap's port; 0 for a free one.
    pub port: u16,
}

impl Options {
    /// Where nightcap shall listen.
    pub fn listen(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

/// Reads the command line.
pub fn command() -> Result<Command, lexopt::Error> {
    let mut options = Options { story: Story::AndMore, build: Build::Spin, port: 0 };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("once") => options.story = Story::Once,
            Long("serve") => options.story = Story::Untold,
            Long("build") => options.build = arguments.value()?.parse_with(build)?,
            Long("port") => options.port = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Run(options))
}

fn build(name: &str) -> Result<Build, String> {
    let names = || Build::ALL.map(Build::name).join(", ");
    Build::ALL.into_iter().find(|build| build.name() == name).ok_or_else(|| format!("the builds are {}", names()))
}
