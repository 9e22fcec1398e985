//! Reads and checks the case files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::model::{Case, File, Runtime};
use crate::tokens::{insert_keys, named_in, resolve, resolve_signatures, signatures_in};

/// A case with the configuration that holds for it.
#[derive(Clone, Debug)]
pub struct LoadedCase {
    /// The topic of its file.
    pub topic: Arc<str>,
    /// The text of its configuration.
    pub config: Arc<str>,
    /// The case.
    pub case: Arc<Case>,
}

impl LoadedCase {
    /// `topic/name`, by which it is chosen and reported.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}/{}", self.topic, self.case.name)
    }

    /// The same for another time: nothing but the text of its configuration tells it apart, by blanks at the end.
    fn again(&self, time: usize) -> Self {
        let config =
            if time == 0 { Arc::clone(&self.config) } else { (self.config.to_string() + &" ".repeat(time)).into() };
        Self { config, ..self.clone() }
    }

    /// Why `runtime` does not run it, if so. `None` in a `Some` when the case is about other runtimes alone.
    #[must_use]
    pub fn skipped_on(&self, runtime: Runtime) -> Option<Option<&str>> {
        match self.case.skip.get(&runtime) {
            Some(reason) => Some(Some(reason)),
            None if !self.case.only_on.is_empty() && !self.case.only_on.contains(&runtime) => Some(None),
            None => None,
        }
    }
}

/// Where the case files are: `tests/cases`.
#[must_use]
pub fn cases_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/").join("cases")
}

/// The case files, by name.
///
/// # Errors
/// Why the folder can't be read.
pub fn case_files() -> Result<Vec<PathBuf>, String> {
    let dir = cases_dir();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&dir)
        .map_err(|error| format!("{}: {error}", dir.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    Ok(paths)
}

/// Reads every case whose title contains `filter`.
///
/// With `EDGEWAY_REPEAT=n` each comes `n` times, with a gateway of its own each time: that is how long a corpus of `n` times
/// the size takes.
///
/// # Errors
/// Everything that is wrong with the files, one line each.
pub fn load_all(filter: &str) -> Result<Vec<LoadedCase>, Vec<String>> {
    let paths = case_files().map_err(|error| vec![error])?;
    let mut cases = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match std::fs::read_to_string(&path).map_err(|e| e.to_string()).and_then(|text| parse(&name, &text)) {
            Ok(read) => cases.extend(read),
            Err(error) => errors.push(format!("{name}: {error}")),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    cases.retain(|case| case.title().contains(filter));
    let times = std::env::var("EDGEWAY_REPEAT").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    Ok((0..times).flat_map(|time| cases.iter().map(move |case| case.again(time))).collect())
}

fn parse(name: &str, text: &str) -> Result<Vec<LoadedCase>, String> {
    let file: File = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if name != format!("{}.json", file.topic) {
        return Err(format!("its topic is `{}`", file.topic));
    }
    let shared = file.config.as_deref().map(text_of).transpose()?;
    let topic: Arc<str> = file.topic.into();
    let mut names = BTreeSet::new();
    let mut cases = Vec::with_capacity(file.cases.len());
    for mut case in file.cases {
        let fault = |what: &str| Err(format!("`{}`: {what}", case.name));
        if !names.insert(case.name.clone()) {
            return fault("its name is there twice");
        }
        if case.cite.is_empty() {
            return fault("it cites nothing");
        }
        if case.steps.is_empty() == case.refused.is_empty() {
            return fault("a case has either `steps` or `refused`");
        }
        if case.skip.values().any(|reason| reason.len() < 10) {
            return fault("a skip needs a reason");
        }
        if let Some(step) = case.steps.iter().find(|step| !step.request.url.contains("://")) {
            return fault(&format!("`{}` is no absolute URL", step.request.url));
        }
        let Some(config) = case.config.as_deref().map(text_of).transpose()?.or_else(|| shared.clone()) else {
            return fault("it has no configuration");
        };
        for (name, value) in &file.secrets {
            case.secrets.entry(name.clone()).or_insert_with(|| value.clone());
        }
        for secret in case.secrets.values_mut() {
            *secret = insert_keys(secret, false)?;
        }
        case.services = file.services.with(&case.services);
        let mut services = case.services.clone();
        for step in &mut case.steps {
            services = services.with(&step.services);
            step.services = services.clone();
        }
        case.tokens = match resolve(&case.tokens, &file.tokens) {
            Ok(tokens) => tokens,
            Err(error) => return fault(&error),
        };
        let sent: Vec<&str> = case.steps.iter().flat_map(|step| named_in(&step.request)).collect();
        if let Some(name) = sent.into_iter().find(|name| !case.tokens.contains_key(*name)) {
            return fault(&format!("no token is `{name}`"));
        }
        case.signatures = match resolve_signatures(&case.signatures, &file.signatures) {
            Ok(signatures) => signatures,
            Err(error) => return fault(&error),
        };
        let sent: Vec<&str> = case.steps.iter().flat_map(|step| signatures_in(&step.request)).collect();
        if let Some(name) = sent.into_iter().find(|name| !case.signatures.contains_key(*name)) {
            return fault(&format!("no signature is `{name}`"));
        }
        cases.push(LoadedCase { topic: Arc::clone(&topic), config, case: Arc::new(case) });
    }
    Ok(cases)
}

/// The text of a configuration: the JSON as it stands there, or what the string says, where it is not JSON at all.
fn text_of(config: &RawValue) -> Result<Arc<str>, String> {
    let text = serde_json::from_str::<String>(config.get());
    insert_keys(text.as_deref().unwrap_or(config.get()), true).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_file_is_well_formed() {
        if let Err(errors) = load_all("") {
            panic!("{}", errors.join("\n"));
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        for (text, part) in [
            (r#"{"topic": "b", "cases": []}"#, "topic"),
            (r#"{"topic": "a", "cases": [], "more": 1}"#, "more"),
            (r#"{"topic": "a", "cases": [{"name": "n", "cite": "c", "steps": []}]}"#, "either"),
            (
                r#"{"topic": "a", "config": {}, "cases": [{"name": "n", "cite": "c", "steps": [
                {"request": {"url": "http://a/", "hdrs": []}, "expect": {"status": 200}}]}]}"#,
                "hdrs",
            ),
            (
                r#"{"topic": "a", "config": {}, "cases": [{"name": "n", "cite": "c", "skip": {"spin": "no"}, "steps": [
                {"request": {"url": "http://a/"}, "expect": {"status": 200}}]}]}"#,
                "reason",
            ),
            (
                r#"{"topic": "a", "config": {}, "cases": [{"name": "n", "cite": "c", "steps": [
                {"request": {"url": "http://a/?${token:lost}"}, "expect": {"status": 200}}]}]}"#,
                "`lost`",
            ),
        ] {
            let error = parse("a.json", text).unwrap_err();
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
