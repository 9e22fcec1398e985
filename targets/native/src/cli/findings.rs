//! The mistakes of a configuration, for each of its targets.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use gateway_core::config::{self, Composed, ConfigError, Diagnostic, JsonPath, Rule, Severity, Variable};
use gateway_core::plan::{self, Plan, Secrets};
use gateway_core::ports::Feature;

use super::target::{Target, joined};
use super::{certificates, files, manifest, rounds};
use crate::config_file::{self, resolve_paths};
use crate::include::{Gathered, gather};
use crate::signing_keys;
use crate::warning::Warning;
use crate::watch::Files;

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
    pub(crate) plan: Option<Arc<Plan>>,
    /// The configuration with the files that it includes, if it could be read.
    #[serde(skip)]
    pub(crate) composed: Option<Composed>,
    /// The entries of its `include` that no file has.
    #[serde(skip)]
    unmatched: Vec<ConfigError>,
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

    fn is_made_up(&self, name: &str) -> bool {
        self.known.secret(name).is_none()
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
            composed: None,
            unmatched: Vec::new(),
        }
    }

    /// A failure that has no place in the file.
    pub(crate) fn failure(file: &Path, message: String) -> Self {
        let mut findings = Self::none(file, Vec::new());
        findings.add_failure(message);
        findings
    }

    /// The `mistakes` in `composed`, which is called `file`.
    pub(crate) fn found(file: &Path, composed: Composed, mistakes: Vec<Diagnostic>) -> Self {
        let mut findings = Self::none(file, vec![Target::Native]);
        let targets = findings.targets.clone();
        let found = mistakes.into_iter().map(|diagnostic| Finding { diagnostic, targets: targets.clone() });
        findings.mistakes = found.collect();
        findings.composed = Some(composed);
        findings
    }

    fn add_failure(&mut self, message: String) {
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            rule: Rule::File,
            path: String::new(),
            position: None,
            end: None,
            found: None,
            message,
            help: None,
            other: None,
            file: None,
        };
        self.mistakes.push(Finding { diagnostic, targets: self.targets.clone() });
    }

    /// Checks the configuration at `file` for each of `targets`, and the manifests beside it, without the files that it names.
    /// A variable that is not set is `unset`: unknown, or a mistake.
    pub(crate) fn of(file: &Path, targets: Vec<Target>, secrets: &impl Secrets, unset: Variable) -> Self {
        let mut findings = Self::none(file, targets);
        match gather(file, &mut Files::default(), |text| text) {
            Ok(Gathered { composed, unmatched }) => {
                findings.check(file, &composed, secrets, unset);
                (findings.composed, findings.unmatched) = (Some(composed), unmatched);
            }
            Err(error) => findings.add_unread(file, error),
        }
        findings
    }

    /// The configuration at `file` as one text, or the mistakes that prevent it.
    pub(crate) fn composing(file: &Path) -> Result<String, Box<Self>> {
        let mut findings = Self::none(file, vec![Target::Native]);
        match gather(file, &mut Files::default(), |text| text) {
            Ok(Gathered { composed, .. }) => match composed.load(|text| Ok(text.to_owned())) {
                Ok(text) => return Ok(text),
                Err(list) => {
                    findings.add_unread(file, config_file::ConfigError::Mistakes { list, composed: Box::new(composed) })
                }
            },
            Err(error) => findings.add_unread(file, error),
        }
        Err(Box::new(findings))
    }

    fn add_unread(&mut self, file: &Path, error: config_file::ConfigError) {
        match error {
            config_file::ConfigError::Read(error) => {
                self.add_failure(format!("can't read {}: {error}", file.display()));
            }
            config_file::ConfigError::Mistakes { list, composed } => {
                let targets = self.targets.clone();
                let found = list.into_iter().map(|diagnostic| Finding { diagnostic, targets: targets.clone() });
                self.mistakes.extend(found);
                self.composed = Some(*composed);
            }
        }
    }

    fn check(&mut self, file: &Path, composed: &Composed, secrets: &impl Secrets, unset: Variable) {
        let text = composed.text();
        if unset == Variable::Unknown {
            let variables = config::References::in_text(text).variables.into_iter();
            let missing = variables.filter(|(name, required)| *required && secrets.variable(name) == Variable::Unset);
            self.missing_variables = missing.map(|(name, _)| name).collect();
        }
        let secrets = AnySecrets { known: secrets, missing: RefCell::default(), unset };
        for target in self.targets.clone() {
            match composed.load(|text| signing_keys::load(text, target.capabilities(), &secrets)) {
                Ok(mut plan) => {
                    let faults = manifest::faults(file, text, &plan, target.capabilities());
                    let faults = faults.into_iter().map(|fault| fault.of_rule(Rule::Manifest)).collect();
                    let diagnostics = composed.place(config::explain(text, faults)).into_iter();
                    self.mistakes.extend(diagnostics.map(|diagnostic| Finding { diagnostic, targets: vec![target] }));
                    resolve_paths(&mut plan, file);
                    self.plan.get_or_insert(Arc::new(plan));
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
        let Some(composed) = &self.composed else { return };
        let text = composed.text();
        let mut found = plan::warnings(text, crate::platform::now());
        if self.targets.contains(&Target::Native) {
            found.extend(plan::native_warnings(text));
        }
        let mut advice = core::mem::take(&mut self.unmatched);
        for Warning { at, message, help } in self.plan.as_deref().map(Warning::all).unwrap_or_default() {
            let at = at.into_iter().fold(JsonPath::root(), |path, member| path.member(member));
            advice.push(ConfigError::new(at, message).with_help(help));
        }
        let both_schemes = self.targets.contains(&Target::Cloudflare);
        advice.extend(self.plan.iter().flat_map(|plan| rounds::warnings(plan, both_schemes)));
        found.extend(config::explain(text, advice).into_iter().map(Diagnostic::into_warning));
        found.sort_by_key(|warning| warning.position);
        self.warnings = composed.place(found);
        self.notes = notes(text, &self.targets);
    }

    /// Adds the errors in the files that the native server would read, and warnings about their certificates.
    pub(crate) fn add_files(&mut self) {
        let (Some(composed), Some(plan), true) = (&self.composed, &self.plan, self.targets.contains(&Target::Native))
        else {
            return;
        };
        let warnings = composed.place(config::explain(composed.text(), certificates::warnings(plan))).into_iter();
        self.warnings.extend(warnings.map(Diagnostic::into_warning));
        self.warnings.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
        let diagnostics = composed.place(config::explain(composed.text(), files::faults(plan))).into_iter();
        self.mistakes.extend(diagnostics.map(|diagnostic| Finding { diagnostic, targets: vec![Target::Native] }));
        self.sort();
    }

    fn sort(&mut self) {
        self.mistakes.sort_by(|a, b| {
            (&a.diagnostic.file, a.diagnostic.position).cmp(&(&b.diagnostic.file, b.diagnostic.position))
        });
    }
}

impl Finding {
    /// Merges `other`, found for `target`, into this finding if they differ only in the names of platforms.
    fn absorb(&mut self, other: &Diagnostic, target: Target) -> bool {
        if self.diagnostic.position != other.position
            || (&self.diagnostic.path, &self.diagnostic.file) != (&other.path, &other.file)
        {
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
