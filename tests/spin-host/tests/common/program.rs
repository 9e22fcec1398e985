//! The program that runs the component as `spin up` does, in a process of its own.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use edgeway_spin_host::component;
use tempfile::TempDir;

use super::write;

/// The program, serving a configuration; ends when dropped.
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    process: Child,
    output: BufReader<ChildStdout>,
    directory: TempDir,
}

impl Program {
    pub(crate) fn start(configuration: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mounted = directory.path().join("target/spin");
        std::fs::create_dir_all(&mounted).unwrap();
        write(&mounted, configuration);
        std::fs::write(directory.path().join("edgeway.wasm"), component::gateway().unwrap()).unwrap();
        std::fs::write(directory.path().join("spin.toml"), manifest()).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_edgeway-spin-host"))
            .arg("--from")
            .arg(directory.path().join("spin.toml"))
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("serving http://").unwrap().parse().unwrap();
        Self { address, process, output, directory }
    }

    /// The next line of the access log.
    pub(crate) fn line(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// What it has said on standard error.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// A line of `/proc/…/status`, in bytes.
    pub(crate) fn memory(&self, line: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let value = status.lines().find_map(|other| other.strip_prefix(line)).unwrap();
        value.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Makes the peak of the resident memory start from now.
    pub(crate) fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The project's own `spin.toml`, with the component beside it.
fn manifest() -> String {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spin.toml")).unwrap();
    text.replace("target/wasm32-wasip2/release/edgeway_spin.wasm", "edgeway.wasm")
}
