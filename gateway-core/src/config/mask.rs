//! Keeps the values of secrets out of messages.

use super::parse::comment_length;
use super::path::{JsonPath, Step};

/// Returns whether `path` leads into a secret, so that its value must not be shown.
pub(super) fn is_secret(path: &JsonPath) -> bool {
    let steps = path.steps();
    let is_called = |step: &Step, names: &[&str]| matches!(step, Step::Member(name) if names.iter().any(|known| name.eq_ignore_ascii_case(known)));
    steps.iter().any(|step| is_called(step, &["secret", "secrets"]))
        || steps.last().is_some_and(|step| is_called(step, &PASSWORDS))
}

/// The members whose text is a password, or may be one by mistake.
const PASSWORDS: [&str; 2] = ["password", "hash"];

/// Replaces every character of a value after a member name `secret` that does not look like a name, of credentials in a URL, and of what
/// is a credential by its form wherever it stands, by `*`; lines and columns stay as they are.
///
/// The value should be a name, but the secret itself may have been put there.
pub(super) fn mask(text: &str) -> String {
    mask_forms(&mask_private_keys(&mask_credentials(&mask_passwords(&mask_values(text)))))
}

/// Replaces the text of passwords and their hashes by stars. An object is looked at by its members.
fn mask_passwords(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'']) {
        let (before, quoted) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let (name, tail) = quoted.split_at_checked(value_length(quoted)).unwrap_or((quoted, ""));
        masked.push_str(before);
        masked.push_str(name);
        rest = tail;
        let value = past_comments(tail).strip_prefix(':').map(past_comments);
        let is_password =
            inside(name).is_some_and(|name| PASSWORDS.iter().any(|known| name.eq_ignore_ascii_case(known)));
        if let Some(value) = value.filter(|value| is_password && value.starts_with(['"', '\''])) {
            let (between, value) = tail.split_at_checked(tail.len() - value.len()).unwrap_or((tail, ""));
            let (hidden, tail) = value.split_at_checked(value_length(value)).unwrap_or((value, ""));
            masked.push_str(between);
            masked.extend(hidden.chars().map(|_| '*'));
            rest = tail;
        }
    }
    masked + rest
}

/// Replaces what follows `PRIVATE KEY-----` by stars, to the end of the text that it is in (RFC 7468 §10).
fn mask_private_keys(text: &str) -> String {
    const BEGIN: &str = "PRIVATE KEY-----";
    let mut pieces = text.split(BEGIN);
    let mut masked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        masked.push_str(BEGIN);
        let (key, rest) = piece.split_at_checked(piece.find('"').unwrap_or(piece.len())).unwrap_or((piece, ""));
        masked.extend(key.chars().map(|c| if c == '\n' { c } else { '*' }));
        masked.push_str(rest);
    }
    masked
}

/// Replaces API keys and tokens by stars.
fn mask_forms(text: &str) -> String {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_of_word) {
        let (before, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let end = tail.find(|c| !is_of_word(c)).unwrap_or(tail.len());
        let (word, tail) = tail.split_at_checked(end).unwrap_or((tail, ""));
        masked.push_str(before);
        match is_api_key(word) || is_token(word) {
            true => masked.extend(word.chars().map(|_| '*')),
            false => masked.push_str(word),
        }
        rest = tail;
    }
    masked + rest
}

/// Returns whether `word` has the form of an API key of `edgeway key new`: a prefix, and 49 letters and digits.
fn is_api_key(word: &str) -> bool {
    let Some((prefix, key)) = word.split_once('_') else { return false };
    (2..=16).contains(&prefix.len()) && key.len() == 49 && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Returns whether `word` has the form of a token: three parts, of which the first is the beginning of a JSON object (RFC 7519 §3).
fn is_token(word: &str) -> bool {
    word.starts_with("eyJ") && word.split('.').count() == 3
}

/// Replaces `user:password` in `://user:password@` by stars.
fn mask_credentials(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut masked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        masked.push_str("://");
        let authority = piece.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '`'));
        let (authority, rest) = piece.split_at_checked(authority.unwrap_or(piece.len())).unwrap_or((piece, ""));
        let (credentials, address) = authority.split_at_checked(authority.rfind('@').unwrap_or(0)).unwrap_or_default();
        masked.extend(credentials.chars().map(|_| '*'));
        masked.push_str(address);
        masked.push_str(rest);
    }
    masked
}

