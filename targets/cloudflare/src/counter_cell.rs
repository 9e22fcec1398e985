//! One counter cell: a Durable Object of its own, so operations on it happen one after another.

#![expect(missing_docs, reason = "the macros write functions that they do not document")]

use core::cell::RefCell;

use bytes::Bytes;
use gateway_core::policy::claim::Verdict;
use gateway_core::policy::counter::{CounterOp, State, step};
use gateway_core::time::Timestamp;
use wasm_bindgen::prelude::*;
use worker::js_sys::{Date, Object, Uint8Array};
use worker::{DurableObject, Env, Request, Response, Result, ScheduledTime, Storage, durable_object};

const STATE: &str = "state";
/// The key of the time when the state may be forgotten, in ms since 1970.
const UNTIL: &str = "until";
/// The key of the answer that is kept beside a claim.
const ANSWER: &str = "answer";

/// The tags of operations on the answer; those of [`CounterOp`] are lower.
const KEEP: u8 = 254;
const KEPT: u8 = 255;

/// The operation that keeps `answer`, for as long as the state of the cell is kept.
pub(crate) fn keep(answer: &[u8]) -> Bytes {
    [&[KEEP], answer].concat().into()
}

/// The operation that asks for the answer; there is none if what comes is empty.
pub(crate) const fn kept() -> Bytes {
    Bytes::from_static(&[KEPT])
}

/// A counter cell.
#[durable_object(alarm)]
pub struct CounterCell {
    storage: Storage,
    /// The stored state, once it was read.
    cell: RefCell<Option<Cell>>,
}

#[derive(Default)]
struct Cell {
    state: Option<State>,
    until: f64,
    has_alarm: bool,
}

impl DurableObject for CounterCell {
    fn new(object: worker::State, _: Env) -> Self {
        Self { storage: object.storage(), cell: RefCell::new(None) }
    }

    /// Applies the operation in the content, and answers its verdict.
    async fn fetch(&self, mut request: Request) -> Result<Response> {
        Response::from_bytes(self.count(&request.bytes().await?)?)
    }

    /// Forgets an expired state; moves the alarm of a renewed one.
    async fn alarm(&self) -> Result<Response> {
        let until = self.with(|cell| Ok(cell.until))?;
        if Date::now() < until {
            self.storage.set_alarm(ScheduledTime::new(date(until))).await?;
        } else {
            self.cell.replace(Some(Cell::default()));
            self.storage.delete_all().await?;
        }
        Response::empty()
    }
}

#[wasm_bindgen]
impl CounterCell {
    /// Applies the packed operation `op` and returns its packed verdict. Nothing in here waits, which makes it atomic.
    pub fn count(&self, op: &[u8]) -> Result<Vec<u8>, JsValue> {
        match op.split_first() {
            Some((&KEEP, answer)) => {
                // A copy of its own: storing a view would store all of the memory behind it.
                self.entries()?.put(ANSWER, &Uint8Array::from(answer))?;
                return Ok(Vec::new());
            }
            Some((&KEPT, [])) => {
                let answer = self.entries()?.get(ANSWER)?.dyn_into::<Uint8Array>().ok();
                return Ok(answer.map(|answer| answer.to_vec()).unwrap_or_default());
            }
            _ => {}
        }
        let op = CounterOp::from_bytes(op).ok_or_else(|| JsValue::from_str("no operation on a counter cell"))?;
        let now = Date::now();
        self.with(|cell| {
            let step = step(op, cell.state.take(), Timestamp::from_unix_millis(now as u64));
            let packed = step.state.to_bytes();
            let entries = self.entries()?;
            if step.verdict.claim() == Some(Verdict::Given) && !entries.get(ANSWER)?.is_undefined() {
                // An answer that is still there is that of an earlier claim.
                entries.put(ANSWER, &Uint8Array::new_with_length(0))?;
            }
            cell.state = Some(step.state);
            cell.until = now + step.keep_for.as_nanos().div_ceil(1_000_000) as f64;
            // A copy of its own: storing a view would store all of the memory behind it.
            entries.put(STATE, &Uint8Array::from(packed.as_slice()))?;
            entries.put(UNTIL, &JsValue::from_f64(cell.until))?;
            if !cell.has_alarm {
                cell.has_alarm = true;
                // Not awaited: the runtime holds the answer back until it is stored.
                drop(self.storage.as_raw().set_alarm(date(cell.until), Object::new())?);
            }
            Ok(step.verdict.to_bytes().to_vec())
        })
    }
}

impl CounterCell {
    /// Lets `act` act on the cell, which is read first if it was not yet.
    fn with<T>(&self, act: impl FnOnce(&mut Cell) -> Result<T, JsValue>) -> Result<T, JsValue> {
        match &mut *self.cell.borrow_mut() {
            Some(cell) => act(cell),
            unread => act(unread.insert(Cell::read(&self.entries()?)?)),
        }
    }

    fn entries(&self) -> Result<Entries, JsValue> {
        self.storage.as_raw().unchecked_ref::<SqliteStorage>().kv()
    }
}

impl Cell {
    fn read(entries: &Entries) -> Result<Self, JsValue> {
        // An earlier version stored a number, which counts as no state.
        let packed = entries.get(STATE)?.dyn_into::<Uint8Array>().ok();
        let state = packed.and_then(|packed| State::from_bytes(&packed.to_vec()));
        let until = entries.get(UNTIL)?.as_f64().unwrap_or_default();
        Ok(Self { state, until, has_alarm: until != 0.0 })
    }
}

fn date(millis: f64) -> Date {
    Date::new(&JsValue::from_f64(millis))
}

// The synchronous part of the storage, which the crate does not bind.
#[wasm_bindgen]
extern "C" {
    type SqliteStorage;
    type Entries;

    #[wasm_bindgen(method, catch, getter)]
    fn kv(this: &SqliteStorage) -> Result<Entries, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn get(this: &Entries, key: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn put(this: &Entries, key: &str, value: &JsValue) -> Result<(), JsValue>;
}
