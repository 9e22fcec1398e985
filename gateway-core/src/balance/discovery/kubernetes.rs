//! Kubernetes: the endpoints of a service by its EndpointSlices (`discovery.k8s.io/v1`).

use serde_json::Value;

use super::{MOST_PLACES, PortName, Seen, Untold, Where, port};

/// Reads a list of slices, of which the port with this name or number is called: where none is named, the only one, or the first.
pub(super) fn read(answer: &Value, named: Option<&PortName>) -> Result<Vec<Seen>, Untold> {
    let slices = answer.get("items").and_then(Value::as_array).ok_or(Untold::Malformed)?;
    let mut places: Vec<Seen> = Vec::new();
    for slice in slices {
        // A name that clients look up themselves is of no use here.
        let is_address = matches!(slice.get("addressType").and_then(Value::as_str), Some("IPv4" | "IPv6"));
        let ports = slice.get("ports").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_meant = |port: &&Value| match named {
            None => true,
            Some(PortName::Named(name)) => port.get("name").and_then(Value::as_str) == Some(name),
            Some(PortName::Number(number)) => port.get("port").and_then(Value::as_u64) == Some(u64::from(*number)),
        };
        let Some(number) = ports.iter().find(is_meant).and_then(|found| port(found.get("port"))).filter(|_| is_address)
        else {
            continue;
        };
        let endpoints = slice.get("endpoints").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for endpoint in endpoints.iter().filter(|endpoint| is_ready(endpoint)) {
            // All addresses of an endpoint are the same one: "clients should only use the first element".
            let Some(address) = endpoint.pointer("/addresses/0").and_then(Value::as_str) else { continue };
            let zone = endpoint.get("zone").and_then(Value::as_str).map(Into::into);
            let place = Seen { zone, ..Seen::plain(Where::Host(address.to_owned(), Some(number))) };
            // While a controller moves endpoints, two slices may have the same one.
            if !places.contains(&place) {
                places.push(place);
            }
            if places.len() >= MOST_PLACES {
                return Ok(places);
            }
        }
    }
    Ok(places)
}

/// Returns whether an endpoint takes requests: "a nil value should be interpreted as true".
fn is_ready(endpoint: &Value) -> bool {
    endpoint.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Kubernetes API, EndpointSlice v1.
    #[test]
    fn ready_endpoints_are_read() {
        let answer = json!({"kind": "EndpointSliceList", "items": [
            {"addressType": "IPv4", "ports": [{"name": "metrics", "port": 9090}, {"name": "http", "port": 8080}], "endpoints": [
                {"addresses": ["10.1.0.1", "10.9.9.9"], "conditions": {"ready": true}},
                {"addresses": ["10.1.0.2"], "conditions": {"ready": false, "serving": true, "terminating": true}},
                {"addresses": ["10.1.0.3"], "conditions": {}}, {"addresses": []}]},
            {"addressType": "IPv6", "ports": [{"name": "http", "port": 8081}], "endpoints": [{"addresses": ["fd00::1"], "zone": "z"}]},
            {"addressType": "IPv4", "ports": [{"name": "http", "port": 8080}], "endpoints": [{"addresses": ["10.1.0.1"]}]},
            {"addressType": "FQDN", "ports": [{"name": "http", "port": 1}], "endpoints": [{"addresses": ["a.test"]}]},
            {"addressType": "IPv4", "ports": null, "endpoints": null}
        ]});
        let seen = |host: &str, port| {
            let zone = (host == "fd00::1").then(|| "z".into());
            Seen { zone, ..Seen::plain(Where::Host(host.to_owned(), Some(port))) }
        };
        let named = PortName::Named("http".into());
        assert_eq!(
            read(&answer, Some(&named)).unwrap(),
            [seen("10.1.0.1", 8080), seen("10.1.0.3", 8080), seen("fd00::1", 8081)]
        );
        assert_eq!(read(&answer, Some(&PortName::Number(8081))).unwrap(), [seen("fd00::1", 8081)]);
        assert_eq!(read(&answer, None).unwrap().len(), 4);
        assert_eq!(read(&json!([]), None), Err(Untold::Malformed));
    }
}
