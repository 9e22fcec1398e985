//! The files of `tests/keys`, and their places in the text of a configuration.

use super::placeholders::replace;
use crate::load::cases_dir;

/// The text of a file in `tests/keys`.
///
/// # Errors
/// Why it can't be read.
pub(super) fn read(file: &str) -> Result<String, String> {
    let path = cases_dir().join("../keys").join(file);
    std::fs::read_to_string(&path).map_err(|error| format!("tests/keys/{file}: {error}"))
}

/// The JWK of the key called `name`.
///
/// # Errors
/// Why it can't be read.
pub(crate) fn jwk(name: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(&read(&format!("{name}.jwk"))?).map_err(|error| format!("tests/keys/{name}.jwk: {error}"))
}

/// `text` with files of `tests/keys` in the place of `${key:FILE}`. In a text that `is_json`, the members of `"${key:NAME.jwk}"` are an
/// object, and any other file goes into a string.
///
/// # Errors
/// Which file can't be read.
pub(crate) fn insert(text: &str, is_json: bool) -> Result<String, String> {
    if !is_json {
        return replace(text, "${key:", read);
    }
    let objects = replace_quoted(text)?;
    replace(&objects, "${key:", |file| {
        let quoted = serde_json::Value::String(read(file)?).to_string();
        Ok(quoted.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or_default().to_owned())
    })
}

/// `text` with a JWK in the place of each string that is nothing but its name.
fn replace_quoted(text: &str) -> Result<String, String> {
    const START: &str = "\"${key:";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(START) {
        out.push_str(before);
        match after.split_once("}\"") {
            Some((file, after)) if file.ends_with(".jwk") => {
                out.push_str(read(file)?.trim_end());
                rest = after;
            }
            _ => {
                out.push_str(START);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_quotes_keys_by_their_files() {
        let text =
            r#"{"a": "${key:p256-a.pem}", "b": "${key:p256-a.jwk}", "c": "${NAME}", "d": "x ${key:hs256.secret}"}"#;
        let inserted: serde_json::Value = serde_json::from_str(&insert(text, true).unwrap()).unwrap();
        assert_eq!(inserted["a"], read("p256-a.pem").unwrap());
        assert_eq!(inserted["b"]["crv"], "P-256");
        assert_eq!(inserted["c"], "${NAME}");
        assert!(inserted["d"].as_str().unwrap().starts_with("x PLANT-"));
        assert!(insert("${key:lost}", false).unwrap_err().contains("lost"));
    }
}
