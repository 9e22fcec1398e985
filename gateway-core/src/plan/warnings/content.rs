//! Warnings about bounds of content that nothing is held to.

use super::schema;
use crate::config::{ByteSize, ConfigError, JsonPath, Policy};
use crate::policy::validate::{MOST_CONTENT, has_bounded};

/// Warns of bounds in the `policy` at `at` that have no effect.
pub(super) fn warnings(at: &JsonPath, policy: &Policy, found: &mut Vec<ConfigError>) {
    let Some(validate) = &policy.validate else { return };
    let at = at.member("validate");
    if let Some(schema) = validate.json.as_ref().and_then(|json| json.schema.as_ref()) {
        schema::warnings(&at.member("json").member("schema"), &schema.0, found);
    }
    let json = validate.json.as_ref().map(|caps| ("json", "JSON", caps.text));
    let xml = validate.xml.as_ref().map(|caps| ("xml", "XML", caps.text));
    for (member, format, text) in json.into_iter().chain(xml) {
        if !has_bounded(&validate.content_types, member == "json") {
            let message = format!("no content is held to these bounds: none of `contentTypes` is a type of {format}");
            let help = format!("add the type, such as `application/{member}`, or remove `{member}`");
            found.push(ConfigError::new(at.member(member), message).with_help(help));
        }
        if text.is_some_and(|ByteSize(bytes)| bytes > MOST_CONTENT) {
            let message = format!("{format} is taken up to 1 MiB as a whole, so no text in it is longer");
            let help = "write a smaller size, or leave it out for 64 KiB";
            found.push(ConfigError::new(at.member(member).member("text"), message).with_help(help));
        }
    }
}
