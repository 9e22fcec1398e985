//! `spin:key-value`: named stores, kept in memory for as long as a configuration is served.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use wasmtime::component::{Accessor, FutureReader, HasSelf, Resource, StreamReader};

use crate::app::State;
use crate::bindings::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// The contents of all stores of one served configuration, by store and key.
#[derive(Default)]
#[expect(unreachable_pub, reason = "the generated code re-exports it")]
pub struct Stores {
    contents: Mutex<BTreeMap<(String, String), Vec<u8>>>,
    reads: AtomicUsize,
}

impl Stores {
    fn with<T>(&self, body: impl FnOnce(&mut BTreeMap<(String, String), Vec<u8>>) -> T) -> T {
        body(&mut self.contents.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys of all stores.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.with(|contents| contents.keys().map(|(_, key)| key.clone()).collect())
    }

    /// The reads of values that have begun.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

/// An open store.
#[expect(unreachable_pub, reason = "the generated code re-exports it")]
pub struct Store {
    label: String,
}

impl Host for State {}
impl HostStore for State {}

impl<T: Send> HostStoreWithStore<T> for HasSelf<State> {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> Answer<Resource<Store>> {
        accessor.with(|mut access| {
            let state = access.get();
            if !state.shared.options.key_value_stores.contains(&label) {
                return Ok(Err(Error::AccessDenied));
            }
            Ok(Ok(state.table.push(Store { label })?))
        })
    }

    async fn get(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Answer<Option<Vec<u8>>> {
        let delay = accessor.with(|mut access| {
            let shared = &access.get().shared;
            shared.key_values.reads.fetch_add(1, Ordering::SeqCst);
            shared.options.key_value_delay
        });
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        contents(accessor, &store, key, |contents, place| contents.get(&place).cloned())
    }

    async fn set(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String, value: Vec<u8>) -> Answer<()> {
        contents(accessor, &store, key, |contents, place| {
            contents.insert(place, value);
        })
    }

    async fn delete(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Answer<()> {
        contents(accessor, &store, key, |contents, place| {
            contents.remove(&place);
        })
    }

    async fn exists(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Answer<bool> {
        contents(accessor, &store, key, |contents, place| contents.contains_key(&place))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        accessor.with(|mut access| {
            let state = access.get();
            let label = &state.table.get(&store)?.label;
            let keys: Vec<String> = state.shared.key_values.with(|contents| {
                contents.keys().filter(|(store, _)| store == label).map(|(_, key)| key.clone()).collect()
            });
            let done = async { wasmtime::error::Ok(Ok(())) };
            Ok((StreamReader::new(&mut access, keys)?, FutureReader::new(&mut access, done)?))
        })
    }

    async fn drop(accessor: &Accessor<T, Self>, store: Resource<Store>) -> wasmtime::Result<()> {
        accessor.with(|mut access| access.get().table.delete(store).map(drop))?;
        Ok(())
    }
}

fn contents<T: Send, U>(
    accessor: &Accessor<T, HasSelf<State>>,
    store: &Resource<Store>,
    key: String,
    body: impl FnOnce(&mut BTreeMap<(String, String), Vec<u8>>, (String, String)) -> U,
) -> Answer<U> {
    accessor.with(|mut access| {
        let state = access.get();
        let place = (state.table.get(store)?.label.clone(), key);
        Ok(Ok(state.shared.key_values.with(|contents| body(contents, place))))
    })
}
