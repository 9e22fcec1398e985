//! The names that a configuration refers to and that only its host can resolve.

use std::collections::{BTreeMap, BTreeSet};

use super::object::DESCRIPTION;
use super::parse;
use super::read::without_mark;
use super::tree::{Kind, Node};
use super::variables::{self, Piece};

/// The names that a configuration refers to, for hosts that are asked for each value by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// The texts in every member `secret`: names, unless a secret itself was put there.
    pub secrets: BTreeSet<String>,
    /// The variables `${NAME}`, and whether there is a reference to it without a default.
    pub variables: BTreeMap<String, bool>,
}

impl References {
    /// Returns the references in the text of a `gateway.json`, as far as it can be read.
    #[must_use]
    pub fn in_text(text: &str) -> Self {
        let mut references = Self::default();
        references.collect(&parse::parse(without_mark(text)).root);
        references
    }

    /// Collects those in `node`. The parser bounds the depth.
    fn collect(&mut self, node: &Node<'_>) {
        match &node.kind {
            Kind::List(items) => items.iter().for_each(|item| self.collect(item)),
            Kind::Object(members) => {
                for member in members {
                    match &member.value.kind {
                        Kind::String(name) if member.name == "secret" => {
                            self.secrets.insert(name.clone().into_owned());
                        }
                        // Nothing reads these.
                        Kind::String(_) if matches!(&*member.name, DESCRIPTION | "$schema") => {}
                        _ => self.collect(&member.value),
                    }
                }
            }
            Kind::String(text) => {
                for piece in variables::pieces(text) {
                    if let Ok(Piece::Variable { name, default }) = piece {
                        *self.variables.entry(name.to_owned()).or_default() |= default.is_none();
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_secrets_are_found_behind_comments() {
        let text = "// a\n{\"a\": [{\"secret\": \"B\",}, {\"secret\": /* c */ \"A\"}], \"secret\": 5,}";
        let secrets = References::in_text(text).secrets;
        assert_eq!(secrets.iter().collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn a_variable_is_required_unless_every_reference_has_a_default() {
        let text =
            r#"{"a": ["${A}/${B:-b}", "$${C}", "${B}", "${D:-}"], "b": {"secret": "${E}"}, "description": "${F}"}"#;
        let variables = References::in_text(text).variables;
        let expected = [("A", true), ("B", true), ("D", false)].map(|(name, required)| (name.to_owned(), required));
        assert_eq!(variables, BTreeMap::from(expected));
    }
}
