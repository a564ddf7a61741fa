//! Spin's interfaces as Rust traits, generated from `wit/`.

wasmtime::component::bindgen!({
    path: "wit",
    world: "nightcap:embedded/spin",
    imports: { default: async | store | trappable },
    with: { "spin:key-value/key-value.store": crate::store::Store },
});
