//! A place in the configuration, as a chain on the stack: it costs nothing until an error needs it in words.

use core::fmt;

/// A place in the configuration; displayed as `routes[3].match.path`.
#[derive(Clone, Copy, Debug)]
pub(in crate::plan) struct At<'a> {
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    Member(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    pub(in crate::plan) const ROOT: Self = Self { parent: None, step: Step::Root };

    pub(in crate::plan) const fn member(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Member(name) }
    }

    pub(in crate::plan) const fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        let is_first = self.parent.is_none_or(|parent| matches!(parent.step, Step::Root));
        match self.step {
            Step::Root => Ok(()),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Member(name) if is_plain(name) => write!(f, "{}{name}", if is_first { "" } else { "." }),
            Step::Member(name) => write!(f, "[{name:?}]"),
        }
    }
}

/// Whether `name` can stand in a path without quotes.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_the_path_in_an_expression() {
        let root = At::ROOT;
        let routes = root.member("routes");
        let route = routes.index(3);
        assert_eq!(route.member("match").to_string(), "routes[3].match");
        assert_eq!(root.member("upstreams").member("a.b").to_string(), "upstreams[\"a.b\"]");
    }
}
