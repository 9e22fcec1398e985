//! What is wrong with a configuration, where, and how to mend it.

/// One mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where, as a path of members: `routes[3].match.path`; empty for the whole file.
    pub path: String,
    /// Where in the text, if the place is there: line and column, both from 1, the column in characters.
    pub position: Option<(u32, u32)>,
    /// The offending text, shortened.
    pub found: Option<String>,
    /// What is wrong: lower case, no full stop, the author's words in backticks.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}
