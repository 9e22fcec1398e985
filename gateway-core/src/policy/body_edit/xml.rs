//! XML as a document, and a document as XML (XML 1.0, fifth edition), by rules.
//!
//! An element is a member of the object of the element that it is in. Its attributes are members with [`ATTRIBUTE`] before their names, and
//! its text is the member [`TEXT`]; an element with text alone is a string. Elements of one name are a list. Comments and processing
//! instructions are left out, and so is white space between elements.

use core::fmt::{self, Display};

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use super::form::collected;
use crate::document::{Budget, DEEPEST, Member, Object, TooMuch, Value};

/// The beginning of the names of members that are attributes.
pub const ATTRIBUTE: &str = "@";

/// The name of the member that is the text of an element which has attributes or elements, too.
pub const TEXT: &str = "#text";

/// The rules.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The names of the elements that are a list even where there is one. One behind the name of another and a slash is a list in each of
    /// those, even where there is none.
    pub lists: Box<[Box<str>]>,
    /// Set if prefixes of names and declarations of namespaces are left out.
    pub without_namespaces: bool,
    /// The name of the element that a document is put into which is no object with one member.
    pub root: Option<Box<str>>,
}

/// A reason why XML is no document, or a document no XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no XML.
    Syntax,
    /// It is nested too deeply.
    Depth,
    /// It takes too much room.
    TooMuch,
    /// Without their prefixes, two attributes of an element have one name.
    SameName,
    /// The whole is no object with one member, which would be the root.
    Root,
    /// A name is none of an element or an attribute.
    Name,
    /// A text has a character that XML has not.
    Character,
    /// An attribute or a text is no string, number or boolean.
    Scalar,
    /// A list is in a list.
    List,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "it is no well-formed XML",
            Self::Depth => "its XML is nested too deeply",
            Self::TooMuch => "its XML takes too much room",
            Self::SameName => "two attributes have one name, without their prefixes",
            Self::Root => "the whole is no object with one member, which would be the root element",
            Self::Name => "a member's name is none that XML has",
            Self::Character => "a text has a character that XML has not",
            Self::Scalar => "an attribute or a text is an object or a list",
            Self::List => "a list is in a list, for which XML has no elements",
        })
    }
}

impl From<TooMuch> for Fault {
    fn from(TooMuch: TooMuch) -> Self {
        Self::TooMuch
    }
}

/// An element that is open.
#[derive(Default)]
struct Open {
    name: Box<str>,
    attributes: Vec<Member>,
    text: String,
    elements: Vec<Member>,
}

/// Reads the XML `text`, which has to be well-formed as far as `policy::xml_caps` looks at it: it has no document type, and no references but
/// to characters and the five predefined entities.
///
/// # Errors
/// The first fault.
pub fn read(text: &str, rules: &Rules, budget: &mut Budget) -> Result<Value, Fault> {
    let mut reader = Reader::from_str(text);
    // What is around the root is an element as well, with one member.
    let mut open = vec![Open::default()];
    loop {
        let event = reader.read_event().map_err(|_| Fault::Syntax)?;
        let top = open.last_mut().ok_or(Fault::Syntax)?;
        match event {
            Event::Start(start) => {
                if open.len() > DEEPEST {
                    return Err(Fault::Depth);
                }
                let element = begin(&start, rules, budget)?;
                open.push(element);
            }
            Event::Empty(start) => {
                let element = begin(&start, rules, budget)?;
                add(top, element, rules);
            }
            Event::End(_) => {
                let element = open.pop().ok_or(Fault::Syntax)?;
                add(open.last_mut().ok_or(Fault::Syntax)?, element, rules);
            }
            Event::Text(text) => append(top, &text.xml10_content(), budget)?,
            Event::CData(text) => append(top, &text.xml10_content(), budget)?,
            Event::GeneralRef(reference) => match reference.resolve_char_ref().map_err(|_| Fault::Syntax)? {
                Some(character) => append(top, character.encode_utf8(&mut [0; 4]), budget)?,
                None => append(top, resolve_predefined_entity(&reference).ok_or(Fault::Syntax)?, budget)?,
            },
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::DocType(_) => return Err(Fault::Syntax),
            Event::Eof => break,
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(Open { elements, .. }), true) if elements.len() == 1 => {
            Ok(Value::Object(collected(elements, &|_| false)))
        }
        _ => Err(Fault::Syntax),
    }
}

fn append(element: &mut Open, text: &str, budget: &mut Budget) -> Result<(), Fault> {
    budget.take_bytes(text.len())?;
    element.text.push_str(text);
    Ok(())
}