fn mask_values(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(after) = find_secret(rest) {
        let (before, value) = rest.split_at_checked(after).unwrap_or((rest, ""));
        masked.push_str(before);
        // `"secret": {"secret": "NAME"}`: a reference hides nothing, and is followed by what is none of a secret's.
        if let Some(length) = reference_length(value) {
            let (reference, tail) = value.split_at_checked(length).unwrap_or((value, ""));
            masked.push_str(reference);
            rest = tail;
            continue;
        }
        // `"secrets": [{"secret": "NAME"}, …]`: each reference is looked at by itself.
        let references = value.strip_prefix('[').map(past_comments).filter(|items| items.starts_with('{'));
        if let Some(items) = references {
            masked.push_str(value.get(..value.len() - items.len()).unwrap_or_default());
            rest = items;
            continue;
        }
        let length = value_length(value);
        let (value, tail) = value.split_at_checked(length).unwrap_or((value, ""));
        match inside(value).is_some_and(looks_like_a_name) {
            true => masked.push_str(value),
            false => masked.extend(value.chars().map(|c| if c == '\n' { c } else { '*' })),
        }
        rest = tail;
    }
    masked + rest
}

/// The text in quotes.
fn inside(value: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
}

/// Returns whether `text` is written as environment variables are, in words of capitals: `API_TOKEN`, `KEY_2`. Generated
/// secrets have small letters, or digits among the letters.
pub(super) fn looks_like_a_name(text: &str) -> bool {
    let is_word = |word: &str| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        !word.is_empty()
            && letters.bytes().all(|byte| byte.is_ascii_uppercase())
            && letters.len() <= LONGEST_WORD
            && word.len() - letters.len() <= LONGEST_NUMBER
    };
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.split('_').all(is_word)
}

/// The longest word and number in a name.
const LONGEST_WORD: usize = 14;
const LONGEST_NUMBER: usize = 3;

/// The offset of the first value of a member called `secret` or `secrets`, with any kind of quotes.
fn find_secret(text: &str) -> Option<usize> {
    const NAME: &str = "secret";
    let mut from = 0;
    loop {
        let rest = text.as_bytes().get(from..)?;
        let at = from + rest.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME.as_bytes()))?;
        let end = at + NAME.len();
        let after = text.get(end..)?;
        let after = after.strip_prefix(['s', 'S']).unwrap_or(after);
        let value = past_comments(after.trim_start_matches(['"', '\'']));
        if let Some(value) = value.strip_prefix([':', '=']).map(past_comments).filter(|value| !value.is_empty()) {
            return Some(text.len() - value.len());
        }
        from = end;
    }
}

/// `text` without the white space and comments at its beginning.
fn past_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(tail) = comment_length(rest).and_then(|length| rest.get(length..)) {
        rest = tail.trim_start();
    }
    rest
}

/// The length of the reference to a secret at the beginning of `text`, with its name alone in it; `None` if there is something else.
fn reference_length(text: &str) -> Option<usize> {
    let member = text.strip_prefix('{')?.trim_start().strip_prefix("\"secret\"")?;
    let name = member.trim_start().strip_prefix(':')?.trim_start();
    let (quoted, tail) = name.split_at_checked(value_length(name))?;
    let rest = inside(quoted).filter(|name| looks_like_a_name(name)).and(tail.trim_start().strip_prefix('}'))?;
    Some(text.len() - rest.len())
}

/// The length of the value at the beginning of `text`; a malformed one reaches to the end.
fn value_length(text: &str) -> usize {
    let mut chars = text.char_indices();
    match chars.next() {
        Some((_, quote @ ('"' | '\''))) => {
            let mut escaped = false;
            for (at, c) in chars {
                if c == quote && !escaped {
                    return at + 1;
                }
                if c == '\n' {
                    return at;
                }
                escaped = c == '\\' && !escaped;
            }
            text.len()
        }
        Some((_, '[' | '{')) => nested_length(text).unwrap_or(text.len()),
        _ => text.find([',', '}', '\n']).unwrap_or(text.len()),
    }
}

