//! What a client keeps from one step of a case for those that follow: parts of answers, and cookies.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;

use crate::model::{Case, Request, Step};
use crate::seen::{Response, lines};
use crate::services::Services;
use crate::tokens;

/// A part of an answer that is kept, by the only group of a regular expression.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// The header field that it is in.
    header: String,
    /// The expression, which has to match.
    regex: String,
}

/// What has been kept so far.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    parts: BTreeMap<String, String>,
    /// By authority and name.
    cookies: BTreeMap<(String, String), String>,
}

impl Kept {
    /// What the client sends in `step`, in a case that has `begun` at that time, in seconds since 1970.
    ///
    /// # Panics
    /// If there is no such token or part; loading has checked that of tokens.
    #[must_use]
    pub fn request<'s>(&self, case: &Case, step: &'s Step, begun: i64) -> Cow<'s, Request> {
        let mut request = Cow::Borrowed(&step.request);
        if tokens::has_any(&step.request) {
            request = Cow::Owned(
                tokens::fill(&step.request, (&case.tokens, &case.signatures), &self.parts, begun)
                    .expect("what was kept"),
            );
        }
        if case.browser && lines(&step.request.headers, "cookie").is_empty() {
            let authority = request.parts().1.to_owned();
            let own = self.cookies.iter().filter(|((of, _), _)| *of == authority);
            let pairs: Vec<String> = own.map(|((_, name), value)| format!("{name}={value}")).collect();
            if !pairs.is_empty() {
                request.to_mut().headers.push(("cookie".to_owned(), pairs.join("; ")));
            }
        }
        request
    }

    /// The services of `step`, with what was kept and the tokens of `case` in their answers, as far as that is there.
    #[must_use]
    pub fn services(&self, case: &Case, step: &Step, begun: i64) -> Services {
        step.services.filled(&|text| tokens::filled(text, &case.tokens, &self.parts, begun).ok())
    }

    /// Keeps what `step` says of the `response` to `request`.
    ///
    /// # Errors
    /// What is not there.
    pub fn take(&mut self, case: &Case, step: &Step, request: &Request, response: &Response) -> Result<(), String> {
        for (name, Keep { header, regex }) in &step.keep {
            let text = lines(&response.headers, header).join(", ");
            let regex = Regex::new(regex).map_err(|error| error.to_string())?;
            let found = regex.captures(&text).and_then(|found| Some(found.get(1)?.as_str().to_owned()));
            let found = found.ok_or_else(|| format!("`{name}` is not in `{header}`: `{text}`"))?;
            self.parts.insert(name.clone(), found);
        }
        if case.browser {
            let authority = request.parts().1.to_owned();
            for line in lines(&response.headers, "set-cookie") {
                let pair = line.split(';').next().unwrap_or_default();
                let (name, value) = pair.split_once('=').ok_or_else(|| format!("`{line}` is no cookie"))?;
                let key = (authority.clone(), name.to_owned());
                if line.contains("Max-Age=0") {
                    self.cookies.remove(&key);
                } else {
                    self.cookies.insert(key, value.to_owned());
                }
            }
        }
        Ok(())
    }
}
