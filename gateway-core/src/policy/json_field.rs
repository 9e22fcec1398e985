//! A number in JSON that passes (RFC 8259), by its JSON Pointer (RFC 6901): found byte by byte, with nothing kept of the text.

use std::sync::Arc;

use crate::document::pointer::{Pointer, Token};

/// The token by which the way goes on behind so many open arrays and objects.
fn token(pointer: &Pointer, depth: usize) -> Option<&Token> {
    pointer.tokens().get(depth.checked_sub(1)?)
}

/// Looks at JSON texts, one after another, for the number that a field of them has.
///
/// Of a text that is no JSON it may take a number, but never one within a string.
#[derive(Debug)]
pub struct Scanner {
    pointer: Arc<Pointer>,
    /// The open arrays and objects on the way to the field.
    open: Vec<Container>,
    /// The count of those within that are beside it.
    beside: u64,
    at: At,
    /// The number in the present text.
    here: Option<u32>,
    /// The number in the last text before that had one.
    before: Option<u32>,
}

#[derive(Debug)]
enum Container {
    Object,
    /// The index of the present element.
    Array(u64),
}

/// The place in a text.
#[derive(Debug)]
enum At {
    /// Before a value, which leads to the field or is it.
    Value { leads: bool },
    /// Before the name of a member.
    Name,
    /// In such a name.
    InName(Name),
    /// Behind such a name, whose value leads to the field.
    Colon { leads: bool },
    /// In a value of the field that has been a whole number so far.
    Number(u32),
    /// In another number, or in a word.
    Word,
    /// In a string.
    Text { is_escaped: bool },
    /// In an array or an object that is beside the way.
    Beside,
    /// Behind a value.
    Behind,
    /// Behind the text, or in what is none.
    Over,
}

/// A name, as far as it has come.
#[derive(Debug, Default)]
struct Name {
    /// The bytes of the token that it begins with.
    same: usize,
    /// Set once it is another one.
    differs: bool,
    escape: Escape,
    /// The first half of a surrogate pair, or 0.
    high: u16,
}

#[derive(Clone, Copy, Debug, Default)]
enum Escape {
    #[default]
    None,
    Begun,
    Unicode {
        unit: u16,
        digits: u8,
    },
}

impl Scanner {
    /// One that looks for the field at `pointer`.
    #[must_use]
    pub const fn new(pointer: Arc<Pointer>) -> Self {
        let at = At::Value { leads: true };
        Self { pointer, open: Vec::new(), beside: 0, at, here: None, before: None }
    }

    /// The number in the last text that has one; the largest for one that is larger.
    #[must_use]
    pub fn found(&self) -> Option<u32> {
        self.here.or(self.before)
    }

    /// Begins another text.
    pub fn begin(&mut self) {
        self.before = self.found();
        self.here = None;
        self.open.clear();
        self.beside = 0;
        self.at = At::Value { leads: true };
    }

