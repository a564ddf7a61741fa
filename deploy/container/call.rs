//! Calls nightcap from within its image, which has neither a shell nor curl.
//!
//! `call healthz` asks whether nightcap is well, for the image's health check. `call sweep` lets it carry on what is
//! unfinished, for a timer. Both end with 0 when it said yes.
//!
//! `NIGHTCAP_URL` tells where nightcap is, by default in the same container. It is `http://HOST:PORT`: this call is for a
//! container or a cluster, and speaks no TLS. `OPERATOR_KEY` is one of nightcap's operator keys.

use std::env;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

/// nightcap answers a sweep after at most 60 seconds, and by default after 5.
const PATIENCE: Duration = Duration::from_secs(65);

/// How often it is tried to connect, a second apart: a job of Azure Container Apps may begin before its network does.
const TRIES: u32 = 5;

fn main() -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some("healthz") => report(call("GET", "/healthz", None)),
        Some("sweep") => match env::var("OPERATOR_KEY") {
            Ok(key) => report(call("POST", "/api/sweep", Some(key.trim()))),
            Err(_) => report(Err("OPERATOR_KEY is not set. It is one of nightcap's operator keys.".into())),
        },
        _ => report(Err("Say what to call: healthz or sweep.".into())),
    }
}

fn report(answer: Result<String, Box<dyn Error>>) -> ExitCode {
    match answer {
        Ok(body) => {
            println!("{body}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The body of an answer that says yes. Anything else is an error.
fn call(method: &str, path: &str, key: Option<&str>) -> Result<String, Box<dyn Error>> {
    let url = env::var("NIGHTCAP_URL").unwrap_or_else(|_| "http://127.0.0.1:3000".into());
    let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let host = host.ok_or_else(|| format!("NIGHTCAP_URL is {url}. It must be http://HOST:PORT."))?;
    let mut connection = connect(host).map_err(|error| format!("There is no nightcap at {url}: {error}"))?;
    let authorization = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    // Not HTTP/1.0, which Envoy refuses, and it stands before the applications of Azure Container Apps and of many a mesh.
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n");
    write!(connection, "{head}{authorization}\r\n")?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).map_err(|error| format!("nightcap at {url} did not answer: {error}"))?;
    let (head, body) = split(&answer, b"\r\n\r\n").ok_or_else(|| format!("What is at {url} speaks no HTTP."))?;
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let body = if head.contains("\r\ntransfer-encoding: chunked") { joined(body) } else { body.to_vec() };
    let body = String::from_utf8_lossy(&body);
    match head.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(body.into()),
        _ => Err(format!("nightcap at {url} says no: {}\n{body}", head.lines().next().unwrap_or_default()).into()),
    }
}

/// A body that comes in chunks, each behind a line with its length in hexadecimal digits.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some((line, rest)) = split(chunks, b"\r\n") {
        let line = String::from_utf8_lossy(line);
        let length = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).unwrap_or(0);
        let Some((chunk, rest)) = rest.split_at_checked(length).filter(|_| length > 0) else { break };
        body.extend_from_slice(chunk);
        chunks = rest.strip_prefix(b"\r\n").unwrap_or_default();
    }
    body
}

/// What stands before and behind the first `mark`.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let begin = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((bytes.get(..begin)?, bytes.get(begin + mark.len()..)?))
}

fn connect(host: &str) -> std::io::Result<TcpStream> {
    let mut last = std::io::ErrorKind::NotFound.into();
    for attempt in 0..TRIES {
        if attempt > 0 {
            sleep(Duration::from_secs(1));
        }
        for address in host.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
                Ok(connection) => {
                    connection.set_read_timeout(Some(PATIENCE))?;
                    return Ok(connection);
                }
                Err(error) => last = error,
            }
        }
    }
    Err(last)
}
