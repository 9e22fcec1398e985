//! The registry in the key-value store: the places that say of themselves that they are there.

use core::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{MOST_PLACES, Told, Untold, list};
use crate::json;
use crate::time::Timestamp;

/// Reads the entry of a service at `now`: the places that have said lately that they are there.
///
/// # Errors
/// It is none, or there are no such places.
pub fn read(entry: &[u8], now: Timestamp) -> Result<Told, Untold> {
    let members = json::object(entry).ok_or(Untold::Malformed)?;
    let is_alive = |place: &&Value| until(place).is_some_and(|until| until > now);
    Told::of(members.values().filter(is_alive).filter_map(list::place).collect()).some()
}

/// The entry of a service with the place called `id` set to `place` for `life` from `now` on, or removed without one. Those that are past their lives
/// go, too. None if there are too many.
#[must_use]
pub fn with(
    entry: Option<&[u8]>,
    id: &str,
    place: Option<(Map<String, Value>, Duration)>,
    now: Timestamp,
) -> Option<Bytes> {
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
        Some((mut place, life)) => {
            if members.len() >= MOST_PLACES && !members.contains_key(id) {
                return None;
            }
            place.insert("until".to_owned(), json!(now.saturating_add(life).unix_millis()));
            members.insert(id.to_owned(), Value::Object(place));
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

    fn place(url: &str) -> Option<(Map<String, Value>, Duration)> {
        let members = json::object(json!({"url": url}).to_string().as_bytes())?;
        Some((members, Duration::from_secs(30)))
    }

    /// docs/configuration.md, The registry: a place is there for as long as it has said, and no longer.
    #[test]
    fn places_are_there_for_as_long_as_they_say() {
        let later = |seconds| NOW.saturating_add(Duration::from_secs(seconds));
        let one = with(None, "a", place("http://a"), NOW).unwrap();
        let two = with(Some(&one), "b", place("http://b"), later(20)).unwrap();
        let count = |entry: &[u8], at| read(entry, at).map(|told| told.places.len());
        assert_eq!(
            [count(&two, later(20)), count(&two, later(30)), count(&two, later(50))],
            [Ok(2), Ok(1), Err(Untold::Empty)]
        );
        let left = with(Some(&two), "b", None, later(20)).unwrap();
        assert_eq!(count(&left, later(20)), Ok(1));
        let renewed = with(Some(&two), "b", place("http://b"), later(40)).unwrap();
        assert!(!String::from_utf8_lossy(&renewed).contains("http://a"), "it has gone");
        assert_eq!(read(b"[]", NOW), Err(Untold::Malformed));
    }
}
