//! Warnings about uses of fields in which anybody can claim to be anybody.

use http::HeaderName;
use http::header::FORWARDED;

use crate::config::{ConfigError, JsonPath, Step, texts};
use crate::http::forwarded::{X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, is_claim};
use crate::template::Template;

/// A use of a header field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A route's match.
    Match,
    /// The key of a limit.
    Key,
    /// An edit that gives it another name.
    Rename,
    /// A template.
    Template,
}

/// Warns of each use of a forwarding field in a configuration's text; `trusts` says whether it trusts any proxy.
pub(super) fn warnings(text: &str, trusts: bool, found: &mut Vec<ConfigError>) {
    texts(text, &mut |path, text| {
        if let Some(using) = using(path, text) {
            found.extend(HeaderName::try_from(text).ok().and_then(|name| warning(path, &name, using, trusts)));
        } else if text.contains("{header.")
            && let Ok(template) = Template::parse(text, None)
        {
            found.extend(template.headers().filter_map(|name| warning(path, name, Use::Template, trusts)));
        }
    });
}

/// The use of the field whose name is the `text` at `path`; none if it is no field's name.
fn using(path: &JsonPath, text: &str) -> Option<Use> {
    let steps = path.steps();
    let member = |step: Option<&&Step>, name: &str| matches!(step, Some(Step::Member(member)) if **member == *name);
    let has = |name| steps.iter().any(|step| member(Some(step), name));
    let (last, parent) = (steps.last(), steps.len().checked_sub(2).and_then(|at| steps.get(at)));
    if member(parent, "key") && member(last, "header") && text != "header" {
        Some(Use::Key)
    } else if member(parent, "headers") && member(last, text) && has("match") {
        Some(Use::Match)
    } else if member(parent, "rename") && member(last, text) && has("headers") && has("request") {
        Some(Use::Rename)
    } else {
        None
    }
}

fn warning(path: &JsonPath, name: &HeaderName, using: Use, trusts: bool) -> Option<ConfigError> {
    if !is_claim(name.as_str()) {
        return None;
    }
    let decides = matches!(using, Use::Match | Use::Key);
    // On the way to an upstream, the gateway has made these anew.
    let is_own = [X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO].contains(name);
    let is_chain = *name == X_FORWARDED_FOR || *name == FORWARDED;
    let message = match trusts {
        false if decides || !is_own => format!("`{name}` is removed from every request, since no proxy is trusted"),
        true if decides && is_chain => format!("a client can write the beginning of `{name}`"),
        _ => return None,
    };
    let instead = match using {
        Use::Match => "match by `clientAddress`, `scheme` or `hosts`",
        Use::Key => "count by `clientAddress`",
        Use::Rename | Use::Template => "use `{client.address}`, `{request.scheme}` or `{request.host}`",
    };
    let help = if trusts {
        instead.to_owned()
    } else {
        format!("name the proxies in front in `network.trustedProxies`; then {instead}, which know what they say")
    };
    Some(ConfigError::new(path.clone(), message).with_help(help))
}
