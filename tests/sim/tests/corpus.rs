//! Every case of `tests/cases`, each under 256 seeds. `cargo test -p edgeway-sim --test corpus -- FILTER` runs those whose
//! title contains the filter; `EDGEWAY_SEED=n` runs one seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use edgeway_corpus::{LoadedCase, Report, Runtime, Verdict, load_all};

fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let cases = match load_all(&filter) {
        Ok(cases) => cases,
        Err(errors) => {
            eprintln!("{}", errors.join("\n"));
            return ExitCode::FAILURE;
        }
    };
    let seeds = edgeway_sim::seeds();
    // A panic is reported with its case and seed.
    std::panic::set_hook(Box::new(|_| {}));
    let mut report = Report::default();
    for (case, verdict) in cases.iter().zip(verdicts(&cases, &seeds)) {
        report.add(Runtime::Sim, case, verdict);
    }
    println!("{}", report.render());
    if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A verdict for each case. Cases know nothing of each other: they are spread over the processors.
fn verdicts(cases: &[LoadedCase], seeds: &[u64]) -> Vec<Verdict> {
    let next = AtomicUsize::new(0);
    let take = || {
        let places = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        places.map_while(|at| cases.get(at).map(|case| (at, verdict(case, seeds)))).collect::<Vec<_>>()
    };
    let mut found: Vec<(usize, Verdict)> = std::thread::scope(|scope| {
        let count = std::thread::available_parallelism().map_or(1, |count| count.get());
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(take)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("panics are caught")).collect()
    });
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, verdict)| verdict).collect()
}

fn verdict(case: &LoadedCase, seeds: &[u64]) -> Verdict {
    match case.skipped_on(Runtime::Sim) {
        Some(Some(reason)) => return Verdict::Skipped(reason.to_owned()),
        Some(None) => return Verdict::NotMeant,
        None => {}
    }
    let plan = match guarded(|| edgeway_sim::load(&case.config, &case.case)) {
        Ok(Some(plan)) => plan,
        Ok(None) => return Verdict::Passed,
        Err(why) => return Verdict::Failed(format!("{} ({})", why, case.case.cite)),
    };
    for &seed in seeds {
        if let Err(why) = guarded(|| edgeway_sim::play(&plan, &case.case, seed)) {
            return Verdict::Failed(format!("{why}\n  {} — EDGEWAY_SEED={seed}", case.case.cite));
        }
    }
    Verdict::Passed
}

fn guarded<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Err(format!("panicked: {}", text.unwrap_or("(no message)")))
    })
}
