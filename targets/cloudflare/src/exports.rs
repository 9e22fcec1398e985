//! The functions that the glue calls.

use core::cell::{Cell, RefCell};
use core::ptr;
use std::sync::Arc;

use bytes::Bytes;
use edgeway_wire::Failure;
use gateway_core::body::Body;
use gateway_core::error::Reject;
use gateway_core::gateway::{Ended, Gateway, Length, Outcome, Reply};
use gateway_core::plan;
use gateway_core::ports::{IoError, IoErrorKind, Peer, Platform as _};
use http::{Request, Response, StatusCode};
use wasm_bindgen::prelude::*;

use crate::exchange::{self, Answered, Completion};
use crate::platform::{Handle, Worker};
use crate::secrets::Bindings;
use crate::witness::{self, Relayed, Witness};
use crate::{failure, filters, wire};

pub(crate) const NOT_UTF8: &str = "error: the configuration is not UTF-8";

/// What tells every mistake; this wasm tells none.
const THE_CHECK: &str = "`node dist/cloudflare/check.mjs gateway.json` tells everything that is wrong";

thread_local! {
    static INBOX: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static GATEWAY: Cell<Option<&'static Gateway<Worker>>> = const { Cell::new(None) };
}

/// Returns the version of the names and numbers on this side. It must equal the glue's, or neither understands the
/// other.
#[wasm_bindgen]
pub fn wire_version() -> u32 {
    edgeway_wire::VERSION
}

/// Makes room for `len` bytes and returns where the glue may write them.
#[wasm_bindgen]
pub fn reserve(len: usize) -> *mut u8 {
    INBOX.with_borrow_mut(|inbox| {
        if inbox.len() < len {
            inbox.resize(len, 0);
        }
        inbox.as_mut_ptr()
    })
}

// A configuration comes as bytes: the generated glue would copy a string character by character, in JavaScript that is
// not compiled yet.

/// Loads a configuration, as UTF-8. Returns its first mistake, or nothing.
#[wasm_bindgen]
pub fn load(config: &[u8], bindings: &str) -> String {
    let Ok(config) = str::from_utf8(config) else { return NOT_UTF8.to_owned() };
    match plan::load_straight(config, &Worker::CAPABILITIES, &Bindings::parse(bindings.as_bytes())) {
        Ok(plan) => {
            // One gateway per instance, for the instance's whole life; every exchange refers to it.
            GATEWAY.set(Some(Box::leak(Box::new(Gateway::new(Arc::new(plan), Worker)))));
            String::new()
        }
        Err(mut error) => {
            error.help.get_or_insert_with(|| THE_CHECK.to_owned());
            error.to_string()
        }
    }
}

/// The service bindings that take the calls of upstreams: a line for each upstream, empty for those on the network.
#[wasm_bindgen]
pub fn services() -> String {
    let upstreams = GATEWAY.get().map_or(&[][..], |gateway| &gateway.plan().upstreams);
    let services: Vec<_> = upstreams.iter().map(|upstream| upstream.service.as_deref().unwrap_or_default()).collect();
    services.join("\n")
}

// `begin` and `resume_…` return the address of the glue's next commands; null if the exchange has failed.

/// Begins an exchange with the packed request head in the first `len` bytes of the inbox, at `now` (ms since 1970).
#[wasm_bindgen]
pub fn begin(len: usize, has_body: bool, now: f64) -> *const u32 {
    exchange::set_now(now);
    let Some(gateway) = GATEWAY.get() else { return ptr::null() };
    let Some((head, request, peer)) = wire::read_request(&received(len), has_body, wire::asks(gateway.plan()) != 0)
    else {
        return exchange::refuse(Reject::bad_header());
    };
    exchange::begin(Box::pin(answer(gateway, request, peer)), head)
}

async fn answer(gateway: &'static Gateway<Worker>, request: Request<Body<Handle>>, peer: Peer) -> Answered {
    let mut witness = Witness::new(gateway, &request, &peer);
    let Outcome { reply, after } = gateway.handle(request, &peer, &mut witness.record).await;
    let after = witness.answered(&reply, after);
    Answered { reply, after }
}

/// Begins an exchange without a request that checks the places of upstreams; null if there is nothing to check.
#[wasm_bindgen]
pub fn check_places(now: f64) -> *const u32 {
    exchange::set_now(now);
    let Some(gateway) = GATEWAY.get().filter(|gateway| gateway.checks()) else { return ptr::null() };
    let checked = async {
        gateway.check_all().await;
        Answered { reply: Reply::Http(Response::new(Body::Empty)), after: None }
    };
    exchange::begin(Box::pin(checked), wire::Head::default())
}

/// Ends exchange `id`, which the glue has answered with `status` and the upstream's body, if there is one, of `length`
/// bytes if the head states that. Returns the commands of the remaining work, or null if there is none. For a watched
/// exchange they include the wait for the end of that body.
#[wasm_bindgen]
pub fn relayed(id: u32, status: u16, has_body: bool, length: f64, now: f64) -> *const u32 {
    exchange::set_now(now);
    let (Some(gateway), Ok(status)) = (GATEWAY.get(), StatusCode::from_u16(status)) else { return ptr::null() };
    let stated = (length >= 0.0).then_some(length as u64);
    let sent = if has_body { Length::Stated(stated) } else { Length::Counted(0) };
    exchange::conclude(id, |task| witness::relayed(gateway, Relayed { status, sent }, || drop(task)))
}

