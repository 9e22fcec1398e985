//! A version of an API: how long it is served, and what responses tell of that (RFC 9745, RFC 8594).

use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue, LINK, VARY};

use crate::call::Call;
use crate::error::Reject;
use crate::route::{Place, Versions};
use crate::time::Timestamp;

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// A version of an API.
#[derive(Debug)]
pub struct Version {
    /// The versions of the API.
    pub versions: Arc<Versions>,
    /// Its index among them.
    pub index: usize,
    /// The index of the version that is served: it is made from that, in one step or several; its own, if it is made from none.
    pub served: usize,
    /// Its name.
    pub name: Arc<str>,
    /// The time from which on it is deprecated, and the value of `Deprecation` (RFC 9745 §2.1).
    pub deprecated: Option<(Timestamp, HeaderValue)>,
    /// The time from which on it is gone, and the value of `Sunset` (RFC 8594 §3).
    pub sunset: Option<(Timestamp, HeaderValue)>,
    /// The values of `Link` that are known at load.
    pub links: Box<[HeaderValue]>,
    /// The index of the version to go on to.
    pub successor: Option<usize>,
    /// Times before its sunset in which it is gone, each from its beginning until just before its end.
    pub brown_outs: Box<[(Timestamp, Timestamp)]>,
    /// The field that tells its name, and the name.
    pub tell: Option<(HeaderName, HeaderValue)>,
}

impl Version {
    /// Refuses a request at `now` if the version is gone by then.
    ///
    /// # Errors
    /// The refusal: 410 (RFC 9110 §15.5.11).
    pub fn check(&self, now: Timestamp) -> Result<(), Reject> {
        let is_over = self.sunset.as_ref().is_some_and(|(end, _)| *end <= now);
        let refusal = if is_over {
            Reject::version_sunset()
        } else if self.brown_outs.iter().any(|(from, until)| *from <= now && now < *until) {
            Reject::version_brown_out()
        } else {
            return Ok(());
        };
        let successor = self.successor.and_then(|index| self.versions.at(index));
        let mut detail = format!("{}: version `{}`", refusal.detail, self.name);
        if let Some(successor) = successor {
            detail.push_str(&format!("; version `{successor}` takes its place"));
        }
        Err(refusal.with_detail(detail))
    }

    /// Returns whether responses tell anything of it.
    #[must_use]
    pub fn tells(&self) -> bool {
        self.deprecated.is_some()
            || self.sunset.is_some()
            || !self.links.is_empty()
            || self.successor.is_some()
            || self.tell.is_some()
            || self.versions.vary.is_some()
    }

    /// The link to what `call` asks for in the version to go on to (RFC 5829 §3.2), where URLs tell versions apart.
    #[must_use]
    pub fn successor_link(&self, call: &Call) -> Option<HeaderValue> {
        let successor = self.versions.at(self.successor?)?;
        let prefix = call.client.prefix.as_deref().unwrap_or_default();
        let target = match (self.versions.place.as_ref()?, call.cut()) {
            (Place::Path(_, spelling), Some(cut)) => {
                let (before, _, after) = split_at_segment(call.path(), cut.into());
                format!("{prefix}{before}/{}{after}", spelling.write(successor))
            }
            (Place::Host(spelling), None) if self.is_host(call) => {
                let (scheme, port) = (call.client.scheme, call.outer_port());
                let port = if port == scheme.default_port() { String::new() } else { format!(":{port}") };
                format!("{}://{}{port}{prefix}{}", scheme.as_str(), spelling.write(successor), call.path())
            }
            _ => return None,
        };
        HeaderValue::try_from(format!("<{target}>; rel=\"successor-version\"")).ok()
    }

    /// Returns whether the host of `call` states a version.
    #[must_use]
    pub fn is_in_host(&self, call: &Call) -> bool {
        let Some(Place::Host(spelling)) = &self.versions.place else { return false };
        spelling.read(call.host()).is_some_and(|name| self.versions.find(name).is_some())
    }

    fn is_host(&self, call: &Call) -> bool {
        let Some(Place::Host(spelling)) = &self.versions.place else { return false };
        let stated = spelling.read(call.host()).and_then(|name| self.versions.find(name));
        stated == Some(self.index)
    }

    /// Tells of it in the fields of a response. `by_field` if fields of the request chose it.
    pub fn tell(&self, headers: &mut HeaderMap, by_field: bool, successor: Option<HeaderValue>) {
        if let Some((_, deprecated)) = &self.deprecated {
            headers.insert(DEPRECATION, deprecated.clone());
        }
        if let Some((_, sunset)) = &self.sunset {
            headers.insert(SUNSET, sunset.clone());
        }
        for link in self.links.iter().cloned().chain(successor) {
            headers.append(LINK, link);
        }
        if let Some((name, value)) = &self.tell {
            headers.insert(name.clone(), value.clone());
        }
        // RFC 9110 §12.5.5: another value would have got another answer.
        if let Some(vary) = self.versions.vary.as_ref().filter(|_| by_field) {
            headers.append(VARY, vary.clone());
        }
    }
}

/// The parts of `path` before its segment with this index, that segment without its slash, and what follows it.
#[must_use]
pub fn split_at_segment(path: &str, index: usize) -> (&str, &str, &str) {
    let mut starts = path.match_indices('/').map(|(at, _)| at);
    let start = starts.nth(index).unwrap_or(path.len());
    let end = starts.next().unwrap_or(path.len());
    let part = |from: usize, to: usize| path.get(from..to).unwrap_or_default();
    (part(0, start), part(start + 1, end), part(end, path.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_at_a_whole_segment() {
        assert_eq!(split_at_segment("/a/v1/b/c", 1), ("/a", "v1", "/b/c"));
        assert_eq!(split_at_segment("/v1", 0), ("", "v1", ""));
        assert_eq!(split_at_segment("/v1/", 0), ("", "v1", "/"));
        assert_eq!(split_at_segment("/a", 1), ("/a", "", ""));
        assert_eq!(split_at_segment("/", 0), ("", "", ""));
    }
}
