//! The registry in the key-value store: the places that say of themselves that they are there.

use core::ops::RangeInclusive;
use core::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{MOST_PLACES, Seen, Told, Untold, list};
use crate::config::Span;
use crate::json;
use crate::time::Timestamp;

/// The times for which a place may say that it is there.
const LIVES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

/// The time for which it does where nothing is said.
const USUAL_LIFE: Duration = Duration::from_secs(30);

/// The form of a registration.
const FORM: &str = "write `{\"url\": \"http://10.0.0.1:8080\", \"ttl\": \"30s\"}`, or `host` and `port` in place of `url`, and perhaps `weight`, `priority` and `zone`";

/// What a place says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// Its members, as the entry has them.
    members: Map<String, Value>,
    /// The same, read.
    pub seen: Seen,
    /// The time for which that holds.
    life: Duration,
}

impl Registration {
    /// Reads the content of a request.
    ///
    /// # Errors
    /// It is none: what is to be written.
    pub fn read(content: &[u8]) -> Result<Self, &'static str> {
        let mut members = json::object(content).ok_or(FORM)?;
        let ttl = match members.remove("ttl") {
            None => USUAL_LIFE,
            Some(ttl) => {
                let ttl = ttl.as_str().and_then(Span::parse).map(|ttl| ttl.0).filter(|ttl| LIVES.contains(ttl));
                ttl.ok_or("`ttl` is a time from `1s` to `1d`, such as `30s`")?
            }
        };
        let is_known = |name: &String| ["url", "host", "port", "weight", "priority", "zone"].contains(&name.as_str());
        if !members.keys().all(is_known) {
            return Err(FORM);
        }
        let within = |name: &str, (least, most): (u64, u64)| {
            members
                .get(name)
                .is_none_or(|number| number.as_u64().is_some_and(|number| (least..=most).contains(&number)))
        };
        if !within("weight", (1, 1_000)) || !within("priority", (0, 15)) || !within("port", (1, 65_535)) {
            return Err(
                "`weight` is a number from 1 to 1000, `priority` one from 0 to 15, and `port` one from 1 to 65535",
            );
        }
        if members.get("zone").is_some_and(|zone| !zone.is_string()) {
            return Err("`zone` is the name of one");
        }
        let place = Value::Object(members);
        let seen = list::place(&place).ok_or(FORM)?;
        if let Some(fault) = seen.fault() {
            return Err(fault);
        }
        let Value::Object(members) = place else { return Err(FORM) };
        Ok(Self { members, seen, life: ttl })
    }

    /// The moment from which it no longer holds, said at `now`.
    #[must_use]
    pub fn until(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.life)
    }

    /// The place called `id` that has said it at `now`.
    #[must_use]
    pub fn registered(self, id: String, now: Timestamp) -> Registered {
        Registered { id, until: self.until(now), members: self.members }
    }
}

/// A place of an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// Its name among the places of its service.
    pub id: String,
    /// What it says of itself, as the entry has it.
    pub members: Map<String, Value>,
    /// The moment from which that no longer holds.
    pub until: Timestamp,
}

/// The places of an entry that have said by `now` that they are there, by their names.
#[must_use]
pub fn places(entry: &[u8], now: Timestamp) -> Vec<Registered> {
    let alive = |(id, place): (String, Value)| {
        let until = until(&place).filter(|until| *until > now)?;
        let Value::Object(mut members) = place else { return None };
        members.remove("until");
        Some(Registered { id, members, until })
    };
    json::object(entry).unwrap_or_default().into_iter().filter_map(alive).collect()
}

/// Returns whether a place may be called `id`.
#[must_use]
pub fn is_id(id: &str) -> bool {
    let is_text = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    (1..=100).contains(&id.len()) && id.bytes().all(is_text)
}

