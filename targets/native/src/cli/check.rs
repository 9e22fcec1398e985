//! `edgeway check`: every mistake of a configuration, for each of its targets.

use std::path::Path;
use std::process::ExitCode;

use gateway_core::config::{self, Diagnostic};
use gateway_core::plan::{self, Plan, Secrets};
use gateway_core::ports::{Capabilities, Feature};

use super::files;
use super::output::{print, print_json, say, sayln};
use super::report::{SHOWN_MISTAKES, say_more, say_number};
use super::style::{Style, count};

/// Secrets with a placeholder for every missing one: a check does not need them, but lists the missing ones.
struct AnySecrets<'s, S> {
    known: &'s S,
    missing: std::cell::RefCell<std::collections::BTreeSet<String>>,
}

impl<S: Secrets> Secrets for AnySecrets<'_, S> {
    fn secret(&self, name: &str) -> Option<String> {
        Some(self.known.secret(name).unwrap_or_else(|| {
            self.missing.borrow_mut().insert(name.to_owned());
            // Valid as a header and as a Redis URL, so that no check refuses the placeholder.
            "redis://unset".to_owned()
        }))
    }
}

/// The result of checking one file.
pub(crate) struct Checked {
    /// The plan for the first target, unless there are mistakes.
    pub(crate) plan: Option<Plan>,
    /// Mistakes by position.
    pub(crate) findings: Vec<Finding>,
    /// Secrets that are not set here.
    pub(crate) missing_secrets: Vec<String>,
}

impl Checked {
    /// Adds the errors in the files that the native server would read.
    fn add_files(&mut self, text: &str) {
        let faults = self.plan.as_ref().map(files::faults).unwrap_or_default();
        let diagnostics = config::explain(text, faults).into_iter();
        let targets = vec![Capabilities::NATIVE.name];
        self.findings.extend(diagnostics.map(|diagnostic| Finding { diagnostic, targets: targets.clone() }));
        self.findings.sort_by_key(|finding| finding.diagnostic.position);
    }
}

/// A mistake, and the targets that refuse it.
#[derive(serde::Serialize)]
pub(crate) struct Finding {
    #[serde(flatten)]
    pub(crate) diagnostic: Diagnostic,
    pub(crate) targets: Vec<&'static str>,
}

impl Finding {
    /// Merges `other`, found for `target`, into this finding if they differ only in the names of platforms.
    fn absorb(&mut self, other: &Diagnostic, target: &'static str) -> bool {
        if self.diagnostic.position != other.position || self.diagnostic.path != other.path {
            return false;
        }
        let mine = joined(&self.targets);
        let mut both = self.targets.clone();
        both.push(target);
        let ours = joined(&both);
        let same = |text: &str, others: &str| text.replace(&mine, &ours) == others.replace(target, &ours);
        let help = |diagnostic: &Diagnostic| diagnostic.help.clone().unwrap_or_default();
        let is_same = self.diagnostic == *other;
        let is_alike = same(&self.diagnostic.message, &other.message) && same(&help(&self.diagnostic), &help(other));
        if is_alike && !is_same {
            self.diagnostic.message = self.diagnostic.message.replace(&mine, &ours);
            self.diagnostic.help = self.diagnostic.help.as_ref().map(|help| help.replace(&mine, &ours));
        }
        if is_same || is_alike {
            self.targets = both;
        }
        is_same || is_alike
    }

    /// Returns whether its words name the platforms.
    fn names_targets(&self) -> bool {
        self.diagnostic.message.contains(&joined(&self.targets))
    }
}

/// `Cloudflare Workers and Spin`.
fn joined(targets: &[&str]) -> String {
    match targets.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => targets.concat(),
    }
}

/// Checks `text` for each of `targets`.
pub(crate) fn check(text: &str, targets: &[&'static Capabilities], secrets: &impl Secrets) -> Checked {
    let secrets = AnySecrets { known: secrets, missing: Default::default() };
    let mut checked = Checked { plan: None, findings: Vec::new(), missing_secrets: Vec::new() };
    for target in targets {
        match plan::load(text, target, &secrets) {
            Ok(plan) => {
                checked.plan.get_or_insert(plan);
            }
            Err(diagnostics) => {
                for diagnostic in diagnostics {
                    if !checked.findings.iter_mut().any(|finding| finding.absorb(&diagnostic, target.name)) {
                        checked.findings.push(Finding { diagnostic, targets: vec![target.name] });
                    }
                }
            }
        }
    }
    checked.findings.sort_by_key(|finding| finding.diagnostic.position);
    checked.missing_secrets = secrets.missing.into_inner().into_iter().collect();
    checked
}

/// Reports on `text`; exits with 0 if it is sound and 1 if not.
pub(crate) fn report(
    file: &Path,
    text: &str,
    targets: &[&'static Capabilities],
    secrets: &impl Secrets,
    json: bool,
) -> ExitCode {
    let mut checked = check(text, targets, secrets);
    if targets.contains(&&Capabilities::NATIVE) {
        checked.add_files(text);
    }
    let warnings = plan::warnings(text, crate::platform::now());
    let notes = notes(text, targets);
    let names: Vec<_> = targets.iter().map(|target| target.name).collect();
    let code = if checked.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if json {
        let report = serde_json::json!({
            "file": file.display().to_string(),
            "targets": names,
            "mistakes": checked.findings,
            "warnings": warnings,
            "notes": notes,
            "missingSecrets": checked.missing_secrets,
        });
        return print_json(&report, code);
    } else {
        let (name, style) = (file.display().to_string(), Style::stderr());
        for warning in warnings.iter().take(SHOWN_MISTAKES) {
            sayln!("{}", warning.render(&name, Some(text), style.is_coloured()));
        }
        say_more(warnings.len());
        print_mistakes(file, text, targets.len(), &checked);
        for secret in checked.missing_secrets.iter().take(SHOWN_MISTAKES) {
            sayln!("{}: the secret `{secret}` is not set here", style.bold("note"));
        }
        if checked.findings.is_empty() {
            for note in &notes {
                sayln!("{}: {note}", style.bold("note"));
            }
            let routes = count(checked.plan.as_ref().map_or(0, |plan| plan.routes.len()), "route");
            let ok = Style::stdout().green("ok");
            return print(&format!("{ok} {}: {routes}, good for {}\n", file.display(), joined(&names)), code);
        }
    }
    code
}

/// Returns notes on defaults of the targets that the author may not expect.
fn notes(text: &str, targets: &[&'static Capabilities]) -> Vec<String> {
    let without: Vec<_> =
        targets.iter().filter(|target| !target.has(Feature::WebSockets)).map(|target| target.name).collect();
    if without.is_empty() || !plan::takes_web_sockets_unsaid(text) {
        return Vec::new();
    }
    vec![format!("on {}, handshakes of WebSockets are answered with 501", joined(&without))]
}

/// Prints every mistake, and the number of them.
pub(crate) fn print_mistakes(file: &Path, text: &str, targets: usize, checked: &Checked) {
    let style = Style::stderr();
    let name = file.display().to_string();
    for finding in checked.findings.iter().take(SHOWN_MISTAKES) {
        say(format_args!("{}", finding.diagnostic.render(&name, Some(text), style.is_coloured())));
        if finding.targets.len() < targets && !finding.names_targets() {
            sayln!("  = {}", style.dim(format_args!("on {} alone", joined(&finding.targets))));
        }
        sayln!();
    }
    say_number(&name, checked.findings.len());
}
