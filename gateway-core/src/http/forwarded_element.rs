//! The syntax of `Forwarded` (RFC 7239 §4) and of the nodes in it (§6).

use std::net::IpAddr;

/// The most elements that are read; a longer chain is no honest one.
const MAX_ELEMENTS: usize = 64;

/// One proxy's account of a request. Values are unquoted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) r#for: Option<Vec<u8>>,
    pub(crate) host: Option<Vec<u8>>,
    pub(crate) proto: Option<Vec<u8>>,
}

/// The elements of all lines in order, or nothing if any of them breaks the grammar.
pub(crate) fn parse_elements<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    for line in lines {
        let mut rest = line.trim_ascii();
        while !rest.is_empty() {
            let (element, after) = parse_element(rest)?;
            elements.extend(element);
            if elements.len() > MAX_ELEMENTS {
                return None;
            }
            rest = after;
        }
    }
    Some(elements)
}

/// `[ forwarded-pair ] *( ";" [ forwarded-pair ] )`, up to a comma or the end. An empty element is none (RFC 9110 §5.6.1).
fn parse_element(mut rest: &[u8]) -> Option<(Option<Element>, &[u8])> {
    let mut element = None;
    loop {
        rest = rest.trim_ascii_start();
        match rest {
            [] => return Some((element, rest)),
            [b',', after @ ..] => return Some((element, after.trim_ascii_start())),
            [b';', after @ ..] => {
                rest = after;
                continue;
            }
            _ => {}
        }
        let (name, value, after) = parse_pair(rest)?;
        let element = element.get_or_insert_with(Element::default);
        let slot = match name.to_ascii_lowercase().as_slice() {
            b"for" => &mut element.r#for,
            b"host" => &mut element.host,
            b"proto" => &mut element.proto,
            _ => &mut None,
        };
        // Each parameter at most once (RFC 7239 §4).
        if slot.replace(value).is_some() {
            return None;
        }
        rest = after.trim_ascii_start();
        if !matches!(rest.first(), None | Some(b',' | b';')) {
            return None;
        }
    }
}

/// `token "=" ( token / quoted-string )`.
fn parse_pair(text: &[u8]) -> Option<(&[u8], Vec<u8>, &[u8])> {
    let equals = text.iter().position(|b| *b == b'=')?;
    let (name, rest) = text.split_at_checked(equals)?;
    if name.is_empty() || !name.iter().all(|b| super::proxy_status::is_tchar(*b)) {
        return None;
    }
    match rest.get(1..)? {
        [b'"', rest @ ..] => {
            let (value, rest) = parse_quoted(rest)?;
            Some((name, value, rest))
        }
        rest => {
            // IPv6 and ports need quotes; proxies leave them out all the same, and no reading is ambiguous.
            let end = rest.iter().position(|b| matches!(b, b',' | b';' | b' ' | b'\t' | b'"')).unwrap_or(rest.len());
            let (value, rest) = rest.split_at_checked(end)?;
            (!value.is_empty()).then(|| (name, value.to_vec(), rest))
        }
    }
}

/// The rest of a quoted string (RFC 9110 §5.6.4), after its first quote.
fn parse_quoted(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    loop {
        let (byte, after) = match rest {
            [b'"', after @ ..] => return Some((value, after)),
            [b'\\', byte, after @ ..] => (byte, after),
            [b'\\'] | [] => return None,
            [byte, after @ ..] => (byte, after),
        };
        value.push(*byte);
        rest = after;
    }
}

/// The address of a node (RFC 7239 §6), its port left out: `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`; also the bare
/// IPv6 address of `X-Forwarded-For`. Nothing for `unknown` and for obfuscated nodes.
pub(crate) fn parse_node(text: &[u8]) -> Option<IpAddr> {
    let text = core::str::from_utf8(text.trim_ascii()).ok()?;
    let address = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        if !port.is_empty() && !is_port(port.strip_prefix(':')?) {
            return None;
        }
        IpAddr::V6(address.parse().ok()?)
    } else if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        if !is_port(port) {
            return None;
        }
        IpAddr::V4(address.parse().ok()?)
    };
    Some(address.to_canonical())
}

/// `1*5DIGIT` or an obfuscated port, `"_" 1*(ALPHA / DIGIT / "." / "_" / "-")`.
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        }
        None => (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<Vec<Element>> {
        parse_elements([line.as_bytes()].into_iter())
    }

    fn element(r#for: &str, host: &str, proto: &str) -> Element {
        let part = |text: &str| (!text.is_empty()).then(|| text.as_bytes().to_vec());
        Element { r#for: part(r#for), host: part(host), proto: part(proto) }
    }

    /// The examples of RFC 7239 §4 and §7.1.
    #[test]
    fn the_examples_of_the_standard_are_read() {
        assert_eq!(parsed("for=\"_gazonk\""), Some(vec![element("_gazonk", "", "")]));
        assert_eq!(parsed("For=\"[2001:db8:cafe::17]:4711\""), Some(vec![element("[2001:db8:cafe::17]:4711", "", "")]));
        assert_eq!(parsed("for=192.0.2.60;proto=http;by=203.0.113.43"), Some(vec![element("192.0.2.60", "", "http")]));
        assert_eq!(
            parsed("for=192.0.2.43, for=198.51.100.17"),
            Some(vec![element("192.0.2.43", "", ""), element("198.51.100.17", "", "")])
        );
    }

    #[test]
    fn quotes_hide_separators() {
        assert_eq!(parsed("for=\"a,b;c\\\"d\";host=x"), Some(vec![element("a,b;c\"d", "x", "")]));
        assert_eq!(parsed("for=\"a\\\\\""), Some(vec![element("a\\", "", "")]));
        assert_eq!(parsed(" , ;for=a; ;, ,"), Some(vec![element("a", "", "")]));
    }

    #[test]
    fn what_breaks_the_grammar_is_not_read() {
        for line in [
            "for",
            "=a",
            "for=",
            "for=\"a",
            "for=\"a\\",
            "for=a b",
            "for=\"a\"b",
            "f r=a",
            "for=a;for=b",
            "for=a\"b\"",
            "for =a",
        ] {
            assert_eq!(parsed(line), None, "{line}");
        }
        assert_eq!(parsed(&"for=a,".repeat(65)), None);
    }

    /// RFC 7239 §6.
    #[test]
    fn nodes_are_addresses_with_or_without_port() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:80", "192.0.2.1"),
            ("192.0.2.1:_port", "192.0.2.1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:1", "192.0.2.1"),
        ] {
            assert_eq!(parse_node(text.as_bytes()), Some(address.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "unknown",
            "_hidden",
            "192.0.2.1:",
            "192.0.2.1:123456",
            "[192.0.2.1]",
            "[::1",
            "[::1]80",
            "192.0.2",
            "::1:x",
            "é",
        ] {
            assert_eq!(parse_node(text.as_bytes()), None, "{text}");
        }
    }
}
