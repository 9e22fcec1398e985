//! The words for steps.

use super::text::Replacement;
use super::{BodyEdit, Step};
use crate::document::path::Path;

impl BodyEdit {
    /// A few words for each of its steps; those on text come last.
    #[must_use]
    pub fn steps_in_words(&self) -> Vec<String> {
        let steps = self.steps.iter().map(Step::describe);
        let forms = |to| format!("{} to {to}", self.from.iter().map(|form| form.name()).collect::<Vec<_>>().join(", "));
        let to = self.to.map(|to| forms(to.name()));
        steps.chain(self.text.iter().map(Replacement::describe)).chain(to).collect()
    }
}

impl Step {
    /// A few words for it, with the places that it is about as its author has written them.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Pick(paths) => format!("pick {}", all(paths)),
            Self::Drop(paths) => format!("drop {}", all(paths)),
            Self::Rename(from, name) => format!("rename `{}` to `{name}`", from.as_str()),
            Self::Move(from, to) => format!("move `{}` to `{}`", from.as_str(), to.as_str()),
            Self::Copy(from, to) => format!("copy `{}` to `{}`", from.as_str(), to.as_str()),
            Self::Set(to, _) => format!("set `{}`", to.as_str()),
            Self::Default(to, _) => format!("default `{}`", to.as_str()),
            Self::Convert(at, scalar) => format!("convert `{}` to a {}", at.as_str(), scalar.name()),
            Self::Compute(to, _) => format!("compute `{}`", to.as_str()),
            Self::Wrap(name) => format!("wrap in `{name}`"),
            Self::Flatten(from, _) => format!("flatten `{}`", from.as_str()),
            Self::Each(path, steps) => {
                format!("each `{}`: {}", path.as_str(), steps.iter().map(Self::describe).collect::<Vec<_>>().join(", "))
            }
            Self::Concat(paths, to) => format!("concat {} to `{}`", all(paths), to.as_str()),
            Self::Join(join) => format!("join `{}` with `{}`", join.place.as_str(), join.from.as_str()),
            Self::Patch(_) => "patch".to_owned(),
            Self::Merge(_) => "merge".to_owned(),
        }
    }
}

impl Replacement {
    /// A few words for it.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("replace `{}`", self.expression())
    }
}

fn all(paths: &[Path]) -> String {
    paths.iter().map(|path| format!("`{}`", path.as_str())).collect::<Vec<_>>().join(", ")
}
