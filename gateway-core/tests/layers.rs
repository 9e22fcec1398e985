//! The order of the crate's rooms (ARCHITECTURE.md): each uses only those below it.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The rooms, files and folders of `src/`, from the lowest to the highest.
const ROOMS: [&str; 43] = [
    "time",
    "together",
    "base64",
    "random",
    "net",
    "io",
    "json",
    "numbers",
    "order",
    "document",
    "fingerprint",
    "body",
    "capabilities",
    "config",
    "error",
    "http",
    "store_key",
    "caller",
    "jose",
    "cache",
    "route",
    "call",
    "template",
    "problem",
    "policy",
    "balance",
    "admin",
    "plan",
    "known_edits",
    "adopted",
    "meter",
    "record",
    "metrics",
    "state",
    "ports",
    "response_store",
    "report",
    "access_log",
    "outcome",
    "trace",
    "exec",
    "gateway",
    "lib",
];

#[test]
fn each_room_uses_only_rooms_below_it() -> io::Result<()> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for file in files(&src)? {
        let own = room(file.strip_prefix(&src).unwrap_or(&file));
        let height = ROOMS.iter().position(|room| *room == own);
        let Some(height) = height else {
            faults.push(format!("`{own}` has no place in the order"));
            continue;
        };
        for used in uses(&fs::read_to_string(&file)?) {
            match ROOMS.iter().position(|room| *room == used) {
                Some(place) if place <= height => {}
                Some(_) => faults.push(format!("{}: uses `{used}`, which is above `{own}`", file.display())),
                None => {}
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

/// The rooms that the code of `source` names, without its tests and documentation.
fn uses(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let named = code.flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>());
    named.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}

fn room(path: &Path) -> String {
    let first = path.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
    first.unwrap_or_default().trim_end_matches(".rs").to_owned()
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}
