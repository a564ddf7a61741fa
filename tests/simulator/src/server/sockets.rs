//! The pretend Azure behind sockets: a loopback listener each, so that the services are different origins.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::answer;
use crate::azure::{Azure, Outcome};
use crate::server::body::{BreakableBody, breakable};
use crate::server::control;
use crate::service::Service;
use crate::transcript::Exchange;
use crate::world::inventory::World;
use crate::world::urls::Urls;

const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// A running simulator on the loopback interface, by the real clock. Dropping it closes its listeners and
/// connections.
#[derive(Debug)]
pub struct Server {
    urls: Urls,
    azure: Arc<Mutex<Azure>>,
    _listeners: JoinSet<()>,
}

struct Shared {
    azure: Arc<Mutex<Azure>>,
    on_exchange: Box<dyn Fn(&Exchange) + Send + Sync>,
}

impl Server {
    /// Starts on free ports, with the world that is made for their URLs.
    ///
    /// # Errors
    /// When the ports cannot be bound.
    pub async fn start(world: impl FnOnce(Urls) -> World) -> io::Result<Server> {
        Server::start_at(0, world, |_| {}).await
    }

    /// Starts on the ports from `base_port` on (0 for free ones): Entra, Resource Manager, blobs, sink, managed identities.
    /// `on_exchange` is told of every exchange, before it is answered.
    ///
    /// # Errors
    /// When a port cannot be bound.
    pub async fn start_at(
        base_port: u16,
        world: impl FnOnce(Urls) -> World,
        on_exchange: impl Fn(&Exchange) + Send + Sync + 'static,
    ) -> io::Result<Server> {
        let entra = bind(base_port, 0).await?;
        let arm = bind(base_port, 1).await?;
        let blob = bind(base_port, 2).await?;
        let sink = bind(base_port, 3).await?;
        let identity = bind(base_port, 4).await?;
        let urls = Urls {
            authority: origin(&entra)?,
            arm: origin(&arm)?,
            blob: origin(&blob)?,
            sink: origin(&sink)?,
            identity: origin(&identity)?,
        };
        let azure = Arc::new(Mutex::new(Azure::new(world(urls.clone()))));
        let shared = Arc::new(Shared { azure: Arc::clone(&azure), on_exchange: Box::new(on_exchange) });
        let mut listeners = JoinSet::new();
        let services = [
            (entra, Service::Entra),
            (arm, Service::Arm),
            (blob, Service::Blob),
            (sink, Service::Sink),
            (identity, Service::Identity),
        ];
        for (listener, service) in services {
            listeners.spawn(listen(listener, service, Arc::clone(&shared)));
        }
        Ok(Server { urls, azure, _listeners: listeners })
    }

    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// The pretend Azure itself, to be looked at and tampered with while it runs.
    pub fn azure(&self) -> Arc<Mutex<Azure>> {
        Arc::clone(&self.azure)
    }
}

async fn bind(base_port: u16, offset: u16) -> io::Result<TcpListener> {
    let port = if base_port == 0 { 0 } else { base_port.saturating_add(offset) };
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

fn origin(listener: &TcpListener) -> io::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}

async fn listen(listener: TcpListener, service: Service, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(converse(stream, service, Arc::clone(&shared))); }
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection until it closes. An error of the service closes it without an answer.
async fn converse(stream: TcpStream, service: Service, shared: Arc<Shared>) {
    let answer = service_fn(|request| respond(request, service, &shared));
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    // A connection that breaks is the client's affair, or was asked for.
    let _ = connection.await;
}

