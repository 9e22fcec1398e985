//! Values from outside: `${NAME}` and `${NAME:-default}` in a text, and `$${` for `${` itself.

use super::parse::short;

/// The value of a variable, as the host of the gateway has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// This one.
    Set(String),
    /// None: a reference without a default is a mistake.
    Unset,
    /// One that is not known here. What depends on it is left out, without a report.
    Unknown,
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    Variable { name: &'t str, default: Option<&'t str> },
}

/// A mistake in a reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// The variable is not set.
    Unset(String),
    /// The text after `${` is no name.
    Name(String),
    /// The reference does not end.
    Unclosed(String),
    /// There is a reference in a default.
    Nested(String),
}

impl Mistake {
    /// The message and the help.
    pub(super) fn words(&self) -> (String, String) {
        match self {
            Self::Unset(name) => (
                format!("the variable `{name}` is not set"),
                format!("set it where the gateway runs, or write a default: `${{{name}:-…}}`"),
            ),
            Self::Name(text) => (
                format!("`{text}` is no reference to a variable"),
                with_default(text).map_or_else(|| format!(
                    "a variable is written `${{NAME}}` or `${{NAME:-default}}`, with capital letters, digits and `_`; a part of the request is `{{NAME}}` in a path, `{{path.NAME}}`, `{{header.NAME}}` and the like elsewhere; this text itself `${text}`"
                ), |right| format!("write `{right}`")),
            ),
            Self::Unclosed(text) => (
                format!("the reference `{text}` is not closed"),
                "close it with `}`; `${` itself is written `$${`".to_owned(),
            ),
            Self::Nested(text) => (
                format!("the default in `{text}` refers to another variable"),
                "write a plain default; `${` itself is written `$${`".to_owned(),
            ),
        }
    }
}

/// `${NAME:default}`, `${NAME-default}` and the like as they are written here.
fn with_default(text: &str) -> Option<String> {
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    let (name, default) = inner.split_at_checked(inner.find([':', '-', '=', '?', '|'])?)?;
    let default = default.trim_start_matches([':', '-', '=', '?', '|']);
    is_name(name).then(|| format!("${{{name}:-{default}}}"))
}

/// Returns whether `text` may contain a reference.
pub(super) fn are_in(text: &str) -> bool {
    text.contains("${")
}

/// `text` with the values of its variables; `None` if one of them is unknown.
///
/// # Errors
/// The first mistake.
pub(super) fn expand(text: &str, value: &dyn Fn(&str) -> Variable) -> Result<Option<String>, Mistake> {
    let mut whole = String::with_capacity(text.len());
    let mut is_known = true;
    for piece in pieces(text) {
        match piece? {
            Piece::Text(text) => whole.push_str(text),
            Piece::Variable { name, default } => match (value(name), default) {
                // POSIX, Shell Command Language, 2.6.2: with `:-`, an empty value is as good as none.
                (Variable::Set(value), None) => whole.push_str(&value),
                (Variable::Set(value), Some(_)) if !value.is_empty() => whole.push_str(&value),
                (_, Some(default)) => whole.push_str(default),
                (Variable::Unset, None) => return Err(Mistake::Unset(name.to_owned())),
                (Variable::Unknown, None) => is_known = false,
            },
        }
    }
    Ok(is_known.then_some(whole))
}

/// The parts of `text`, up to the first mistake.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Result<Piece<'_>, Mistake>> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let (piece, tail) = match next(rest)? {
            Ok((piece, tail)) => (Ok(piece), tail),
            Err(mistake) => (Err(mistake), ""),
        };
        rest = tail;
        Some(piece)
    })
}

/// The first part of `text` and the text after it; `None` at its end.
fn next(text: &str) -> Option<Result<(Piece<'_>, &str), Mistake>> {
    let Some(at) = text.find("${") else {
        return (!text.is_empty()).then_some(Ok((Piece::Text(text), "")));
    };
    let (before, reference) = text.split_at_checked(at)?;
    if let Some(before) = before.strip_suffix('$') {
        // The text before `$${`, or else `${` itself.
        let kept = if before.is_empty() { reference.get(..2)? } else { before };
        let tail = text.get(if before.is_empty() { at + 2 } else { before.len() }..)?;
        return Some(Ok((Piece::Text(kept), tail)));
    }
    if !before.is_empty() {
        return Some(Ok((Piece::Text(before), reference)));
    }
    Some(variable(reference))
}

/// The reference that `text` begins with, and the text after it.
fn variable(text: &str) -> Result<(Piece<'_>, &str), Mistake> {
    let inner = text.get(2..).unwrap_or_default();
    let Some(length) = length_of(inner) else { return Err(Mistake::Unclosed(short(text))) };
    let (inner, tail) = inner.split_at_checked(length).unwrap_or_default();
    let tail = tail.get(1..).unwrap_or_default();
    let reference = || short(text.get(..length + 3).unwrap_or(text));
    let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
    if !is_name(name) {
        return Err(Mistake::Name(reference()));
    }
    if default.is_some_and(are_in) {
        return Err(Mistake::Nested(reference()));
    }
    Ok((Piece::Variable { name, default }, tail))
}

/// The length of a reference up to its `}`; braces in between, as those of a template, come in pairs.
fn length_of(inner: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Returns whether `name` is one that every platform can have.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Variable {
        match name {
            "A" => Variable::Set("a${B}".to_owned()),
            "EMPTY" => Variable::Set(String::new()),
            "LATER" => Variable::Unknown,
            _ => Variable::Unset,
        }
    }

    #[test]
    fn values_and_defaults_take_the_place_of_references() {
        for (text, expanded) in [
            ("", ""),
            ("a$b{c}$", "a$b{c}$"),
            ("${A}", "a${B}"),
            ("x${A}y${A}", "xa${B}ya${B}"),
            ("${EMPTY}", ""),
            ("${EMPTY:-d}", "d"),
            ("${NONE:-}", ""),
            ("${NONE:-http://h:1/{path.id}}/x", "http://h:1/{path.id}/x"),
            ("${LATER:-d}", "d"),
            ("$${A}", "${A}"),
            ("x$${A}${A}", "x${A}a${B}"),
            ("$$${A}", "$${A}"),
            ("$$ $${ {", "$$ ${ {"),
        ] {
            assert_eq!(expand(text, &value), Ok(Some(expanded.to_owned())), "{text}");
        }
        assert_eq!(expand("${A}${LATER}", &value), Ok(None));
    }

    #[test]
    fn mistakes_are_told_apart() {
        for (text, mistake) in [
            ("${NONE}", Mistake::Unset("NONE".to_owned())),
            ("x${path.id}y", Mistake::Name("${path.id}".to_owned())),
            ("${}", Mistake::Name("${}".to_owned())),
            ("${users_url}", Mistake::Name("${users_url}".to_owned())),
            ("${A-b}", Mistake::Name("${A-b}".to_owned())),
            ("${_A}", Mistake::Name("${_A}".to_owned())),
            ("${A", Mistake::Unclosed("${A".to_owned())),
            ("${A:-{}", Mistake::Unclosed("${A:-{}".to_owned())),
            ("${NONE:-${A}}", Mistake::Nested("${NONE:-${A}}".to_owned())),
        ] {
            assert_eq!(expand(text, &value), Err(mistake), "{text}");
        }
    }
}
