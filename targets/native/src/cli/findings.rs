//! The mistakes of a configuration, for each of its targets.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use gateway_core::config::{self, ConfigError, Diagnostic, JsonPath, Severity, Variable};
use gateway_core::plan::{self, Plan, Secrets};
use gateway_core::ports::Feature;

use super::target::{Target, joined};
use super::{files, manifest};
use crate::config_file::resolve_paths;
use crate::text_file::read_text;
use crate::warning::Warning;

/// The findings of a check: what `--json` prints of it, and of anything that fails before it has a result of its own.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Findings {
    /// The configuration.
    pub(crate) file: String,
    /// The platforms that it is checked for.
    pub(crate) targets: Vec<Target>,
    /// The mistakes, by position.
    pub(crate) mistakes: Vec<Finding>,
    /// What has no effect.
    pub(crate) warnings: Vec<Diagnostic>,
    /// Defaults of the targets that the author may not expect.
    pub(crate) notes: Vec<String>,
    /// Secrets that are not set here.
    pub(crate) missing_secrets: Vec<String>,
    /// Variables that are not set here and have no default. What depends on them was not checked.
    pub(crate) missing_variables: Vec<String>,
    /// The plan for the first target, unless there are mistakes.
    #[serde(skip)]
    pub(crate) plan: Option<Plan>,
    /// The text of the file, if it could be read.
    #[serde(skip)]
    pub(crate) text: Option<String>,
}

/// A mistake, and the targets that refuse it.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Finding {
    #[serde(flatten)]
    pub(crate) diagnostic: Diagnostic,
    pub(crate) targets: Vec<Target>,
}

/// Secrets with a placeholder for every missing one: a check does not need them, but lists the missing ones.
struct AnySecrets<'s, S> {
    known: &'s S,
    missing: RefCell<BTreeSet<String>>,
    /// What a variable is that is not set.
    unset: Variable,
}

impl<S: Secrets> Secrets for AnySecrets<'_, S> {
    fn secret(&self, name: &str) -> Option<String> {
        Some(self.known.secret(name).unwrap_or_else(|| {
            self.missing.borrow_mut().insert(name.to_owned());
            // Valid as a header, as a Redis URL and as a token, so that no check has a word on the placeholder.
            "redis://secret-not-set-here".to_owned()
        }))
    }

    fn variable(&self, name: &str) -> Variable {
        match self.known.variable(name) {
            Variable::Unset => self.unset.clone(),
            variable => variable,
        }
    }
}

impl Findings {
    fn none(file: &Path, targets: Vec<Target>) -> Self {
        Self {
            file: file.display().to_string(),
            targets,
            mistakes: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
            missing_secrets: Vec::new(),
            missing_variables: Vec::new(),
            plan: None,
            text: None,
        }
    }

    /// A failure that has no place in the file.
    pub(crate) fn failure(file: &Path, message: String) -> Self {
        let mut findings = Self::none(file, Vec::new());
        findings.add_failure(message);
        findings
    }

    fn add_failure(&mut self, message: String) {
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            path: String::new(),
            position: None,
            found: None,
            message,
            help: None,
            other: None,
        };
        self.mistakes.push(Finding { diagnostic, targets: self.targets.clone() });
    }

    /// Checks the configuration at `file` for each of `targets`, and the manifests beside it, without the files that it names.
    /// A variable that is not set is `unset`: unknown, or a mistake.
    pub(crate) fn of(file: &Path, targets: Vec<Target>, secrets: &impl Secrets, unset: Variable) -> Self {
        let mut findings = Self::none(file, targets);
        match read_text(file) {
            Ok(text) => {
                findings.check(file, &text, secrets, unset);
                findings.text = Some(text);
            }
            Err(error) => findings.add_failure(format!("can't read {}: {error}", file.display())),
        }
        findings
    }

    fn check(&mut self, file: &Path, text: &str, secrets: &impl Secrets, unset: Variable) {
        if unset == Variable::Unknown {
            let variables = config::References::in_text(text).variables.into_iter();
            let missing = variables.filter(|(name, required)| *required && secrets.variable(name) == Variable::Unset);
            self.missing_variables = missing.map(|(name, _)| name).collect();
        }
        let secrets = AnySecrets { known: secrets, missing: RefCell::default(), unset };
        for target in self.targets.clone() {
            match plan::load(text, target.capabilities(), &secrets) {
                Ok(mut plan) => {
                    let faults = manifest::faults(file, text, &plan, target.capabilities());
                    let diagnostics = config::explain(text, faults).into_iter();
                    self.mistakes.extend(diagnostics.map(|diagnostic| Finding { diagnostic, targets: vec![target] }));
                    resolve_paths(&mut plan, file);
                    self.plan.get_or_insert(plan);
                }
                Err(diagnostics) => {
                    for diagnostic in diagnostics {
                        if !self.mistakes.iter_mut().any(|finding| finding.absorb(&diagnostic, target)) {
                            self.mistakes.push(Finding { diagnostic, targets: vec![target] });
                        }
                    }
                }
            }
        }
        self.sort();
        self.missing_secrets = secrets.missing.into_inner().into_iter().collect();
    }

    /// Adds warnings and notes.
    pub(crate) fn add_advice(&mut self) {
        let Some(text) = &self.text else { return };
        self.warnings = plan::warnings(text, crate::platform::now());
        for Warning { at, message, help } in self.plan.as_ref().map(Warning::all).unwrap_or_default() {
            let at = at.into_iter().fold(JsonPath::root(), |path, member| path.member(member));
            let warning = ConfigError::new(at, message).with_help(help);
            let severity = Severity::Warning;
            let found = config::explain(text, vec![warning]).into_iter();
            self.warnings.extend(found.map(|diagnostic| Diagnostic { severity, ..diagnostic }));
        }
        self.warnings.sort_by_key(|warning| warning.position);
        self.notes = notes(text, &self.targets);
    }

    /// Adds the errors in the files that the native server would read.
    pub(crate) fn add_files(&mut self) {
        let (Some(text), Some(plan), true) = (&self.text, &self.plan, self.targets.contains(&Target::Native)) else {
            return;
        };
        let diagnostics = config::explain(text, files::faults(plan)).into_iter();
        self.mistakes.extend(diagnostics.map(|diagnostic| Finding { diagnostic, targets: vec![Target::Native] }));
        self.sort();
    }

    fn sort(&mut self) {
        self.mistakes.sort_by_key(|finding| finding.diagnostic.position);
    }
}

impl Finding {
    /// Merges `other`, found for `target`, into this finding if they differ only in the names of platforms.
    fn absorb(&mut self, other: &Diagnostic, target: Target) -> bool {
        if self.diagnostic.position != other.position || self.diagnostic.path != other.path {
            return false;
        }
        let mine = joined(&self.targets);
        let mut both = self.targets.clone();
        both.push(target);
        let ours = joined(&both);
        let same = |text: &str, others: &str| text.replace(&mine, &ours) == others.replace(target.name(), &ours);
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
    pub(crate) fn names_targets(&self) -> bool {
        self.diagnostic.message.contains(&joined(&self.targets))
    }
}

/// Returns notes on defaults of the targets that the author may not expect.
fn notes(text: &str, targets: &[Target]) -> Vec<String> {
    let without: Vec<_> =
        targets.iter().copied().filter(|target| !target.capabilities().has(Feature::WebSockets)).collect();
    if without.is_empty() || !plan::takes_web_sockets_unsaid(text) {
        return Vec::new();
    }
    vec![format!("on {}, handshakes of WebSockets are answered with 501", joined(&without))]
}
