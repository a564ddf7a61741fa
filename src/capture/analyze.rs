//! Reads a capture's file out of Blob storage into a report: piece by piece and in order, while the next ones are on their way.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, join, select};
use futures::stream::StreamExt;
use http::StatusCode;

use crate::azure::action::Action;
use crate::azure::blob;
use crate::azure::client::Azure;
use crate::azure::error::AzureError;
use crate::host::Host;
use crate::report::{Analysis, Report};

/// How much of a file is read, and told.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For how long.
    pub time: Duration,
    /// How many bytes, to the next piece.
    pub bytes: u64,
    /// Whether the report may tell names.
    pub names: bool,
}

/// What a file says, as far as it was read.
#[derive(Debug)]
pub struct Reading {
    pub report: Report,
    /// Why the rest of it was not.
    pub cut_off: Option<CutOff>,
}

/// What ended the reading before the file did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CutOff {
    /// There was no more time.
    Time,
    /// It is longer than was to be read.
    Bytes,
    /// The file is not the same any more.
    Changed,
    Failed(AzureError),
}

/// Reads a file. What has been read tells it when the limits or a failure end the reading early; only a failure before the first
/// piece is an error. A file that changes meanwhile is read once more.
pub async fn read<H: Host>(azure: &Azure<'_, H>, url: &str, limits: Limits) -> Result<Reading, AzureError> {
    let until = azure.log.host.monotonic().saturating_add(limits.time);
    let reading = read_until(azure, url, until, limits).await?;
    match reading.cut_off {
        Some(CutOff::Changed) => read_until(azure, url, until, limits).await,
        _ => Ok(reading),
    }
}

async fn read_until<H: Host>(
    azure: &Azure<'_, H>,
    url: &str,
    until: Duration,
    limits: Limits,
) -> Result<Reading, AzureError> {
    let host = azure.log.host;
    let mut time_is_up = pin!(host.sleep(until.saturating_sub(host.monotonic())));
    let first = pin!(blob::piece(azure, url, None));
    let mut piece = match select(first, time_is_up.as_mut()).await {
        Either::Left((piece, _)) => piece?,
        Either::Right(_) => return Err(AzureError::OutOfTime { action: Action::File }),
    };
    let mut analysis = if limits.names { Analysis::default() } else { Analysis::without_names() };
    let mut rest = blob::rest(azure, url, &piece, limits.bytes);
    let cut_off = loop {
        let next = select(time_is_up.as_mut(), rest.next());
        // The requests for pieces go out before this one is counted.
        let (next, ()) = join(next, async { analysis.push(&piece.bytes) }).await;
        match next {
            _ if piece.is_last() || analysis.fault().is_some() => {
                return Ok(Reading { report: analysis.finish(), cut_off: None });
            }
            Either::Right((Some(Ok(next)), _)) => piece = next,
            Either::Right((Some(Err(error)), _)) => break CutOff::from(error),
            Either::Right((None, _)) => break CutOff::Bytes,
            Either::Left(_) => break CutOff::Time,
        }
    };
    Ok(Reading { report: analysis.stop(piece.file_length), cut_off: Some(cut_off) })
}

impl From<AzureError> for CutOff {
    fn from(error: AzureError) -> Self {
        let is_of_another_state = error.status() == Some(StatusCode::PRECONDITION_FAILED.as_u16());
        if is_of_another_state { Self::Changed } else { Self::Failed(error) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use http::{Request, header};

    use super::*;
    use crate::azure::blob::PIECE;
    use crate::azure::fake::Stage;
    use crate::host::fake::Answer;

    const URL: &str = "https://store.blob.core.windows.net/captures/x.cap";
    const LIMITS: Limits = Limits { time: Duration::from_secs(30), bytes: u64::MAX, names: true };

    /// A file of so many packets that nobody can read, 64 KiB each with their headers.
    fn file(packets: u32) -> Bytes {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let mut file = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 147]);
        for second in 0..packets {
            file.extend(words(&[second, 0, 65_520, 65_520]));
            file.resize(file.len() + 65_520, second as u8);
        }
        file.into()
    }

