//! Faults on purpose.

use core::time::Duration;

use http::StatusCode;

use super::Compiler;
use super::at::At;
use super::edits::Parameters;
use crate::config::{self, Span};
use crate::policy::fault::{Abort, Fault, LONGEST, What};

/// The shortest wait.
const SHORTEST: Duration = Duration::from_millis(1);

impl Compiler<'_> {
    /// The faults of `fault`; none if they are turned off, or wrong.
    #[inline(never)]
    pub(super) fn fault(&mut self, at: &At<'_>, fault: &config::Fault, parameters: Parameters<'_>) -> Option<Fault> {
        let before = self.errors.len();
        let percent = self.within(&at.member("percent"), fault.percent, (0, 100), 100);
        let when = match &fault.when {
            Some(text) => {
                let at = at.member("when");
                let when = self.expression(&at, text, parameters)?;
                if when.asks_caller() && !self.knows_caller {
                    self.nobody_is_known(&at);
                }
                Some(when)
            }
            None => None,
        };
        let mut wait = |member, stated: Option<Span>| {
            let Span(wait) = stated?;
            if !(SHORTEST..=LONGEST).contains(&wait) {
                let message = format_args!("`{}` is too little or too much", Span(wait));
                self.error_with(&at.member(member), message, "use `1ms` to `30s`");
            }
            Some(wait)
        };
        let (delay, most) = (wait("delay", fault.delay), wait("mostDelay", fault.most_delay));
        let status = fault.status.and_then(|status| {
            if !(400..=599).contains(&status) {
                let help = "use 400 to 599";
                self.error_with(&at.member("status"), format_args!("`{status}` is no status of an error"), help);
            }
            StatusCode::from_u16(status).ok()
        });
        let what = if fault.by_header {
            for (member, is_there) in [
                ("delay", fault.delay.is_some()),
                ("status", fault.status.is_some()),
                ("grpcStatus", fault.grpc_status.is_some()),
            ] {
                if is_there {
                    let help =
                        "remove it, or give it a policy of its own; `mostDelay` bounds what a request may ask for";
                    self.error_with(&at.member(member), "with `byHeader` each request asks for its own fault", help);
                }
            }
            What::Asked(most.unwrap_or(LONGEST))
        } else {
            match (delay, most) {
                (None, Some(_)) => {
                    let help = "add `delay`, the shortest: `\"delay\": \"100ms\"`";
                    self.error_with(&at.member("mostDelay"), "there is no `delay` that this is the longest of", help);
                }
                (Some(least), Some(most)) if most < least => {
                    let message = format_args!("the longest wait is shorter than `{}`, the shortest", Span(least));
                    self.error_with(&at.member("mostDelay"), message, "put `mostDelay` above `delay`");
                }
                _ => {}
            }
            if fault.delay.is_none()
                && fault.most_delay.is_none()
                && fault.status.is_none()
                && fault.grpc_status.is_none()
            {
                let help = "add `delay`, `status` or `grpcStatus`, or `\"byHeader\": true`";
                self.error_with(at, "nothing fails", help);
            }
            let grpc = fault.grpc_status.map(|status| status as u8 + 1);
            What::Stated { delay: delay.map(|least| (least, most.unwrap_or(least))), abort: Abort { status, grpc } }
        };
        (self.errors.len() == before && percent > 0).then_some(Fault { percent, when, what })
    }
}
