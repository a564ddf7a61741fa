//! What all pages have around them, and how they are sent.

use std::sync::LazyLock;

use axum::body::Body;
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::page::words::shown;
use crate::web::conditional::{etag_of, has};
use crate::web::problem::Problem;

const STYLE: &str = concat!(include_str!("../../page/page.css"), include_str!("pages.css"));
const SCRIPT: &str = include_str!("pages.js");

/// A page runs and is styled by nothing but what nightcap wrote into it, and talks to nightcap alone (Content Security Policy
/// Level 3). The one image is the empty icon, without which browsers ask for one.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// An operator, who may see everything.
pub struct Visitor {
    /// What forms of the page that is shown carry.
    pub form_token: String,
    /// A new cookie, when one is due.
    pub cookie: Option<HeaderValue>,
}

/// A page for somebody who has signed in.
pub fn page(visitor: &Visitor, status: StatusCode, title: &str, content: Markup) -> Response<Body> {
    let header = html! {
        header {
            nav aria-label="Pages" {
                a.home href="/" { "nightcap" }
                a href="/start" { "Start a capture" }
                a href="/preflight" { "Preflight" }
            }
            form method="post" action="/sign-out" { (token(visitor)) button.quiet { "Sign out" } }
        }
    };
    let mut answer = send(status, title, header, content);
    answer.headers_mut().extend(visitor.cookie.clone().map(|cookie| (header::SET_COOKIE, cookie)));
    answer
}

/// The same whose content changes. The script asks for it again and again, and gets it when `state` has changed, which is all that
/// the content shows but the time; no browser keeps the page. `above` stays as it is.
pub fn live_page(
    visitor: &Visitor,
    headers: &HeaderMap,
    title: &str,
    state: &impl Serialize,
    above: Markup,
    content: Markup,
) -> Response<Body> {
    let etag = etag_of(&serde_json::to_vec(state).unwrap_or_default());
    if etag.as_ref().is_some_and(|etag| has(headers, etag)) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let etag = etag.as_ref().and_then(|etag| etag.to_str().ok()).unwrap_or_default();
    let content = html! {
        (above)
        p.soft #status role="status" {}
        div #live data-etag=(etag) { (content) }
    };
    page(visitor, StatusCode::OK, title, content)
}

/// A page for anybody.
pub fn open_page(status: StatusCode, title: &str, content: Markup) -> Response<Body> {
    send(status, title, html! { header { span.home { "nightcap" } } }, content)
}

/// A page that tells what went wrong.
pub fn refusal(problem: &Problem, visitor: Option<&Visitor>) -> Response<Body> {
    let (status, title, detail) = problem.shown();
    let content = html! {
        h1 { (title) }
        p.problem role="alert" { (shown(detail)) }
        p { a href="/" { "All captures" } }
    };
    match visitor {
        Some(visitor) => page(visitor, status, title, content),
        None => open_page(status, title, content),
    }
}

/// Sends the browser to another page.
pub fn see_other(address: &str, cookie: Option<HeaderValue>) -> Response<Body> {
    let mut answer = (StatusCode::SEE_OTHER, common_headers()).into_response();
    if let Ok(address) = HeaderValue::try_from(address) {
        answer.headers_mut().insert(header::LOCATION, address);
    }
    answer.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    answer
}

/// The field by which a form is known to be nightcap's own.
pub fn token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name="token" value=(visitor.form_token); }
}

fn send(status: StatusCode, title: &str, header: Markup, content: Markup) -> Response<Body> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                link rel="icon" href="data:,";
                title { (shown(title)) " · nightcap" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "To the content" }
                (header)
                main #content tabindex="-1" { (content) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    let mut answer = (status, common_headers(), page.into_string()).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    answer
}

/// Nobody keeps a page, and nobody learns from where a link was followed.
fn common_headers() -> HeaderMap {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}
