//! A vocabulary as data, for the generator and the fingerprint.

/// One vocabulary: a Rust enum here, a constant object in TypeScript.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The name of both.
    pub name: &'static str,
    /// The lines of the documentation.
    pub doc: &'static [&'static str],
    /// The members, in order.
    pub entries: &'static [Entry],
}

/// A member of a [`Table`].
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The member's name.
    pub name: &'static str,
    /// The lines of the documentation.
    pub doc: &'static [&'static str],
    /// The form in which it crosses.
    pub value: Value,
}

/// The form in which a member crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number, in a frame or as an argument.
    Number(u32),
    /// A character of text.
    Character(char),
}

/// FNV-1a over everything but the documentation.
pub(crate) const fn fingerprint(tables: &[Table], layout: u32) -> u32 {
    let mut hash = number(0x811c_9dc5, layout);
    let mut tables = tables;
    while let [table, rest @ ..] = tables {
        hash = text(hash, table.name);
        let mut entries = table.entries;
        while let [entry, rest @ ..] = entries {
            hash = text(hash, entry.name);
            hash = match entry.value {
                Value::Number(value) => number(hash, value),
                Value::Character(value) => number(hash, value as u32),
            };
            entries = rest;
        }
        tables = rest;
    }
    hash
}

const fn text(hash: u32, text: &str) -> u32 {
    bytes(bytes(hash, text.as_bytes()), &[0xff])
}

const fn number(hash: u32, number: u32) -> u32 {
    bytes(hash, &number.to_le_bytes())
}

const fn bytes(mut hash: u32, mut bytes: &[u8]) -> u32 {
    while let [byte, rest @ ..] = bytes {
        hash = (hash ^ *byte as u32).wrapping_mul(0x0100_0193);
        bytes = rest;
    }
    hash
}
