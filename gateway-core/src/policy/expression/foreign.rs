//! The words of other languages in expressions, and what is written here in their place.

use super::Mistake;
use crate::config::THOROUGH;

/// Words, and the way to say the same here.
const WORDS: &[(&str, &str)] = &[
    ("and AND And", "write `&&`"),
    ("or OR Or", "write `||`"),
    ("not NOT Not", "write `!` before it, as in `!(claims.plan == 'free')`; for a list `!('a' in claims.roles)`"),
    ("is IS eq equals EQ", "write `==`"),
    ("ne neq NE", "write `!=`"),
    ("lt le gt ge lte gte", "write `<`, `<=`, `>` or `>=`"),
    ("like LIKE matches =~ ~= regex", "write `claims.email.matches('@example[.]com$')`: the text comes first"),
    (
        "contains CONTAINS includes has",
        "write `'admin' in claims.roles` for a list, `claims.name.contains('x')` for text",
    ),
    ("startsWith endsWith starts_with ends_with", "write `claims.name.startsWith('x')`: the text comes first"),
    ("IN", "write `in`"),
    ("True TRUE yes", "write `true`"),
    ("False FALSE no", "write `false`"),
    ("None nil NULL undefined none", "write `null`; `!has(claims.plan)` asks whether a claim is missing"),
    ("if then else", "write `CONDITION ? YES : NO`"),
    ("len length count", "write `size(claims.roles)`"),
    (
        "lower upper lowerAscii upperAscii toLowerCase toUpperCase lowercase uppercase tolower toupper",
        "no function changes a text: `claims.plan.matches('(?i)^free$')` takes capitals and small letters alike",
    ),
    (
        "all exists exists_one map filter any some",
        "there are no loops: `'admin' in claims.roles` asks for one item, and `&&` and `||` join several",
    ),
    ("jwt token payload auth user_claims", "write `claims.tenant`: they are the token's"),
    ("user principal subject consumer identity", "write `caller.consumer`, or `claims.sub` for the token's subject"),
    ("groups roles group role", "write `'ops' in caller.groups`, or `'admin' in claims.roles` for a claim"),
    ("scopes scope", "write `'orders:read' in caller.scopes`"),
    ("tier plan", "write `caller.tier == 'gold'`, or `claims.plan == 'gold'` for a claim"),
    ("headers header", "write `request.headers['x-tenant']`"),
    ("query args", "write `request.query.page`"),
    ("method path host scheme", "write `request.method`, `request.path`, `request.host` or `request.scheme`"),
    ("req http", "write `request.method`, or `request.headers['x-tenant']`"),
    ("path_params pathParams param path_parameters", "write `params.tenant`"),
    (
        "ip address remote_addr remoteAddr country asn source",
        "write `client.address`, `client.country` or `client.asn`",
    ),
    ("time date timestamp duration", "write `now`, which is in seconds since 1970"),
];

/// What is written here in place of `word`.
pub(super) fn help(word: &str) -> Option<&'static str> {
    if !THOROUGH {
        return None;
    }
    WORDS.iter().find(|(words, _)| words.split(' ').any(|known| known == word)).map(|(_, help)| *help)
}

/// The mistake that `name`, at byte `at` of `text`, is: text without quotes, a part of a name with `-`, or a word of another language.
#[cold]
#[inline(never)]
pub(super) fn unknown_variable(text: &str, at: usize, name: &str, known: &[&str]) -> Mistake {
    if !THOROUGH {
        return Mistake::new(at, "", "");
    }
    let before = text.get(..at).unwrap_or_default();
    let after = text.get(at + name.len()..).unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // `request.headers.x-tenant` would be a subtraction.
    if let Some(start) = before.strip_suffix('-').filter(|start| start.ends_with(is_word)) {
        let first = start.trim_end_matches(|c| is_word(c) || c == '-');
        let rest = after.split(|c| !is_word(c) && c != '-').next().unwrap_or_default();
        let whole = [text.get(first.len()..at).unwrap_or_default(), name, rest].concat();
        let of = first.trim_end_matches('.');
        let of = of.get(of.rfind(|c| !is_word(c) && c != '.').map_or(0, |end| end + 1)..).unwrap_or_default();
        let help = format_args!("write `{of}['{whole}']`");
        return Mistake::new(at, format_args!("`-` takes numbers away, and is in no name that follows a point"), help);
    }
    if after.starts_with('(') {
        let message = format_args!("no function is called `{name}`");
        return match help(name) {
            Some(help) => Mistake::new(at, message, help),
            None => Mistake::unknown(at, "function", name, &["has", "size", "string", "int"]),
        };
    }
    if name == "path"
        && let Some(parameter) = after.strip_prefix('.').and_then(|rest| rest.split(|c| !is_word(c)).next())
        && !parameter.is_empty()
    {
        // As templates have it.
        let help = format_args!("write `params.{parameter}` for a parameter of the path, `request.path` for the path");
        return Mistake::new(at, "no variable is called `path`", help);
    }
    if let Some(help) = help(name) {
        return Mistake::new(at, format_args!("no variable is called `{name}`"), help);
    }
    let compared = before.trim_end();
    if ["==", "!=", "<", ">", "<=", ">=", "[", ",", "("].iter().any(|sign| compared.ends_with(sign))
        && !after.starts_with(['.', '['])
    {
        let message = format_args!("no variable is called `{name}`");
        return Mistake::new(at, message, format_args!("text stands in quotes: `'{name}'`"));
    }
    Mistake::unknown(at, "variable", name, known)
}

/// The number of seconds in a span such as `1m`, with the way to write it.
#[cold]
pub(super) fn number(word: &str) -> String {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match word.get(digits.len()..) {
        Some("s" | "sec") => 1,
        Some("m" | "min") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        _ => 0,
    };
    match digits.parse::<i64>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(seconds) if unit > 0 => format!("write `{seconds}`: times are in seconds, as `now` and `claims.exp` are"),
        _ => "write it in digits alone".to_owned(),
    }
}
