//! Get Blob and Get Blob Properties, whole or in ranges.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode};
use jiff::Timestamp;

use crate::answer::{self, Answer};
use crate::blob::refusal::{CONDITION_NOT_MET, INVALID_HEADER, INVALID_RANGE, Refusal};
use crate::time::http_date;

pub(crate) fn get_blob(
    request: &Request<Bytes>,
    content: &Bytes,
    since: Timestamp,
    etag: &str,
) -> Result<Answer, Refusal> {
    let header = |name: &str| answer::header(request, name);
    if header("if-match").is_some_and(|wanted| wanted != "*" && wanted != etag) {
        return Err(CONDITION_NOT_MET);
    }
    if header("if-none-match").is_some_and(|known| known == "*" || known == etag) {
        return Ok(answer::empty(StatusCode::NOT_MODIFIED));
    }
    // HEAD is Get Blob Properties, which takes no range.
    let range = header("x-ms-range").or(header("range")).filter(|_| request.method() == Method::GET);
    let mut answer = match range {
        None => answer::body(StatusCode::OK, "application/octet-stream", content.clone()),
        Some(range) => {
            let (first, last) = byte_range(range, content.len())?;
            let part = content.slice(first..=last);
            let mut answer = answer::body(StatusCode::PARTIAL_CONTENT, "application/octet-stream", part);
            answer::set(&mut answer, "content-range", &format!("bytes {first}-{last}/{}", content.len()));
            answer
        }
    };
    let length = answer.body().len();
    answer.headers_mut().insert("content-length", HeaderValue::from(length));
    answer::set(&mut answer, "accept-ranges", "bytes");
    answer::set(&mut answer, "etag", etag);
    answer::set(&mut answer, "last-modified", &http_date(since));
    answer::set(&mut answer, "x-ms-blob-type", "BlockBlob");
    Ok(answer)
}

/// `bytes=first-` or `bytes=first-last`; blob storage has no other form. A `last` beyond the end means the end.
fn byte_range(range: &str, length: usize) -> Result<(usize, usize), Refusal> {
    let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or(INVALID_HEADER)?;
    let number = |text: &str| text.parse::<usize>().map_err(|_| INVALID_HEADER);
    let first = number(first)?;
    let last = if last.is_empty() { usize::MAX } else { number(last)? };
    if last < first {
        return Err(INVALID_HEADER);
    }
    if first >= length {
        return Err(INVALID_RANGE);
    }
    Ok((first, last.min(length - 1)))
}

#[cfg(test)]
mod tests {
    use crate::testing::blob_error_code as error_code;
    use crate::testing::{Client, header};

    #[test]
    fn a_file_is_read_in_ranges_that_fit_together() {
        let (mut client, url) = Client::after_a_capture();
        let whole = client.blob("GET", &url, &[]);
        let head = client.blob("HEAD", &url, &[]);
        let length = whole.body().len();
        assert_eq!((header(&head, "content-length"), head.body().len()), (length.to_string(), 0));
        let etag = header(&head, "etag");

        let first = client.blob("GET", &url, &[("range", "bytes=0-99"), ("if-match", &etag)]);
        assert_eq!((first.status().as_u16(), header(&first, "content-range")), (206, format!("bytes 0-99/{length}")));
        let rest = client.blob("GET", &url, &[("x-ms-range", "bytes=100-"), ("range", "bytes=0-1")]);
        assert_eq!([&first.body()[..], &rest.body()[..]].concat(), whole.body()[..]);
        let beyond = format!("bytes={}-{}", length - 10, length + 1000);
        assert_eq!(client.blob("GET", &url, &[("range", &beyond)]).body().len(), 10);

        let after = format!("bytes={length}-");
        assert_eq!(error_code(&client.blob("GET", &url, &[("range", &after)])), (416, "InvalidRange".into()));
        assert_eq!(error_code(&client.blob("GET", &url, &[("range", "bytes=-5")])), (400, "InvalidHeaderValue".into()));
        let changed = client.blob("GET", &url, &[("if-match", "\"0x1\"")]);
        assert_eq!(error_code(&changed), (412, "ConditionNotMet".into()));
    }
}
