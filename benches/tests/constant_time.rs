//! The work of comparing credentials says nothing of where two differ (RFC 2104 §6: who sees how far a tag is right finds the rest of it byte
//! by byte). Counted, not timed: callgrind counts the instructions of each comparison, wherever it runs. Without a `valgrind` nothing is
//! checked.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test reports by panicking")]

use std::env;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::hmac::HmacKey;
use gateway_core::policy::api_key::KeyDigest;

/// The comparisons, and whether where two differ may be seen: it is in the last, which shows that the measure does.
const COMPARISONS: [(&str, bool); 3] = [("tag", false), ("key", false), ("measure", true)];

const SIGNED: &[u8] = b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    if let [_, count, name, place] = &*arguments
        && count == "count"
    {
        return compare(name, place.parse().expect("a place"));
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("no valgrind: where credentials differ is not checked");
        return ExitCode::SUCCESS;
    }
    let mut is_sound = true;
    for (name, may_be_seen) in COMPARISONS {
        // Each of as many digits.
        let counts = ["10", "20", "31"].map(|place| counted(name, place));
        let is_seen = counts.iter().any(|count| *count != counts[0]);
        println!("{name}: {counts:?} instructions");
        if is_seen != may_be_seen {
            println!("{name}: where two differ {}", if is_seen { "is seen" } else { "is not seen, and has to be" });
            is_sound = false;
        }
    }
    if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The instructions of the comparison called `name` of what differs at the byte `place`.
fn counted(name: &str, place: &str) -> u64 {
    let own = env::current_exe().expect("this program");
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*is_right*"])
        .arg(own)
        .args(["count", name, place])
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    let count = said.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    let count = count.unwrap_or_else(|| panic!("callgrind counts nothing: {said}"));
    assert!(count > 0, "callgrind does not see the comparison: {said}");
    count
}

/// Compares what is right with what differs at the byte `place`.
fn compare(name: &str, place: usize) -> ExitCode {
    let key = HmacKey::new(Algorithm::Hs256, &[7; 32]).expect("a key");
    let right = key.sha256(&[SIGNED]).expect("a tag");
    assert!(key.verify(SIGNED, &right));
    let mut wrong = right;
    wrong[place] ^= 1;
    let is_taken = match name {
        "tag" => is_right(|| key.verify(SIGNED, &wrong)),
        "key" => {
            let [right, wrong] = [right, wrong].map(KeyDigest::of);
            is_right(|| right.is(wrong))
        }
        _ => is_right(|| right.iter().zip(&wrong).all(|(one, other)| black_box(one) == black_box(other))),
    };
    if is_taken { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[inline(never)]
fn is_right(compare: impl FnOnce() -> bool) -> bool {
    black_box(compare())
}
