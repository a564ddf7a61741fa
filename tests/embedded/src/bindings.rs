//! Spin's interfaces as Rust traits, generated from `wit/`.

pub mod wasi02 {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "nightcap:embedded/spin-wasi02",
        imports: { default: async | trappable },
        with: { "fermyon:spin/key-value.store": crate::store::Store },
    });
}

pub mod wasi03 {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "nightcap:embedded/spin-wasi03",
        imports: { default: async | store | trappable },
        with: { "spin:key-value/key-value.store": crate::store::Store },
    });
}