/// Ends exchange `id`, which is watched and not answered yet: its client has left. Returns the commands of the
/// remaining work, or null if there is none.
#[wasm_bindgen]
pub fn left(id: u32, now: f64) -> *const u32 {
    exchange::set_now(now);
    let Some(gateway) = GATEWAY.get() else { return ptr::null() };
    exchange::conclude(id, |task| witness::left(gateway, || drop(task)))
}

/// Returns whether an access log is kept, which alone needs a response's length.
#[wasm_bindgen]
pub fn is_logged() -> bool {
    GATEWAY.get().is_some_and(|gateway| gateway.plan().access_log.is_on())
}

/// Returns what the core asks for of the things that the edge says of a client: a bit for each, by its number.
#[wasm_bindgen]
pub fn asks() -> u32 {
    GATEWAY.get().map_or(0, |gateway| wire::asks(gateway.plan()))
}

/// Goes on with exchange `id`: the fetch in `slot` was answered with `status` and the packed head in the inbox.
#[wasm_bindgen]
pub fn resume_head(id: u32, slot: u32, status: u16, len: usize, has_body: bool, now: f64) -> *const u32 {
    exchange::set_now(now);
    let head = received(len);
    exchange::resume(id, slot, |heads| {
        let (head, response) =
            wire::read_response(status, head, has_body, slot).ok_or(IoError::new(IoErrorKind::Protocol))?;
        heads.keep(slot, head);
        Ok(Completion::Head(response))
    })
}

/// Goes on with exchange `id`: the outcome of the effect in `slot` is the bytes in the inbox.
#[wasm_bindgen]
pub fn resume_bytes(id: u32, slot: u32, len: usize, now: f64) -> *const u32 {
    exchange::set_now(now);
    let content = received(len);
    exchange::resume(id, slot, |_| Ok(Completion::Bytes(content)))
}

/// Goes on with exchange `id`: the effect in `slot` is done, without a result.
#[wasm_bindgen]
pub fn resume_nothing(id: u32, slot: u32, now: f64) -> *const u32 {
    exchange::set_now(now);
    exchange::resume(id, slot, |_| Ok(Completion::Nothing))
}

/// Goes on with exchange `id`: the effect in `slot` failed.
#[wasm_bindgen]
pub fn resume_failed(id: u32, slot: u32, failure: u32, now: f64) -> *const u32 {
    exchange::set_now(now);
    exchange::resume(id, slot, |_| Err(failure::io_error(Failure::from_number(failure))))
}

/// Goes on with exchange `id`: the response's body, whose end is awaited in `slot`, has ended after this many bytes;
/// too early if there was a `failure`.
#[wasm_bindgen]
pub fn resume_ended(id: u32, slot: u32, bytes: f64, failure: Option<u32>, now: f64) -> *const u32 {
    exchange::set_now(now);
    let cut = failure.map(|failure| failure::io_error(Failure::from_number(failure)).kind);
    let ended = Ended { received: None, sent: Length::Counted(bytes as u64), cut };
    exchange::resume(id, slot, |_| Ok(Completion::Ended(ended)))
}

/// Shows exchange `id` the piece of its answer's body that is in the first `len` bytes of the inbox.
#[wasm_bindgen]
pub fn observe(id: u32, len: usize) {
    INBOX.with_borrow(|inbox| exchange::show(id, inbox.get(..len).unwrap_or_default()));
}

/// Edits the piece in the first `len` bytes of the inbox by the filter with this number, or its end, and returns the number of bytes that come
/// of it; -1 if the body has to break off. A filter that has ended, or broken off, is forgotten.
#[wasm_bindgen]
pub fn filter(number: u32, len: usize, is_end: bool) -> i32 {
    INBOX.with_borrow(|inbox| filters::push(number, inbox.get(..len).filter(|_| !is_end)))
}

/// The address of what has come of the last piece that was edited.
#[wasm_bindgen]
pub fn filtered() -> *const u8 {
    filters::out()
}

/// Forgets the filter with this number: its body has been given up.
#[wasm_bindgen]
pub fn forget_filter(number: u32) {
    filters::forget(number);
}

/// Forgets exchange `id`: its client has left.
#[wasm_bindgen]
pub fn cancel(id: u32, now: f64) {
    exchange::set_now(now);
    exchange::cancel(id);
}

/// The number of exchanges that wait for an effect; for tests.
#[wasm_bindgen]
pub fn waiting() -> usize {
    exchange::waiting()
}

/// The gateway of this instance, once its configuration is loaded.
pub(crate) fn gateway() -> Option<&'static Gateway<Worker>> {
    GATEWAY.get()
}

fn received(len: usize) -> Bytes {
    INBOX.with_borrow(|inbox| inbox.get(..len).map_or_else(Bytes::new, Bytes::copy_from_slice))
}
