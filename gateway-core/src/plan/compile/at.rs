//! A place in the configuration, as a chain on the stack: it costs nothing until an error names it.

use crate::config::JsonPath;

/// A place in the configuration; written `routes[3].match.path`.
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

impl At<'_> {
    /// The place as an owned value.
    #[inline(never)]
    pub(in crate::plan) fn to_path(self) -> JsonPath {
        let parent = self.parent.map_or_else(JsonPath::root, |parent| parent.to_path());
        match self.step {
            Step::Root => parent,
            Step::Member(name) => parent.member(name),
            Step::Index(index) => parent.index(index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_the_path_in_an_expression() {
        let root = At::ROOT;
        let routes = root.member("routes");
        let route = routes.index(3);
        assert_eq!(route.member("match").to_path().to_string(), "routes[3].match");
        assert_eq!(root.member("upstreams").member("a.b").to_path().to_string(), "upstreams[\"a.b\"]");
    }
}