    /// The range that a request names, as far as the file has it, and when it comes.
    fn part(file: &Bytes, request: &Request<Bytes>, etag: &'static str, after: Duration) -> Answer {
        let wanted = request.headers().get(header::IF_MATCH);
        if wanted.is_some_and(|wanted| wanted != etag) {
            return Answer::status(412);
        }
        let range = request.headers()[header::RANGE].to_str().unwrap().trim_start_matches("bytes=");
        let (first, last) = range.split_once('-').unwrap();
        let first: usize = first.parse().unwrap();
        let end = (last.parse::<usize>().unwrap() + 1).min(file.len());
        let mut answer = Answer::json(206, file.slice(first..end)).after(after);
        let headers = answer.response.headers_mut();
        headers.insert(header::ETAG, etag.parse().unwrap());
        headers.insert(header::CONTENT_RANGE, format!("bytes {first}-{}/{}", end - 1, file.len()).parse().unwrap());
        answer
    }

    fn first_byte(request: &Request<Bytes>) -> u64 {
        let range = request.headers()[header::RANGE].to_str().unwrap();
        range.trim_start_matches("bytes=").split('-').next().unwrap().parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn several_pieces_are_on_their_way_at_once_and_are_counted_in_their_order() {
        let whole = file(1_200);
        let content = whole.clone();
        let stage = Stage::new(move |request| {
            // Of neighbours the later one is there first.
            let place = first_byte(request) / PIECE;
            part(&content, request, "a", Duration::from_millis(if place.is_multiple_of(2) { 100 } else { 90 }))
        });
        let reading = read(&stage.azure(), URL, LIMITS).await.unwrap();
        assert_eq!(reading.cut_off, None);
        assert_eq!((reading.report.packets.count, reading.report.file.is_complete), (1_200, true));
        assert_eq!(reading.report.file.bytes_read, whole.len() as u64);
        let pieces = whole.len().div_ceil(PIECE as usize) as u32;
        let one_by_one = Duration::from_millis(90) * pieces;
        let took = stage.azure().log.host.monotonic();
        assert!(took * 4 < one_by_one, "{took:?} for {pieces} pieces");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_changes_is_read_once_more_and_never_mixed() {
        for (changes, packets, cut_off) in [(1, 400, None), (usize::MAX, 63, Some(CutOff::Changed))] {
            let files = [file(300), file(400)];
            let reads = Arc::new(AtomicUsize::new(0));
            let stage = Stage::new(move |request| {
                // With every reading the file changes after its first piece.
                let begun = reads.fetch_add(usize::from(first_byte(request) == 0), Ordering::Relaxed);
                let is_changed = first_byte(request) > 0 && begun <= changes;
                match (begun, is_changed) {
                    (_, true) => part(&files[1], request, "later", Duration::ZERO),
                    (0, false) => part(&files[0], request, "a", Duration::ZERO),
                    (_, false) => part(&files[1], request, "b", Duration::ZERO),
                }
            });
            let reading = read(&stage.azure(), URL, LIMITS).await.unwrap();
            assert_eq!((reading.report.packets.count, reading.cut_off), (packets, cut_off));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_when_time_is_up_or_a_piece_fails_is_reported() {
        let refused = || Answer::status(403);
        let late = || Answer::status(200).after(Duration::MAX);
        for (third, is_failure) in [(refused as fn() -> Answer, true), (late, false)] {
            let content = file(400);
            let stage = Stage::new(move |request| match first_byte(request) {
                first if first == 2 * PIECE => third(),
                _ => part(&content, request, "a", Duration::from_millis(10)),
            });
            let limits = Limits { time: Duration::from_secs(5), ..LIMITS };
            let reading = read(&stage.azure(), URL, limits).await.unwrap();
            assert_eq!(reading.report.packets.count, 2 * PIECE / (1 << 16) - 1, "those of two pieces");
            assert_eq!(matches!(reading.cut_off, Some(CutOff::Failed(_))), is_failure);
            assert_eq!(reading.cut_off == Some(CutOff::Time), !is_failure);
            let lines = reading.report.lines().join("\n");
            assert!(lines.contains(" Only the first 7.9 MiB of 25.0 MiB were read."), "{lines}");
            assert!(stage.azure().log.host.monotonic() <= Duration::from_secs(5));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_does_not_come_at_all_is_an_error() {
        let stage = Stage::new(|_| Answer::status(200).after(Duration::MAX));
        let limits = Limits { time: Duration::from_secs(5), ..LIMITS };
        let error = read(&stage.azure(), URL, limits).await.unwrap_err();
        assert_eq!(error, AzureError::OutOfTime { action: Action::File });
    }
}
