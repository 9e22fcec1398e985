//! The methods that upstreams are asked with.

use http::Method;

/// The methods that an upstream is asked with, by those that clients ask with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MethodMap(Box<[(Method, Method)]>);

impl MethodMap {
    /// The map of these pairs; those of one method with itself are left out.
    #[must_use]
    pub fn of(pairs: impl IntoIterator<Item = (Method, Method)>) -> Self {
        Self(pairs.into_iter().filter(|(from, to)| from != to).collect())
    }

    /// The method that a request by `method` gets, if that is another.
    #[must_use]
    pub fn other(&self, method: &Method) -> Option<&Method> {
        self.0.iter().find(|(from, _)| from == method).map(|(_, to)| to)
    }

    /// What becomes of each of `methods` by this map, and then by `next`.
    #[must_use]
    pub fn then<'m>(&self, next: &Self, methods: impl IntoIterator<Item = &'m Method>) -> Self {
        Self::of(methods.into_iter().map(|method| {
            let between = self.other(method).unwrap_or(method);
            (method.clone(), next.other(between).unwrap_or(between).clone())
        }))
    }

    /// The pairs of methods, each with the one that it becomes.
    pub fn iter(&self) -> impl Iterator<Item = (&Method, &Method)> {
        self.0.iter().map(|(from, to)| (from, to))
    }

    /// Returns whether every method stays as it is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Returns whether requests by `method` change nothing (RFC 9110 §9.2.1; RFC 10008 has `QUERY` safe, too).
pub(crate) fn is_safe(method: &Method) -> bool {
    method.is_safe() || method.as_str() == "QUERY"
}

/// Returns whether requests by `method` have no content: none has a meaning there (RFC 9110 §9.3.1, §9.3.2).
pub(crate) fn is_without_content(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_done_one_after_another() {
        let methods = [Method::GET, Method::PUT, Method::PATCH, Method::POST];
        let first = MethodMap::of([(Method::PUT, Method::PATCH), (Method::GET, Method::GET)]);
        let next = MethodMap::of([(Method::PATCH, Method::POST)]);
        let both = first.then(&next, &methods);
        assert_eq!(both.other(&Method::PUT), Some(&Method::POST));
        assert_eq!(both.other(&Method::PATCH), Some(&Method::POST));
        assert_eq!(both.other(&Method::GET), None);
        assert_eq!(both.iter().count(), 2);
        let back = MethodMap::of([(Method::PATCH, Method::PUT)]);
        assert_eq!(first.then(&back, &methods).other(&Method::PUT), None);
    }
}
