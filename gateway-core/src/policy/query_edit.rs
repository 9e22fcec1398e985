//! Edits of query parameters. What no edit names stays as it came, byte for byte.

use crate::call::Call;
use crate::http::{percent, query};
use crate::template::{Target, Template};

/// One edit.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryEdit {
    /// Gives every parameter of the first name the second one, in its place.
    Rename(Box<str>, Box<str>),
    /// Removes every parameter of this name.
    Remove(Box<str>),
    /// Makes this the only parameter of this name, in the place of the first; without a value, there is none afterwards.
    Set(Box<str>, Template),
    /// Adds a parameter at the end where there is none of this name; without a value, nothing.
    Default(Box<str>, Template),
    /// Adds a parameter at the end; without a value, nothing.
    Append(Box<str>, Template),
}

impl QueryEdit {
    /// The template of its value, if it has one.
    #[must_use]
    pub const fn template(&self) -> Option<&Template> {
        match self {
            Self::Rename(..) | Self::Remove(_) => None,
            Self::Set(_, template) | Self::Default(_, template) | Self::Append(_, template) => Some(template),
        }
    }
}

/// The query of `call` after `edits`; `None` if no parameter is left.
#[must_use]
pub fn apply(edits: &[QueryEdit], call: &Call) -> Option<String> {
    let mut pairs: Vec<String> = query::parameters(call.query().unwrap_or_default()).map(str::to_owned).collect();
    for edit in edits {
        match edit {
            QueryEdit::Rename(from, to) => {
                for pair in &mut pairs {
                    if query::is_named(pair, from) {
                        let value = pair.split_once('=').map(|(_, value)| value.to_owned());
                        *pair = encoded_name(to);
                        if let Some(value) = value {
                            pair.push('=');
                            pair.push_str(&value);
                        }
                    }
                }
            }
            QueryEdit::Remove(name) => pairs.retain(|pair| !query::is_named(pair, name)),
            QueryEdit::Set(name, template) => {
                let at = pairs.iter().position(|pair| query::is_named(pair, name));
                pairs.retain(|pair| !query::is_named(pair, name));
                if let Some(pair) = filled(name, template, call) {
                    pairs.insert(at.unwrap_or(pairs.len()).min(pairs.len()), pair);
                }
            }
            QueryEdit::Default(name, template) => {
                if !pairs.iter().any(|pair| query::is_named(pair, name)) {
                    pairs.extend(filled(name, template, call));
                }
            }
            QueryEdit::Append(name, template) => pairs.extend(filled(name, template, call)),
        }
    }
    (!pairs.is_empty()).then(|| pairs.join("&"))
}

fn encoded_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    percent::encode_query_value(name, &mut out);
    out
}

fn filled(name: &str, template: &Template, call: &Call) -> Option<String> {
    let mut pair = encoded_name(name);
    pair.push('=');
    template.fill(call, Target::Query, &mut pair).then_some(pair)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use http::{HeaderMap, Method};

    use super::*;

    fn edited(query: &str, edits: &[QueryEdit]) -> Option<String> {
        let uri = format!("/?{query}").parse().unwrap();
        let mut call = Call::new(Method::GET, uri, HeaderMap::new());
        call.client.address = Some(IpAddr::from([192, 0, 2, 1]));
        apply(edits, &call)
    }

    fn template(text: &str) -> Template {
        Template::parse(text, Some(&[])).unwrap()
    }

    #[test]
    fn untouched_parameters_stay_byte_for_byte() {
        assert_eq!(edited("a=%7e&b&c=+", &[QueryEdit::Remove("x".into())]).as_deref(), Some("a=%7e&b&c=+"));
    }

    #[test]
    fn edits_know_encoded_names() {
        let edits = [QueryEdit::Rename("page".into(), "p".into()), QueryEdit::Remove("debug".into())];
        assert_eq!(edited("p%61ge=2&d%65bug&x=1", &edits).as_deref(), Some("p=2&x=1"));
    }

    #[test]
    fn set_takes_the_first_place_and_encodes() {
        let edits = [
            QueryEdit::Set("a".into(), template("x&y")),
            QueryEdit::Append("ip".into(), template("{client.address}")),
            QueryEdit::Append("none".into(), template("{cookie.none}")),
        ];
        assert_eq!(edited("z=0&a=1&a=2", &edits).as_deref(), Some("z=0&a=x%26y&ip=192.0.2.1"));
    }

    #[test]
    fn nothing_left_is_no_query() {
        assert_eq!(edited("a=1", &[QueryEdit::Remove("a".into())]), None);
    }
}
