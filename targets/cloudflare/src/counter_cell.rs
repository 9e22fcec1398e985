//! One counter cell: a Durable Object of its own, so operations on it happen one after another.

#![expect(missing_docs, reason = "the macros write functions that they do not document")]

use core::cell::RefCell;

use gateway_core::policy::counter::{CounterOp, State, step};
use gateway_core::time::Timestamp;
use wasm_bindgen::prelude::*;
use worker::js_sys::{Date, Object, Uint8Array};
use worker::{DurableObject, Env, Request, Response, Result, ScheduledTime, Storage, durable_object};

const STATE: &str = "state";
/// The key of the time when the state may be forgotten, in ms since 1970.
const UNTIL: &str = "until";

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
        let op = CounterOp::from_bytes(op).ok_or_else(|| JsValue::from_str("no operation on a counter cell"))?;
        let now = Date::now();
        self.with(|cell| {
            let step = step(op, cell.state.take(), Timestamp::from_unix_millis(now as u64));
            let packed = step.state.to_bytes();
            cell.state = Some(step.state);
            cell.until = now + step.keep_for.as_nanos().div_ceil(1_000_000) as f64;
            let entries = self.entries()?;
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
