//! `${token:NAME}`, `${signature:NAME}` and `${time:-5s}` in what a client sends.

use std::collections::BTreeMap;

use super::{Signature, Token, signature};
use crate::body::Content;
use crate::model::Request;

const START: &str = "${token:";

const KEPT: &str = "${kept:";

/// The names of the tokens in `request`.
pub(crate) fn named_in(request: &Request) -> impl Iterator<Item = &str> {
    texts(request).flat_map(|text| text.split(START).skip(1)).map(|rest| rest.split('}').next().unwrap_or_default())
}

/// The names of the signatures in `request`.
pub(crate) fn signatures_in(request: &Request) -> impl Iterator<Item = &str> {
    texts(request).flat_map(signature::named_in)
}

/// Returns whether anything is to be put into `request`.
pub(crate) fn has_any(request: &Request) -> bool {
    texts(request).any(|text| [START, KEPT, "${signature:", "${time:"].iter().any(|start| text.contains(start)))
}

/// The texts of `request` in which there may be a token.
fn texts(request: &Request) -> impl Iterator<Item = &str> {
    let values = request.headers.iter().map(|(_, value)| value.as_str());
    let body = match &request.body {
        Some(Content::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    [request.url.as_str()].into_iter().chain(request.target.as_deref()).chain(values).chain(body)
}

/// `request` with `tokens` and `signatures` in their places, as they are at `now`, in seconds since 1970, and with the parts of answers
/// that were `kept`.
///
/// # Errors
/// Which of them is not there.
pub(crate) fn fill(
    request: &Request,
    (tokens, signatures): (&BTreeMap<String, Token>, &BTreeMap<String, Signature>),
    kept: &BTreeMap<String, String>,
    now: i64,
) -> Result<Request, String> {
    let filled = |text: &str| signature::fill(&filled(text, tokens, kept, now)?, signatures, now);
    Ok(Request {
        url: filled(&request.url)?,
        target: request.target.as_deref().map(filled).transpose()?,
        headers: request
            .headers
            .iter()
            .map(|(name, value)| Ok((name.clone(), filled(value)?)))
            .collect::<Result<_, String>>()?,
        body: match &request.body {
            Some(Content::Text(text)) => Some(Content::Text(filled(text)?)),
            body => body.clone(),
        },
        ..request.clone()
    })
}

/// The same of a text. A claim of a token may be a part that was kept.
pub(crate) fn filled(
    text: &str,
    tokens: &BTreeMap<String, Token>,
    kept: &BTreeMap<String, String>,
    now: i64,
) -> Result<String, String> {
    let kept =
        |text: &str| replace(text, KEPT, |name| kept.get(name).cloned().ok_or_else(|| format!("no `{name}` was kept")));
    let text = replace(text, START, |name| {
        tokens.get(name).ok_or_else(|| format!("no token is `{name}`"))?.with_claims(&kept)?.write(now)
    })?;
    kept(&text)
}

/// `text` with what `by` makes of it in the place of everything from `start` to the next `}`.
pub(super) fn replace(text: &str, start: &str, by: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(start) {
        let (what, after) = after.split_once('}').ok_or_else(|| format!("`{start}` has no end"))?;
        out.push_str(before);
        out.push_str(&by(what)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
