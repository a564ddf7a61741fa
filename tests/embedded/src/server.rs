//! The listener: requests in, answers out.

use std::convert::Infallible;

use anyhow::Context;
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::{InstantiationError, ProxyHandler, TrapOrPanicError};
use wasmtime_wasi_http::io::TokioIo;

use crate::instances::Instances;

type Handler = ProxyHandler<Instances>;

pub(crate) async fn serve(listener: TcpListener, instances: Instances) {
    let handler = ProxyHandler::new(instances);
    loop {
        // A connection that broke before it was taken is the client's affair.
        if let Ok((stream, _)) = listener.accept().await {
            // `wasmtime serve` sends small packets at once. Spin leaves them to Nagle's algorithm.
            let _ = stream.set_nodelay(handler.state().guests.spin.is_none());
            tokio::spawn(serve_connection(stream, handler.clone()));
        }
    }
}

async fn serve_connection(stream: TcpStream, handler: Handler) {
    let service = service_fn(|request| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(answer(handler, request).await) }
    });
    // What goes wrong here the client sees, too; what went wrong in the component is recorded.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(handler: Handler, mut request: Request<Incoming>) -> Response<WasiBody> {
    let guests = &handler.state().guests;
    if guests.spin.is_some()
        && let Err(error) = make_absolute(&mut request)
    {
        return plain(StatusCode::BAD_REQUEST, &error.to_string());
    }
    let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
    let (guard, instance_gone) = oneshot::channel();
    let error = match handler.handle(guard, request).await {
        Ok(response) => return response,
        Err(error) => error,
    };
    if error.is::<TrapOrPanicError>() {
        // The trap is recorded when the instance goes, and a test that sees the 500 looks for it.
        let _ = instance_gone.await;
    } else if let Some(it) = error.downcast_ref::<InstantiationError<oneshot::Sender<()>>>() {
        guests.record.trap(format!("no instance: {:#}", it.error));
    }
    if guests.record.is_killed() {
        // A host without power says nothing more.
        std::future::pending::<()>().await;
    }
    plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}\n"))
}

/// Spin shows its components whole URLs; `wasmtime serve` shows them the path.
fn make_absolute(request: &mut Request<Incoming>) -> anyhow::Result<()> {
    let host = request.headers().get(HOST).context("no Host header")?;
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(Authority::try_from(host.as_bytes())?);
    *request.uri_mut() = Uri::from_parts(parts)?;
    Ok(())
}

fn plain(status: StatusCode, text: &str) -> Response<WasiBody> {
    let body = Full::from(text.to_owned()).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response
}
