//! JSON Merge Patch (RFC 7396).

use super::{Object, Value};

/// Changes `target` as `patch` says: objects are merged member by member, `null` removes one, and anything else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !matches!(target, Value::Object(_)) {
        *target = Value::Object(Object::default());
    }
    let Value::Object(object) = target else { return };
    for (name, value) in patch.members() {
        match value {
            Value::Null => drop(object.remove(name)),
            value => {
                if object.get(name).is_none() {
                    object.insert(name, Value::Null);
                }
                if let Some(member) = object.get_mut(name) {
                    merge(member, value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7396, Appendix A: all of its test cases.
    #[test]
    fn the_cases_of_the_standard_hold() {
        for (original, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, "\"bar\"", "\"bar\""),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let mut target = Value::read(original.as_bytes()).unwrap();
            merge(&mut target, &Value::read(patch.as_bytes()).unwrap());
            assert_eq!(target.to_string(), result, "{original} {patch}");
        }
    }
}