async fn respond(
    request: Request<Incoming>,
    service: Service,
    shared: &Shared,
) -> Result<Response<BreakableBody>, io::Error> {
    let has_length = ["content-length", "transfer-encoding"].iter().any(|name| request.headers().contains_key(*name));
    if matches!(*request.method(), Method::POST | Method::PUT) && !has_length {
        return Ok(breakable(answer::html(StatusCode::LENGTH_REQUIRED), false, None));
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return Ok(breakable(answer::empty(StatusCode::PAYLOAD_TOO_LARGE), false, None));
    };
    let is_head = parts.method == Method::HEAD;
    let request = Request::from_parts(parts, body.to_bytes());
    let (after, outcome, speed) = {
        let mut azure = shared.azure.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        let control = if service == Service::Sink { control::answer(&mut azure, now, &request) } else { None };
        if let Some(answer) = control {
            return Ok(breakable(answer, is_head, None));
        }
        let reply = azure.handle(now, service, request);
        azure.transcript().last().into_iter().for_each(|exchange| (shared.on_exchange)(exchange));
        let speed = azure.world().timing.blob_bytes_per_second.filter(|_| service == Service::Blob);
        (reply.after, reply.outcome, speed)
    };
    if !after.is_zero() {
        tokio::time::sleep(after).await;
    }
    match outcome {
        Outcome::Response(answer) => Ok(breakable(answer, is_head, speed)),
        Outcome::Cut => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::{Effect, Fault};

    /// Sends bytes and reads until the server closes.
    async fn talk(origin: &str, request: &str) -> String {
        let mut stream = TcpStream::connect(origin.strip_prefix("http://").unwrap()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A connection that was cut may end in a reset.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn get(origin: &str, path: &str) -> String {
        talk(origin, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
    }

    async fn post(origin: &str, path: &str, body: &str) -> String {
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}", body.len());
        talk(origin, &format!("{head}\r\n\r\n{body}")).await
    }

    async fn started() -> Server {
        Server::start(World::sample).await.unwrap()
    }

    fn fault(server: &Server, effect: Effect) {
        server.azure().lock().unwrap().add_fault(Fault::new(effect));
    }

    #[tokio::test]
    async fn the_services_are_four_origins() {
        let server = started().await;
        let urls = server.urls();
        assert!(get(&urls.arm, "/subscriptions/x?api-version=2022-12-01").await.starts_with("HTTP/1.1 401"));
        assert!(get(&urls.blob, "/a/b/c").await.contains("NoAuthenticationInformation"));
        assert!(post(&urls.sink, "/teams", "{}").await.starts_with("HTTP/1.1 202"));
        assert!(post(&urls.authority, "/x/oauth2/v2.0/token", "").await.starts_with("HTTP/1.1 400"));
        assert_eq!(server.azure().lock().unwrap().transcript().len(), 4);
    }

    #[tokio::test]
    async fn the_simulator_is_watched_and_steered_at_the_sink() {
        let server = started().await;
        let sink = &server.urls().sink;
        post(sink, "/teams", "hello").await;
        let set = post(sink, "/simulator/faults", r#"[{"service":"arm","effect":{"empty":{"status":502}}}]"#).await;
        assert!(set.starts_with("HTTP/1.1 204"), "{set}");
        assert!(get(&server.urls().arm, "/").await.starts_with("HTTP/1.1 502"));
        assert!(get(sink, "/simulator/messages").await.contains(r#""body":"hello""#));
        assert!(get(sink, "/simulator/transcript").await.contains(r#""fault":"empty""#));
        assert!(get(sink, "/simulator/captures").await.ends_with("[]"));
        talk(sink, "DELETE /simulator/faults HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(get(&server.urls().arm, "/").await.starts_with("HTTP/1.1 401"));
        assert!(post(sink, "/simulator/faults", "{}").await.starts_with("HTTP/1.1 400"));
        assert!(get(sink, "/simulator/else").await.starts_with("HTTP/1.1 404"));
        assert_eq!(server.azure().lock().unwrap().transcript().len(), 3, "control requests leave no trace");
    }

    #[tokio::test]
    async fn a_cut_connection_says_nothing() {
        let server = started().await;
        fault(&server, Effect::CutAfter);
        assert_eq!(post(&server.urls().sink, "/teams", "hello").await, "");
        assert_eq!(server.azure().lock().unwrap().messages().len(), 1, "it was carried out");
    }

    #[tokio::test]
    async fn an_answer_may_break_off_or_be_half() {
        let server = started().await;
        fault(&server, Effect::CutMidBody);
        let broken = get(&server.urls().arm, "/").await;
        let (head, body) = broken.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 401") && !body.is_empty());
        let announced: usize = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
        assert!(body.len() < announced, "{} of {announced}", body.len());

        server.azure().lock().unwrap().clear_faults();
        fault(&server, Effect::Truncated);
        let half = get(&server.urls().arm, "/").await;
        let (head, body) = half.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    }

    #[tokio::test]
    async fn an_answer_takes_its_time() {
        let server = started().await;
        fault(&server, Effect::Hang);
        let waited = tokio::time::timeout(Duration::from_millis(50), get(&server.urls().arm, "/")).await;
        assert!(waited.is_err());
    }

    #[tokio::test]
    async fn a_post_without_a_length_is_refused() {
        let server = started().await;
        let answer = talk(&server.urls().arm, "POST /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 411"), "{answer}");
    }

    #[tokio::test]
    async fn a_dropped_server_is_gone() {
        let server = started().await;
        let arm = server.urls().arm.clone();
        drop(server);
        tokio::task::yield_now().await;
        assert!(TcpStream::connect(arm.strip_prefix("http://").unwrap()).await.is_err());
    }
}
