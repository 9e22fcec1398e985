//! Forms as documents, and documents as forms (`application/x-www-form-urlencoded`, URL standard §5).

use crate::document::{Budget, Member, Object, TooMuch, Value};
use crate::http::percent;
use crate::http::query;

/// The rules.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The names of the fields that are a list even where there is one.
    pub lists: Box<[Box<str>]>,
}

impl Rules {
    /// The document of `fields`, of which those of one name are a list.
    pub(super) fn document(&self, fields: Vec<Member>) -> Value {
        Value::Object(collected(fields, &|name| self.lists.iter().any(|list| **list == *name)))
    }
}

/// A reason why a form is no document, or a document no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A name or a value is not in UTF-8.
    Encoding,
    /// It takes too much room.
    TooMuch,
    /// It is no object of texts, numbers and booleans, or lists of these.
    Shape,
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Encoding => "a name or a value in the form is not in UTF-8",
            Self::TooMuch => "the form takes too much room",
            Self::Shape => "the whole is no object of texts, numbers and booleans, or lists of these",
        })
    }
}

impl From<TooMuch> for Fault {
    fn from(TooMuch: TooMuch) -> Self {
        Self::TooMuch
    }
}

/// Reads a form: its fields are members, and those of one name a list, as `rules` have it. Values are strings.
///
/// # Errors
/// The first fault.
pub fn read(form: &str, rules: &Rules, budget: &mut Budget) -> Result<Value, Fault> {
    let mut fields = Vec::new();
    for parameter in query::parameters(form) {
        let (name, value) = query::split(parameter);
        let name = percent::decode_form_whole(name).ok_or(Fault::Encoding)?;
        let value = percent::decode_form_whole(value).ok_or(Fault::Encoding)?;
        budget.take_bytes(name.len().saturating_add(value.len()).saturating_add(size_of::<Member>()))?;
        fields.push((name.into(), Value::from(value)));
    }
    Ok(rules.document(fields))
}

/// The object of `fields`, in which those of one name are a list, and so is a single one where it `is_list`.
pub(super) fn collected(fields: Vec<Member>, is_list: &dyn Fn(&str) -> bool) -> Object {
    // By name first, so that many fields do not take the time of all pairs.
    let mut order: Vec<usize> = (0..fields.len()).collect();
    let name = |index: &usize| fields.get(*index).map(|(name, _)| &**name);
    crate::order::sort_by(&mut order, |one, other| name(one).cmp(&name(other)));
    let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
    for index in order {
        match groups.last_mut() {
            Some((first, all)) if name(first) == name(&index) => all.push(index),
            _ => groups.push((index, vec![index])),
        }
    }
    crate::order::sort_by(&mut groups, |one, other| one.0.cmp(&other.0));
    let mut fields: Vec<_> = fields.into_iter().map(Some).collect();
    let mut take = |index: usize| fields.get_mut(index).and_then(Option::take);
    let mut members = Vec::new();
    for (first, all) in groups {
        let Some((name, value)) = take(first) else { continue };
        let others = all.into_iter().filter(|index| *index != first).filter_map(&mut take).map(|(_, value)| value);
        let mut values = vec![value];
        values.extend(others);
        let is_one = values.len() == 1 && !is_list(&name);
        let value = if is_one { values.pop().unwrap_or_default() } else { Value::Array(values) };
        members.push((name, value));
    }
    Object::of_distinct(members)
}

/// Writes `document` as a form.
///
/// # Errors
/// It has no form.
pub fn write(document: &Value) -> Result<String, Fault> {
    let Value::Object(object) = document else { return Err(Fault::Shape) };
    let mut out = String::new();
    let mut add = |name: &str, value: &Value| {
        let text = match value {
            Value::String(text) => std::borrow::Cow::Borrowed(&**text),
            Value::Number(_) | Value::Boolean(_) => value.to_string().into(),
            Value::Null => "".into(),
            Value::Array(_) | Value::Object(_) => return Err(Fault::Shape),
        };
        if !out.is_empty() {
            out.push('&');
        }
        percent::encode_query_value(name, &mut out);
        out.push('=');
        percent::encode_query_value(&text, &mut out);
        Ok(())
    };
    for (name, value) in object.members() {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| add(name, item))?,
            value => add(name, value)?,
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_form(form: &str) -> Result<String, Fault> {
        read(form, &Rules::default(), &mut Budget::new(1 << 20)).map(|value| value.to_string())
    }

    /// URL standard §5.1.
    #[test]
    fn fields_are_members_and_those_of_one_name_a_list() {
        assert_eq!(read_form("b=1&a=x+y%26&b=2&&c").as_deref(), Ok(r#"{"b":["1","2"],"a":"x y&","c":""}"#));
        assert_eq!(read_form("").as_deref(), Ok("{}"));
        assert_eq!((read_form("a=%ff"), read_form("%ff=1")), (Err(Fault::Encoding), Err(Fault::Encoding)));
        assert_eq!(read("a=1&b=2", &Rules::default(), &mut Budget::new(10)), Err(Fault::TooMuch));
    }

    /// docs/configuration.md, Forms of content: `form.lists`.
    #[test]
    fn fields_that_are_lists_are_so_even_alone() {
        let rules = Rules { lists: ["tag".into(), "none".into()].into() };
        let read = |form: &str| read(form, &rules, &mut Budget::new(1 << 20)).unwrap().to_string();
        assert_eq!(read("tag=a&b=1"), r#"{"tag":["a"],"b":"1"}"#);
        assert_eq!(read("tag=a&tag=&b=1&b=2"), r#"{"tag":["a",""],"b":["1","2"]}"#);
        assert_eq!(read("b=1"), r#"{"b":"1"}"#);
    }

    #[test]
    fn objects_of_texts_are_forms() {
        let form = |text: &str| write(&Value::read(text.as_bytes()).unwrap());
        assert_eq!(
            form(r#"{"a b":"x&y=z","n":1.10,"t":true,"l":["1","2"],"e":[],"z":null}"#).as_deref(),
            Ok("a%20b=x%26y%3Dz&n=1.10&t=true&l=1&l=2&z=")
        );
        for wrong in ["[]", "1", r#"{"a":{}}"#, r#"{"a":[[1]]}"#] {
            assert_eq!(form(wrong), Err(Fault::Shape), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn to_a_form_and_back_is_the_same(fields in proptest::collection::vec((".{0,4}", ".{0,6}"), 0..6)) {
            let object = fields.into_iter().map(|(name, value)| (name.into(), Value::from(value))).collect();
            let document = Value::Object(object);
            prop_assert_eq!(read(&write(&document).unwrap(), &Rules::default(), &mut Budget::new(1 << 20)).unwrap(), document);
        }
    }
}
