//! The media types that content is passed on by, where clients state others.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use super::validate::{is_in_utf8, is_media_type, media_type};

/// The media types that content gets, by those that it is sent with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentTypes {
    to: Box<[(Box<str>, HeaderValue)]>,
    /// The one of all others, and of content without one.
    others: Option<HeaderValue>,
}

/// A mistake in a pair of media types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The one to be changed is none.
    From,
    /// The new one is none.
    To,
    /// The new one says how its parts are set off, which no configuration knows.
    Parts,
}

impl ContentTypes {
    /// Compiles `pairs`, in small letters.
    ///
    /// # Errors
    /// The index of each that is wrong, and why.
    pub fn compile<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> Result<Self, Vec<(usize, Mistake)>> {
        let (mut to, mut others, mut mistakes) = (Vec::new(), None, Vec::new());
        for (index, (from, new)) in pairs.enumerate() {
            let is_plain = |text: &str| is_media_type(text) && !text.contains('*');
            let value = HeaderValue::try_from(new).ok().filter(|value| {
                media_type(value).is_some_and(|kind| is_plain(&kind) && new.get(..kind.len()) == Some(&*kind))
            });
            match value {
                Some(_) if new.starts_with("multipart/") => mistakes.push((index, Mistake::Parts)),
                Some(value) if from == "*" => others = Some(value),
                Some(value) if is_plain(from) => to.push((from.into(), value)),
                Some(_) => mistakes.push((index, Mistake::From)),
                None => mistakes.push((index, Mistake::To)),
            }
        }
        if mistakes.is_empty() { Ok(Self { to: to.into(), others }) } else { Err(mistakes) }
    }

    /// Writes the media type anew that `headers` state of a content. One that is stated twice, or is none, stays for others to refuse.
    pub fn apply(&self, headers: &mut HeaderMap) {
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => self.others.clone(),
            (Some(value), None) => self.changed(value),
            (Some(_), Some(_)) => None,
        };
        if let Some(value) = value {
            headers.insert(CONTENT_TYPE, value);
        }
    }

    fn changed(&self, value: &HeaderValue) -> Option<HeaderValue> {
        let kind = media_type(value).filter(|kind| is_media_type(kind) && !kind.contains('*'))?;
        let to = self.to.iter().find(|(from, _)| **from == *kind).map(|(_, to)| to).or(self.others.as_ref())?;
        if is_in_utf8(value) {
            return Some(to.clone());
        }
        // Another encoding stays said: content must not be taken for UTF-8 that is none.
        let (_, parameters) = value.to_str().ok()?.split_once(';')?;
        HeaderValue::try_from([to.to_str().ok()?, ";", parameters].concat()).ok()
    }

    /// The number of media types that are changed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.to.len().saturating_add(usize::from(self.others.is_some()))
    }

    /// The media types that are changed, `*` for all others.
    pub fn from(&self) -> impl Iterator<Item = &str> {
        self.to.iter().map(|(from, _)| &**from).chain(self.others.iter().map(|_| "*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fields, lines};

    fn changed(pairs: &[(&'static str, &'static str)], stated: &[&'static str]) -> Vec<String> {
        let stated: Vec<_> = stated.iter().map(|value| ("content-type", *value)).collect();
        let mut headers = fields(&stated);
        ContentTypes::compile(pairs.iter().copied()).unwrap().apply(&mut headers);
        lines(&headers)
    }

    /// RFC 9110 §8.3.1: types are compared without case, and without parameters.
    #[test]
    fn the_media_type_is_written_anew() {
        let json = [("text/plain", "application/json")];
        assert_eq!(changed(&json, &["Text/Plain; charset=UTF-8"]), ["content-type: application/json"]);
        assert_eq!(changed(&json, &["text/html"]), ["content-type: text/html"]);
        assert_eq!(changed(&json, &[]), [""; 0]);
        let all = [("*", "application/xml"), ("text/plain", "application/json")];
        assert_eq!(changed(&all, &["text/plain"]), ["content-type: application/json"]);
        assert_eq!(changed(&all, &["text/html"]), ["content-type: application/xml"]);
        assert_eq!(changed(&all, &[]), ["content-type: application/xml"]);
    }

    /// RFC 8259 §8.1: what is not in UTF-8 is not to be read as if it were.
    #[test]
    fn another_encoding_stays_said() {
        let json = [("text/plain", "application/json")];
        assert_eq!(changed(&json, &["text/plain; charset=latin1"]), ["content-type: application/json; charset=latin1"]);
    }

    #[test]
    fn what_is_stated_twice_or_is_none_stays() {
        let all = [("*", "application/json")];
        assert_eq!(changed(&all, &["text/plain", "a/b"]), ["content-type: a/b", "content-type: text/plain"]);
        assert_eq!(changed(&all, &["text/plain, a/b"]), ["content-type: text/plain, a/b"]);
        assert_eq!(changed(&all, &["text"]), ["content-type: text"]);
    }

    #[test]
    fn mistakes_are_told_by_their_places() {
        let compiled = |from, to| ContentTypes::compile([("a/b", "c/d"), (from, to)].into_iter());
        assert_eq!(compiled("text", "a/b"), Err(vec![(1, Mistake::From)]));
        assert_eq!(compiled("text/*", "a/b"), Err(vec![(1, Mistake::From)]));
        assert_eq!(compiled("text/plain", "json"), Err(vec![(1, Mistake::To)]));
        assert_eq!(compiled("text/plain", "multipart/form-data"), Err(vec![(1, Mistake::Parts)]));
        assert!(compiled("text/plain", "application/json; charset=utf-8").is_ok());
    }
}