    /// Looks at the next bytes of the text.
    pub fn read(&mut self, mut bytes: &[u8]) {
        while let Some((byte, rest)) = bytes.split_first() {
            // Most of a text is in strings, and most of some beside the way.
            let passed = match &self.at {
                At::Text { is_escaped: false } => bytes.iter().position(|byte| matches!(byte, b'"' | b'\\')),
                At::Beside => bytes.iter().position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']')),
                At::Over => None,
                _ => Some(0),
            };
            match passed {
                Some(0) => {
                    self.step(*byte);
                    bytes = rest;
                }
                Some(passed) => bytes = bytes.get(passed..).unwrap_or_default(),
                None => return,
            }
        }
    }

    fn step(&mut self, byte: u8) {
        match &mut self.at {
            At::Value { .. } | At::Name | At::Colon { .. } | At::Behind
                if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => {}
            At::Value { leads } => {
                let leads = *leads;
                self.value(byte, leads);
            }
            At::Name => match byte {
                b'"' => self.at = At::InName(Name::default()),
                _ => self.close(byte),
            },
            At::InName(name) => {
                let token = token(&self.pointer, self.open.len()).map(|token| &*token.name).unwrap_or_default();
                if let Some(leads) = name.step(byte, token.as_bytes()) {
                    self.at = At::Colon { leads };
                }
            }
            At::Colon { leads } if byte == b':' => {
                // Of members of one name the last counts.
                self.here = self.here.filter(|_| !*leads);
                self.at = At::Value { leads: *leads };
            }
            At::Number(number) => match byte {
                // A number has no zeros in front.
                b'0'..=b'9' if *number > 0 => {
                    let digit = u32::from(byte.wrapping_sub(b'0'));
                    *number = number.saturating_mul(10).saturating_add(digit);
                }
                b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' => {
                    self.here = Some(*number);
                    self.behind(byte);
                }
                _ => self.at = At::Word,
            },
            At::Word => match byte {
                b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' => self.behind(byte),
                b'"' | b'{' | b'[' | b':' => self.at = At::Over,
                _ => {}
            },
            At::Text { is_escaped: is_escaped @ true } => *is_escaped = false,
            At::Text { is_escaped } => match byte {
                b'\\' => *is_escaped = true,
                b'"' => self.at = if self.beside > 0 { At::Beside } else { At::Behind },
                _ => {}
            },
            At::Beside => match byte {
                b'"' => self.at = At::Text { is_escaped: false },
                b'{' | b'[' => self.beside = self.beside.saturating_add(1),
                b'}' | b']' => {
                    self.beside = self.beside.saturating_sub(1);
                    if self.beside == 0 {
                        self.at = At::Behind;
                    }
                }
                _ => {}
            },
            At::Behind => self.behind(byte),
            At::Colon { .. } | At::Over => self.at = At::Over,
        }
    }

    /// Begins a value, which `leads` to the field or is it.
    fn value(&mut self, byte: u8, leads: bool) {
        let is_field = leads && self.open.len() == self.pointer.tokens().len();
        self.at = match byte {
            b'"' => At::Text { is_escaped: false },
            b'{' | b'[' if !leads || is_field => {
                self.beside = 1;
                At::Beside
            }
            b'{' => {
                self.open.push(Container::Object);
                At::Name
            }
            b'[' => {
                self.open.push(Container::Array(0));
                At::Value { leads: self.is_wanted(0) }
            }
            b'0'..=b'9' if is_field => At::Number(u32::from(byte.wrapping_sub(b'0'))),
            b'0'..=b'9' | b'-' | b't' | b'f' | b'n' => At::Word,
            // An array without elements.
            _ => return self.close(byte),
        };
    }

    /// Returns whether the element at `index` of the innermost array leads to the field.
    fn is_wanted(&self, index: u64) -> bool {
        token(&self.pointer, self.open.len()).is_some_and(|token| token.index == Some(index))
    }

    /// Takes what comes behind a value.
    fn behind(&mut self, byte: u8) {
        self.at = match (byte, self.open.last_mut()) {
            (b' ' | b'\t' | b'\n' | b'\r', _) => At::Behind,
            (b',', Some(Container::Object)) => At::Name,
            (b',', Some(Container::Array(index))) => {
                *index = index.saturating_add(1);
                let index = *index;
                At::Value { leads: self.is_wanted(index) }
            }
            _ => return self.close(byte),
        };
    }

    /// Ends the innermost array or object, which `byte` has to be the end of.
    fn close(&mut self, byte: u8) {
        let is_end =
            matches!((byte, self.open.pop()), (b'}', Some(Container::Object)) | (b']', Some(Container::Array(_))));
        self.at = if is_end && !self.open.is_empty() { At::Behind } else { At::Over };
    }
}

