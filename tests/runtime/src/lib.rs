//! The shared cases, and what only a real runtime can show, on the native program, the Worker and the Spin component.
//!
//! ```text
//! cargo run -p edgeway-runtime-tests -- --runtime native,native-h2,workerd,spin [FILTER]
//! cargo test -p edgeway-runtime-tests --test native [-- FILTER]
//! ```

mod cases;
mod client;
mod extra;
mod h2;
mod processes;
mod runtimes;
mod upstream;
mod wire;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use edgeway_corpus::{Report, Runtime, Verdict, load_all};

use crate::runtimes::Host;

/// How long a process may take to end.
const FAREWELL: Duration = Duration::from_secs(10);

/// Runs everything whose title contains `filter` on `runtimes`, prints the report and says whether all went well.
#[must_use]
pub fn run(runtimes: &[Runtime], filter: &str) -> ExitCode {
    let cases = match load_all(filter) {
        Ok(cases) => cases,
        Err(errors) => {
            eprintln!("{}", errors.join("\n"));
            return ExitCode::FAILURE;
        }
    };
    let executor = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    executor.block_on(async {
        let mut report = Report::default();
        for &runtime in runtimes {
            match Host::ready(runtime).await {
                Ok(host) => {
                    let host = Arc::new(host);
                    let begun = Instant::now();
                    cases::play_all(runtime, &host, &cases, &mut report).await;
                    let cases_over = Instant::now();
                    extra::run(runtime, &host, filter, &mut report).await;
                    drop(host);
                    println!(
                        "{}: the cases took {:.1} s, the other tests {:.1} s",
                        runtime.label(),
                        (cases_over - begun).as_secs_f64(),
                        cases_over.elapsed().as_secs_f64()
                    );
                    processes::orphans::find(FAREWELL);
                    let verdict = match processes::orphans::take() {
                        left if left.is_empty() => Verdict::Passed,
                        left => Verdict::Failed(format!("left behind, and ended now: {}", left.join("; "))),
                    };
                    report.add_test(runtime, "runtime", "no process outlives the gateway that it belongs to", verdict);
                }
                Err(missing) => {
                    eprintln!("{}: {missing}", runtime.name());
                    return ExitCode::FAILURE;
                }
            }
        }
        println!("{}", report.render());
        if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    })
}

/// Runs on `runtimes`, for a test target: the filter is the first argument that is no option.
#[must_use]
pub fn run_test(runtimes: &[Runtime]) -> ExitCode {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    run(runtimes, &filter)
}
