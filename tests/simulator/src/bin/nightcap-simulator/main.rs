//! `nightcap-simulator`: a pretend Azure on four local ports, to try nightcap without an account.

mod settings;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context, anyhow};
use lexopt::prelude::*;
use nightcap_simulator::{Exchange, Server, Timing, Urls, World};

const HELP: &str = "\
nightcap-simulator: a pretend Azure on this machine, to try nightcap without an account

It answers as Microsoft Entra, Azure Resource Manager and Blob storage do, takes messages as a chat channel
does, and makes a .cap file of every capture. Nothing leaves this machine. At its start it prints the settings
that point nightcap at it.

usage: nightcap-simulator [options]

  --port N         the first of four ports in a row: Entra, Resource Manager, blobs, messages
                   (default 7300; 0 for four free ones)
  --quick          captures begin and are deleted within a second, and Retry-After is a second
  --latency-ms N   every answer takes so much longer (default 0)
  -h, --help       this text
  -V, --version    the version

While it runs, at the port for messages:

  GET    /                          the messages that were posted
  GET    /simulator/transcript      every request and how it was answered
  GET    /simulator/captures        every capture ever asked for, and what it is now
  GET    /simulator/messages        the messages that were posted
  GET    /simulator/faults          the faults that are set
  POST   /simulator/faults          sets a fault, or several in an array
  DELETE /simulator/faults          takes all faults away
  POST   /simulator/expire-tokens   every token issued so far is answered as expired

A fault strikes requests that match it, for example the next two that create a capture:

  curl -d '{\"service\": \"arm\", \"method\": \"PUT\", \"times\": 2,
            \"effect\": {\"status\": {\"status\": 429, \"code\": \"TooManyRequests\", \"retry_after\": 5}}}' \\
       http://127.0.0.1:7303/simulator/faults

  matching   service (entra, arm, blob, sink), method, path_contains, skip, times
  effects    {\"status\": {\"status\", \"code\", \"message\", \"retry_after\"}}, {\"html\": {\"status\"}}, {\"empty\": {\"status\"}},
             {\"delay\": seconds}, \"hang\", \"cut_before\", \"cut_after\", \"cut_mid_body\", \"truncated\", \"expired_token\",
             {\"slow_operation\": seconds}, {\"failed_operation\": {\"code\", \"message\"}}, \"canceled_operation\",
             \"never_starts\", {\"capture_error\": [\"AgentStopped\"]}, {\"smuggle_host\": \"https://other.example\"},
             {\"without_header\": \"Azure-AsyncOperation\"}, {\"status_while_running\": {}}, {\"stop_reason\": \"\"}
";

struct Options {
    port: u16,
    quick: bool,
    latency: Duration,
}

enum Command {
    Serve(Options),
    Print(String),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nightcap-simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    match command().map_err(|error| anyhow!("{error}; --help tells what there is"))? {
        Command::Print(text) => Ok(writeln!(io::stdout(), "{}", text.trim_end())?),
        Command::Serve(options) => serve(options),
    }
}

fn command() -> Result<Command, lexopt::Error> {
    let mut options = Options { port: 7300, quick: false, latency: Duration::ZERO };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") => options.port = arguments.value()?.parse()?,
            Long("quick") => options.quick = true,
            Long("latency-ms") => options.latency = Duration::from_millis(arguments.value()?.parse()?),
            Short('h') | Long("help") => return Ok(Command::Print(HELP.into())),
            Short('V') | Long("version") => {
                return Ok(Command::Print(format!("nightcap-simulator {}", env!("CARGO_PKG_VERSION"))));
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Serve(options))
}

#[tokio::main]
async fn serve(options: Options) -> anyhow::Result<()> {
    let port = options.port;
    let server = Server::start_at(port, |urls| world(urls, &options), print_exchange)
        .await
        .with_context(|| format!("the ports from {port} on cannot be used"))?;
    let azure = server.azure();
    {
        let azure = azure.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever pipes the output away may have closed the pipe; the simulator still serves.
        let _ = settings::print(&mut io::stdout().lock(), azure.world());
    }
    tokio::signal::ctrl_c().await?;
    let azure = azure.lock().unwrap_or_else(PoisonError::into_inner);
    let (asked, captures, messages) = (azure.transcript().len(), azure.captures().len(), azure.messages().len());
    let _ = writeln!(io::stdout(), "\n{asked} requests, {captures} captures, {messages} messages");
    Ok(())
}

fn world(urls: Urls, options: &Options) -> World {
    let mut world = World::sample(urls);
    world.timing.latency = options.latency;
    if options.quick {
        let second = Duration::from_secs(1);
        world.timing = Timing {
            create: second,
            delete: second,
            stop: second,
            status: second,
            file_delay: second,
            retry_after: 1,
            ..world.timing
        };
    }
    world
}

fn print_exchange(exchange: &Exchange) {
    let service: &str = exchange.service.into();
    let status = match exchange.status {
        0 => "cut".into(),
        status => status.to_string(),
    };
    let fault = exchange.fault.as_ref().map(|fault| format!("  [fault: {fault}]")).unwrap_or_default();
    // The query of an operation's URL alone has 3,000 characters.
    let path = exchange.path.split('?').next().unwrap_or_default();
    let time = exchange.at.strftime("%H:%M:%S%.3f");
    let _ = writeln!(io::stdout(), "{time} {service:5} {status:3} {:6} {path}{fault}", exchange.method);
}
