//! Content of the author's own for the gateway's errors, chosen by status and by `Accept`.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::error::Reject;
use crate::http::weight::thousandths;
use crate::template::{Part, Target, TemplateError, parts, write_text};

/// The media type of the gateway's usual errors (RFC 9457 §6.1).
pub(crate) const PROBLEM: &str = "application/problem+json";

/// The errors that have content of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorContents(pub(crate) Vec<(Scope, Vec<Content>)>);

/// Some statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This one.
    Status(StatusCode),
    /// Those with this first digit.
    Class(u16),
    /// All.
    Any,
}

/// The content for one media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The media type, in small letters.
    pub(crate) media_type: Box<str>,
    /// The value of `Content-Type`.
    pub(crate) content_type: HeaderValue,
    /// The context of values.
    pub(crate) target: Target,
    pub(crate) text: Text,
}

/// Text with variables for parts of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<Part<Variable>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    Status,
    Title,
    Code,
    Detail,
    RequestId,
}

impl Scope {
    /// The statuses that are written `404`, `4xx` or `default`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "default" => Some(Self::Any),
            "4xx" => Some(Self::Class(4)),
            "5xx" => Some(Self::Class(5)),
            _ => {
                let status = StatusCode::from_bytes(text.as_bytes()).ok()?;
                (status.is_client_error() || status.is_server_error()).then_some(Self::Status(status))
            }
        }
    }

    /// The more specific, the higher; none if `status` is not in it.
    fn rank(self, status: StatusCode) -> Option<u8> {
        match self {
            Self::Status(own) => (own == status).then_some(2),
            Self::Class(digit) => (status.as_u16() / 100 == digit).then_some(1),
            Self::Any => Some(0),
        }
    }
}

impl Text {
    /// Parses `text`.
    ///
    /// # Errors
    /// A brace without partner, or a variable that does not exist.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        parts(text, |name| match name {
            "error.status" => Ok(Variable::Status),
            "error.title" => Ok(Variable::Title),
            "error.code" => Ok(Variable::Code),
            "error.detail" => Ok(Variable::Detail),
            "request.id" => Ok(Variable::RequestId),
            _ => Err(TemplateError::new(
                format_args!("unknown variable `{name}`"),
                "there are `error.status`, `error.title`, `error.code`, `error.detail` and `request.id`; write `{{` for a \
                 literal brace",
            )),
        })
        .map(Self)
    }

    pub(crate) fn fill(&self, reject: &Reject, id: &HeaderValue, target: Target) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(Variable::Status) => out.push_str(reject.status.as_str()),
                Part::Variable(variable) => {
                    let value = match variable {
                        Variable::Title => reject.title,
                        Variable::Code => reject.code,
                        Variable::Detail => &reject.detail,
                        Variable::Status | Variable::RequestId => id.to_str().unwrap_or_default(),
                    };
                    write_text(value, target, &mut out);
                }
            }
        }
        out
    }
}

impl ErrorContents {
    /// Returns whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The contents for errors of `status`: those of the most specific entry.
    pub(crate) fn of(&self, status: StatusCode) -> Option<&[Content]> {
        let ranked = self.0.iter().filter_map(|(scope, contents)| Some((scope.rank(status)?, contents)));
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, contents)| &contents[..])
    }
}

/// The content that a client with these `Accept` lines likes best (RFC 9110 §12.5.1); `None` for a problem in JSON, which goes
/// first among equals, and where nothing is liked (RFC 9110 §12.4.1).
pub(crate) fn choose<'c>(contents: &'c [Content], accept: &str) -> Option<&'c Content> {
    let own = |name: &str| contents.iter().find(|content| &*content.media_type == name);
    let usual = own(PROBLEM);
    let mut liked = quality(PROBLEM, accept);
    // A problem is JSON: whoever asks for that gets one, unless there is JSON of the author's.
    if own("application/json").is_none() && !names(PROBLEM, accept) && names("application/json", accept) {
        liked = quality("application/json", accept);
    }
    let mut best = (liked, usual);
    for content in contents.iter().filter(|content| &*content.media_type != PROBLEM) {
        let quality = quality(&content.media_type, accept);
        if quality > best.0 {
            best = (quality, Some(content));
        }
    }
    best.1
}

/// The lines of `Accept` as one.
pub(crate) fn accept(headers: &HeaderMap) -> String {
    let lines: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
    if lines.is_empty() { "*/*".to_owned() } else { lines.join(",") }
}

