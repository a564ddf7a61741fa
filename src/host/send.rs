//! Sends a request for as long as there is hope.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::{Request, Response};

use super::progress::Progress;
use super::{Host, NoAnswer};

/// How long an answer may let wait for its head, and then for each further piece of its body. Azure Resource Manager answers
/// within a second or two when it is well; a piece of a file may take minutes on a slow line.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the whole of an answer may take, however steadily it comes.
const LONGEST: Duration = Duration::from_mins(10);

/// Sends a request and gives up when nothing comes any more.
pub async fn send<H: Host>(host: &H, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
    let began = host.monotonic();
    let end = began.saturating_add(LONGEST);
    let progress = Progress::default();
    let mut answer = pin!(host.send(request, &progress));
    loop {
        let last = progress.last();
        let deadline = last.unwrap_or(began).saturating_add(PATIENCE).min(end);
        let left = deadline.saturating_sub(host.monotonic());
        if left.is_zero() {
            return Err(NoAnswer(match last {
                None => format!("no answer within {} seconds", PATIENCE.as_secs()),
                Some(_) if deadline == end => format!("no whole answer within {} seconds", LONGEST.as_secs()),
                Some(_) => format!("nothing more of the answer within {} seconds", PATIENCE.as_secs()),
            }));
        }
        if let Either::Left((answer, _)) = select(answer.as_mut(), pin!(host.sleep(left))).await {
            return answer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::{Answer, FakeHost};

    async fn send_to(answer: fn() -> Answer) -> (Result<u16, String>, Duration) {
        let host = FakeHost::new(move |_| answer());
        let request = Request::get("https://management.azure.com/").body(Bytes::new()).unwrap();
        let result = send(&host, request).await;
        (result.map(|answer| answer.status().as_u16()).map_err(|error| error.0), host.monotonic())
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_is_waited_for_as_long_as_it_comes() {
        // A piece of 8 MiB at about one megabit a second.
        let slow = || Answer { pieces: vec![Duration::from_secs(9); 8], ..Answer::status(200) };
        assert_eq!(send_to(slow).await, (Ok(200), Duration::from_secs(72)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_begin_is_given_up() {
        let hangs = || Answer { head_after: Duration::MAX, ..Answer::status(200) };
        let (result, after) = send_to(hangs).await;
        assert_eq!((result, after), (Err("no answer within 10 seconds".to_owned()), Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_stops_in_between_is_given_up() {
        let stops = || Answer { pieces: vec![Duration::from_secs(4), Duration::MAX], ..Answer::status(200) };
        let (result, after) = send_to(stops).await;
        assert_eq!(result, Err("nothing more of the answer within 10 seconds".to_owned()));
        assert_eq!(after, Duration::from_secs(14));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_drips_for_ever_is_given_up() {
        let drips = || Answer { pieces: vec![Duration::from_secs(5); 10_000], ..Answer::status(200) };
        assert_eq!(send_to(drips).await.1, LONGEST);
    }
}
