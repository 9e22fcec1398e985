//! The reading of JSON (RFC 8259), which takes nothing else and leaves nothing out.

use core::fmt::{self, Display};

use super::number::{self, Number};
use super::{Member, Object, Value};
use crate::order::sort_by;

/// The deepest nesting of arrays and objects that is read.
pub const DEEPEST: usize = 128;

/// A text that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The byte that it is seen at.
    pub at: usize,
    /// The kind of fault.
    pub kind: FaultKind,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It is no JSON.
    Syntax,
    /// It ends too early.
    End,
    /// It is not in UTF-8 (RFC 8259 §8.1).
    Encoding,
    /// A string has half of a surrogate pair, which is no character (RFC 8259 §8.2).
    Surrogate,
    /// It is nested too deeply.
    Depth,
    /// An object has two members of one name, which readers take differently (RFC 8259 §4).
    Duplicate,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FaultKind::Syntax => "it is no JSON",
            FaultKind::End => "its JSON is cut off",
            FaultKind::Encoding => "it is not in UTF-8",
            FaultKind::Surrogate => "a string has half of a surrogate pair",
            FaultKind::Depth => "its JSON is nested too deeply",
            FaultKind::Duplicate => "an object has two members of one name",
        })?;
        write!(f, " (at byte {})", self.at)
    }
}

impl Value {
    /// Reads the one value in `text`.
    ///
    /// # Errors
    /// The first fault in it.
    pub fn read(text: &[u8]) -> Result<Self, Fault> {
        let text =
            core::str::from_utf8(text).map_err(|error| Fault { at: error.valid_up_to(), kind: FaultKind::Encoding })?;
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.at < text.len() { Err(reader.fault(FaultKind::Syntax)) } else { Ok(value) }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    const fn fault(&self, kind: FaultKind) -> Fault {
        Fault { at: self.at, kind }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        let rest = self.rest();
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at = self.at.saturating_add(rest.iter().position(|byte| !is_space(byte)).unwrap_or(rest.len()));
    }

    /// Goes on behind `byte`, which has to come.
    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        match self.rest().first() {
            Some(next) if *next == byte => {
                self.at = self.at.saturating_add(1);
                Ok(())
            }
            Some(_) => Err(self.fault(FaultKind::Syntax)),
            None => Err(self.fault(FaultKind::End)),
        }
    }

