//! The bounds of content in JSON, looked at byte by byte: no tree is made of it.

/// The bounds of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonCaps {
    /// The most arrays and objects within one another.
    pub depth: usize,
    /// The most members of an object.
    pub keys: u32,
    /// The most items of an array.
    pub items: u32,
    /// The most bytes of a string or a name, as written.
    pub text: u64,
}

/// A reason to refuse a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no JSON (RFC 8259).
    Syntax,
    /// It is nested too deeply.
    Depth,
    /// An object has too many members.
    Keys,
    /// An array has too many items.
    Items,
    /// A string is too long.
    Text,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// A value, or the end of an array.
    Item,
    Key,
    /// A name, or the end of an object.
    Member,
    /// A comma, or the end of what is open.
    More,
}

/// An array or an object that is open, and the number of its entries.
#[derive(Clone, Copy)]
struct Open {
    is_object: bool,
    entries: u32,
}

/// Checks that `text` is JSON (RFC 8259) within the `caps`.
///
/// # Errors
/// The first reason to refuse it.
pub fn check(text: &[u8], caps: &JsonCaps) -> Result<(), Fault> {
    // RFC 8259 §8.1.
    let mut rest = core::str::from_utf8(text).map_err(|_| Fault::Syntax)?.as_bytes();
    let mut open: Vec<Open> = Vec::new();
    let mut next = Next::Value;
    loop {
        rest = after_space(rest);
        let Some((first, after)) = rest.split_first() else {
            return if open.is_empty() && next == Next::More { Ok(()) } else { Err(Fault::Syntax) };
        };
        match next {
            Next::Item if *first == b']' => {
                open.pop();
                (rest, next) = (after, Next::More);
            }
            Next::Value | Next::Item => {
                if let Some(array) = open.last_mut().filter(|open| !open.is_object) {
                    count(&mut array.entries, caps.items, Fault::Items)?;
                }
                (rest, next) = match first {
                    b'[' | b'{' => {
                        if open.len() >= caps.depth {
                            return Err(Fault::Depth);
                        }
                        let is_object = *first == b'{';
                        open.push(Open { is_object, entries: 0 });
                        (after, if is_object { Next::Member } else { Next::Item })
                    }
                    b'"' => (after_string(after, caps.text)?, Next::More),
                    b't' => (after_word(rest, b"true")?, Next::More),
                    b'f' => (after_word(rest, b"false")?, Next::More),
                    b'n' => (after_word(rest, b"null")?, Next::More),
                    _ => (after_number(rest)?, Next::More),
                };
            }
            Next::Member if *first == b'}' => {
                open.pop();
                (rest, next) = (after, Next::More);
            }
            Next::Key | Next::Member => {
                if *first != b'"' {
                    return Err(Fault::Syntax);
                }
                if let Some(object) = open.last_mut() {
                    count(&mut object.entries, caps.keys, Fault::Keys)?;
                }
                rest = after_word(after_space(after_string(after, caps.text)?), b":")?;
                next = Next::Value;
            }
            Next::More => {
                let is_object = open.last().ok_or(Fault::Syntax)?.is_object;
                next = match (first, is_object) {
                    (b',', true) => Next::Key,
                    (b',', false) => Next::Value,
                    (b'}', true) | (b']', false) => {
                        open.pop();
                        Next::More
                    }
                    _ => return Err(Fault::Syntax),
                };
                rest = after;
            }
        }
    }
}

fn count(entries: &mut u32, most: u32, fault: Fault) -> Result<(), Fault> {
    *entries = entries.saturating_add(1);
    if *entries > most { Err(fault) } else { Ok(()) }
}

/// RFC 8259 §2.
fn after_space(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let end = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

fn after_word<'t>(text: &'t [u8], word: &[u8]) -> Result<&'t [u8], Fault> {
    text.strip_prefix(word).ok_or(Fault::Syntax)
}

/// The text after a string whose first quote is read (RFC 8259 §7).
fn after_string(text: &[u8], most: u64) -> Result<&[u8], Fault> {
    let mut rest = text;
    loop {
        let (first, after) = rest.split_first().ok_or(Fault::Syntax)?;
        rest = match first {
            b'"' => {
                let length = text.len().saturating_sub(rest.len());
                return if length as u64 > most { Err(Fault::Text) } else { Ok(after) };
            }
            b'\\' => match after.split_first().ok_or(Fault::Syntax)? {
                (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after) => after,
                (b'u', after) => match after.split_at_checked(4) {
                    Some((digits, after)) if digits.iter().all(u8::is_ascii_hexdigit) => after,
                    _ => return Err(Fault::Syntax),
                },
                _ => return Err(Fault::Syntax),
            },
            0..0x20 => return Err(Fault::Syntax),
            _ => after,
        };
    }
}

/// The text after a number (RFC 8259 §6).
fn after_number(text: &[u8]) -> Result<&[u8], Fault> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let mut rest = match unsigned.strip_prefix(b"0") {
        Some(rest) => rest,
        None => after_digits(unsigned)?,
    };
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = after_digits(fraction)?;
    }
    if let Some((b'e' | b'E', exponent)) = rest.split_first() {
        rest = after_digits(exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent))?;
    }
    Ok(rest)
}

