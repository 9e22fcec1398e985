//! The check of the host in a request on the admin listener.

use core::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, Version};

use super::Way;
use crate::error::Reject;
use crate::route::canonical_host;

/// Checks the host of a request on a listener of the endpoints' own.
///
/// Requests from this machine use only its own names and addresses. A page whose name was made to resolve to this
/// machine (DNS rebinding) is of the same origin to its browser, and could read every answer; but it can't state a name
/// other than its own.
///
/// # Errors
/// 400 for no host or several (RFC 9112 §3.2), 421 for another name.
pub(crate) fn check_host(headers: &HeaderMap, version: Version, way: Way) -> Result<(), Reject> {
    let mut fields = headers.get_all(HOST).iter();
    let (field, second) = (fields.next(), fields.next());
    let Some(field) = field else {
        return if version == Version::HTTP_10 { Ok(()) } else { Err(Reject::bad_host()) };
    };
    if second.is_some() {
        return Err(Reject::bad_host());
    }
    let name = field.to_str().ok().and_then(|field| canonical_host(field).ok()).ok_or_else(Reject::bad_host)?;
    if way == Way::Local && !is_own(&name) {
        let detail = "on this machine, the endpoints answer to its addresses and to `localhost` alone";
        return Err(Reject::misdirected().with_detail(detail));
    }
    Ok(())
}

/// Returns whether `name` is an address, or a name that always resolves to this machine (RFC 6761 §6.3).
fn is_own(name: &str) -> bool {
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;

    fn status(hosts: &[&'static str], version: Version, way: Way) -> Option<StatusCode> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_static(host));
        }
        check_host(&headers, version, way).err().map(|reject| reject.status)
    }

    /// docs/configuration.md, Admin endpoints: no page can read them, whatever name it has.
    #[test]
    fn on_the_own_machine_another_name_is_refused() {
        for own in ["localhost:9901", "127.0.0.1:9901", "[::1]:9901", "LOCALHOST", "gw.localhost", "10.0.0.5:9901"] {
            assert_eq!(status(&[own], Version::HTTP_11, Way::Local), None, "{own}");
        }
        for other in ["evil.example:9901", "localhost.evil.example", "notlocalhost"] {
            assert_eq!(
                status(&[other], Version::HTTP_11, Way::Local),
                Some(StatusCode::MISDIRECTED_REQUEST),
                "{other}"
            );
        }
        assert_eq!(status(&["gateway.internal:9901"], Version::HTTP_11, Way::Remote), None);
    }

    /// RFC 9112 §3.2.
    #[test]
    fn one_host_is_stated() {
        let bad = Some(StatusCode::BAD_REQUEST);
        assert_eq!(status(&[], Version::HTTP_11, Way::Remote), bad);
        assert_eq!(status(&["localhost", "localhost"], Version::HTTP_11, Way::Local), bad);
        assert_eq!(status(&[], Version::HTTP_10, Way::Local), None);
    }
}
