//! nightcap: an Azure alert fires, and a packet capture runs on the machine before anybody is awake.
//!
//! Start reading at `src/workflow/mod.rs`. `ARCHITECTURE.md` has the map.

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

mod alert;
mod azure;
mod capture;
mod context;
mod digest;
pub mod host;
mod json;
mod log;
mod notify;
mod page;
mod plan;
mod records;
mod settings;
mod tally;
mod timestamp;
mod web;
mod workflow;

pub use nightcap_report as report;
use nightcap_report::{measure, text};

// The component's only surface is its routes. What follows is for tests and benchmarks.
pub use alert::direct_call::DirectCall;
pub use alert::overrides::Overrides;
pub use alert::{Alert, BadAlert};
pub use azure::blob::PIECE;
pub use azure::packet_capture::{Activity, Status};
pub use azure::target::Target;
pub use context::Instance;
pub use page::{Facts, Instances, Page};
pub use plan::{Plan, nothing_to_do};
pub use settings::{SECRET_SETTINGS, SETTINGS};
pub use timestamp::Timestamp;
pub use web::router;

#[cfg(all(target_arch = "wasm32", any(feature = "wasi02", feature = "wasi03")))]
mod component {
    //! The component's door: every request goes to the router.

    use std::convert::Infallible;
    use std::sync::{Arc, LazyLock};

    use axum::body::Body;
    use axum::response::Response;
    use http::Request;
    use tower_service::Service;

    use crate::context::Instance;
    use crate::host::Host;
    use crate::host::runtime::Runtime;
    use crate::log::{self, Event};

    static INSTANCE: LazyLock<Arc<Instance<Runtime>>> = LazyLock::new(|| {
        if !Runtime.has_store() {
            let detail = "no directory is mounted at /state: records last only as long as this instance";
            let event = Event { event: "store_is_memory", level: "warn", detail: Some(detail), ..Event::default() };
            log::write(&Runtime, &event);
        }
        Arc::new(Instance::new(Runtime))
    });

    async fn answer(request: Request<Body>) -> Response {
        let answer: Result<Response, Infallible> = crate::web::router(INSTANCE.clone()).call(request).await;
        answer.unwrap_or_else(|never| match never {})
    }

    #[cfg(feature = "wasi02")]
    mod wasi02 {
        use wasip2::exports::http::incoming_handler::Guest;
        use wasip2::http::types::{IncomingRequest, ResponseOutparam};
        use wstd::http::Body;
        use wstd::http::request::try_from_incoming;
        use wstd::http::server::Responder;

        struct Door;

        impl Guest for Door {
            fn handle(request: IncomingRequest, answer: ResponseOutparam) {
                wstd::runtime::block_on(serve(request, Responder::new(answer)));
            }
        }

        async fn serve(request: IncomingRequest, responder: Responder) {
            match try_from_incoming(request) {
                Ok(request) => {
                    let request = request.map(|body| axum::body::Body::new(body.into_boxed_body()));
                    let answer = super::answer(request).await.map(Body::from_http_body);
                    // The caller may have hung up, and HEAD wants no body. The macro that `wstd` has for this traps then, and
                    // all work that goes on would end with the instance.
                    let _ = responder.respond(answer).await;
                }
                Err(error) => responder.fail(error),
            }
        }

        wasip2::http::proxy::export!(Door with_types_in wasip2);
    }

    #[cfg(feature = "wasi03")]
    mod wasi03 {
        use spin_sdk::http::{IntoResponse, Request};

        #[spin_sdk::http_service]
        async fn handle(request: Request) -> impl IntoResponse {
            Ok::<_, std::convert::Infallible>(super::answer(request.map(axum::body::Body::new)).await)
        }
    }
}

#[cfg(all(target_arch = "wasm32", not(any(feature = "wasi02", feature = "wasi03"))))]
compile_error!(
    "build the component with one of the features `spin` (the default), `wasmtime`, `spin-wasi03` and `wasmtime-wasi03`"
);
