//! Requests that another site's page has a browser make. A browser that an operator has signed in with would send the key along.

use http::request::Parts;
use http::{Method, header};

/// Whether a browser says that another site is behind the request. A link that somebody follows may come from anywhere, as long
/// as it changes nothing. Programs say nothing of the kind.
pub fn is_cross_site(parts: &Parts) -> bool {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let is_safe = is_safe(parts);
    match header("sec-fetch-site") {
        Some("same-origin" | "none") => false,
        Some(_) => !(is_safe && header("sec-fetch-mode") == Some("navigate")),
        // A browser from before 2023; it names the page's origin whenever something may be changed.
        None => !is_safe && header("origin").is_some_and(|origin| host(parts) != origin.split("://").nth(1)),
    }
}

/// Whether a request changes nothing.
pub fn is_safe(parts: &Parts) -> bool {
    [Method::GET, Method::HEAD].contains(&parts.method)
}

fn host(parts: &Parts) -> Option<&str> {
    let named = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    named.or_else(|| parts.uri.authority().map(|authority| authority.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn is_refused(method: Method, headers: &[(&str, &str)]) -> bool {
        let request = Request::builder().method(method).uri("/api/sweep").header("host", "nightcap.example.com");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        is_cross_site(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn another_sites_page_may_lead_here_and_do_nothing_else() {
        for site in ["cross-site", "same-site", "anything"] {
            assert!(is_refused(Method::POST, &[("sec-fetch-site", site)]));
            assert!(is_refused(Method::POST, &[("sec-fetch-site", site), ("sec-fetch-mode", "navigate")]), "a form");
            assert!(is_refused(Method::GET, &[("sec-fetch-site", site), ("sec-fetch-mode", "no-cors")]), "an image");
            assert!(!is_refused(Method::GET, &[("sec-fetch-site", site), ("sec-fetch-mode", "navigate")]), "a link");
        }
        for origin in ["https://evil.example", "null", "https://nightcap.example.com.evil.example", ""] {
            assert!(is_refused(Method::DELETE, &[("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn the_page_itself_and_programs_may_do_everything() {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            assert!(!is_refused(method.clone(), &[]));
            assert!(!is_refused(method.clone(), &[("sec-fetch-site", "same-origin")]));
            assert!(!is_refused(method.clone(), &[("sec-fetch-site", "none")]));
            assert!(!is_refused(method, &[("origin", "https://nightcap.example.com")]));
        }
    }
}
