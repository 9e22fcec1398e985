//! The kinds of mistakes.

/// The rule of a configuration that a mistake breaks. Its name is stable: programs sort and silence findings by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The text is JSON, with comments and trailing commas.
    Syntax,
    /// No member is there twice.
    DuplicateMember,
    /// Every field is one that the object has.
    UnknownField,
    /// Every required field is there.
    MissingField,
    /// Every value is of the type of its field.
    WrongType,
    /// References to variables are well-formed, and their variables are set.
    Variable,
    /// Every value is one that its field can have, also beside the other values.
    #[default]
    WrongValue,
    /// Every name that is used is defined.
    UnknownName,
    /// Every secret is set.
    MissingSecret,
    /// No two parts contradict each other.
    Conflict,
    /// The platform has all that is asked of it.
    Platform,
    /// The manifests of the platforms declare all that the configuration needs.
    Manifest,
    /// The files that the configuration names can be read.
    File,
    /// Every part has an effect, and hardly another one than its author means.
    Doubtful,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 14] = [
        Self::Syntax,
        Self::DuplicateMember,
        Self::UnknownField,
        Self::MissingField,
        Self::WrongType,
        Self::Variable,
        Self::WrongValue,
        Self::UnknownName,
        Self::MissingSecret,
        Self::Conflict,
        Self::Platform,
        Self::Manifest,
        Self::File,
        Self::Doubtful,
    ];

    /// Its name.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::DuplicateMember => "duplicate-member",
            Self::UnknownField => "unknown-field",
            Self::MissingField => "missing-field",
            Self::WrongType => "wrong-type",
            Self::Variable => "variable",
            Self::WrongValue => "wrong-value",
            Self::UnknownName => "unknown-name",
            Self::MissingSecret => "missing-secret",
            Self::Conflict => "conflict",
            Self::Platform => "platform",
            Self::Manifest => "manifest",
            Self::File => "file",
            Self::Doubtful => "doubtful",
        }
    }

    /// The mistake that breaks it, in a sentence.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Syntax => "The text is not JSON with comments and trailing commas",
            Self::DuplicateMember => "An object has a member twice",
            Self::UnknownField => "An object has no such field",
            Self::MissingField => "A required field is missing",
            Self::WrongType => "A value is not of the type of its field",
            Self::Variable => "A reference to a variable is malformed, or the variable is not set",
            Self::WrongValue => "A value is not one that its field can have there",
            Self::UnknownName => "Nothing is defined under a name that is used",
            Self::MissingSecret => "A secret is not set",
            Self::Conflict => "Two parts contradict each other",
            Self::Platform => "A platform lacks what is asked of it",
            Self::Manifest => "The manifest of a platform does not declare what the configuration needs",
            Self::File => "A file that the configuration names can't be used",
            Self::Doubtful => "A part has no effect, or hardly the one that its author means",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/command-line.md: `rule` in JSON, `ruleId` in SARIF.
    #[test]
    fn a_rule_has_one_name_everywhere() {
        let mut names: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        for rule in Rule::ALL {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.id());
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rule::ALL.len());
    }
}
