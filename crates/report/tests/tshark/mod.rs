//! Asks tshark which packets of a file a display filter shows.

// Not every test needs all of it.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whether tshark is there. Where the oracles are, it has to be.
pub fn is_there() -> bool {
    let is_there = Command::new("tshark").arg("--version").output().is_ok();
    if !is_there {
        let is_needed = std::env::var_os("NIGHTCAP_ORACLES").is_some();
        assert!(!is_needed, "tshark is not there; on Debian: apt-get install --no-install-recommends tshark");
        println!("skipped: tshark is not there to try display filters");
    }
    is_there
}

/// Ports besides its own that VXLAN is looked into on. Wireshark has to be told, by "Decode As".
const VXLAN: [&str; 4] =
    ["udp.port==8472,vxlan", "udp.port==10800,vxlan", "udp.port==10801,vxlan", "udp.port==65330,vxlan"];

/// How many packets of a file are shown: by a program that reads it once, and by Wireshark, which has read all of it before.
pub fn shown(file: &Path, filter: &str) -> [usize; 2] {
    let begun = [&[][..], &["-2"]].map(|passes| {
        let mut command = Command::new("tshark");
        command.args(VXLAN.iter().flat_map(|port| ["-d", port]));
        command.args(passes).arg("-nr").arg(file).args(["-Y", filter, "-T", "fields", "-e", "frame.number"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    begun.map(|tshark| {
        let output = tshark.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{filter} on {}: {told}", file.display());
        output.stdout.iter().filter(|byte| **byte == b'\n').count()
    })
}

/// A file of this name that holds a capture.
pub fn file(name: &str, capture: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("{}.pcap", name.replace(|c: char| !c.is_alphanumeric(), "-")));
    fs::write(&path, capture).unwrap();
    path
}
