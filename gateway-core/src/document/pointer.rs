//! JSON Pointers (RFC 6901).

use super::Value;

/// A JSON Pointer to a document, or to a member or an element in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    text: Box<str>,
    tokens: Box<[Token]>,
}

/// A reference token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The name of a member.
    pub name: Box<str>,
    /// The index of an element, if it may be one (RFC 6901 §4).
    pub index: Option<u64>,
}

/// A place that is not there: what a pointer leads to, or the place that would be its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing;

impl Pointer {
    /// Reads a pointer; none if it is none. The empty one is to the whole of a document.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self { text: text.into(), tokens: Box::default() });
        }
        let is_escaped = |token: &str| token.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        let tokens = text.strip_prefix('/').filter(|tokens| is_escaped(tokens))?;
        Some(Self { text: text.into(), tokens: tokens.split('/').map(Token::new).collect() })
    }

    /// The pointer as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its tokens.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The pointer that is likely to be meant by `text`: a path as JSONPath, a URI fragment or a programming language has it. None if it
    /// would be to the whole.
    #[must_use]
    pub fn likely(text: &str) -> Option<String> {
        let (path, others) = match text.strip_prefix('/') {
            Some(path) => (path, &[][..]),
            None => (text.trim_start_matches(['$', '#', '.', '/']), &['.', '[', ']'][..]),
        };
        let path = path.replace('~', "~0").replace("].", "]").replace(others, "/");
        match path.trim_end_matches('/') {
            "" => None,
            path => Some(["/", path].concat()),
        }
    }

    /// Returns whether it leads to a place within the one of `other`, or to that place.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.tokens.starts_with(&other.tokens)
    }

    /// Returns the value that it leads to.
    #[must_use]
    pub fn find<'d>(&self, document: &'d Value) -> Option<&'d Value> {
        self.tokens.iter().try_fold(document, |value, token| value.child(token.place(value)?))
    }

    /// As [`find`](Self::find), to change it.
    pub fn find_mut<'d>(&self, document: &'d mut Value) -> Option<&'d mut Value> {
        walk(document, &self.tokens)
    }

    /// Returns the array or object that the value would be in, to change it; none for the whole.
    pub fn parent_mut<'d>(&self, document: &'d mut Value) -> Option<&'d mut Value> {
        let (_, parents) = self.tokens.split_last()?;
        walk(document, parents)
    }

    /// Removes the value that it leads to, and returns it. The whole becomes `null`.
    ///
    /// # Errors
    /// There is no such value.
    pub fn remove(&self, document: &mut Value) -> Result<Value, Missing> {
        let Some((last, parents)) = self.tokens.split_last() else { return Ok(core::mem::take(document)) };
        let parent = walk(document, parents).ok_or(Missing)?;
        let place = last.place(parent).ok_or(Missing)?;
        parent.remove_child(place).ok_or(Missing)
    }

    /// Adds `value` as RFC 6902 §4.1 has it: as a member, in place of one of that name, or before the element at the index, where `-` is behind
    /// the last.
    ///
    /// # Errors
    /// There is no such place.
    pub fn add(&self, document: &mut Value, value: Value) -> Result<(), Missing> {
        let Some((last, parents)) = self.tokens.split_last() else {
            *document = value;
            return Ok(());
        };
        match walk(document, parents).ok_or(Missing)? {
            Value::Object(object) => drop(object.insert(&last.name, value)),
            Value::Array(items) => {
                let index =
                    if &*last.name == "-" { Some(items.len()) } else { last.place_in(items.len().saturating_add(1)) };
                items.insert(index.ok_or(Missing)?, value);
            }
            _ => return Err(Missing),
        }
        Ok(())
    }

    /// Gives the place this `value`, whatever is there: objects that are missing on the way are made, an element is replaced, and one
    /// at `-` comes behind the last.
    ///
    /// # Errors
    /// Something that is no object is in the way, or there is no such element.
    pub fn set(&self, document: &mut Value, value: Value) -> Result<(), Missing> {
        *self.make(document)? = value;
        Ok(())
    }

    /// Returns the place, which is made as [`set`](Self::set) says where it is missing: `null` is there then.
    ///
    /// # Errors
    /// Those of [`set`](Self::set).
    pub fn make<'d>(&self, document: &'d mut Value) -> Result<&'d mut Value, Missing> {
        self.tokens.iter().try_fold(document, |value, token| {
            if matches!(value, Value::Null) {
                *value = Value::Object(super::Object::default());
            }
            let place = match value {
                Value::Array(items) if &*token.name == "-" => {
                    items.push(Value::Null);
                    items.len().checked_sub(1)
                }
                Value::Object(object) => object.place(&token.name).or_else(|| {
                    object.insert(&token.name, Value::Null);
                    object.members().len().checked_sub(1)
                }),
                ref other => token.place(other),
            };
            value.child_mut(place.ok_or(Missing)?).ok_or(Missing)
        })
    }
}

