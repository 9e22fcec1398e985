//! The host side of Spin's own interfaces, generated from `wit/`.

wasmtime::component::bindgen!({
    path: "wit",
    world: "edgeway:spin-host/imports",
    imports: { default: async | store | trappable },
    with: {
        "spin:key-value/key-value.store": crate::key_value::Store,
        "spin:sqlite/sqlite.connection": crate::sqlite::Connection,
        "spin:redis/redis.connection": crate::redis::Connection,
    },
    require_store_data_send: true,
});

pub(crate) use spin::*;
