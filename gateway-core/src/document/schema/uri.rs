//! References to schemas: their resolution (RFC 3986 §5.2) and the decoding of fragments (§2.1).

/// The parts of a reference (RFC 3986 §3), without its fragment.
pub(super) struct Parts<'t> {
    pub(super) scheme: Option<&'t str>,
    pub(super) authority: Option<&'t str>,
    pub(super) path: &'t str,
    pub(super) query: Option<&'t str>,
}

/// Splits `text` before its fragment.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('#') {
        Some((before, fragment)) => (before, Some(fragment)),
        None => (text, None),
    }
}

impl<'t> Parts<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let is_scheme = |text: &str| {
            text.starts_with(|first: char| first.is_ascii_alphabetic())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        };
        let (scheme, rest) = match text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) =
                    rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, ""));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        Self { scheme, authority, path, query }
    }
}

/// Resolves `reference`, which has no fragment, against `base` (RFC 3986 §5.2.2). A base without a scheme is one of a set of files that are named
/// relative to each other.
pub(super) fn resolve(base: &str, reference: &str) -> String {
    let to = Parts::of(reference);
    if to.scheme.is_some() {
        return reference.to_owned();
    }
    let from = Parts::of(base);
    let (authority, path, query) = if to.authority.is_some() {
        (to.authority, without_dots(to.path), to.query)
    } else if to.path.is_empty() {
        (from.authority, from.path.to_owned(), to.query.or(from.query))
    } else if to.path.starts_with('/') {
        (from.authority, without_dots(to.path), to.query)
    } else {
        // RFC 3986 §5.2.3.
        let folder = match from.path.rsplit_once('/') {
            Some((folder, _)) => [folder, "/"].concat(),
            None if from.authority.is_some() => "/".to_owned(),
            None => String::new(),
        };
        (from.authority, without_dots(&[&folder, to.path].concat()), to.query)
    };
    let mut text = String::new();
    for part in [from.scheme.map(|scheme| [scheme, ":"]), authority.map(|authority| ["//", authority])] {
        text.extend(part.into_iter().flatten());
    }
    text.push_str(&path);
    text.extend(query.map(|query| ["?", query]).into_iter().flatten());
    text
}

/// RFC 3986 §5.2.4.
fn without_dots(path: &str) -> String {
    let is_rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(usize::from(is_rooted)).peekable();
    while let Some(segment) = segments.next() {
        let is_dot = matches!(segment, "." | "..");
        if segment == ".." {
            kept.pop();
        }
        if !is_dot {
            kept.push(segment);
        } else if segments.peek().is_none() {
            kept.push("");
        }
    }
    [if is_rooted { "/" } else { "" }, &kept.join("/")].concat()
}

/// The text that a fragment means; none if it is not in UTF-8.
pub(super) fn decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        rest = tail;
        let mut byte = *first;
        if let (b'%', [high, low, after @ ..]) = (byte, tail)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            byte = high << 4 | low;
            rest = after;
        }
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3986 §5.4.1, §5.4.2.
    #[test]
    fn the_examples_of_the_standard_hold() {
        for (reference, target) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../g", "http://a/g"),
            ("g/./h/../i", "http://a/b/c/g/i"),
        ] {
            assert_eq!(resolve("http://a/b/c/d;p?q", reference), target, "{reference}");
        }
    }

    #[test]
    fn files_are_named_relative_to_each_other() {
        assert_eq!(resolve("", "pets.json"), "pets.json");
        assert_eq!(resolve("schemas/pets.json", "../errors.json"), "errors.json");
        assert_eq!(resolve("schemas/pets.json", "cats.json"), "schemas/cats.json");
        assert_eq!(resolve("urn:example:a", ""), "urn:example:a");
    }

    #[test]
    fn fragments_are_decoded() {
        assert_eq!(decoded("/a%25b/%22").as_deref(), Some("/a%b/\""));
        assert_eq!((decoded("%"), decoded("%ff")), (Some("%".to_owned()), None));
    }
}