/// The name of an element or attribute, as the rules have it.
fn name<'n>(name: &'n str, rules: &Rules) -> &'n str {
    match name.split_once(':') {
        Some((_, local)) if rules.without_namespaces => local,
        _ => name,
    }
}

fn begin(start: &BytesStart<'_>, rules: &Rules, budget: &mut Budget) -> Result<Open, Fault> {
    let own = start.name();
    let mut element = Open { name: name(own.as_ref(), rules).into(), ..Open::default() };
    budget.take_bytes(size_of::<Open>().saturating_add(element.name.len()))?;
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| Fault::Syntax)?;
        let key = attribute.key.as_ref();
        if rules.without_namespaces && (key == "xmlns" || key.starts_with("xmlns:")) {
            continue;
        }
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|_| Fault::Syntax)?;
        budget.take_bytes(key.len().saturating_add(value.len()).saturating_add(size_of::<Member>()))?;
        let name: Box<str> = [ATTRIBUTE, name(key, rules)].concat().into();
        if element.attributes.iter().any(|(other, _)| *other == name) {
            return Err(Fault::SameName);
        }
        element.attributes.push((name, Value::from(&*value)));
    }
    Ok(element)
}

/// Adds an element that has ended to the one that it is in.
fn add(parent: &mut Open, element: Open, rules: &Rules) {
    let Open { name, attributes: mut members, text, elements } = element;
    let is_blank = text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    let own = || rules.lists.iter().filter_map(|list| list.split_once('/')).filter(|(parent, _)| **parent == *name);
    let has_lists = own().next().is_some();
    let value = if members.is_empty() && elements.is_empty() && !has_lists {
        Value::from(text)
    } else {
        if !(text.is_empty() || (has_lists || !elements.is_empty()) && is_blank) {
            members.push((TEXT.into(), Value::from(text)));
        }
        let is_list =
            |child: &str| rules.lists.iter().any(|list| &**list == child) || own().any(|(_, list)| list == child);
        let mut object = Object::of_distinct(members);
        object.insert_all(collected(elements, &is_list).take());
        for (_, list) in own() {
            if object.get(list).is_none() {
                object.insert(list, Value::Array(Vec::new()));
            }
        }
        Value::Object(object)
    };
    parent.elements.push((name, value));
}

/// Writes `document` as XML, with a declaration.
///
/// # Errors
/// The first fault.
pub fn write(document: &Value, rules: &Rules) -> Result<String, Fault> {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned();
    match document {
        Value::Object(object) => match (object.members(), &rules.root) {
            ([(name, value)], _) if !matches!(value, Value::Array(_)) && is_name(name) => {
                element(name, value, &mut out)?
            }
            (_, Some(root)) => element(root, document, &mut out)?,
            ([(name, _)], None) if !is_name(name) => return Err(Fault::Name),
            _ => return Err(Fault::Root),
        },
        _ => match &rules.root {
            Some(root) if !matches!(document, Value::Array(_)) => element(root, document, &mut out)?,
            _ => return Err(Fault::Root),
        },
    }
    Ok(out)
}

fn element(name: &str, value: &Value, out: &mut String) -> Result<(), Fault> {
    if !is_name(name) {
        return Err(Fault::Name);
    }
    let members = match value {
        Value::Array(items) => {
            for item in items {
                if matches!(item, Value::Array(_)) {
                    return Err(Fault::List);
                }
                element(name, item, out)?;
            }
            return Ok(());
        }
        Value::Object(object) => object.members(),
        _ => &[],
    };
    out.extend(["<", name]);
    for (own, value) in members {
        if let Some(own) = own.strip_prefix(ATTRIBUTE) {
            if !is_name(own) {
                return Err(Fault::Name);
            }
            out.extend([" ", own, "=\""]);
            escape(&scalar(value)?, true, out)?;
            out.push('"');
        }
    }
    let begin = out.len();
    out.push('>');
    if members.is_empty() && !matches!(value, Value::Object(_)) {
        escape(&scalar(value)?, false, out)?;
    }
    for (own, value) in members.iter().filter(|(own, _)| !own.starts_with(ATTRIBUTE)) {
        if &**own == TEXT {
            escape(&scalar(value)?, false, out)?;
        } else {
            element(own, value, out)?;
        }
    }
    if out.len() == begin.saturating_add(1) {
        out.truncate(begin);
        out.push_str("/>");
    } else {
        out.extend(["</", name, ">"]);
    }
    Ok(())
}

