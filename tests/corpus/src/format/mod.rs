//! The layout of a case file: the same for every author, so that a change shows as the lines that it changes.

mod layout;
mod order;
mod tree;

use crate::format::order::Part;
use crate::format::tree::Node;

/// Lays out the text of a case file.
///
/// Members come in the order of the case's model, each case and each step begins a line of its own, and what does not fit
/// into a line is spread over several. What it says stays the same to the byte: strings and numbers are copied, and so is
/// the order of members that the model leaves to the author.
///
/// # Errors
/// The place and the reason, where the text is no JSON.
pub fn format(text: &str) -> Result<String, String> {
    let root = Node::read(text).map_err(|error| error.to_string())?;
    let mut out = String::with_capacity(2 * text.len());
    layout::write(&mut out, &root.arranged(Part::File), Part::File);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::load::case_files;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// Every case file with its text.
    fn files() -> impl Iterator<Item = (String, String)> {
        case_files().unwrap().into_iter().map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.display().to_string(), text)
        })
    }

    #[test]
    fn a_file_says_the_same_as_before() {
        for (name, text) in files() {
            assert_eq!(value(&text), value(&format(&text).unwrap()), "{name}");
        }
    }

    #[test]
    fn what_is_formatted_stays_as_it_is() {
        for (name, text) in files() {
            let once = format(&text).unwrap();
            assert_eq!(format(&once).unwrap(), once, "{name}");
        }
    }

    #[test]
    fn a_line_is_no_longer_than_its_longest_string_needs() {
        for (name, text) in files() {
            for line in format(&text).unwrap().lines().filter(|line| line.chars().count() > layout::WIDTH) {
                let trimmed = line.trim().trim_end_matches(',');
                // An item of a list, which may look like a member within, or a member.
                let is_text = |text: &str| serde_json::from_str::<String>(text).is_ok();
                let member = || trimmed.split_once("\": ").is_some_and(|(_, value)| is_text(value));
                assert!(is_text(trimmed) || member(), "{name}: {line}");
            }
        }
    }

    #[test]
    fn members_come_in_the_order_of_the_model_and_steps_in_lines_of_their_own() {
        let text = r#"{"cases":[{"steps":[{"expect":{"upstream":null,"status":200},"request":{"headers":[["b","1"],["a","2"]],"url":"http://gw.test/"}}],
            "cite":"RFC","name":"n","config":{"z":1.50,"a":{"b":[]}}}],"topic":"t"}"#;
        let expected = r#"{
  "topic": "t",
  "cases": [
    {
      "name": "n",
      "cite": "RFC",
      "config": { "z": 1.50, "a": { "b": [] } },
      "steps": [
        {
          "request": { "url": "http://gw.test/", "headers": [["b", "1"], ["a", "2"]] },
          "expect": { "status": 200, "upstream": null }
        }
      ]
    }
  ]
}
"#;
        assert_eq!(format(text).unwrap(), expected);
    }

    #[test]
    fn what_is_no_json_is_said_with_its_place() {
        let error = format("{\n  \"topic\": }").unwrap_err();
        assert!(error.contains("line 2 column 12"), "{error}");
    }
}