/// The length of the list or object at the beginning of `text`; `None` if it is not closed.
fn nested_length(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut rest = text;
    loop {
        let next = rest.find(['[', '{', ']', '}', '"'])?;
        let at = rest.get(next..)?;
        let length = match at.as_bytes().first()? {
            b'"' => value_length(at),
            b'[' | b'{' => {
                depth += 1;
                1
            }
            _ => {
                depth = depth.checked_sub(1)?;
                1
            }
        };
        rest = at.get(length..)?;
        if depth == 0 {
            return Some(text.len() - rest.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_values_of_secrets_and_keeps_columns() {
        for (text, masked) in [
            (r#"{"a": 1}"#, r#"{"a": 1}"#),
            (r#"{"secret": "hunter2", "a": 1}"#, r#"{"secret": *********, "a": 1}"#),
            (r#"{"secret":"a\"b"}{"secret" : 5}"#, r#"{"secret":******}{"secret" : *}"#),
            ("secret = 'é'", "secret = ***"),
            ("{\"secret\": // is \"x\"\n  \"a\" // b\n}", "{\"secret\": // is \"x\"\n  *** // b\n}"),
            (r#"{"secret" /* ":" */ : /* c */ "a"}"#, r#"{"secret" /* ":" */ : /* c */ ***}"#),
            (r#"{"secret": "API_TOKEN", "b": 1}"#, r#"{"secret": "API_TOKEN", "b": 1}"#),
            (r#"{"secret": "KEY_2"}"#, r#"{"secret": "KEY_2"}"#),
            (r#"{"secret": {"secret": "KEY_2"}, "b": 1}"#, r#"{"secret": {"secret": "KEY_2"}, "b": 1}"#),
            (
                "{\"secret\": { \"secret\" :\n \"A_KEY\" }, \"b\": 1}",
                "{\"secret\": { \"secret\" :\n \"A_KEY\" }, \"b\": 1}",
            ),
            (r#"{"secret": {"secret": "hunter2"}, "b": 1}"#, r#"{"secret": *********************, "b": 1}"#),
            (r#"{"secret": {"secret": "KEY", "b": "hunter2"}}"#, r#"{"secret": *********************************}"#),
            (
                r#"{"secret": {"b": "}", "c": ["hunter2"]}, "d": 1}"#,
                r#"{"secret": ****************************, "d": 1}"#,
            ),
            (r#"{"secret": {"b": "hunter2", "c": 1"#, r#"{"secret": ***********************"#),
            (
                r#"{"secrets": [{"secret": "A"}, {"secret": "b"}], "c": 1}"#,
                r#"{"secrets": [{"secret": "A"}, {"secret": ***}], "c": 1}"#,
            ),
            (r#"{"secrets": ["hunter2", "hunter3"], "c": 1}"#, r#"{"secrets": **********************, "c": 1}"#),
            (r#"{"secrets": "hunter2", "c": 1}"#, r#"{"secrets": *********, "c": 1}"#),
            (r#"{"secret": "AKIAIOSFODNN7EXAMPLE"}"#, r#"{"secret": **********************}"#),
            (r#"{"secret": "JBSWYDPEHPKPXPAB"}"#, r#"{"secret": ******************}"#),
            (r#"{"secret": "_A"}"#, r#"{"secret": ****}"#),
            (r#"{"secret": "API_TOKEN"#, r#"{"secret": **********"#),
            (r#"{"secret": /* "a""#, r#"{"secret": ******"#),
            (r#""secret": "cut off"#, r#""secret": ********"#),
            (r#"{"secret": ["a", "b"]}"#, r#"{"secret": **********}"#),
            ("{\"secret\":\n  \"a\"\n}", "{\"secret\":\n  ***\n}"),
            ("{\"secret\": \"a\n, 1", "{\"secret\": **\n, 1"),
            (r#""secret""#, r#""secret""#),
            (r#""secret": "#, r#""secret": "#),
            (r#""redis://u:pä@h:1/a@b", "http://h/@""#, r#""redis://****@h:1/a@b", "http://h/@""#),
            ("://a@b@c ://", "://***@c ://"),
            (
                r#""pem": "-----BEGIN EC PRIVATE KEY-----\nMIG", "b": 1"#,
                r#""pem": "-----BEGIN EC PRIVATE KEY-----*****", "b": 1"#,
            ),
            (r#""pem": "-----BEGIN PUBLIC KEY-----\nMIG""#, r#""pem": "-----BEGIN PUBLIC KEY-----\nMIG""#),
            (
                r#""sha256": "edgw_At5VMZW7tcZzum6QsxtLGP5dpyJ5ER4rNHMMN97Sjx14cxIvO", "a_b""#,
                r#""sha256": "******************************************************", "a_b""#,
            ),
            (r#"{"hash": "hunter2", "password": "a\"b"}"#, r#"{"hash": *********, "password": ******}"#),
            (
                r#"{"password": {"user": "ann", "hash": "hunter2"}, "a": "hash"}"#,
                r#"{"password": {"user": "ann", "hash": *********}, "a": "hash"}"#,
            ),
            (r#"["password", "a"]"#, r#"["password", "a"]"#),
            (r#"{"hash": "cut off"#, r#"{"hash": ********"#),
            (r#"["eyJhbGciOiJub25lIn0.e30.", "eyJ", "a.b.c"]"#, r#"["************************", "eyJ", "a.b.c"]"#),
        ] {
            assert_eq!(mask(text), masked);
        }
    }
}
