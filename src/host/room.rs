//! How much room is made for a body before it comes.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method};

/// The most room that is made because an answer says that it is so long, in bytes. What is asked for is seldom longer than a
/// piece of a capture's file.
const MOST_ROOM: usize = 8 * 1024 * 1024;

/// The room for the body of an answer, in bytes. An answer to HEAD tells a length and has no body (RFC 9110, 9.3.2).
pub fn room_for(method: &Method, headers: &HeaderMap) -> usize {
    if method == Method::HEAD {
        return 0;
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or(0).min(MOST_ROOM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_room_is_made_for_a_body_that_does_not_come() {
        let room = |method, length: &str| {
            room_for(&method, &HeaderMap::from_iter([(CONTENT_LENGTH, length.parse().unwrap())]))
        };
        assert_eq!(room(Method::HEAD, "1073741824"), 0);
        assert_eq!(room(Method::GET, "4096"), 4096);
        assert_eq!(room(Method::GET, "1073741824"), MOST_ROOM);
        assert_eq!(room(Method::GET, "many"), 0);
        assert_eq!(room_for(&Method::GET, &HeaderMap::new()), 0);
    }
}