    /// The next byte behind white space.
    fn next(&mut self) -> Result<u8, Fault> {
        // Most content is written without any.
        if let Some(byte) = self.rest().first().filter(|byte| **byte > b' ') {
            return Ok(*byte);
        }
        self.space();
        self.rest().first().copied().ok_or_else(|| self.fault(FaultKind::End))
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        match self.next()? {
            b'{' => self.object(depth).map(Value::Object),
            b'[' => self.array(depth).map(Value::Array),
            b'"' => self.string().map(Value::String),
            b't' => self.word("true", Value::Boolean(true)),
            b'f' => self.word("false", Value::Boolean(false)),
            b'n' => self.word("null", Value::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(self.fault(FaultKind::Syntax)),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Fault> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let length = number::length(self.rest()).ok_or_else(|| self.fault(FaultKind::Syntax))?;
        let end = self.at.saturating_add(length);
        let number = Number::checked(self.text.get(self.at..end).unwrap_or_default());
        self.at = end;
        Ok(Value::Number(number))
    }

    fn open(&mut self, depth: usize) -> Result<usize, Fault> {
        if depth >= DEEPEST {
            return Err(self.fault(FaultKind::Depth));
        }
        self.at = self.at.saturating_add(1);
        Ok(depth.saturating_add(1))
    }

    /// Goes on behind a comma, or behind `end`. Returns whether it was the end.
    fn ends(&mut self, end: u8) -> Result<bool, Fault> {
        let next = self.next()?;
        if next != end && next != b',' {
            return Err(self.fault(FaultKind::Syntax));
        }
        self.at = self.at.saturating_add(1);
        Ok(next == end)
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>, Fault> {
        let depth = self.open(depth)?;
        let mut items = Vec::new();
        if self.next()? == b']' {
            self.at = self.at.saturating_add(1);
            return Ok(items);
        }
        loop {
            items.push(self.value(depth)?);
            if self.ends(b']')? {
                return Ok(items);
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Object, Fault> {
        let begin = self.at;
        let depth = self.open(depth)?;
        let mut members = Vec::new();
        if self.next()? == b'}' {
            self.at = self.at.saturating_add(1);
            return Ok(Object(members));
        }
        loop {
            self.next()?;
            let name = self.string()?;
            self.next()?;
            self.expect(b':')?;
            members.push((name, self.value(depth)?));
            if self.ends(b'}')? {
                break;
            }
        }
        if has_duplicates(&members) {
            return Err(Fault { at: begin, kind: FaultKind::Duplicate });
        }
        Ok(Object(members))
    }

    fn string(&mut self) -> Result<Box<str>, Fault> {
        self.expect(b'"')?;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let end = plain_length(rest);
            let stop = self.at.saturating_add(end);
            let plain = self.text.get(self.at..stop).unwrap_or_default();
            self.at = stop;
            match rest.get(end) {
                None => return Err(self.fault(FaultKind::End)),
                Some(b'"') => {
                    self.at = self.at.saturating_add(1);
                    // Most strings have no escapes, and take no second buffer.
                    return Ok(if text.is_empty() { plain.into() } else { (text + plain).into() });
                }
                Some(b'\\') => {
                    text.push_str(plain);
                    self.at = self.at.saturating_add(1);
                    text.push(self.escaped()?);
                }
                _ => return Err(self.fault(FaultKind::Syntax)),
            }
        }
    }

    /// The character behind a backslash.
    fn escaped(&mut self) -> Result<char, Fault> {
        let kind = *self.rest().first().ok_or_else(|| self.fault(FaultKind::End))?;
        let character = match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(self.fault(FaultKind::Syntax)),
        };
        self.at = self.at.saturating_add(1);
        Ok(character)
    }

    fn unicode(&mut self) -> Result<char, Fault> {
        let begin = self.at;
        let lone = Fault { at: begin, kind: FaultKind::Surrogate };
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or(lone);
        }
        if self.rest().first() != Some(&b'\\') {
            return Err(lone);
        }
        self.at = self.at.saturating_add(1);
        if self.rest().first() != Some(&b'u') {
            self.escaped()?;
            return Err(lone);
        }
        let second = self.unit()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(lone);
        }
        char::from_u32(0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff)).ok_or(lone)
    }

    /// The four digits behind a `u`.
    fn unit(&mut self) -> Result<u32, Fault> {
        self.expect(b'u')?;
        let mut unit = 0;
        for _ in 0..4 {
            let byte = self.rest().first().copied().ok_or_else(|| self.fault(FaultKind::End))?;
            let digit = char::from(byte).to_digit(16).ok_or_else(|| self.fault(FaultKind::Syntax))?;
            unit = unit << 4 | digit;
            self.at = self.at.saturating_add(1);
        }
        Ok(unit)
    }
}

/// The number of bytes at the beginning of `text` that stand for themselves in a string: all before a quotation mark, a backslash or a control
/// character. Eight are looked at together, each of which has its highest bit set where it is one of these; those behind the first may have it
/// set besides.
fn plain_length(text: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let is_below = |word: u64, bound: u8| word.wrapping_sub(EACH.wrapping_mul(u64::from(bound))) & !word;
    let is_byte = |word: u64, byte: u8| is_below(word ^ EACH.wrapping_mul(u64::from(byte)), 1);
    let (words, rest) = text.as_chunks::<8>();
    let mut length = 0_usize;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let ends = is_byte(word, b'"') | is_byte(word, b'\\') | is_below(word, 0x20);
        let ends = ends & EACH.wrapping_mul(0x80);
        if ends != 0 {
            return length.saturating_add(usize::try_from(ends.trailing_zeros() / 8).unwrap_or(0));
        }
        length = length.saturating_add(8);
    }
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    length.saturating_add(end.unwrap_or(rest.len()))
}