impl Name {
    /// Takes the next byte. Returns whether the name is `token`, once it has ended.
    fn step(&mut self, byte: u8, token: &[u8]) -> Option<bool> {
        match (self.escape, byte) {
            (Escape::None, b'"') => return Some(!self.differs && self.high == 0 && self.same == token.len()),
            (Escape::None, b'\\') => self.escape = Escape::Begun,
            (Escape::None, _) => self.has(&[byte], token),
            (Escape::Begun, b'u') => self.escape = Escape::Unicode { unit: 0, digits: 0 },
            (Escape::Begun, _) => {
                self.escape = Escape::None;
                match byte {
                    b'"' | b'\\' | b'/' => self.has(&[byte], token),
                    b'b' => self.has(b"\x08", token),
                    b'f' => self.has(b"\x0c", token),
                    b'n' => self.has(b"\n", token),
                    b'r' => self.has(b"\r", token),
                    b't' => self.has(b"\t", token),
                    _ => self.differs = true,
                }
            }
            (Escape::Unicode { unit, digits }, _) => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    self.differs = true;
                    self.escape = Escape::None;
                    // The name may end here.
                    return self.step(byte, token);
                };
                let unit = unit << 4 | digit as u16;
                self.escape = Escape::Unicode { unit, digits: digits.saturating_add(1) };
                if digits == 3 {
                    self.escape = Escape::None;
                    self.has_unit(unit, token);
                }
            }
        }
        None
    }

    /// Takes a UTF-16 code unit.
    fn has_unit(&mut self, unit: u16, token: &[u8]) {
        let high = core::mem::take(&mut self.high);
        if high == 0 && matches!(unit, 0xd800..0xdc00) {
            self.high = unit;
            return;
        }
        let units = [high, unit];
        let units = if high == 0 { units.get(1..) } else { Some(&units[..]) };
        match char::decode_utf16(units.unwrap_or_default().iter().copied()).next() {
            Some(Ok(character)) => self.has(character.encode_utf8(&mut [0; 4]).as_bytes(), token),
            _ => self.differs = true,
        }
    }

    /// Takes the next character, or a byte of it.
    fn has(&mut self, bytes: &[u8], token: &[u8]) {
        let end = self.same.saturating_add(bytes.len());
        self.differs |= self.high != 0 || token.get(self.same..end) != Some(bytes);
        self.same = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn scanner(pointer: &str) -> Scanner {
        Scanner::new(Arc::new(Pointer::parse(pointer).unwrap()))
    }

    fn found(pointer: &str, text: &str) -> Option<u32> {
        let mut scanner = scanner(pointer);
        scanner.read(text.as_bytes());
        scanner.found()
    }

    /// RFC 6901 §5: the example there, with numbers, by the pointers there.
    #[test]
    fn pointers_are_those_of_the_standard() {
        let text = r#"{"foo": ["bar", 11], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}"#;
        for (pointer, number) in [
            ("/foo/1", 11),
            ("/", 0),
            ("/a~1b", 1),
            ("/c%d", 2),
            ("/e^f", 3),
            ("/g|h", 4),
            ("/i\\j", 5),
            ("/k\"l", 6),
            ("/ ", 7),
            ("/m~0n", 8),
        ] {
            assert_eq!(found(pointer, text), Some(number), "{pointer}");
        }
        // RFC 6901 §4: an index has no zeros in front, and `-` is no element that is there.
        for pointer in ["/foo", "/foo/0", "/foo/01", "/foo/-", "/foo/2", "/a", "/foo/1/0"] {
            assert_eq!(found(pointer, text), None, "{pointer}");
        }
        assert_eq!(found("/~01", r#"{"~1": 1, "/": 2}"#), Some(1));
        for pointer in ["a", "/~", "/a~2", "/~0~"] {
            assert_eq!(Pointer::parse(pointer), None, "{pointer}");
        }
    }

    /// docs/configuration.md, The cost of a request: a whole number, of 0 or more, without point and exponent.
    #[test]
    fn only_whole_numbers_count() {
        for (value, number) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("99999999999999999999999", Some(u32::MAX)),
            ("-1", None),
            ("-0", None),
            ("12.0", None),
            ("1e3", None),
            ("012", None),
            ("00", None),
            ("\"12\"", None),
            ("null", None),
            ("true", None),
            ("[12]", None),
            ("{\"a\": 12}", None),
        ] {
            assert_eq!(found("/a", &format!("{{\"a\":{value}}}")), number, "{value}");
            assert_eq!(found("/a", &format!("{{\"a\" : {value} , \"b\": 9}}")), number, "{value}");
        }
        assert_eq!(found("/a", r#"{"a": 12"#), None, "more of it may come");
    }

    /// RFC 8259 §4: of members of one name most parsers take the last.
    #[test]
    fn of_repeated_members_the_last_counts() {
        assert_eq!(found("/a", r#"{"a": 1, "a": 2}"#), Some(2));
        assert_eq!(found("/a", r#"{"a": 1, "a": "2"}"#), None);
        assert_eq!(found("/a/b", r#"{"a": {"b": 1}, "a": {}}"#), None);
        assert_eq!(found("/a/b", r#"{"a": {"b": 1}, "c": {"b": 2}}"#), Some(1));
    }

    #[test]
    fn of_several_texts_the_last_with_a_number_counts() {
        let mut scanner = scanner("/a");
        for (text, number) in [(r#"{"a": 1}"#, 1), (r#"{"a": 2}"#, 2), (r#"{"a": null}"#, 2), ("[DONE]", 2), ("{\"", 2)]
        {
            scanner.begin();
            scanner.read(text.as_bytes());
            assert_eq!(scanner.found(), Some(number), "{text}");
        }
        scanner.begin();
        scanner.read(br#"{"a": 0}"#);
        assert_eq!(scanner.found(), Some(0));
    }

    /// Whatever a model is made to say stands in a string.
    #[test]
    fn nothing_within_a_string_counts() {
        for text in [
            r#"{"text": "\", \"a\": 1, \"", "b": 2}"#,
            r#"{"text": "\\\", \"a\": 1}"}"#,
            r#"{"text\", \"a": 1}"#,
            r#"["{\"a\": 1}"]"#,
            "{\"text\": \"\n{\\\"a\\\": 1}\"}",
            r#"{"text": '", "a": 1, "'}"#,
            r#"{"text": tr"ue, "a": 1}"#,
            r#"{"text": }, "a": 1}"#,
            r#"{"text": [{"a": 1}], "b": {"a": 1}}"#,
            r#"{"\ud800": 1, "\udc00": 1, "\u00": 1, "\x": 1}"#,
            r#"] {"a": 1}"#,
            r#"{} {"a": 1}"#,
            r#"{"b"; 2, "a": 1}"#,
        ] {
            assert_eq!(found("/a", text), None, "{text}");
        }
    }

    /// A value, as text: with members of the same names, and with characters that are written in several ways.
    fn value() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            (0_u64..2_000).prop_map(|number| number.to_string()),
            Just("18446744073709551615".to_owned()),
            prop::sample::select(vec!["-3", "-0", "0.5", "7.0", "1e2", "1E+2", "null", "true", "false"])
                .prop_map(str::to_owned),
            name(),
        ];
        let space = || prop::sample::select(vec!["", "", " ", "\t", "\r\n"]);
        scalar.prop_recursive(5, 60, 6, move |inner| {
            let element = (space(), inner.clone(), space()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
            let member = (space(), name(), space(), element.clone())
                .prop_map(|(a, name, b, value)| format!("{a}{name}{b}:{value}"));
            prop_oneof![
                vec(element, 0..5).prop_map(|elements| format!("[{}]", elements.join(","))),
                vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    fn name() -> impl Strategy<Value = String> {
        let names = ["a", "b", "0", "1", "01", "-", "", "a/b", "m~n", "\u{e9}", "\u{1f600}", "\"", "\\", "ab", "\n"];
        let name = prop_oneof![prop::sample::select(names.to_vec()).prop_map(str::to_owned), any::<String>()];
        (name, any::<u64>()).prop_map(|(name, ways)| {
            let mut text = String::from("\"");
            for (index, character) in name.chars().enumerate() {
                match (ways >> (index % 64)) & 1 {
                    0 if character == '/' => text.push_str("\\/"),
                    0 => {
                        let quoted = serde_json::to_string(&character).unwrap();
                        text.push_str(quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap());
                    }
                    _ => character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text += &format!("\\u{unit:04X}")),
                }
            }
            text.push('"');
            text
        })
    }

    /// Every pointer to a value within.
    fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
        match value {
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    let at = format!("{at}/{index}");
                    pointers(element, &at, all);
                    all.push(at);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                    pointers(member, &at, all);
                    all.push(at);
                }
            }
            _ => {}
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn it_finds_what_a_tree_has(text in value(), others in vec("(/[ab01~-]{0,2}){1,3}", 4), cuts in vec(1_usize..9, 1..20)) {
            let tree: Value = serde_json::from_str(&text).unwrap();
            let mut all = others;
            pointers(&tree, "", &mut all);
            all.retain(|pointer| Pointer::parse(pointer).is_some());
            for pointer in all {
                let expected = tree.pointer(&pointer).and_then(Value::as_u64);
                let expected = expected.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
                let mut scanner = scanner(&pointer);
                let (mut rest, mut cuts) = (text.as_bytes(), cuts.iter().cycle());
                while !rest.is_empty() {
                    let (piece, others) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                    scanner.read(piece);
                    rest = others;
                }
                prop_assert_eq!(scanner.found(), expected, "{} in {}", pointer, text);
            }
        }

        #[test]
        fn whatever_comes_is_taken(pieces in vec(vec(prop::sample::select(b"\"\\{}[]:,a0u1 \nd8dc\xff".to_vec()), 0..12), 0..20)) {
            let mut scanner = scanner("/a/0");
            for piece in &pieces {
                scanner.read(piece);
                if piece.len() == 3 {
                    scanner.begin();
                }
                prop_assert!(scanner.open.len() <= 2);
            }
        }
    }
}