/// Reads the entry of a service at `now`: the places that have said lately that they are there.
///
/// # Errors
/// It is none, or there are no such places.
pub fn read(entry: &[u8], now: Timestamp) -> Result<Told, Untold> {
    let members = json::object(entry).ok_or(Untold::Malformed)?;
    let is_alive = |place: &&Value| until(place).is_some_and(|until| until > now);
    Told::of(members.values().filter(is_alive).filter_map(list::place).collect()).some()
}

/// The entry of a service with the place called `id` set to what it says at `now`, or removed without that. Those that are past their lives
/// go, too. None if there are too many.
#[must_use]
pub fn with(entry: Option<&[u8]>, id: &str, place: Option<&Registration>, now: Timestamp) -> Option<Bytes> {
    let mut members = entry.and_then(json::object).unwrap_or_default();
    let dead: Vec<String> = members
        .iter()
        .filter(|(_, place)| until(place).is_none_or(|until| until <= now))
        .map(|(id, _)| id.clone())
        .collect();
    for id in dead {
        members.remove(&id);
    }
    match place {
        None => drop(members.remove(id)),
        Some(place) => {
            if members.len() >= MOST_PLACES && !members.contains_key(id) {
                return None;
            }
            let mut said = place.members.clone();
            said.insert("until".to_owned(), json!(place.until(now).unix_millis()));
            members.insert(id.to_owned(), Value::Object(said));
        }
    }
    serde_json::to_vec(&members).ok().map(Bytes::from)
}

fn until(place: &Value) -> Option<Timestamp> {
    place.get("until").and_then(Value::as_u64).map(Timestamp::from_unix_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

    fn place(url: &str) -> Registration {
        Registration::read(json!({"url": url, "ttl": "30s"}).to_string().as_bytes()).unwrap()
    }

    /// docs/configuration.md, The registry: what is not understood is refused, and not taken for less.
    #[test]
    fn a_registration_is_read_whole_or_not_at_all() {
        let read = |text: &str| Registration::read(text.as_bytes());
        let one = read(r#"{"host": "a.test", "port": 81, "weight": 5, "priority": 1}"#).unwrap();
        assert_eq!(one.until(NOW), NOW.saturating_add(Duration::from_secs(30)));
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"url": ""}"#,
            r#"{"url": "http://a", "tll": "1s"}"#,
            r#"{"url": "http://a", "ttl": 30}"#,
            r#"{"url": "http://a", "ttl": "0s"}"#,
            r#"{"url": "http://a", "ttl": "2d"}"#,
            r#"{"url": "http://a", "weight": 0}"#,
            r#"{"host": "a/b", "port": 1}"#,
            r#"{"host": "a", "port": 0}"#,
            r#"{"url": "unix:/run/app.sock"}"#,
            r#"{"host": "unix:80"}"#,
            r#"{"host": "10.0.0.1:80"}"#,
            r#"{"url": "http://a", "until": 9}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        for (id, good) in [("10.0.0.1:80", true), ("", false), ("a/b", false), ("a b", false)] {
            assert_eq!(is_id(id), good, "{id}");
        }
    }

    /// docs/configuration.md, The registry: a place is there for as long as it has said, and no longer.
    #[test]
    fn places_are_there_for_as_long_as_they_say() {
        let later = |seconds| NOW.saturating_add(Duration::from_secs(seconds));
        let one = with(None, "a", Some(&place("http://a")), NOW).unwrap();
        let two = with(Some(&one), "b", Some(&place("http://b")), later(20)).unwrap();
        let count = |entry: &[u8], at| read(entry, at).map(|told| told.places.len());
        assert_eq!(
            [count(&two, later(20)), count(&two, later(30)), count(&two, later(50))],
            [Ok(2), Ok(1), Err(Untold::Empty)]
        );
        let left = with(Some(&two), "b", None, later(20)).unwrap();
        assert_eq!(count(&left, later(20)), Ok(1));
        let renewed = with(Some(&two), "b", Some(&place("http://b")), later(40)).unwrap();
        assert!(!String::from_utf8_lossy(&renewed).contains("http://a"), "it has gone");
        assert_eq!(read(b"[]", NOW), Err(Untold::Malformed));
    }
}
