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

/// The number of parameters that some backend takes for the one called `name`. To PHP, ` tenant`, `tenant[]` and `tenant%00x` are `tenant`, and
/// `a.b` is `a_b`; others fold case, or end a parameter at a `;`.
#[must_use]
pub fn spellings(query: &str, name: &str) -> usize {
    let of = |parameter: &&str| is_spelling(&percent::decode_form(split(parameter).0), name);
    query.split(['&', ';']).filter(of).count()
}

fn is_spelling(other: &str, name: &str) -> bool {
    let folded = |text: &str| {
        let kept = text.chars().filter(|letter| !letter.is_ascii() || letter.is_ascii_alphanumeric());
        kept.map(|letter| letter.to_ascii_lowercase()).collect::<String>()
    };
    let letters = folded(name);
    let start = other.split(['[', '\0']).next().unwrap_or_default();
    other == name || (!letters.is_empty() && (folded(start) == letters || folded(other) == letters))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Expressions: other spellings of a parameter, as the PHP manual ("Variables From External Sources"), qs and servers
    /// that fold case read them.
    #[test]
    fn every_spelling_of_a_parameter_is_counted() {
        for (query, number) in [
            ("tenant=1", 1),
            ("a=1&b=2", 0),
            ("tenant=1&tenant=1", 2),
            ("tenant=1&tenant[]=2", 2),
            ("tenant=1&tenant%5Bx%5D=2", 2),
            ("tenant=1&%20tenant=2", 2),
            ("tenant=1&+tenant=2", 2),
            ("tenant=1&Tenant=2", 2),
            ("tenant=1&ten%61nt=2", 2),
            ("tenant=1&tenant%00x=2", 2),
            ("a=1;tenant=2", 1),
            ("tenant=1;2", 1),
            ("tenants=1&a[tenant]=2&t=3", 0),
            ("", 0),
        ] {
            assert_eq!(spellings(query, "tenant"), number, "{query}");
        }
        assert_eq!(spellings("user_id=1&user.id=2&user+id=3&userid=4&user-id", "user-id"), 5);
        assert_eq!(spellings("page[size]=1&page[number]=2&page=3", "page[size]"), 1);
        assert_eq!(spellings("gr%C3%BC%C3%9Fe=1&gr%C3%B6%C3%9Fe=2", "grüße"), 1);
        assert_eq!(spellings("=1&_=2&-=3", "_"), 1);
    }

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
