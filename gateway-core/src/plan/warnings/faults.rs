//! Faults on purpose for more than their author may have thought of.

use crate::config::{ConfigError, JsonPath, Policy};

/// Warns of a policy that has every request fail, and of one by which anybody can have requests fail.
pub(super) fn warnings(path: &JsonPath, policy: &Policy, found: &mut Vec<ConfigError>) {
    let Some(fault) = policy.fault.as_ref().filter(|fault| fault.when.is_none() && fault.percent != Some(0)) else {
        return;
    };
    let path = path.member("fault");
    if fault.by_header {
        let error = ConfigError::new(path, "any client may ask for faults");
        found.push(
            error.with_help("add `when`, so that those alone may who test: `request.headers['x-test'] == 'yes'`"),
        );
    } else if fault.status.is_some() && fault.percent.is_none_or(|percent| percent >= 100) {
        let error = ConfigError::new(path, "every request is answered with an error on purpose");
        found.push(
            error.with_help("add `percent` or `when`; `\"percent\": 100` without `when` is as good as `maintenance`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::warnings;
    use crate::time::Timestamp;

    /// docs/configuration.md, Faults on purpose: `check` warns.
    #[test]
    fn faults_for_all_are_warned_of() {
        let told = |fault: &str| {
            let text = format!(
                r#"{{"routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}, "policies": [{{"fault": {fault}}}]}}]}}"#
            );
            warnings(&text, Timestamp::from_unix_millis(0))
                .into_iter()
                .map(|warning| warning.message)
                .collect::<Vec<_>>()
        };
        assert_eq!(told(r#"{"status": 503}"#), ["every request is answered with an error on purpose"]);
        assert_eq!(told(r#"{"byHeader": true}"#), ["any client may ask for faults"]);
        for fine in [
            r#"{"status": 503, "percent": 5}"#,
            r#"{"status": 503, "when": "request.method == 'GET'"}"#,
            r#"{"delay": "1s"}"#,
            r#"{"byHeader": true, "when": "'x-test' in request.headers"}"#,
        ] {
            assert_eq!(told(fine), Vec::<String>::new(), "{fine}");
        }
    }
}
