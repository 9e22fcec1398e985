//! Parses JSON (RFC 8259), with comments and trailing commas (JSONC), to a [`Node`] tree. It reads on after the common
//! slips (missing commas, quotes) so that one run shows them all.

mod shown;
mod space;
mod string;
mod word;

use std::borrow::Cow;
use std::fmt::Display;

use self::word::{is_word, without_typographic_quotes};
use super::tree::{Extent, Kind, Member, Node};
use super::{THOROUGH, told};

pub(super) use self::shown::{is_unprintable, position, short};
pub(super) use self::space::comment_length;

/// The greatest depth to which lists and objects may nest.
const DEEPEST: u32 = 64;
/// The largest text, in bytes.
const LARGEST: usize = 32 << 20;
/// The most values: a syntax tree takes 48 bytes and more for each. The largest text has this many if one takes 8 bytes, and a
/// route has some 60 bytes for 5.
const MOST_VALUES: u32 = 4 << 20;
/// The number of mistakes after which the rest are likely consequences.
const MOST_FAULTS: usize = 100;

/// A mistake in the form of the text.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) extent: Extent,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// The offset of another place that it is about.
    pub(super) other: Option<u32>,
}

/// The outcome of reading a text.
#[derive(Debug)]
pub(super) struct Parsed<'t> {
    pub(super) root: Node<'t>,
    pub(super) faults: Vec<Fault>,
    /// Set if the whole text was read; otherwise `root` holds the part before the last fault.
    pub(super) complete: bool,
}

/// Reads `text`, which must not begin with a byte order mark.
pub(super) fn parse(text: &str) -> Parsed<'_> {
    let mut parser = Parser::new(text);
    let root = parser.document();
    Parsed { root, complete: !parser.stopped, faults: parser.faults }
}

/// Reads a text from its beginning.
#[derive(Debug)]
pub(super) struct Parser<'t> {
    text: &'t str,
    /// Always at a character's first byte.
    at: usize,
    depth: u32,
    /// The number of list items and members that may still come.
    left: u32,
    faults: Vec<Fault>,
    /// Set by a fault that makes the rest of the text incomprehensible.
    stopped: bool,
}

