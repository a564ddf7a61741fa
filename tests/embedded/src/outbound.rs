//! Requests that the component sends: written down, checked against the allow-list, and sent for real.

use std::sync::Arc;

use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

use crate::allowed_hosts::AllowedHosts;
use crate::record::Record;

pub(crate) struct Outbound {
    pub record: Arc<Record>,
    /// `None` allows everything, as `wasmtime serve` does.
    pub allowed: Option<AllowedHosts>,
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Io), Error>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let uri = request.uri();
        let refused = self.allowed.as_ref().is_some_and(|it| !it.allows(uri));
        self.record.outbound_request(format!(
            "{} {}://{}{}",
            request.method(),
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map_or("", |it| it.as_str()),
            if refused { " refused" } else { "" },
        ));
        Box::new(async move {
            if refused {
                return Err(Error::HttpRequestDenied);
            }
            let (response, io) = default_send_request(request, options).await?;
            Ok((response.map(BodyExt::boxed_unsync), Box::new(io) as Io))
        })
    }
}
