//! Times the signatures that the lines of a file are, natively, and prints nanoseconds, a number for each line:
//!
//! ```text
//! bench-signatures FILE ROUNDS
//! ```

use std::process::ExitCode;

use edgeway_bench_signatures::{Case, medians};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, rounds] = arguments.as_slice() else { return fail("usage: bench-signatures FILE ROUNDS") };
    let (Ok(text), Ok(rounds)) = (std::fs::read_to_string(file), rounds.parse()) else {
        return fail("no such file, or no number of rounds");
    };
    let cases: Option<Vec<Case>> = text.lines().map(|line| Case::read(line.as_bytes())).collect();
    let Some(cases) = cases else { return fail("a line is no signature") };
    let check = |case: usize, times| cases.get(case).is_some_and(|case| case.check(times));
    match medians(cases.len(), rounds, check) {
        Some(medians) => {
            medians.iter().for_each(|nanoseconds| println!("{nanoseconds:.0}"));
            ExitCode::SUCCESS
        }
        None => fail("a signature is bad"),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}
