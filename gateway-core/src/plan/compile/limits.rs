//! The largest requests that are let in.

use super::Compiler;
use super::at::At;
use crate::config;
use crate::plan::Limits;

impl Compiler<'_> {
    pub(super) fn limits(&mut self, at: &At<'_>) -> Limits {
        let limits = &self.config.limits;
        // Every request has a target and, but for HTTP/1.0, a field: `Host`.
        let zero = |size: Option<config::ByteSize>| size.is_some_and(|size| size.0 == 0);
        if limits.headers == Some(0) {
            let help = format_args!("at least 1; without it, {} hold", Limits::DEFAULT.headers);
            self.error_with(&at.member("headers"), "this lets no request in", help);
        }
        for (name, is_zero, default) in [
            ("headerBytes", zero(limits.header_bytes), Limits::DEFAULT.header_bytes),
            ("urlBytes", zero(limits.url_bytes), Limits::DEFAULT.url_bytes),
        ] {
            if is_zero {
                let help = format_args!("leave it out for `{}KiB`", default / 1024);
                self.error_with(&at.member(name), "this lets no request in", help);
            }
        }
        let url_bytes = limits.url_bytes.map_or(Limits::DEFAULT.url_bytes, |s| s.0);
        if url_bytes > Limits::MOST_URL_BYTES {
            self.error_with(
                &at.member("urlBytes"),
                "no platform takes a URL this long",
                format_args!("at most `{}KiB`", Limits::MOST_URL_BYTES / 1024),
            );
        }
        Limits {
            headers: limits.headers.unwrap_or(Limits::DEFAULT.headers),
            header_bytes: limits.header_bytes.map_or(Limits::DEFAULT.header_bytes, |s| s.0),
            url_bytes,
            body_bytes: limits.body_bytes.map_or(Limits::DEFAULT.body_bytes, |s| s.0),
        }
    }
}
