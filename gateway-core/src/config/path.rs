//! Paths to places in a configuration: `routes[3].match.path`.

use core::fmt;
use std::sync::Arc;

use super::bounded::{QUOTED, cut};

/// The place of a value in a configuration: members and list positions, from the outermost.
///
/// Displays as `routes[3].match.path`; a name that is no plain word is quoted, and a long one cut: `upstreams["a.b"]`. Extending a path
/// costs one small allocation and leaves the original as it is, so that a compiler can pass paths down.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct JsonPath(Option<Arc<Link>>);

#[derive(PartialEq, Eq)]
struct Link {
    parent: JsonPath,
    step: Step,
}

/// One step of a [`JsonPath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the member of this name.
    Member(Box<str>),
    /// To the list item at this index, from 0.
    Index(usize),
}

impl JsonPath {
    /// The path of the whole configuration; displays as the empty string.
    #[must_use]
    pub const fn root() -> Self {
        Self(None)
    }

    /// The member `name` of the object at this path.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        self.step(Step::Member(name.into()))
    }

    /// The item at `index`, from 0, of the list at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    fn step(&self, step: Step) -> Self {
        Self(Some(Arc::new(Link { parent: self.clone(), step })))
    }

    /// The steps, from the outermost.
    #[must_use]
    pub fn steps(&self) -> Vec<&Step> {
        let mut steps = Vec::new();
        let mut path = self;
        while let Some(link) = &path.0 {
            steps.push(&link.step);
            path = &link.parent;
        }
        steps.reverse();
        steps
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps().into_iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Member(name) if !is_plain(name) || name.len() > QUOTED => write!(f, "[{:?}]", cut(name, QUOTED))?,
                Step::Member(name) if index == 0 => f.write_str(name)?,
                Step::Member(name) => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '$')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_members_and_items() {
        let path = JsonPath::root().member("routes").index(3).member("match").member("path");
        assert_eq!(path.to_string(), "routes[3].match.path");
        assert_eq!(JsonPath::root().to_string(), "");
        assert_eq!(JsonPath::root().member("$schema").to_string(), "$schema");
    }

    #[test]
    fn quotes_names_that_are_no_plain_words() {
        let upstreams = JsonPath::root().member("upstreams");
        assert_eq!(upstreams.member("a.b").to_string(), r#"upstreams["a.b"]"#);
        assert_eq!(upstreams.member("").member("url").to_string(), r#"upstreams[""].url"#);
        assert_eq!(upstreams.member("say \"hi\"").to_string(), r#"upstreams["say \"hi\""]"#);
        assert_eq!(upstreams.member("x-tenant").to_string(), "upstreams.x-tenant");
        assert_eq!(JsonPath::root().member("1").to_string(), r#"["1"]"#);
    }
}
