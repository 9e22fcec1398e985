//! What is said of a wrong configuration, compared with what should be.

use gateway_core::config::Diagnostic;

use crate::model::Refusal;

/// Something that is said of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistake {
    /// Where: `routes[3].match.path`; empty for the whole file.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl From<&Diagnostic> for Mistake {
    fn from(diagnostic: &Diagnostic) -> Self {
        let Diagnostic { path, message, help, .. } = diagnostic.clone();
        Self { path, message, help }
    }
}

impl core::fmt::Display for Mistake {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "`{}`: {}", self.path, self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " (help: {help})"))
    }
}

/// Whether `found` is what `refused` says, each for each and nothing else.
///
/// # Errors
/// What is missing or too much, in lines.
pub fn compare(found: &[Mistake], refused: &[Refusal]) -> Result<(), String> {
    let mut left: Vec<&Mistake> = found.iter().collect();
    let mut wrong = Vec::new();
    for refusal in refused {
        match left.iter().position(|mistake| is(mistake, refusal)) {
            Some(place) => drop(left.remove(place)),
            None => wrong.push(format!("missing: {}", describe(refusal))),
        }
    }
    wrong.extend(left.iter().map(|mistake| format!("not expected: {mistake}")));
    if wrong.is_empty() {
        return Ok(());
    }
    let all: Vec<_> = found.iter().map(|mistake| format!("  {mistake}")).collect();
    Err(format!("{}\nsaid:\n{}", wrong.join("\n"), all.join("\n")))
}

fn is(found: &Mistake, expected: &Refusal) -> bool {
    found.path == expected.path
        && expected.message.as_ref().is_none_or(|message| message.accepts(&found.message))
        && expected.help.as_ref().is_none_or(|help| found.help.as_ref().is_some_and(|found| help.accepts(found)))
}

fn describe(refusal: &Refusal) -> String {
    let mut text = format!("a mistake at `{}`", refusal.path);
    if let Some(message) = &refusal.message {
        text = format!("{text} with {}", message.describe());
    }
    if let Some(help) = &refusal.help {
        text = format!("{text} and the help {}", help.describe());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals(text: &str) -> Vec<Refusal> {
        serde_json::from_str(text).unwrap()
    }

    fn at(path: &str) -> Mistake {
        Mistake { path: path.to_owned(), message: "wrong".to_owned(), help: None }
    }

    #[test]
    fn a_path_is_the_whole_path() {
        let refused = refusals(r#"[{"path": "routes[0]"}]"#);
        assert!(compare(&[at("routes[0]")], &refused).is_ok());
        assert!(compare(&[at("routes[0].match")], &refused).is_err());
    }

    #[test]
    fn neither_more_nor_less_is_said() {
        let refused = refusals(r#"[{"path": "a", "message": "wrong"}, {"path": "a"}]"#);
        assert!(compare(&[at("a"), at("a")], &refused).is_ok());
        let error = compare(&[at("a")], &refused).unwrap_err();
        assert!(error.starts_with("missing: a mistake at `a`"), "{error}");
        let error = compare(&[at("a"), at("a"), at("b")], &refused).unwrap_err();
        assert!(error.starts_with("not expected: `b`: wrong"), "{error}");
        assert!(compare(&[at("a")], &refusals(r#"[{"path": "a", "help": "mend it"}]"#)).is_err());
    }
}
