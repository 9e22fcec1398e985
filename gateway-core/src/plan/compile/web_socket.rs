//! WebSockets: a route takes them unless it says otherwise, where the platform can.

use super::Compiler;
use super::at::At;
use crate::capabilities::Feature;
use crate::config::{self, Span, WebSocket};
use crate::plan::{Proxy, WebSocketLimits};

impl Compiler<'_> {
    /// Compiles the limits of a WebSocket on a route that says `stated`; `None` if it takes none.
    pub(super) fn web_socket(&mut self, at: &At<'_>, stated: Option<WebSocket>) -> Option<WebSocketLimits> {
        let limits = match stated {
            None if self.capabilities.has(Feature::WebSockets) => return Some(WebSocketLimits::DEFAULT),
            None | Some(WebSocket::Taken(false)) => return None,
            Some(WebSocket::Taken(true)) => config::WebSocketLimits::default(),
            Some(WebSocket::Within(limits)) => limits,
        };
        self.check_web_socket(at, limits);
        let or = |span: Option<Span>, otherwise| span.map_or(otherwise, |span| Some(span.0).filter(|d| !d.is_zero()));
        let WebSocketLimits { idle, life } = WebSocketLimits::DEFAULT;
        Some(WebSocketLimits { idle: or(limits.idle, idle), life: or(limits.life, life) })
    }

    /// Makes the sockets of a route with leases end in time: a place is held for the `total` deadline, and must not
    /// become free under an open socket. A platform that can't end a socket takes none on such a route.
    pub(super) fn end_with_lease(&mut self, at: &At<'_>, stated: Option<WebSocket>, proxy: &mut Proxy) {
        if proxy.web_socket.is_some() && !self.capabilities.has(Feature::WebSocketLimits) {
            if stated.is_some() {
                let platform = self.capabilities.name;
                self.error_with(
                    at,
                    format_args!("on {platform}, a WebSocket could outlive its place under a limit on concurrency"),
                    "remove it: handshakes are answered with 501; or remove the limit, and they are taken",
                );
            }
            proxy.web_socket = None;
            return;
        }
        let total = proxy.targets.iter().filter_map(|target| target.deadlines.total).max();
        let (Some(limits), Some(total)) = (&mut proxy.web_socket, total) else { return };
        if let Some(WebSocket::Within(config::WebSocketLimits { life: Some(Span(life)), .. })) = stated
            && (life.is_zero() || life > total)
        {
            self.error_with(
                &at.member("life"),
                "with a limit on concurrency, no socket stands longer than the `total` deadline",
                "make it at most `timeouts.total`, or make that longer",
            );
        }
        limits.life = Some(limits.life.map_or(total, |life| life.min(total)));
    }

    #[cold]
    #[inline(never)]
    fn check_web_socket(&mut self, at: &At<'_>, limits: config::WebSocketLimits) {
        if !self.require(at, Feature::WebSockets) {
            return;
        }
        for (name, limit) in [("idle", limits.idle), ("life", limits.life)] {
            if limit.is_some() {
                self.require(&at.member(name), Feature::WebSocketLimits);
            }
        }
        // Zero means without limit.
        let (Some(Span(idle)), Some(Span(life))) = (limits.idle, limits.life) else { return };
        if !life.is_zero() && idle > life {
            self.error_with(
                &at.member("idle"),
                "`life` is over before `idle`",
                "make it shorter than `life`, or leave it out",
            );
        }
    }
}
