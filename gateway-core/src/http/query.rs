//! A URL's query as parameters (`application/x-www-form-urlencoded`, URL standard §5.1).

use super::percent;

/// The parameters of `query`, each as it stands.
pub fn parameters(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|parameter| !parameter.is_empty())
}

/// The raw name and value of a parameter; one without `=` has an empty value.
#[must_use]
pub fn split(parameter: &str) -> (&str, &str) {
    parameter.split_once('=').unwrap_or((parameter, ""))
}

/// Returns whether the decoded name of `parameter` is `name`.
#[must_use]
pub fn is_named(parameter: &str, name: &str) -> bool {
    percent::form_octets(split(parameter).0).eq(name.bytes())
}

/// The raw value of the first parameter called `name`.
#[must_use]
pub fn first<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    parameters(query).find(|parameter| is_named(parameter, name)).map(|parameter| split(parameter).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// URL standard §5.1: names are decoded before they are compared, and of equal ones `get` returns the first.
    #[test]
    fn the_first_parameter_of_a_decoded_name_is_found() {
        for (query, value) in [
            ("x=1", Some("1")),
            ("&&y=0&%78=1&x=2", Some("1")),
            ("x&x=1", Some("")),
            ("x=a=b", Some("a=b")),
            ("x=%41+", Some("%41+")),
            ("X=1", None),
            ("xx=1", None),
            ("", None),
        ] {
            assert_eq!(first(query, "x"), value, "{query}");
        }
    }

    /// URL standard §5.1: a name that looks encoded once it is decoded is not decoded again.
    #[test]
    fn a_name_is_decoded_once() {
        assert_eq!(first("a%20b=1&a%2520b=2", "a%20b"), Some("2"));
        assert_eq!(first("a+b=1", "a b"), Some("1"));
        assert_eq!(first("a+b=1", "a+b"), None);
        assert_eq!(first("%ff=1", "\u{FFFD}"), None);
    }
}
