//! What ran, where, and how it went.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::load::LoadedCase;
use crate::model::Runtime;

/// How a case went on a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// Not as expected: what is wrong, in lines.
    Failed(String),
    /// Not run, and why.
    Skipped(String),
    /// Not meant for this runtime.
    NotMeant,
}

/// The verdicts of a run.
#[derive(Debug, Default)]
pub struct Report {
    verdicts: Vec<(Runtime, String, String, Verdict)>,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Tally {
    fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Skipped(_) => self.skipped += 1,
            Verdict::NotMeant => {}
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl Report {
    /// Notes how `case` went on `runtime`.
    pub fn add(&mut self, runtime: Runtime, case: &LoadedCase, verdict: Verdict) {
        self.verdicts.push((runtime, case.topic.to_string(), case.title(), verdict));
    }

    /// Notes how a test that is no case went.
    pub fn add_test(&mut self, runtime: Runtime, topic: &str, name: &str, verdict: Verdict) {
        self.verdicts.push((runtime, topic.to_owned(), format!("{topic}/{name}"), verdict));
    }

    /// Whether anything failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.verdicts.iter().any(|(.., verdict)| matches!(verdict, Verdict::Failed(_)))
    }

    /// The report: each failure, each reason for a skip, a table by topic and runtime, and a closing line.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mut skips: BTreeMap<(Runtime, &str), usize> = BTreeMap::new();
        for (runtime, _, title, verdict) in &self.verdicts {
            match verdict {
                Verdict::Failed(why) => {
                    let _ = writeln!(text, "FAILED {} {title}", runtime.label());
                    for line in why.lines() {
                        let _ = writeln!(text, "    {line}");
                    }
                    let quoted = title.replace('\'', r"'\''");
                    let _ = writeln!(text, "    alone: {} -- '{quoted}'", runtime.command());
                }
                Verdict::Skipped(why) => *skips.entry((*runtime, why)).or_default() += 1,
                Verdict::Passed | Verdict::NotMeant => {}
            }
        }
        if !skips.is_empty() {
            text.push_str("\nskipped:\n");
            for ((runtime, why), count) in skips {
                let _ = writeln!(text, "  {count:>3} on {:<18} {why}", runtime.label());
            }
        }
        self.table(&mut text);
        text
    }

    fn table(&self, text: &mut String) {
        let mut topics: BTreeMap<&str, BTreeMap<Runtime, Tally>> = BTreeMap::new();
        let mut totals: BTreeMap<Runtime, Tally> = BTreeMap::new();
        for (runtime, topic, _, verdict) in &self.verdicts {
            topics.entry(topic).or_default().entry(*runtime).or_default().add(verdict);
            totals.entry(*runtime).or_default().add(verdict);
        }
        let runtimes: Vec<Runtime> = totals.keys().copied().collect();
        let width = topics.keys().map(|topic| topic.len()).max().unwrap_or(0).max("topic".len());
        let _ = write!(text, "\n{:<width$}", "topic");
        for runtime in &runtimes {
            let _ = write!(text, "  {:>22}", runtime.label());
        }
        text.push('\n');
        let rows = topics.iter().map(|(topic, row)| (*topic, row)).chain([("total", &totals)]);
        for (topic, row) in rows {
            let _ = write!(text, "{topic:<width$}");
            for runtime in &runtimes {
                let tally = row.get(runtime).copied().unwrap_or_default();
                let cell = match (tally.failed, tally.skipped) {
                    (0, 0) => format!("{} ok", tally.passed),
                    (0, skipped) => format!("{} ok, {skipped} skip", tally.passed),
                    (failed, 0) => format!("{} ok, {failed} FAIL", tally.passed),
                    (failed, skipped) => format!("{} ok, {failed} FAIL, {skipped} sk", tally.passed),
                };
                let _ = write!(text, "  {cell:>22}");
            }
            text.push('\n');
        }
        let all = totals.values().fold(Tally::default(), |sum, tally| sum.plus(*tally));
        let _ = writeln!(text, "\n{} passed, {} failed, {} skipped", all.passed, all.failed, all.skipped);
    }
}
