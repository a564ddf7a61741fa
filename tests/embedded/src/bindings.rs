//! Spin's interfaces as Rust traits, generated from `wit/`.

#![allow(missing_docs, reason = "generated code carries the docs of its WIT, which has none")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "nightcap:embedded/spin",
    imports: { default: async | store | trappable },
    with: { "spin:key-value/key-value.store": crate::key_value::Store },
});
