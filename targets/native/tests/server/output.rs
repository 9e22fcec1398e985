//! What the commands do where nobody reads what they print.

use std::io::pipe;
use std::process::{Command, Stdio};

use crate::support::Folder;

const COMMANDS: [&[&str]; 10] = [
    &["check"],
    &["check", "--json"],
    &["routes"],
    &["routes", "--json"],
    &["explain", "GET", "/"],
    &["explain", "GET", "/", "--json"],
    &["transform", "gateway.json", "--edit", "[{\"wrap\": \"a\"}]"],
    &["schema"],
    &["--help"],
    &["--version"],
];

const SOUND: &str = r#"{"policies": {"unused": {}}, "routes": [{"name": "r", "match": {"path": "/"}, "respond": {}}]}"#;

fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    command.args(arguments).current_dir(&folder.0).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A stream whose reader has left, as with `| head -2`.
fn closed() -> Stdio {
    pipe().unwrap().1.into()
}

/// POSIX.1-2024, write: EPIPE. A reader that leaves early has what it wanted, so nothing has failed.
#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let folder = Folder::new();
    folder.write("gateway.json", SOUND);
    for arguments in COMMANDS {
        let output = command(&folder, arguments).stdout(closed()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.contains("error")), (Some(0), false), "{arguments:?}: {said}");
        assert_eq!(command(&folder, arguments).stderr(closed()).status().unwrap().code(), Some(0), "{arguments:?}");
    }
    assert_eq!(command(&folder, &["no-command"]).stderr(closed()).status().unwrap().code(), Some(2));
    // What failed has failed, read or not.
    folder.write("gateway.json", r#"{"routes": [5]}"#);
    for arguments in
        [&["check"][..], &["check", "--json"], &["routes"], &["explain", "GET", "/"], &["serve"], &["demo"]]
    {
        let status = command(&folder, arguments).stdout(closed()).stderr(closed()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
    }
}

/// POSIX.1-2024, write: ENOSPC. What was asked for is not there, and the exit code must say so.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let folder = Folder::new();
    folder.write("gateway.json", SOUND);
    for arguments in COMMANDS {
        let output = command(&folder, arguments).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("error: can't write to standard output: No space left on device"), "{said}");
        let status = command(&folder, arguments).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
    }
}
