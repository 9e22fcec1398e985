//! A list of places in JSON: URLs, or objects with `url` or `host` and `port`, and perhaps `weight` and `priority`.

use serde_json::Value;

use super::{Seen, Untold, Where, number, port};

/// Reads the list at `pointer` of an answer.
pub(super) fn read(answer: &Value, pointer: &str) -> Result<Vec<Seen>, Untold> {
    let list = answer.pointer(pointer).and_then(Value::as_array).ok_or(Untold::Malformed)?;
    Ok(list.iter().filter_map(place).collect())
}

/// The place that `entry` of a list is; none if it is none.
pub(super) fn place(entry: &Value) -> Option<Seen> {
    let at = |text: &str| match text.contains("://") {
        true => Where::Url(text.to_owned()),
        false => match text.rsplit_once(':').filter(|(host, _)| !host.contains(':')) {
            // Without a port behind it, what is before the colon is no host either: `unix:/run/app.sock`.
            Some((host, port)) if port.parse::<u16>().is_ok() && host != "unix" => {
                Where::Host(host.to_owned(), port.parse().ok())
            }
            _ => Where::Host(text.to_owned(), None),
        },
    };
    if let Value::String(text) = entry {
        return Some(Seen::plain(at(text)));
    }
    let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let at = match (text("url"), text("host").or_else(|| text("address"))) {
        (Some(url), _) => at(url),
        (None, Some(host)) => Where::Host(host.to_owned(), port(entry.get("port"))),
        (None, None) => return None,
    };
    let weight = number(entry.get("weight"), (1, 1_000), 1);
    let (priority, zone) = (number(entry.get("priority"), (0, 15), 0), text("zone").map(Into::into));
    Some(Seen { at, weight, priority, zone })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// docs/configuration.md, Discovery, `list`.
    #[test]
    fn places_are_read_in_all_their_forms() {
        let answer = json!({"data": {"nodes": ["http://a:1/base", "b:2", "c", {"url": "http://d"},
            {"host": "::1", "port": "8080", "weight": 7, "priority": 2, "zone": "z"}, {"address": "e", "weight": 0}, {"port": 1}, 3]}});
        let host = |host: &str, port| Where::Host(host.to_owned(), port);
        let places = read(&answer, "/data/nodes").unwrap();
        let found: Vec<_> = places.iter().map(|seen| (seen.at.clone(), seen.weight, seen.priority)).collect();
        assert_eq!(
            found,
            [
                (Where::Url("http://a:1/base".to_owned()), 1, 0),
                (host("b", Some(2)), 1, 0),
                (host("c", None), 1, 0),
                (Where::Url("http://d".to_owned()), 1, 0),
                (host("::1", Some(8080)), 7, 2),
                (host("e", None), 1, 0)
            ]
        );
        let zones: Vec<_> = places.iter().filter_map(|seen| seen.zone.as_deref()).collect();
        assert_eq!(zones, ["z"]);
        assert_eq!(read(&answer, "/nodes"), Err(Untold::Malformed));
        assert_eq!(read(&json!([]), ""), Ok(vec![]));
    }
}
