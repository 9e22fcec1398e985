//! The time after the answer: the access log's line, and the remaining work.

use std::rc::Rc;

use gateway_core::gateway::{After, Ended, Gateway, Length, Record};
use gateway_core::ports::IoErrorKind;

use crate::platform::Spin;

/// Starts the remaining work of `gateway`.
pub(crate) fn run_all(gateway: &Rc<Gateway<Spin>>, work: Vec<After>) {
    for work in work {
        let gateway = Rc::clone(gateway);
        spin_sdk::wasip3::spawn(async move { gateway.run_after(work).await });
    }
}

/// The witness of an exchange's end.
pub(crate) struct Witness {
    gateway: Rc<Gateway<Spin>>,
    record: Record,
}

impl Witness {
    pub(crate) fn new(gateway: Rc<Gateway<Spin>>, record: Record) -> Self {
        Self { gateway, record }
    }

    /// Returns whether the route waits for the end. The body then passes through this component, since the host reports
    /// no end.
    pub(crate) fn awaits_end(&self) -> bool {
        let route = self.record.route.and_then(|route| self.gateway.plan().routes.get(route));
        route.is_some_and(|route| route.needs.end)
    }

    /// Records that the host has taken this many bytes of the body: all of them, unless it was `cut`.
    pub(crate) fn ended(self, bytes: u64, cut: Option<IoErrorKind>) {
        self.tell(Length::Counted(bytes), cut);
    }

    /// Records that the body goes from host to host, with an unobserved end: its length is the one `stated` in the
    /// head.
    pub(crate) fn handed_over(self, stated: Option<u64>) {
        self.tell(Length::Stated(stated), None);
    }

    fn tell(self, sent: Length, cut: Option<IoErrorKind>) {
        let left = self.gateway.ended(self.record, &Ended { received: None, sent, cut });
        run_all(&self.gateway, left);
    }
}