/// Returns whether two of `members` have one name. Of many they are sorted first, so that the time is not that of all pairs.
fn has_duplicates(members: &[Member]) -> bool {
    if members.len() <= 16 {
        let mut rest = members;
        while let Some(((name, _), others)) = rest.split_first() {
            if others.iter().any(|(other, _)| other == name) {
                return true;
            }
            rest = others;
        }
        return false;
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
    sort_by(&mut names, |one, other| one.cmp(other));
    names.windows(2).any(|pair| pair.first() == pair.last())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(text: &str) -> FaultKind {
        Value::read(text.as_bytes()).unwrap_err().kind
    }

    /// RFC 8259 §6 has no limit for numbers, and §4 no order of members that would be another object: both stay as they are.
    #[test]
    fn numbers_and_the_order_of_members_stay() {
        let text =
            r#"{"z":9223372036854775807,"a":[1.10,1e400,-0,0.1000000000000000055511151231257827],"m":{"b":1,"a":2}}"#;
        assert_eq!(Value::read(text.as_bytes()).unwrap().to_string(), text);
    }

    /// RFC 8259 §7.
    #[test]
    fn escapes_are_read() {
        let value = Value::read(r#""\"\\\/\b\f\n\r\t\u00e9\ud834\udd1e\u0000""#.as_bytes()).unwrap();
        assert_eq!(value.as_str(), Some("\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1d11e}\0"));
        // Of planes beyond the first, too.
        let value = Value::read(br#""\ud800\udc00\ud840\udc00\udb7f\udfff\udbff\udfff""#).unwrap();
        assert_eq!(value.as_str(), Some("\u{10000}\u{20000}\u{effff}\u{10ffff}"));
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(fault(r#"{"a":1,"a":2}"#), FaultKind::Duplicate);
        assert_eq!(fault(r#"{"a":1,"\u0061":2}"#), FaultKind::Duplicate);
        for text in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\n""#, r#""\ud800\ud800""#, r#""\ud834x""#] {
            assert_eq!(fault(text), FaultKind::Surrogate, "{text}");
        }
        for text in ["", " ", "[1,", "{\"a\"", "\"abc", "tru", "[", "\"\\u12"] {
            assert_eq!(fault(text), FaultKind::End, "{text}");
        }
        for text in ["[1,]", "{,}", "[1 2]", "01", "nul1", "\u{feff}1", "1 1", "\"\t\"", "'a'", "{a:1}", "[-]"] {
            assert_eq!(fault(text), FaultKind::Syntax, "{text}");
        }
        assert_eq!(Value::read(b"[\"\xff\"]"), Err(Fault { at: 2, kind: FaultKind::Encoding }));
    }

    #[test]
    fn nesting_has_a_bound() {
        let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(Value::read(nested(DEEPEST).as_bytes()).is_ok());
        assert_eq!(fault(&nested(DEEPEST + 1)), FaultKind::Depth);
        assert_eq!(fault(&"[".repeat(100_000)), FaultKind::Depth);
        assert_eq!(fault(&"{\"\":".repeat(100_000)), FaultKind::Depth);
    }

    #[test]
    fn many_members_are_no_excuse_for_two_of_one_name() {
        let members: Vec<_> = (0..5_000).map(|number| format!("\"m{number}\":0")).collect();
        assert!(Value::read(format!("{{{}}}", members.join(",")).as_bytes()).is_ok());
        assert_eq!(fault(&format!("{{{},\"m77\":1}}", members.join(","))), FaultKind::Duplicate);
    }

    proptest! {
        #[test]
        fn eight_bytes_together_are_as_one_by_one(text in proptest::collection::vec(prop_oneof![any::<u8>(), 0x1e_u8..0x24, Just(b'\\')], 0..30)) {
            let plain = text.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count();
            prop_assert_eq!(plain_length(&text), plain);
        }

        /// Whatever bytes come: what is read is read by serde_json, too, and is written as what it takes for the same.
        #[test]
        fn what_is_read_is_json(text in r#"[ \[\]{},:"\\a-c0-9.eE+\-tn]{0,24}"#) {
            if let Ok(value) = Value::read(text.as_bytes()) {
                let theirs: serde_json::Value = serde_json::from_str(&text).or_else(|error| {
                    // It refuses numbers that are too large for it.
                    if error.to_string().contains("out of range") { Ok(serde_json::Value::Null) } else { Err(error) }
                }).unwrap();
                if !theirs.is_null() {
                    prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&value.to_string()).unwrap(), theirs);
                }
            }
        }

        #[test]
        fn what_is_written_is_read_again(text: String, number: i64, flag: bool) {
            let items = vec![Value::from(&*text), Value::Number(number.into()), Value::Boolean(flag), Value::Null];
            let value = Value::Object([("".into(), Value::Array(items)), (text.into(), Value::default())].into_iter().collect());
            prop_assert_eq!(Value::read(value.to_string().as_bytes()).unwrap(), value);
        }
    }
}
