//! nightcap: an Azure alert fires, and a packet capture runs on the machine before anybody is awake.
//!
//! Start reading at [`workflow`]. `ARCHITECTURE.md` has the map.

// A trap ends every request of the instance, so nothing here may panic on what came from outside.
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used
    )
)]

pub mod alert;
pub mod azure;
pub mod capture;
pub mod context;
mod digest;
pub mod host;
mod json;
pub mod log;
pub mod notify;
pub mod page;
pub mod plan;
pub mod records;
pub mod settings;
pub mod timestamp;
pub mod web;
pub mod workflow;

pub use nightcap_report as report;
use nightcap_report::{measure, text};

#[cfg(all(target_arch = "wasm32", any(feature = "spin", feature = "wasi")))]
mod component {
    //! The component's door: every request goes to the router.

    use std::sync::{Arc, LazyLock};

    use axum::response::Response;
    use spin_sdk::http::{IntoResponse, Request};
    use tower_service::Service;

    use crate::context::App;
    use crate::host::runtime::Runtime;

    static APP: LazyLock<Arc<App<Runtime>>> = LazyLock::new(|| Arc::new(App::new(Runtime::begin())));

    #[spin_sdk::http_service]
    async fn handle(request: Request) -> impl IntoResponse {
        let answer: Result<Response, std::convert::Infallible> = crate::web::router(APP.clone()).call(request).await;
        answer
    }
}

#[cfg(all(target_arch = "wasm32", not(any(feature = "spin", feature = "wasi"))))]
compile_error!("build the component with one of the features `spin` (the default) and `wasi`");
