//! The time after the answer: its line in the log, and the work that is left.

use std::rc::Rc;

use gateway_core::gateway::{After, Ended, Gateway, Length, Record};
use gateway_core::ports::IoErrorKind;

use crate::platform::Spin;

/// Starts the work that `gateway` has left.
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

    /// Whether the route waits for the end: then the body has to go through this component, as the host tells nobody.
    pub(crate) fn awaits_end(&self) -> bool {
        let route = self.record.route.and_then(|route| self.gateway.plan().routes.get(route));
        route.is_some_and(|route| route.needs.end)
    }

    /// The host has taken so many bytes of the body: all of them, unless it was `cut`.
    pub(crate) fn ended(self, bytes: u64, cut: Option<IoErrorKind>) {
        self.tell(Length::Counted(bytes), cut);
    }

    /// The body goes from host to host, where nobody sees its end: its length is what the head has `stated`.
    pub(crate) fn handed_over(self, stated: Option<u64>) {
        self.tell(Length::Stated(stated), None);
    }

    fn tell(self, sent: Length, cut: Option<IoErrorKind>) {
        let left = self.gateway.ended(self.record, &Ended { received: None, sent, cut });
        run_all(&self.gateway, left);
    }
}
