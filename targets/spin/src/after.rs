//! What follows the answer: its body's end, and the work that is left.

use std::rc::Rc;

use gateway_core::gateway::{After, Ended, Gateway, Length, Record};
use gateway_core::ports::IoErrorKind;
use spin_sdk::wasip3::http::types::ErrorCode;
use spin_sdk::wasip3::wit_future;

use crate::platform::Spin;
use crate::stream::Ending;

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

    /// All of the body, so many bytes, was handed to the host.
    pub(crate) fn ended_whole(self, bytes: usize) {
        self.ended(Length::Counted(bytes as u64), None);
    }

    /// The same ending, whose coming is noted. The bytes pass through the host alone, so `stated` is their number as the head
    /// has it.
    pub(crate) fn watch(self, ending: Ending, stated: Option<u64>) -> Ending {
        if !self.record.is_awaited() {
            return ending;
        }
        // The default is what the client gets if this component dies half-way.
        let (writer, watched) = wit_future::new(|| Err(ErrorCode::InternalError(None)));
        spin_sdk::wasip3::spawn(async move {
            let result = ending.await;
            let cut = result.as_ref().err().map(|_| IoErrorKind::Closed);
            // Nobody takes it any more once the client has left.
            let left = writer.write(result).await.is_err();
            self.ended(Length::Stated(stated), if left { Some(IoErrorKind::Client) } else { cut });
        });
        watched
    }

    fn ended(self, sent: Length, cut: Option<IoErrorKind>) {
        let left = self.gateway.ended(self.record, &Ended { received: None, sent, cut });
        run_all(&self.gateway, left);
    }
}
