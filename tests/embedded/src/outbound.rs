//! Requests that the component sends: written down, checked against the allow-list, and sent for real.

use std::sync::Arc;

use http::Request;
use http::uri::{PathAndQuery, Scheme, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::record::Record;
use crate::spin::{Spin, SpinClient};

pub(crate) struct Outbound {
    pub record: Arc<Record>,
    /// `None` allows everything and connects anew for each request, as `wasmtime serve` does.
    pub spin: Option<Spin>,
}

/// What carries a request and its answer, and has to go on until both are through.
type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Io), Error>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let uri = request.uri();
        self.record.step(format!("{} {}", request.method(), uri.path()));
        let refused = self.spin.as_ref().is_some_and(|it| !it.application.allowed_hosts.allows(uri));
        self.record.outbound_request(format!(
            "{} {}://{}{}",
            request.method(),
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map_or("", |it| it.as_str()),
            if refused { " refused" } else { "" },
        ));
        let client = self.spin.as_ref().map(|spin| spin.client.clone());
        Box::new(async move {
            // The simulator speaks plain HTTP, and its answers come at once or never.
            match client {
                _ if refused => Err(Error::HttpRequestDenied),
                _ if request.uri().scheme() != Some(&Scheme::HTTP) => Err(Error::TlsProtocolError),
                Some(client) => send_as_spin(&client, request).await,
                None => send_as_wasmtime(request).await,
            }
        })
    }
}

async fn send_as_spin(client: &SpinClient, request: Request<WasiBody>) -> Sent {
    let response = client.request(request).await.map_err(|error| Error::InternalError(Some(error.to_string())))?;
    Ok((response.map(|body| body.map_err(Error::Hyper).boxed_unsync()), Box::new(async { Ok(()) })))
}

async fn send_as_wasmtime(mut request: Request<WasiBody>) -> Sent {
    let uri = request.uri();
    let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
    let address = format!("{host}:{}", uri.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(address).await.map_err(Error::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Only a proxy is told the whole URL.
    *request.uri_mut() = Uri::from(uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
    // The connection ends with this set, when the component loses interest before the answer has come.
    let mut connections = JoinSet::from_iter([connection]);
    let response = sender.send_request(request).await?;
    let io = async move {
        match connections.join_next().await {
            Some(Ok(ended)) => ended.map_err(Error::Hyper),
            _ => Err(Error::ConnectionTerminated),
        }
    };
    Ok((response.map(|body| body.map_err(Error::Hyper).boxed_unsync()), Box::new(io)))
}
