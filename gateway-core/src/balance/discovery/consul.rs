//! Consul: the instances of a service by `/v1/health/service/NAME`.

use http::HeaderMap;
use serde_json::Value;

use super::{Seen, Told, Untold, WAIT, Where, number, port};

/// The path that waits for another state than `index`.
pub(super) fn waiting(path: &str, index: u64) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}index={index}&wait={}s", WAIT.as_secs())
}

/// Reads an answer: a list of nodes, services and checks.
pub(super) fn read(headers: &HeaderMap, answer: &Value) -> Result<Told, Untold> {
    let list = answer.as_array().ok_or(Untold::Malformed)?;
    let place = |entry: &Value| {
        let service = entry.get("Service")?;
        // An empty address is that of the node.
        let text = |value: Option<&Value>| value?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let host = text(service.get("Address")).or_else(|| text(entry.pointer("/Node/Address")))?;
        let weight = number(service.pointer("/Weights/Passing"), (1, 1_000), 1);
        let zone = ["/Service/Locality/Zone", "/Service/Meta/zone", "/Node/Meta/zone", "/Node/Datacenter"];
        let zone = zone.iter().find_map(|pointer| text(entry.pointer(pointer)));
        let at = Where::Host(host, port(service.get("Port")));
        Some(Seen { at, weight, priority: 0, zone: zone.map(Into::into) })
    };
    // "X-Consul-Index must be greater than 0": with 0 a question would not wait.
    let index = headers.get("x-consul-index").and_then(|index| index.to_str().ok()?.parse().ok());
    let index = index.filter(|index| *index > 0);
    Ok(Told { places: list.iter().filter_map(place).collect(), life: None, index })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Consul's API, Health: "List Service Instances for Service"; Blocking Queries.
    #[test]
    fn instances_are_read() {
        let answer = json!([
            {"Node": {"Node": "n1", "Address": "10.0.0.1"}, "Service": {"Address": "10.1.0.1", "Port": 8080, "Weights": {"Passing": 10, "Warning": 1}}},
            {"Node": {"Node": "n2", "Address": "10.0.0.2", "Datacenter": "dc", "Meta": {"zone": "z"}}, "Service": {"Address": "", "Port": 8081}},
            {"Node": {"Node": "n3"}, "Service": {"Port": 8081}},
            {"Service": {"Address": "h", "Port": 0}}
        ]);
        let mut headers = HeaderMap::new();
        headers.insert("X-Consul-Index", "42".parse().unwrap());
        let told = read(&headers, &answer).unwrap();
        let seen = |host: &str, port, weight| {
            let zone = (host == "10.0.0.2").then(|| "z".into());
            Seen { at: Where::Host(host.to_owned(), port), weight, priority: 0, zone }
        };
        assert_eq!(
            told.places,
            [seen("10.1.0.1", Some(8080), 10), seen("10.0.0.2", Some(8081), 1), seen("h", None, 1)]
        );
        assert_eq!(told.index, Some(42));
        headers.insert("X-Consul-Index", "0".parse().unwrap());
        assert_eq!(read(&headers, &answer).unwrap().index, None);
        assert_eq!(read(&headers, &json!({})), Err(Untold::Malformed));
        assert_eq!(waiting("/v1/health/service/a?passing", 7), "/v1/health/service/a?passing&index=7&wait=30s");
    }
}
