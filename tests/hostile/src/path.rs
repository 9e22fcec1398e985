//! Paths.

use gateway_core::config::EncodedSlash;
use gateway_core::http::path::{is_normalised, normalise};

/// A normal form begins with a slash, is its own normal form, and has no dot segment however often it is decoded (RFC 3986 §6.2.2): an
/// upstream finds no other place by it than the gateway.
pub fn path(data: &[u8]) {
    let Ok(raw) = core::str::from_utf8(data) else { return };
    for slash in [EncodedSlash::Keep, EncodedSlash::Decode, EncodedSlash::Reject] {
        let Ok(normal) = normalise(raw, slash) else { continue };
        assert!(normal.starts_with('/') && normal.is_ascii(), "{normal}");
        assert_eq!(normalise(&normal, slash).as_deref(), Ok(&*normal));
        assert!(is_normalised(&normal), "{normal}");
        // Servers of Java take off what follows a semicolon.
        let bare = |segment: &str| segment.split(';').next().unwrap_or_default().to_owned();
        assert!(!normal.split('/').any(|segment| matches!(&*bare(segment), "." | "..")), "{normal}");
        let decoded = normal.replace("%2E", ".").replace("%2e", ".");
        assert_eq!(decoded, *normal, "a dot is never encoded");
        assert!(!normal.contains("//") && !normal.contains('\\') && !normal.contains('\0'), "{normal}");
        if slash != EncodedSlash::Keep {
            assert!(!normal.contains("%2F"), "{normal}");
        }
    }
}
