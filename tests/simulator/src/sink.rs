//! A place that takes any message, as a chat channel's webhook does, and shows what came.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

use crate::answer::{self, Answer};

/// What was posted to the sink.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    pub at: Timestamp,
    /// Path and query that it was posted to.
    pub path: String,
    pub content_type: Option<String>,
    /// The body; bytes that are not UTF-8 are replaced.
    pub body: String,
}

pub(crate) fn answer(messages: &mut Vec<Message>, now: Timestamp, request: &Request<Bytes>) -> Answer {
    match *request.method() {
        Method::POST | Method::PUT => {
            messages.push(message(now, request));
            acknowledgement(request.uri().path())
        }
        Method::GET | Method::HEAD => answer::json(StatusCode::OK, &serde_json::json!(messages)),
        _ => answer::empty(StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn message(now: Timestamp, request: &Request<Bytes>) -> Message {
    Message {
        at: now,
        path: answer::path_and_query(request).into(),
        content_type: answer::header(request, "content-type").map(String::from),
        body: String::from_utf8_lossy(request.body()).into_owned(),
    }
}

/// Teams' workflows accept with 202 and no body; Slack's incoming webhooks answer 200 and `ok`.
fn acknowledgement(path: &str) -> Answer {
    if path.to_lowercase().contains("teams") || path.to_lowercase().contains("workflows") {
        answer::empty(StatusCode::ACCEPTED)
    } else {
        answer::body(StatusCode::OK, "text/plain; charset=utf-8", "ok")
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Client;
    use crate::{Service, World};

    #[test]
    fn messages_are_accepted_kept_and_shown() {
        let mut client = Client::new(World::sample);
        let teams = client.send(Service::Sink, "POST", "https://sink.example/teams?sig=1", &[], r#"{"text":"hello"}"#);
        assert_eq!(teams.status(), 202);
        let slack = client.send(Service::Sink, "POST", "https://sink.example/slack", &[], "{}");
        assert_eq!((slack.status().as_u16(), &slack.body()[..]), (200, &b"ok"[..]));

        assert_eq!(client.azure.messages().len(), 2);
        assert_eq!(client.azure.messages()[0].path, "/teams?sig=1");
        assert_eq!(client.azure.messages()[0].body, r#"{"text":"hello"}"#);
        let shown = client.send(Service::Sink, "GET", "https://sink.example/", &[], "");
        assert!(String::from_utf8_lossy(shown.body()).contains("/slack"));
    }
}
