//! The order of the crate's rooms (ARCHITECTURE.md): each uses only those below it.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, files and folders of `src/`, from the lowest to the highest.
const ROOMS: [&str; 30] = [
    "time",
    "random",
    "net",
    "io",
    "body",
    "capabilities",
    "config",
    "error",
    "http",
    "store_key",
    "route",
    "call",
    "template",
    "policy",
    "admin",
    "plan",
    "known_edits",
    "adopted",
    "meter",
    "record",
    "metrics",
    "state",
    "ports",
    "report",
    "access_log",
    "outcome",
    "trace",
    "exec",
    "gateway",
    "lib",
];

#[test]
fn each_room_uses_only_rooms_below_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for file in files(&src) {
        let own = room(file.strip_prefix(&src).unwrap());
        let height = ROOMS.iter().position(|room| *room == own);
        let Some(height) = height else {
            faults.push(format!("`{own}` has no place in the order"));
            continue;
        };
        for used in uses(&fs::read_to_string(&file).unwrap()) {
            match ROOMS.iter().position(|room| *room == used) {
                Some(place) if place <= height => {}
                Some(_) => faults.push(format!("{}: uses `{used}`, which is above `{own}`", file.display())),
                None => {}
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The rooms that the code of `source` names, without its tests and documentation.
fn uses(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let named = code.flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>());
    named.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}

fn room(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let nested = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    nested.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