/// Appends a reference token to a pointer (RFC 6901 §3).
pub(crate) fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    if token.contains(['~', '/']) {
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(token);
    }
}

fn walk<'d>(document: &'d mut Value, tokens: &[Token]) -> Option<&'d mut Value> {
    tokens.iter().try_fold(document, |value, token| {
        let place = token.place(value)?;
        value.child_mut(place)
    })
}

impl Token {
    fn new(text: &str) -> Self {
        let name = if text.contains('~') { text.replace("~1", "/").replace("~0", "~") } else { text.to_owned() };
        let is_index = name == "0" || (!name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit()));
        Self { index: name.parse().ok().filter(|_| is_index), name: name.into() }
    }

    /// The place of the child of `value` that it names.
    pub(super) fn place(&self, value: &Value) -> Option<usize> {
        match value {
            Value::Object(object) => object.place(&self.name),
            Value::Array(items) => self.place_in(items.len()),
            _ => None,
        }
    }

    fn place_in(&self, length: usize) -> Option<usize> {
        usize::try_from(self.index?).ok().filter(|index| *index < length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        Value::read(text.as_bytes()).unwrap()
    }

    /// RFC 6901 §5: its own examples.
    #[test]
    fn the_examples_of_the_standard_hold() {
        let document =
            read(r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#);
        let found = |pointer: &str| Pointer::parse(pointer).unwrap().find(&document).map(Value::to_string);
        assert_eq!(found(""), Some(document.to_string()));
        assert_eq!(found("/foo"), Some(r#"["bar","baz"]"#.to_owned()));
        let places = ["/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"];
        for (number, pointer) in places.into_iter().enumerate() {
            assert_eq!(found(pointer), Some(number.to_string()), "{pointer}");
        }
        assert_eq!(found("/foo/0"), Some("\"bar\"".to_owned()));
        // §4: an index has no zeros in front, and `-` is no element that is there.
        assert_eq!((found("/foo/00"), found("/foo/-"), found("/foo/2")), (None, None, None));
        for wrong in ["foo", "/~", "/~2", "/a~"] {
            assert_eq!(Pointer::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn places_are_made_where_they_are_missing() {
        let set = |document: &str, pointer: &str| {
            let mut document = read(document);
            Pointer::parse(pointer).unwrap().set(&mut document, Value::Boolean(true)).map(|()| document.to_string())
        };
        assert_eq!(set("{}", "/a/b").as_deref(), Ok(r#"{"a":{"b":true}}"#));
        assert_eq!(set(r#"{"a":null}"#, "/a/b").as_deref(), Ok(r#"{"a":{"b":true}}"#));
        assert_eq!(set(r#"{"a":[1,{}]}"#, "/a/1/x").as_deref(), Ok(r#"{"a":[1,{"x":true}]}"#));
        assert_eq!(set("[1,2]", "/0").as_deref(), Ok("[true,2]"));
        assert_eq!(set("[1]", "/-").as_deref(), Ok("[1,true]"));
        assert_eq!(
            (set("[1]", "/1"), set(r#"{"a":1}"#, "/a/b"), set("\"text\"", "/a")),
            (Err(Missing), Err(Missing), Err(Missing))
        );
        assert_eq!(set("[1]", "").as_deref(), Ok("true"));
    }

    #[test]
    fn what_others_call_a_path_leads_to_a_pointer() {
        for (text, pointer) in [
            ("usage.total_tokens", "/usage/total_tokens"),
            ("$.usage.total_tokens", "/usage/total_tokens"),
            ("#/usage/total_tokens", "/usage/total_tokens"),
            ("usage/total_tokens/", "/usage/total_tokens"),
            ("choices[0].tokens", "/choices/0/tokens"),
            ("choices[0]", "/choices/0"),
            ("/a~b.c", "/a~0b.c"),
        ] {
            assert_eq!(Pointer::likely(text).as_deref(), Some(pointer), "{text}");
            assert!(Pointer::parse(pointer).is_some(), "{pointer}");
        }
        assert_eq!(Pointer::likely("$"), None);
    }
}
