//! Eureka: the instances of an application by `/eureka/apps/NAME`.

use serde_json::Value;

use super::{Seen, Untold, Where, port};

/// Reads an application: its instances that are `UP`. An instance alone stands there without a list.
pub(super) fn read(answer: &Value) -> Result<Vec<Seen>, Untold> {
    let instances = answer.pointer("/application/instance").ok_or(Untold::Malformed)?;
    let instances = match instances {
        Value::Array(list) => list.as_slice(),
        one => core::slice::from_ref(one),
    };
    let place = |instance: &Value| {
        let text = |name: &str| instance.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if text("status") != Some("UP") {
            return None;
        }
        let host = text("ipAddr").or_else(|| text("hostName"))?;
        // `@enabled` is a text; a port that is not enabled stands there nevertheless.
        let enabled = |name: &str| {
            let stated = instance.get(name)?;
            let is_on =
                stated.get("@enabled").is_none_or(|on| on.as_str() == Some("true") || on.as_bool() == Some(true));
            if is_on { port(stated.get("$")) } else { None }
        };
        Some(Seen::plain(Where::Host(host.to_owned(), enabled("port").or_else(|| enabled("securePort")))))
    };
    Ok(instances.iter().filter_map(place).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Eureka's REST operations: "Query for all appID instances".
    #[test]
    fn instances_that_are_up_are_read() {
        let instance = |ip: &str, status: &str, on: &str| json!({"hostName": "h", "ipAddr": ip, "status": status, "port": {"$": 8080, "@enabled": on}, "securePort": {"$": 8443, "@enabled": "true"}});
        let answer = json!({"application": {"name": "A", "instance":
            [instance("10.0.0.1", "UP", "true"), instance("10.0.0.2", "DOWN", "true"), instance("", "UP", "false")]}});
        let seen = |host: &str, port| Seen::plain(Where::Host(host.to_owned(), Some(port)));
        assert_eq!(read(&answer).unwrap(), [seen("10.0.0.1", 8080), seen("h", 8443)]);
        let one = json!({"application": {"instance": instance("10.0.0.1", "UP", "true")}});
        assert_eq!(read(&one).unwrap(), [seen("10.0.0.1", 8080)]);
        assert_eq!(read(&json!({"applications": {}})), Err(Untold::Malformed));
    }
}
