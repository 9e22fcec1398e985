//! Diagnostics: mistakes in a configuration, with their places and the ways to mend them.

use core::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{JsonPath, Rule, THOROUGH, bounded};

/// `text`, if mistakes are told.
pub(crate) fn told(text: impl fmt::Display) -> String {
    if THOROUGH { text.to_string() } else { String::new() }
}

/// A text that is made when it is told, if it is.
pub(crate) fn lazily<T: AsRef<str>>(make: impl Fn() -> T) -> impl fmt::Display {
    fmt::from_fn(move |f| f.write_str(make().as_ref()))
}

/// The most mistakes that are looked for: one more is no help, and a text can hold millions.
pub const MOST_MISTAKES: usize = 1_000;

/// The weight of a diagnostic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// The configuration is refused.
    #[default]
    Error,
    /// The configuration is served, but hardly as its author meant it.
    Warning,
}

/// One mistake in a configuration. [`render`](Self::render) shows it to people, [`Serialize`] to programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The weight.
    pub severity: Severity,
    /// The rule that it breaks.
    pub rule: Rule,
    /// The place as a path of members: `routes[3].match.path`; empty for the whole file.
    pub path: String,
    /// The place in the text, if it is there: line and column, both from 1, the column in characters.
    pub position: Option<(u32, u32)>,
    /// The place after the last character, in the same way.
    pub end: Option<(u32, u32)>,
    /// The offending text, shortened; `None` if it is missing, or under a `secret` and no name.
    pub found: Option<String>,
    /// The message: lower case, no full stop, the author's words in backticks.
    pub message: String,
    /// The way to mend it.
    pub help: Option<String>,
    /// Another place that it is about.
    pub other: Option<Place>,
    /// The name of the included file that it is in; `None` for the configuration itself.
    pub file: Option<String>,
}

/// A place in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The place as a path of members.
    pub path: String,
    /// Line and column, as in [`Diagnostic::position`].
    pub position: (u32, u32),
    /// The place after the last character, in the same way.
    pub end: (u32, u32),
    /// The name of the file, as in [`Diagnostic::file`].
    pub file: Option<String>,
}

/// A mistake in the meaning of a configuration, found by the compiler of the plan; [`explain`](super::explain) gives it
/// its position in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The place; counts list items as the `Config` does.
    pub path: JsonPath,
    /// The message: lower case, no full stop, the author's words in backticks.
    pub message: String,
    /// The way to mend it.
    pub help: Option<String>,
    /// Another place that it is about.
    pub other: Option<JsonPath>,
    /// The rule that it breaks.
    pub rule: Rule,
}

impl ConfigError {
    /// An error at `path` without help.
    #[must_use]
    pub fn new(path: JsonPath, message: impl fmt::Display) -> Self {
        let message = if THOROUGH { bounded::message(message.to_string()) } else { String::new() };
        Self { path, message, help: None, other: None, rule: Rule::default() }
    }

    /// Adds a way to mend it.
    #[must_use]
    pub fn with_help(mut self, help: impl fmt::Display) -> Self {
        if THOROUGH {
            self.help = Some(bounded::advice(help.to_string()));
        }
        self
    }

    /// An error at `path` that every build tells: it is about where the gateway runs, and no check elsewhere finds it.
    pub(crate) fn missing_secret(path: JsonPath, message: String, help: String) -> Self {
        Self {
            path,
            message: bounded::message(message),
            help: Some(bounded::advice(help)),
            other: None,
            rule: Rule::MissingSecret,
        }
    }

    /// Adds another place that it is about.
    #[must_use]
    pub fn with_other(mut self, path: JsonPath) -> Self {
        self.other = Some(path);
        self.rule = Rule::Conflict;
        self
    }

    /// States the rule that it breaks.
    #[must_use]
    pub fn of_rule(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }
}

impl Diagnostic {
    /// The same as a warning.
    #[must_use]
    pub fn into_warning(self) -> Self {
        let rule = if matches!(self.rule, Rule::WrongValue | Rule::Conflict) { Rule::Doubtful } else { self.rule };
        Self { severity: Severity::Warning, rule, ..self }
    }
}

/// `{"severity", "rule", "path", "line", "column", "endLine", "endColumn", "found", "message", "help"}`; unknown values are
/// `null`. Where the mistake is about another place as well, `"other"` is its `{"path", "line", "column", "endLine", "endColumn"}`.
/// A place in an included file has its name as `"file"`.
impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = 10 + usize::from(self.other.is_some()) + usize::from(self.file.is_some());
        let mut object = serializer.serialize_struct("Diagnostic", members)?;
        object.serialize_field("severity", &self.severity)?;
        object.serialize_field("rule", &self.rule)?;
        object.serialize_field("path", &self.path)?;
        object.serialize_field("line", &self.position.map(|(line, _)| line))?;
        object.serialize_field("column", &self.position.map(|(_, column)| column))?;
        object.serialize_field("endLine", &self.end.map(|(line, _)| line))?;
        object.serialize_field("endColumn", &self.end.map(|(_, column)| column))?;
        object.serialize_field("found", &self.found)?;
        object.serialize_field("message", &self.message)?;
        object.serialize_field("help", &self.help)?;
        if let Some(other) = &self.other {
            object.serialize_field("other", other)?;
        }
        if let Some(file) = &self.file {
            object.serialize_field("file", file)?;
        }
        object.end()
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Place", 5 + usize::from(self.file.is_some()))?;
        object.serialize_field("path", &self.path)?;
        object.serialize_field("line", &self.position.0)?;
        object.serialize_field("column", &self.position.1)?;
        object.serialize_field("endLine", &self.end.0)?;
        object.serialize_field("endColumn", &self.end.1)?;
        if let Some(file) = &self.file {
            object.serialize_field("file", file)?;
        }
        object.end()
    }
}