impl<'t> Parser<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0, left: MOST_VALUES, faults: Vec::new(), stopped: false }
    }

    /// Returns whether there has been no fault so far.
    pub(super) const fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Enters the list or object that begins here; returns its offset for [`more`](Self::more).
    pub(super) fn enter(&mut self) -> Option<usize> {
        let opened = self.at;
        self.at += 1;
        self.depth += 1;
        (self.depth <= DEEPEST && self.text.len() <= LARGEST).then_some(opened)
    }

    /// Leaves a list or object.
    pub(super) const fn leave(&mut self) {
        self.depth -= 1;
    }

    fn document(&mut self) -> Node<'t> {
        if self.text.len() > LARGEST {
            self.stop(0..0, "the file is larger than 32 MiB", "");
            return self.nothing();
        }
        self.skip();
        match self.peek() {
            Some(b'{') => {}
            None => {
                let help = "a configuration is one object, such as `{\"routes\": [{\"name\": \"hello\", \"match\": {\"path\": \"/\"}, \"respond\": {\"body\": \"hello\"}}]}`";
                self.stop(0..0, "the file is empty", help);
                return self.nothing();
            }
            Some(_) => {
                let (extent, found) = self.token();
                let message = format_args!("expected `{{`, found {found}");
                self.stop(extent, message, "a configuration is one JSON object: `{ … }`");
                return self.nothing();
            }
        }
        let root = self.value();
        self.skip();
        if !self.stopped && self.peek().is_some() {
            let (extent, found) = self.token();
            let message = format_args!("expected the end of the file, found {found}");
            self.fault(extent, message, "the configuration ended with the `}` before this");
        }
        root
    }

    /// Reads the value that begins here.
    pub(super) fn value(&mut self) -> Node<'t> {
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::list),
            Some(b'"') => {
                let text = self.string();
                self.node(start, Kind::String(text))
            }
            Some(b'\'') => {
                let text = self.single_quoted();
                self.node(start, Kind::String(text))
            }
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => self.number(),
            Some(c) if is_word(c) => self.word(),
            _ => {
                let (extent, found) = self.token();
                self.fault(extent, format_args!("expected a value, found {found}"), "");
                if !matches!(self.peek(), Some(b',' | b'}' | b']')) {
                    self.stopped = true;
                }
                self.nothing()
            }
        }
    }

    /// Reads the value that begins here, where it has to be neither a list nor an object nor a text.
    pub(super) fn scalar(&mut self) -> Kind<'t> {
        match self.peek() {
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => self.number().kind,
            Some(c) if is_word(c) => self.word().kind,
            _ => {
                self.fault(self.at..self.at, "expected a value", "");
                Kind::Null
            }
        }
    }

    /// The line that is being read, from 1.
    pub(super) fn line(&self) -> usize {
        self.text.bytes().take(self.at).filter(|c| *c == b'\n').count() + 1
    }

    fn nested(&mut self, read: fn(&mut Self) -> Kind<'t>) -> Node<'t> {
        let start = self.at;
        if self.depth == DEEPEST {
            self.stop(start..start + 1, format_args!("nested deeper than {DEEPEST} levels"), "");
            return self.nothing();
        }
        self.depth += 1;
        self.at += 1;
        let kind = read(self);
        self.depth -= 1;
        // A value that is cut off ends one byte after the text: the end of the text is then inside it.
        let extent = if self.stopped { extent(start..self.at + 1) } else { extent(start..self.at) };
        Node::new(extent, kind)
    }

    fn list(&mut self) -> Kind<'t> {
        let opened = self.at - 1;
        let mut items = Vec::new();
        while !self.stopped && self.more(opened, b']', items.is_empty()) {
            items.push(self.value());
        }
        Kind::List(items)
    }

    fn object(&mut self) -> Kind<'t> {
        let opened = self.at - 1;
        let mut members: Vec<Member<'t>> = Vec::new();
        while !self.stopped && self.more(opened, b'}', members.is_empty()) {
            let Some(member) = self.member(opened) else { break };
            members.push(member);
        }
        self.refuse_repetition(&members);
        Kind::Object(members)
    }

    fn member(&mut self, opened: usize) -> Option<Member<'t>> {
        let start = self.at;
        let name = match self.peek() {
            Some(b'"') => self.string(),
            Some(b'\'') => self.single_quoted(),
            Some(c) if is_word(c) => {
                let (extent, word) = self.take_word();
                let bare = without_typographic_quotes(word);
                self.fault(extent, format_args!("name `{word}` is not in quotes"), format_args!("write `\"{bare}\"`"));
                Cow::Borrowed(bare)
            }
            _ => {
                let (extent, found) = self.token();
                let message = format_args!("expected a name in double quotes or `}}`, found {found}");
                self.stop(extent, message, self.opened_at(opened));
                return None;
            }
        };
        let name_extent = extent(start..self.at);
        self.skip();
        match self.peek() {
            Some(b':') => self.bump(),
            Some(b'=') => {
                self.fault(self.at..self.at + 1, "expected `:`, found `=`", "write `:` between a name and its value");
                self.at += 1;
            }
            _ => {
                let (extent, found) = self.token();
                let help = format_args!("a member is written `\"{}\": value`", short(&name));
                self.fault(extent, format_args!("expected `:`, found {found}"), help);
                self.stopped |= self.peek().is_none();
            }
        }
        self.skip();
        let value = if self.stopped { self.nothing() } else { self.value() };
        Some(Member { name, name_extent, value })
    }

    /// Reads up to the next item, or past the end of the list or object; `false` at its end.
    pub(super) fn more(&mut self, opened: usize, close: u8, first: bool) -> bool {
        let before = self.at;
        self.skip();
        let comma = !first && self.peek() == Some(b',');
        if comma {
            self.at += 1;
            self.skip();
        }
        match self.peek() {
            Some(c) if c == close && !self.stopped => {
                self.at += 1;
                false
            }
            Some(b',' | b'}' | b']' | b':' | b'=' | b';') | None => self.recover(before, opened, close, first, comma),
            Some(_) if (first || comma) && !self.stopped && self.left > 0 => {
                self.left -= 1;
                true
            }
            Some(_) => self.recover(before, opened, close, first, comma),
        }
    }

    /// Continues [`more`](Self::more) where something is wrong; `comma` tells whether one was read after `before`.
    #[cold]
    #[inline(never)]
    fn recover(&mut self, before: usize, opened: usize, close: u8, first: bool, mut comma: bool) -> bool {
        while self.peek() == Some(b',') {
            if first || comma {
                self.fault(self.at..self.at + 1, "unexpected `,`", "remove it");
            }
            comma = true;
            self.at += 1;
            self.skip();
        }
        if self.stopped {
            return false;
        }
        if self.left == 0 && self.peek().is_some_and(|next| next != close) {
            let message = format!("the file has more than {MOST_VALUES} values");
            self.stop(self.at..self.at, message, "split it into configurations of their own");
            return false;
        }
        let (kind, member) = if close == b'}' { ("an object", "member") } else { ("a list", "item") };
        match self.peek() {
            Some(c) if c == close => {
                self.at += 1;
                false
            }
            None => {
                self.stop(self.at..self.at, format_args!("the file ends inside {kind}"), self.opened_at(opened));
                false
            }
            Some(b'}' | b']' | b':' | b'=' | b';') => {
                let (extent, found) = self.token();
                let message = format_args!("expected `,` or `{}`, found {found}", char::from(close));
                if self.peek() == Some(b';') {
                    return self.past_semicolon(extent, message, member, close);
                }
                self.stop(extent, message, self.opened_at(opened));
                false
            }
            Some(_) if !first && !comma => {
                let (_, found) = self.token();
                let help = format_args!("put `,` between one {member} and the next");
                self.fault(before..before, format_args!("expected `,`, found {found}"), help);
                !self.stopped
            }
            Some(_) => true,
        }
    }

    /// Reads on after a `;`, which other languages have for `,`.
    fn past_semicolon(
        &mut self,
        range: core::ops::Range<usize>,
        message: impl Display,
        member: &str,
        close: u8,
    ) -> bool {
        let help = format_args!("write `,` between one {member} and the next, and nothing after the last");
        self.fault(range, message, help);
        self.at += 1;
        self.skip();
        if self.peek() == Some(close) {
            self.at += 1;
            return false;
        }
        let has_more = self.peek().is_some_and(|next| !matches!(next, b',' | b'}' | b']' | b':' | b'=' | b';'));
        self.stopped |= !has_more;
        !self.stopped
    }

    /// RFC 8259 section 4: names should be unique; here they must.
    fn refuse_repetition(&mut self, members: &[Member<'t>]) {
        const FEW: usize = 12;
        let rest = |index: usize| members.iter().skip(index + 1);
        if members.len() <= FEW && members.iter().enumerate().all(|(i, a)| rest(i).all(|b| a.name != b.name)) {
            return;
        }
        let mut order: Vec<&Member<'t>> = members.iter().collect();
        order.sort_by_key(|member| (&*member.name, member.name_extent.start));
        let mut first: Option<&Member<'t>> = None;
        for member in order {
            match first.filter(|first| first.name == member.name) {
                Some(_) if self.faults.len() >= MOST_FAULTS => return,
                Some(first) => {
                    member.value.reported.set(true);
                    let range = member.name_extent.start as usize..member.name_extent.end as usize;
                    self.fault(range, format_args!("`{}` is there twice", short(&member.name)), "keep one of them");
                    if let Some(fault) = self.faults.last_mut() {
                        fault.other = Some(first.name_extent.start);
                    }
                }
                None => first = Some(member),
            }
        }
    }

    /// The next token, in quotes, for a message.
    #[cold]
    #[inline(never)]
    fn token(&self) -> (core::ops::Range<usize>, String) {
        if !THOROUGH {
            return (self.at..self.at, String::new());
        }
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return (self.at..self.at, "the end of the file".to_owned()) };
        let length = match first {
            '"' => rest.get(1..).and_then(|r| r.find(['"', '\n'])).map_or(1, |end| end + 2),
            c if c.is_ascii() && is_word(c as u8) => rest.bytes().position(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let token = rest.get(..length).unwrap_or_default();
        (self.at..self.at + length, format!("`{}`", short(token.trim_end())))
    }

    #[cold]
    #[inline(never)]
    fn opened_at(&self, opened: usize) -> String {
        if !THOROUGH {
            return String::new();
        }
        let (line, column) = position(self.text, offset(opened));
        let bracket = if self.text.as_bytes().get(opened) == Some(&b'[') { '[' } else { '{' };
        format!("`{bracket}` at {line}:{column} is not closed")
    }

    #[cold]
    fn fault(&mut self, range: core::ops::Range<usize>, message: impl Display, help: impl Display) {
        self.push_fault(range, told(message), told(help));
    }

    #[cold]
    fn stop(&mut self, range: core::ops::Range<usize>, message: impl Display, help: impl Display) {
        self.push_fault(range, told(message), told(help));
        self.stopped = true;
    }

    #[cold]
    #[inline(never)]
    fn push_fault(&mut self, range: core::ops::Range<usize>, message: String, help: String) {
        if self.faults.len() >= MOST_FAULTS {
            self.stopped = true;
            return;
        }
        let help = Some(help).filter(|help| !help.is_empty());
        self.faults.push(Fault { extent: extent(range), message, help, other: None });
        self.stopped |= self.faults.len() >= MOST_FAULTS;
    }

    fn node(&self, start: usize, kind: Kind<'t>) -> Node<'t> {
        Node::new(extent(start..self.at), kind)
    }

    /// The node that stands for a missing value.
    fn nothing(&self) -> Node<'t> {
        let node = self.node(self.at, Kind::Null);
        node.reported.set(true);
        node
    }

    /// Goes past the next byte, which must be there and be ASCII.
    pub(super) const fn bump(&mut self) {
        self.at += 1;
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next byte.
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }
}

fn extent(range: core::ops::Range<usize>) -> Extent {
    Extent { start: offset(range.start), end: offset(range.end) }
}

fn offset(at: usize) -> u32 {
    // INVARIANT: a text is at most `LARGEST` bytes long.
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/command-line.md: a tree takes many times the room of its text, so the number of its values is bounded, too.
    #[test]
    fn a_text_with_too_many_values_is_refused_at_the_first_of_them() {
        let text = "{\"a\": [1, {}, 3,], \"b\": 5}";
        let parsed = |left| {
            let mut parser = Parser { left, ..Parser::new(text) };
            parser.document();
            parser.faults.into_iter().map(|fault| (fault.extent.start, fault.message)).collect::<Vec<_>>()
        };
        let message = "the file has more than 4194304 values".to_owned();
        assert_eq!(parsed(5), []);
        assert_eq!(parsed(4), [(19, message.clone())]);
        assert_eq!(parsed(3), [(14, message.clone())]);
        assert_eq!(parsed(0), [(1, message)]);
    }
}