/// The ranges of `accept`, in small letters, with their quality in thousandths. One with further parameters is for other
/// representations.
fn ranges(accept: &str) -> impl Iterator<Item = (String, u16)> {
    accept.split(',').filter_map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let range = parts.next().filter(|range| !range.is_empty())?.to_ascii_lowercase();
        let mut quality = 1000;
        for parameter in parts {
            let (name, value) = parameter.split_once('=')?;
            match name.trim() {
                "q" | "Q" => quality = thousandths(value.trim())?,
                name if name.eq_ignore_ascii_case("charset")
                    && value.trim_matches('"').eq_ignore_ascii_case("utf-8") => {}
                _ => return None,
            }
        }
        Some((range, quality))
    })
}

fn names(media_type: &str, accept: &str) -> bool {
    ranges(accept).any(|(range, _)| range == media_type)
}

/// The quality that the most specific range gives to `media_type`.
fn quality(media_type: &str, accept: &str) -> u16 {
    let kind = media_type.split('/').next().unwrap_or_default();
    let precedence = |range: &str| match range {
        "*/*" => Some(0),
        _ if range == media_type => Some(2),
        _ => (range.strip_suffix("/*") == Some(kind)).then_some(1),
    };
    let ranked = ranges(accept).filter_map(|(range, quality)| Some((precedence(&range)?, quality)));
    ranked.max_by_key(|(rank, _)| *rank).map_or(0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(types: &[&str]) -> Vec<Content> {
        let content = |media_type: &&str| Content {
            media_type: (*media_type).into(),
            content_type: HeaderValue::from_str(media_type).unwrap(),
            target: Target::Html,
            text: Text::parse("{error.detail}").unwrap(),
        };
        types.iter().map(content).collect()
    }

    fn chosen(types: &[&str], accept: &str) -> String {
        choose(&contents(types), accept).map_or(PROBLEM.to_owned(), |content| content.media_type.to_string())
    }

    /// RFC 9110 §12.5.1: the most specific range counts; §12.4.2: its weight.
    #[test]
    fn the_most_liked_content_is_chosen() {
        let both = ["text/html", "text/plain"];
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, expected) in [
            (browser, "text/html"),
            ("*/*", PROBLEM),
            ("application/json", PROBLEM),
            ("application/json, text/html;q=0.9", PROBLEM),
            ("application/json;q=0.1, text/html", "text/html"),
            ("text/*", "text/html"),
            ("text/*;q=0.5, TEXT/PLAIN", "text/plain"),
            ("text/html;q=0, */*;q=0.1, application/*;q=0", "text/plain"),
            ("text/html;level=1, text/plain;q=0.2", "text/plain"),
            ("image/png", PROBLEM),
            ("text/html;q=2", PROBLEM),
            ("text/html; charset=UTF-8", "text/html"),
            ("text/html;q=0.001", "text/html"),
        ] {
            assert_eq!(chosen(&both, accept), expected, "{accept}");
        }
        assert_eq!(chosen(&["application/json"], "application/json"), "application/json");
        assert_eq!(chosen(&["application/json"], "*/*"), PROBLEM);
    }

    #[test]
    fn the_most_specific_status_counts() {
        let scopes = ["default", "4xx", "404"].map(|text| (Scope::parse(text).unwrap(), contents(&[text])));
        let contents = ErrorContents(scopes.into());
        for (status, expected) in [(404, "404"), (405, "4xx"), (502, "default")] {
            let found = contents.of(StatusCode::from_u16(status).unwrap()).unwrap();
            assert_eq!(&*found[0].media_type, expected);
        }
        for wrong in ["200", "3xx", "99", "abc", "4XX", ""] {
            assert_eq!(Scope::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_are_escaped_for_their_content() {
        let reject = Reject::bad_path().with_detail("<a> \"b\"");
        let fill = |target| {
            let text = Text::parse("{error.status} {error.code} {{{error.detail}}} {request.id}").unwrap();
            text.fill(&reject, &HeaderValue::from_static("id-1"), target)
        };
        assert_eq!(fill(Target::Html), "400 bad_path {&lt;a&gt; &quot;b&quot;} id-1");
        assert_eq!(fill(Target::Json), "400 bad_path {<a> \\\"b\\\"} id-1");
        assert_eq!(fill(Target::Text), "400 bad_path {<a> \"b\"} id-1");
        assert!(Text::parse("{path.x}").is_err());
    }
}
