//! What a host loads that is given only what a check has accepted, against that check, over the shared cases (ADR 14).
//!
//! Among other packages the core is built to tell mistakes, and both ways are compared. By itself, `cargo test -p edgeway-corpus`, it is
//! built as the deployed Worker has it.

use std::collections::BTreeMap;
use std::panic::catch_unwind;

use edgeway_corpus::{LoadedCase, Runtime, load_all};
use gateway_core::config::Variable;
use gateway_core::plan::{self, LoadError, Plan, Secrets};
use gateway_core::ports::Capabilities;

const PLATFORMS: [(Runtime, Capabilities); 3] = [
    (Runtime::Native, Capabilities::NATIVE),
    (Runtime::Workerd, Capabilities::CLOUDFLARE),
    (Runtime::Spin, Capabilities::SPIN),
];

/// The cases about what a host that trusts its check takes: routes that rank the same, of which the first wins, or that no request gets
/// to, and what means something in other programs and stands for itself here.
const LEFT_TO_THE_CHECK: [&str; 26] = [
    "config-refusal/a route whose every request another takes first",
    "config-refusal/two prefixes for one request",
    "config-refusal/two routes for one request, with that request",
    "config-refusal/two routes of equal rank that meet in one predicate",
    "expressions/a condition that is neither true nor false",
    "expressions/types that can't be equal",
    "foreign-syntax/an API's prefix with another program's wildcard",
    "foreign-syntax/prefixes with another program's wildcards",
    "foreign-syntax/rewrites to another program's variables",
    "geography/a code that ISO 3166-1 does not have is no country",
    "login-endpoints/a name is none of another's parts",
    "login-endpoints/a pattern of hosts takes a host",
    "login-endpoints/two logins at one host need cookies of two names",
    "login/the paths of a login are no other route's",
    "matching/ends that meet, and ends that can't",
    "matching/two routes of which one match each is equal",
    "path-settings/two routes that differ by case or a final slash alone",
    "rate-limit-keys/an expression that is a list is refused at load",
    "regular-expressions/expressions that may meet are refused, and those that begin differently are not",
    "regular-expressions/values that other programs take for regular expressions are refused",
    "ties/a third that takes only a part of it does not",
    "ties/a tie of two groups is refused unless both say so",
    "ties/an API may refuse ties where the file does not",
    "ties/an equal route behind the first is unreachable",
    "ties/two routes that share requests are refused, with the places of both",
    "versions-config/two routes that one version has",
];

struct Vault<'v>(&'v BTreeMap<String, String>);

impl Secrets for Vault<'_> {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn variable(&self, name: &str) -> Variable {
        self.secret(name).map_or(Variable::Unset, Variable::Set)
    }
}

fn straight(text: &str, secrets: &BTreeMap<String, String>, platform: &Capabilities) -> Result<Plan, LoadError> {
    plan::load_straight(text, platform, &Vault(secrets))
}

fn cases() -> Vec<LoadedCase> {
    load_all("").unwrap_or_else(|errors| panic!("{}", errors.join("\n")))
}

#[test]
fn what_a_check_accepts_is_loaded_to_the_same_plan() {
    let mut accepted = 0;
    for case in cases() {
        for (runtime, platform) in &PLATFORMS {
            if case.skipped_on(*runtime).is_some() || !case.case.refused.is_empty() {
                continue;
            }
            let checked = plan::load(&case.config, platform, &Vault(&case.case.secrets));
            let loaded = straight(&case.config, &case.case.secrets, platform);
            let checked = checked.unwrap_or_else(|mistakes| panic!("{}: {mistakes:?}", case.title()));
            let loaded = loaded.unwrap_or_else(|mistake| panic!("{}: {mistake}", case.title()));
            assert_eq!(format!("{loaded:?}"), format!("{checked:?}"), "{} on {}", case.title(), platform.name);
            accepted += 1;
        }
    }
    assert!(accepted > 1_000, "{accepted} configurations");
}

#[test]
fn what_a_check_refuses_is_refused_but_for_what_is_left_to_it() {
    let mut taken = Vec::new();
    for case in cases() {
        for (runtime, platform) in &PLATFORMS {
            let is_refused = case.skipped_on(*runtime).is_none() && !case.case.refused.is_empty();
            if is_refused && straight(&case.config, &case.case.secrets, platform).is_ok() {
                taken.push(case.title());
            }
        }
    }
    taken.retain(|title| !LEFT_TO_THE_CHECK.contains(&title.as_str()));
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}

/// A start must not end in a trap, whatever is deployed.
#[test]
fn no_slip_of_the_pen_makes_loading_panic() {
    let mut texts: Vec<_> = cases().into_iter().map(|case| (case.config, case.case.secrets.clone())).collect();
    texts.sort();
    texts.dedup();
    for (text, secrets) in texts {
        let outcome = catch_unwind(|| {
            for (at, c) in text.char_indices().step_by(23) {
                let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
                for slip in ["", "\"", "}", ","] {
                    drop(straight(&format!("{before}{slip}{after}"), &secrets, &Capabilities::CLOUDFLARE));
                }
            }
        });
        assert!(outcome.is_ok(), "{text}");
    }
}
