//! Content of the author's own for errors.

use http::HeaderValue;
use serde::de::IgnoredAny;

use super::Compiler;
use super::actions::form_of;
use super::at::At;
use crate::error::Reject;
use crate::problem::content::{Content, ErrorContents, Scope, Text};
use crate::template::Target;

impl Compiler<'_> {
    /// Compiles the contents of errors, by status and media type.
    pub(super) fn error_contents(&mut self, at: &At<'_>) -> ErrorContents {
        let config = self.config;
        let mut all = Vec::with_capacity(config.errors.iter().len());
        for (statuses, texts) in config.errors.iter() {
            let at = at.member(statuses);
            let scope = Scope::parse(statuses);
            if scope.is_none() {
                let message = format_args!("`{statuses}` is no status of an error");
                self.error_with(&at, message, "write a status such as `404`, a class, `4xx` or `5xx`, or `default`");
            }
            if texts.is_empty() {
                self.error_with(&at, "there is no content", "add one: `{\"text/html\": \"…\"}`");
            }
            let contents = texts.iter().filter_map(|(kind, text)| self.error_content(&at.member(kind), kind, text));
            let contents = contents.collect();
            all.extend(scope.map(|scope| (scope, contents)));
        }
        ErrorContents(all)
    }

    fn error_content(&mut self, at: &At<'_>, kind: &str, text: &str) -> Option<Content> {
        let content_type = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
        let content_type = HeaderValue::try_from(content_type).ok().filter(|_| is_media_type(kind));
        let Some(content_type) = content_type else {
            let message = format_args!("`{kind}` is no media type");
            self.error_with(at, message, "write one in small letters, without parameters, such as `text/html`");
            return None;
        };
        let target = form_of(Some(&content_type));
        if target == Target::Text && kind != "text/plain" {
            let message = format_args!("it is not known how values are escaped in `{kind}`");
            self.error_with(at, message, "there are `text/html`, `text/plain`, JSON and XML");
            return None;
        }
        let text = match Text::parse(text) {
            Ok(text) => text,
            Err(error) => {
                self.error_with(at, error.message, error.help.unwrap_or_default());
                return None;
            }
        };
        let sample = text.fill(&Reject::internal(), &HeaderValue::from_static("id"), target);
        if target == Target::Json
            && let Err(error) = serde_json::from_str::<IgnoredAny>(&sample)
        {
            let message = format_args!("this is no JSON once it is filled in: {error}");
            self.error_with(at, message, "write `{{` and `}}` for its braces, and variables between quotes");
            return None;
        }
        Some(Content { media_type: kind.into(), content_type, target, text })
    }
}

/// Returns whether `text` is `type/subtype` in small letters (RFC 9110 §8.3.1).
fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$&-^_.+".contains(&b))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}