/// The text of a value that is none of several.
fn scalar(value: &Value) -> Result<std::borrow::Cow<'_, str>, Fault> {
    match value {
        Value::Null => Ok("".into()),
        Value::String(text) => Ok((&**text).into()),
        Value::Boolean(_) | Value::Number(_) => Ok(value.to_string().into()),
        Value::Array(_) | Value::Object(_) => Err(Fault::Scalar),
    }
}

/// XML 1.0 §2.4; and §2.11, §3.3.3: what a reader would take for the end of a line, or for a space in an attribute, is a reference.
fn escape(text: &str, is_attribute: bool, out: &mut String) -> Result<(), Fault> {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if is_attribute => out.push_str("&quot;"),
            '\t' if is_attribute => out.push_str("&#9;"),
            '\n' if is_attribute => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(character),
            // §2.2.
            '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => return Err(Fault::Character),
            _ => out.push(character),
        }
    }
    Ok(())
}

/// Returns whether `text` is a name of XML (§2.3), with one prefix at the most (Namespaces in XML 1.0, §4).
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.split(':').count() <= 2 && text.split(':').all(is_local_name)
}

fn is_local_name(text: &str) -> bool {
    let is_start = |character: char| {
        matches!(character,
            'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
            | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
            | '\u{10000}'..='\u{effff}')
    };
    let is_further = |character: char| {
        is_start(character)
            || matches!(character, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
    };
    let mut characters = text.chars();
    characters.next().is_some_and(is_start) && characters.all(is_further)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn read_by(text: &str, rules: &Rules) -> Result<String, Fault> {
        read(text, rules, &mut Budget::new(1 << 20)).map(|value| value.to_string())
    }

    fn json(text: &str) -> String {
        read_by(text, &Rules::default()).unwrap()
    }

    fn written(text: &str, rules: &Rules) -> Result<String, Fault> {
        let xml = write(&Value::read(text.as_bytes()).unwrap(), rules)?;
        Ok(xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap().to_owned())
    }

    fn xml(text: &str) -> Result<String, Fault> {
        written(text, &Rules::default())
    }

    /// docs/configuration.md, Forms of content.
    #[test]
    fn elements_are_members_and_attributes_have_a_sign() {
        assert_eq!(json("<a/>"), r#"{"a":""}"#);
        assert_eq!(json("<a> x </a>"), r#"{"a":" x "}"#);
        assert_eq!(json("<?xml version=\"1.0\"?>\n<a id='1'>x<!-- y --></a>\n"), r##"{"a":{"@id":"1","#text":"x"}}"##);
        assert_eq!(json("<a>\n <b>1</b>\n <c/>\n <b>2</b>\n</a>"), r#"{"a":{"b":["1","2"],"c":""}}"#);
        assert_eq!(json("<a>x<b/>y</a>"), r##"{"a":{"#text":"xy","b":""}}"##);
        assert_eq!(json("<s:a xmlns:s='u' s:t='1'><s:b/></s:a>"), r#"{"s:a":{"@xmlns:s":"u","@s:t":"1","s:b":""}}"#);
        let rules = Rules { lists: ["b".into()].into(), without_namespaces: true, root: None };
        assert_eq!(read_by("<s:a xmlns:s='u' s:t='1'><s:b/></s:a>", &rules).unwrap(), r#"{"a":{"@t":"1","b":[""]}}"#);
        assert_eq!(read_by("<a x:t='1' y:t='2'/>", &rules), Err(Fault::SameName));
    }

    /// XML 1.0 §2.7, §4.1, §4.6, §2.11, §3.3.3.
    #[test]
    fn references_and_sections_are_text() {
        assert_eq!(json("<a>&lt;&amp;&#x41;&#66;<![CDATA[<b>&amp;</b>]]></a>"), r#"{"a":"<&AB<b>&amp;</b>"}"#);
        assert_eq!(json("<a b='&quot;&#10;x\ny'>1\r\n2\r3</a>"), r##"{"a":{"@b":"\"\nx y","#text":"1\n2\n3"}}"##);
        for wrong in ["<a>&other;</a>", "<!DOCTYPE a><a/>", "<a b='1' b='2'/>", "<a></b>", "", "<a>"] {
            assert!(read_by(wrong, &Rules::default()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn documents_are_written_by_the_same_rules() {
        assert_eq!(
            xml(r##"{"a":{"@id":1,"#text":"<x>","b":["1",{"c":true}],"n":null}}"##).unwrap(),
            "<a id=\"1\">&lt;x&gt;<b>1</b><b><c>true</c></b><n/></a>"
        );
        assert_eq!(xml(r#"{"a":"x\r\ny"}"#).unwrap(), "<a>x&#13;\ny</a>");
        assert_eq!(xml(r#"{"a":{"@b":"\"\n\t<"}}"#).unwrap(), "<a b=\"&quot;&#10;&#9;&lt;\"/>");
        for (wrong, fault) in [
            ("[1]", Fault::Root),
            (r#"{"a":1,"b":2}"#, Fault::Root),
            (r#"{"a":[1,2]}"#, Fault::Root),
            (r#"{"1a":1}"#, Fault::Name),
            (r#"{"a":{"b c":1}}"#, Fault::Name),
            (r#"{"a":{"x><y":1}}"#, Fault::Name),
            (r#"{"a":{"b":[[1]]}}"#, Fault::List),
            (r#"{"a":{"@b":{}}}"#, Fault::Scalar),
            (r#"{"a":"\u0000"}"#, Fault::Character),
        ] {
            assert_eq!(xml(wrong), Err(fault), "{wrong}");
        }
        let rules = Rules { root: Some("r".into()), ..Rules::default() };
        assert_eq!(written(r#"{"a":1,"b":[2,3]}"#, &rules).unwrap(), "<r><a>1</a><b>2</b><b>3</b></r>");
        assert_eq!(written("7", &rules).unwrap(), "<r>7</r>");
    }

    #[test]
    fn depth_and_room_have_bounds() {
        let nested = ["<a>".repeat(200), "</a>".repeat(200)].concat();
        assert_eq!(read_by(&nested, &Rules::default()), Err(Fault::Depth));
        let large = format!("<a>{}</a>", "<b/>".repeat(100));
        assert_eq!(read(&large, &Rules::default(), &mut Budget::new(1_000)), Err(Fault::TooMuch));
    }

    /// docs/configuration.md, Forms of content: `xml.lists` with the element that the list is in.
    #[test]
    fn a_list_in_an_element_is_there_even_if_it_is_empty() {
        let rules = Rules { lists: ["items/item".into(), "tag".into()].into(), ..Rules::default() };
        let json = |text: &str| read_by(text, &rules).unwrap();
        for (from, to) in [
            ("<o><items/></o>", r#"{"o":{"items":{"item":[]}}}"#),
            ("<o><items>\n </items></o>", r#"{"o":{"items":{"item":[]}}}"#),
            ("<o><items><item>1</item></items></o>", r#"{"o":{"items":{"item":["1"]}}}"#),
            ("<o><items n=\"0\"/></o>", r#"{"o":{"items":{"@n":"0","item":[]}}}"#),
            ("<o><items>a</items></o>", r##"{"o":{"items":{"#text":"a","item":[]}}}"##),
            ("<o><other/><tag>a</tag></o>", r#"{"o":{"other":"","tag":["a"]}}"#),
            ("<items/>", r#"{"items":{"item":[]}}"#),
            ("<o><item>1</item></o>", r#"{"o":{"item":"1"}}"#),
        ] {
            assert_eq!(json(from), to, "{from}");
        }
        // Back, it is the element alone.
        assert_eq!(xml(r#"{"o":{"items":{"item":[]}}}"#).as_deref(), Ok("<o><items/></o>"));
    }

    /// What XML has elements for: strings, objects with members, and lists of two or more.
    fn documents() -> impl Strategy<Value = Value> {
        let text = "[ -~\u{e9}\n\r\t]{0,6}".prop_map(|text| Value::from(&*text));
        let leaf = text.clone();
        let inner = leaf.prop_recursive(4, 24, 4, move |inner| {
            let attributes = vec(("@[a-z]{1,3}", text.clone()), 0..2);
            let elements =
                vec(("[a-z]{1,3}", prop_oneof![inner.clone(), vec(inner, 2..4).prop_map(Value::Array)]), 1..4);
            (attributes, elements).prop_map(|(attributes, elements)| {
                let all = attributes.into_iter().chain(elements).map(|(name, value)| (name.into(), value));
                Value::Object(all.collect())
            })
        });
        inner.prop_map(|value| Value::Object([("root".into(), value)].into_iter().collect()))
    }

    proptest! {
        #[test]
        fn to_xml_and_back_is_the_same(document in documents()) {
            let xml = write(&document, &Rules::default()).unwrap();
            let back = read(&xml, &Rules::default(), &mut Budget::new(1 << 20)).unwrap();
            prop_assert_eq!(back, document, "{}", xml);
        }
    }
}
