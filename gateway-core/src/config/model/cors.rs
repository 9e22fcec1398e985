//! Cross-origin rules.

use serde::Deserialize;

use crate::config::Span;

/// Cross-origin rules (Fetch standard, CORS protocol).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Cors {
    /// Origins that may read responses: `https://app.example.com`, `https://*.example.com`, `http://localhost:*` for every port,
    /// `https://*` for every one of this scheme, or `*` for any.
    pub origins: Vec<String>,
    /// Methods that a preflight allows beside GET, HEAD and POST; `*` for any. Default: the route's own.
    pub methods: Vec<String>,
    /// Request headers that a preflight allows; `*` for any but `authorization`, which has to be listed. Default: none beyond
    /// the safelisted ones.
    pub headers: Vec<String>,
    /// Response headers that scripts may read.
    pub expose: Vec<String>,
    /// Allows cookies and other credentials; not with origins of every host, nor with `*` in `expose`.
    pub credentials: bool,
    /// Lets public sites reach a gateway in a private network (Private Network Access). Default: false.
    pub private_network: bool,
    /// The longest that a browser may keep a preflight's answer. Default: `5s`, as in the Fetch standard; browsers cap
    /// it at `2h`.
    pub max_age: Option<Span>,
}
