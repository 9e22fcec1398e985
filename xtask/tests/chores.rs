//! The program as people call it.

#![expect(clippy::expect_used, reason = "what goes wrong in a test ends it")]

use std::path::Path;
use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("the program starts")
}

fn fmt_cases(options: &[&str], file: &Path) -> Output {
    xtask(&[&["fmt-cases"], options, &[file.to_str().expect("a path in UTF-8")]].concat())
}

#[test]
fn every_case_file_is_formatted() {
    let checked = xtask(&["fmt-cases", "--check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// `./test` names what each stage runs, and so a new file could be forgotten.
#[test]
fn every_file_of_tests_is_run_by_a_stage() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let stages = std::fs::read_to_string(root.join("test")).expect("the script");
    let tracked =
        Command::new("git").current_dir(root).args(["ls-files", "*/tests/*.rs"]).output().expect("git starts");
    let tracked = String::from_utf8(tracked.stdout).expect("paths in UTF-8");
    for path in tracked.lines() {
        let (_, inside) = path.rsplit_once("/tests/").expect("it is among tests");
        // A test of several files is called as their folder.
        let name = inside.strip_suffix("/main.rs").or_else(|| inside.strip_suffix(".rs")).expect("a file of Rust");
        let is_a_part = name.contains('/') || path.contains("/src/");
        let is_run = name.starts_with("config_") || stages.contains(&format!("--test {name}"));
        let is_by_runtime = ["native", "workerd", "spin"].contains(&name);
        assert!(is_a_part || is_run || is_by_runtime, "no stage of ./test runs {path}");
    }
}

#[test]
fn the_wire_of_the_glue_is_generated() {
    let checked = xtask(&["generate", "--check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn a_check_fails_until_the_file_is_formatted_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("t.json");
    let text = r#"{ "cases": [], "topic": "t" }"#;
    std::fs::write(&file, text).expect("a file");

    let checked = fmt_cases(&["--check"], &file);
    assert!(!checked.status.success());
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(said.contains("t.json is not formatted: run `cargo xtask fmt-cases`"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), text);

    assert!(fmt_cases(&[], &file).status.success());
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "{\n  \"topic\": \"t\",\n  \"cases\": []\n}\n");
    assert!(fmt_cases(&["--check"], &file).status.success());
}

#[test]
fn help_is_for_the_asking_and_a_wrong_call_gets_it_too() {
    for (arguments, is_right) in [
        (&["--help"][..], true),
        (&["fmt-cases", "--help"], true),
        (&["fmt-cases", "--chek"], false),
        (&["fmt"], false),
        (&[], false),
    ] {
        let Output { status, stdout, stderr } = xtask(arguments);
        let (said, silent) = if is_right { (stdout, stderr) } else { (stderr, stdout) };
        assert_eq!(status.success(), is_right, "{arguments:?}");
        assert!(String::from_utf8_lossy(&said).contains("Usage: cargo xtask"), "{arguments:?}");
        assert!(silent.is_empty(), "{arguments:?}");
    }
}