fn after_digits(text: &[u8]) -> Result<&[u8], Fault> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.get(end..).filter(|_| end > 0).ok_or(Fault::Syntax)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: JsonCaps = JsonCaps { depth: 500, keys: 1_000, items: 10_000, text: 65_536 };

    /// JSONTestSuite (Nicolas Seriot, "Parsing JSON is a Minefield"): the content of its files `y_…`, which must be taken.
    #[test]
    fn what_must_be_taken_is() {
        for text in [
            "[[]   ]",
            r#"[""]"#,
            "[]",
            "[\"a\"]",
            "[false]",
            r#"[null, 1, "1", {}]"#,
            "[null]",
            "[1\n]",
            " [1]",
            "[1,null,null,null,2]",
            "[2] ",
            "[123e65]",
            "[0e+1]",
            "[0e1]",
            "[ 4]",
            "[-0.000000000000000000000000001]\n",
            "[20e1]",
            "[-0]",
            "[-123]",
            "[-1]",
            "[1E22]",
            "[1E-2]",
            "[1E+2]",
            "[123e45]",
            "[123.456e78]",
            "[1e-2]",
            "[1e+2]",
            "[123]",
            "[123.456789]",
            r#"{"asd":"sdf", "dfg":"fgh"}"#,
            r#"{"asd":"sdf"}"#,
            r#"{"a":"b","a":"c"}"#,
            r#"{"a":"b","a":"b"}"#,
            "{}",
            r#"{"":0}"#,
            r#"{"foo\u0000bar": 42}"#,
            r#"{ "min": -1.0e+28, "max": 1.0e+28 }"#,
            r#"{"a":[]}"#,
            r#"{"title":"\u041f\u043e" }"#,
            "{\n\"a\": \"b\"\n}",
            r#"["\u0060\u012a\u12AB"]"#,
            r#"["\uD801\udc37"]"#,
            r#"["\ud83d\ude39\ud83d\udc8d"]"#,
            r#"["\"\\\/\b\f\n\r\t"]"#,
            r#"["\\u0000"]"#,
            r#"["\""]"#,
            r#"["a/*b*/c/*d//e"]"#,
            r#"["\\a"]"#,
            r#"["\\n"]"#,
            r#"["\u0012"]"#,
            r#"["\uFFFF"]"#,
            r#"["asd"]"#,
            r#"[ "asd"]"#,
            "[\"\u{10ffff}\"]",
            "[\"\u{ffff}\"]",
            r#"["\u0000"]"#,
            r#"["\u002c"]"#,
            "[\"\u{3c0}\"]",
            "[\"\u{1bfff}\"]",
            r#"["asd "]"#,
            "\" \"",
            r#"["\uD834\uDd1e"]"#,
            r#"["\u0821"]"#,
            "[\"\u{2028}\"]",
            "[\"\u{2029}\"]",
            "[\"a\u{7f}a\"]",
            "false",
            "42",
            "-0.1",
            "null",
            "\"asd\"",
            "true",
            "\"\"",
            "[\"a\"]\n",
            "[true]",
            " [] ",
        ] {
            assert_eq!(check(text.as_bytes(), &CAPS), Ok(()), "{text}");
        }
    }

    /// JSONTestSuite: the content of its files `n_…`, which must be refused.
    #[test]
    fn what_must_be_refused_is() {
        for text in [
            "[1 true]",
            r#"["": 1]"#,
            r#"[""],"#,
            "[,1]",
            "[1,,2]",
            r#"["x",,]"#,
            r#"["x"]]"#,
            r#"["",]"#,
            r#"["x""#,
            "[x",
            "[3[4]]",
            "[1:2]",
            "[,]",
            "[-]",
            "[   , \"\"]",
            "[\"a\",\n4\n,1,",
            "[1,]",
            "[1,,]",
            "[\"\u{b}a\"\\f]",
            "[*]",
            "[\"\"",
            "[1,",
            "[1,\n1\n,1",
            "[{}",
            "[fals]",
            "[nul]",
            "[tru]",
            "123\0",
            "[++1234]",
            "[+1]",
            "[+Inf]",
            "[-01]",
            "[-1.0.]",
            "[-2.]",
            "[-NaN]",
            "[.-1]",
            "[.2e-3]",
            "[0.1.2]",
            "[0.3e+]",
            "[0.3e]",
            "[0.e1]",
            "[0E+]",
            "[0E]",
            "[0e+]",
            "[0e]",
            "[1.0e+]",
            "[1.0e-]",
            "[1.0e]",
            "[1 000.0]",
            "[1eE2]",
            "[2.e+3]",
            "[2.e-3]",
            "[2.e3]",
            "[9.e+]",
            "[Inf]",
            "[NaN]",
            "[\u{ff11}]",
            "[1+2]",
            "[0x1]",
            "[0x42]",
            "[Infinity]",
            "[0e+-1]",
            "[-123.123foo]",
            "[-Infinity]",
            "[-foo]",
            "[- 1]",
            "[-012]",
            "[-.123]",
            "[-1x]",
            "[1ea]",
            "[1.]",
            "[.123]",
            "[1.2a-3]",
            "[1.8011670033376514H-308]",
            "[012]",
            r#"["x", truth]"#,
            r#"{[: "x"}"#,
            r#"{"x", null}"#,
            r#"{"x"::"b"}"#,
            "{\u{1f1e8}\u{1f1ed}}",
            r#"{"a":"a" 123}"#,
            "{key: 'value'}",
            r#"{"a" b}"#,
            r#"{:"b"}"#,
            r#"{"a" "b"}"#,
            r#"{"a":"#,
            r#"{"a""#,
            "{1:1}",
            "{9999E9999:1}",
            "{null:null,null:null}",
            r#"{"id":0,,,,,}"#,
            "{'a':0}",
            r#"{"id":0,}"#,
            r#"{"a":"b"}/**/"#,
            r#"{"a":"b"}/**//"#,
            r#"{"a":"b"}//"#,
            r#"{"a":"b"}/"#,
            r#"{"a":"b",,"c":"d"}"#,
            r#"{a: "b"}"#,
            r#"{"a":"a"#,
            r#"{ "foo" : "bar", "a" }"#,
            r#"{"a":"b"}#"#,
            " ",
            r#"["\uD800\"]"#,
            r#"["\uD800\u"]"#,
            r#"["\uD800\u1"]"#,
            r#"["\uD800\u1x"]"#,
            "[\u{e9}]",
            "[\"\\\0\"]",
            r#"["\x00"]"#,
            r#"["\\\"]"#,
            "[\"\\\t\"]",
            "[\"\\\u{1f300}\"]",
            r#"["\"]"#,
            r#"["\u00A"]"#,
            r#"["\uD834\uDd"]"#,
            r#"["\uD800\uD800\x"]"#,
            r#"["\a"]"#,
            r#"["\uqqqq"]"#,
            r#"[\u0020"asd"]"#,
            "[\\n]",
            "\"",
            "['single quote']",
            "abc",
            "[\"\\",
            "[\"a\0a\"]",
            "[\"new\nline\"]",
            "[\"\t\"]",
            r#""\UA66D""#,
            "\"\"x",
            "<.>",
            "[<null>]",
            "[1]x",
            "[1]]",
            "[\"asd]",
            "a\u{e5}",
            "[True]",
            "1]",
            r#"{"x": true,"#,
            "[][]",
            "]",
            "[",
            "",
            "[\0]",
            "2@",
            "{}}",
            r#"{"":"#,
            r#"{"a":/*comment*/"b"}"#,
            r#"{"a": true} "x""#,
            "['",
            "[,",
            "[{",
            "[\"a",
            "[\"a\"",
            "{",
            "{]",
            "{,",
            "{[",
            "{\"a",
            "{'a'",
            r#"["\{["\{["\{["\{"#,
            "*",
            r#"{"a":"b"}#{}"#,
            r#"[\u000A""]"#,
            "[1",
            "[ false, nul",
            "[ true, fals",
            "[ false, tru",
            r#"{"asd":"asd""#,
            "\u{e5}",
            "\u{feff}",
            "[\u{c}]",
            "[\u{2060}]",
        ] {
            assert_eq!(check(text.as_bytes(), &CAPS), Err(Fault::Syntax), "{text}");
        }
        for bytes in
            [&b"[\xff]"[..], b"[1\xe5]", b"[\"a\xe5\"]", b"{\"\xb9\":\"0\",}", b"\xe9", b"[\"\\u\xe5\"]", b"\xef\xbb{}"]
        {
            assert_eq!(check(bytes, &CAPS), Err(Fault::Syntax), "{bytes:?}");
        }
        assert_eq!(check("[".repeat(100_000).as_bytes(), &CAPS), Err(Fault::Depth));
        assert_eq!(check("[{\"\":".repeat(50_000).as_bytes(), &CAPS), Err(Fault::Depth));
    }

    /// docs/configuration.md, Content of requests: the bounds hold exactly.
    #[test]
    fn bounds_are_exact() {
        let caps = JsonCaps { depth: 2, keys: 2, items: 3, text: 4 };
        let said = |text: &str| check(text.as_bytes(), &caps);
        assert_eq!(said(r#"{"a":[1,2,3],"b":{}}"#), Ok(()));
        assert_eq!(said("[[[]]]"), Err(Fault::Depth));
        assert_eq!(said(r#"{"a":1,"b":2,"c":3}"#), Err(Fault::Keys));
        assert_eq!(said("[1,2,3,4]"), Err(Fault::Items));
        assert_eq!((said("\"abcd\""), said("\"abcde\"")), (Ok(()), Err(Fault::Text)));
        assert_eq!(said(r#"{"abcde":1}"#), Err(Fault::Text));
        assert_eq!(said(r#"["\u00e9"]"#), Err(Fault::Text), "as written");
        assert_eq!(said("[[],[],[]]"), Ok(()), "each has its own");
    }
}
