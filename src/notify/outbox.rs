//! Messages on their way to people: written down before they are sent, and sent until somebody has taken them.
//!
//! Whoever finds a message in the store may send it. So that two who find it at once do not both do so, each writes down a
//! claim, waits, and sends only if the claim still stands: Fischer's algorithm for mutual exclusion, since no store that
//! nightcap runs on compares before it writes. It counts on monotonic clocks only. Whoever dies between sending and writing
//! that down leaves a claim behind, and after a while the message is sent once more, under the same id.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::{Method, Request, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::azure::client::new_request_id;
use crate::azure::retry;
use crate::context::App;
use crate::host::{Host, StoreError};
use crate::notify::{Event, Notice};
use crate::records::journal::Journal;
use crate::records::keys::{claim_key, notice_key, told_key};
use crate::records::store;
use crate::settings::{Notify, Settings};
use crate::timestamp::Timestamp;

/// How long whoever claims a message waits for others who do so at the same time. Claiming itself must take less.
const SETTLING: Duration = Duration::from_secs(1);

/// How long one attempt to send may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a claim is respected: longer than anybody who lives takes from the claim to the end of the attempt.
const CLAIM_HOLDS: Duration = Duration::from_secs(15);

/// The pauses after failed attempts in seconds; after the last one it is left to a sweep.
const PAUSES: [u64; 5] = [1, 5, 15, 30, 60];

/// The longest pause between the attempts of sweeps.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);

/// How often it is tried to write down what must not be forgotten.
const WRITE_ATTEMPTS: u32 = 10;

/// After so long nobody wants to be told any more.
const NEWS_LAST: Duration = Duration::from_hours(48);

/// A message that waits to be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// What it says.
    pub notice: Notice,
    /// How often it was sent in vain.
    pub attempts: u32,
    /// When to try again, by the clock of the host that wrote this.
    pub try_at: Option<Timestamp>,
    /// What the last attempt met with.
    pub problem: Option<String>,
}

/// That a message was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// Whether anybody has taken it, or nightcap gave up.
    pub taken: bool,
}

/// Who is telling a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    by: String,
    at: Timestamp,
}

/// Whether people want to be told this.
pub fn is_wanted(settings: &Settings, event: Event) -> bool {
    settings.notify.as_ref().is_some_and(|notify| notify.on.contains(&event))
}

/// Writes a message down, unless it was told already. Tells whether nobody needs to remember it any more.
pub async fn put<H: Host>(journal: &Journal<'_, H>, notice: &Notice) -> bool {
    if journal.load::<Told>(&told_key(&notice.id)).await.is_some() {
        return true;
    }
    let waiting = Waiting { notice: notice.clone(), attempts: 0, try_at: None, problem: None };
    journal.save(&notice_key(&notice.id), &waiting).await
}

/// Sends a message, and tries again for a while if nobody takes it. Tells whether it was taken for certain.
pub async fn deliver<H: Host>(
    app: &Arc<App<H>>,
    settings: &Settings,
    journal: &Journal<'_, H>,
    notice: Notice,
) -> bool {
    let Some(notify) = &settings.notify else { return true };
    let delivery = Delivery { app, notify, journal };
    // A store that fails must not keep people from being told.
    let waiting = journal.load(&notice_key(&notice.id)).await;
    let mut waiting = waiting.unwrap_or(Waiting { notice, attempts: 0, try_at: None, problem: None });
    for pause in PAUSES {
        match delivery.attempt(&mut waiting).await {
            Attempt::Taken => return true,
            Attempt::Left => return false,
            Attempt::Refused(asked) => {
                app.host.sleep(Duration::from_secs(pause).max(asked).min(LONGEST_PAUSE)).await;
            }
        }
    }
    false
}

/// Sends a message that somebody else has left behind, if it is time to.
pub async fn deliver_left_behind<H: Host>(app: &Arc<App<H>>, settings: &Settings, journal: &Journal<'_, H>, key: &str) {
    let Some(notify) = &settings.notify else { return };
    let Some(mut waiting) = journal.load::<Waiting>(key).await else { return };
    let delivery = Delivery { app, notify, journal };
    // Whoever told it may have died before it was taken away.
    if journal.load::<Told>(&told_key(&waiting.notice.id)).await.is_some() {
        return delivery.take_away(&waiting).await;
    }
    let now = app.host.now();
    if now.since(waiting.notice.at).is_some_and(|age| age > NEWS_LAST) {
        return delivery.close(&waiting, false).await;
    }
    // A moment that is further ahead than anything is put off was written by a host whose clock was wrong.
    let left = waiting.try_at.and_then(|at| at.since(now)).unwrap_or_default();
    if left.is_zero() || left > LONGEST_PAUSE {
        delivery.attempt(&mut waiting).await;
    }
}

struct Delivery<'a, H> {
    app: &'a Arc<App<H>>,
    notify: &'a Notify,
    journal: &'a Journal<'a, H>,
}

/// Who tells a message.
enum Whose {
    Mine,
    Theirs,
    /// It was told before.
    Told,
}

enum Attempt {
    /// It was taken, now or before.
    Taken,
    /// Somebody else sees to it.
    Left,
    /// It was not taken, and the receiver asked to wait so long.
    Refused(Duration),
}

impl<H: Host> Delivery<'_, H> {
    async fn attempt(&self, waiting: &mut Waiting) -> Attempt {
        let id = waiting.notice.id.clone();
        match self.whose_is_it(&id).await {
            Whose::Mine => {}
            Whose::Told => return Attempt::Taken,
            Whose::Theirs => return Attempt::Left,
        }
        match self.send(&waiting.notice).await {
            Ok(()) => {
                self.close(waiting, true).await;
                Attempt::Taken
            }
            Err(refusal) => {
                waiting.attempts = waiting.attempts.saturating_add(1);
                let pause = Duration::from_secs(30).saturating_mul(1 << waiting.attempts.min(10));
                waiting.try_at = Some(self.app.host.now().after(pause.min(LONGEST_PAUSE)));
                waiting.problem = Some(refusal.detail);
                self.journal.save(&notice_key(&id), waiting).await;
                self.journal.delete(&claim_key(&id)).await;
                Attempt::Refused(refusal.retry_after)
            }
        }
    }

    /// Writes down that a message was told, then takes it away. The first of these is the one that matters.
    async fn close(&self, waiting: &Waiting, taken: bool) {
        let id = &waiting.notice.id;
        let told = Told { at: self.app.host.now(), taken };
        for attempt in 0..WRITE_ATTEMPTS {
            if self.journal.save(&told_key(id), &told).await {
                break;
            }
            self.wait_for_store(attempt).await;
        }
        self.take_away(waiting).await;
        self.journal.note_notice(id, if taken { "told" } else { "given_up" }, None);
    }

    async fn take_away(&self, waiting: &Waiting) {
        let id = &waiting.notice.id;
        self.journal.delete(&notice_key(id)).await;
        self.journal.delete(&claim_key(id)).await;
    }

    /// Who is to tell a message. A store that keeps failing leaves only one answer:
    /// better twice than never.
    async fn whose_is_it(&self, id: &str) -> Whose {
        for attempt in 0..WRITE_ATTEMPTS {
            match self.claim(id).await {
                Ok(whose) => return whose,
                Err(error) => self.journal.note_notice(id, "store_failed", Some(&error.0)),
            }
            self.wait_for_store(attempt).await;
        }
        Whose::Mine
    }

    async fn claim(&self, id: &str) -> Result<Whose, StoreError> {
        let host = &self.app.host;
        let key = claim_key(id);
        if self.is_told(id).await? {
            return Ok(Whose::Told);
        }
        let mut began = host.monotonic();
        if let Some(other) = store::load::<Claim>(host, &key).await? {
            host.sleep(CLAIM_HOLDS).await;
            began = host.monotonic();
            if store::load::<Claim>(host, &key).await?.is_none_or(|now| now != other) {
                return Ok(if self.is_told(id).await? { Whose::Told } else { Whose::Theirs });
            }
        }
        let mine = Claim { by: new_request_id(host), at: host.now() };
        store::save(host, &key, &mine).await?;
        // Whoever reads a claim later than this one was read must be able to count on having been overwritten.
        if host.monotonic().saturating_sub(began) >= SETTLING {
            return Err(StoreError(format!("{key} took too long to write")));
        }
        host.sleep(SETTLING).await;
        let stands = store::load::<Claim>(host, &key).await?.is_some_and(|now| now == mine);
        Ok(match () {
            () if self.is_told(id).await? => Whose::Told,
            () if stands => Whose::Mine,
            () => Whose::Theirs,
        })
    }

    async fn wait_for_store(&self, failed: u32) {
        self.app.host.sleep(Duration::from_millis(200).saturating_mul(1 << failed.min(4))).await;
    }

    /// Whether a message was told.
    async fn is_told(&self, id: &str) -> Result<bool, StoreError> {
        Ok(store::load::<Told>(&self.app.host, &told_key(id)).await?.is_some())
    }

    async fn send(&self, notice: &Notice) -> Result<(), Refusal> {
        let message = notice.render(self.notify.format);
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.notify.url.expose())
            .header(header::CONTENT_TYPE, message.content_type)
            .header(header::CONTENT_LENGTH, message.body.len())
            // Receivers that know it (draft-ietf-httpapi-idempotency-key-header) drop what they have had before.
            .header("idempotency-key", format!("\"{}\"", notice.id))
            .body(Bytes::from(message.body));
        let request = request.map_err(|_| Refusal::new("the request could not be made"))?;
        let began = self.app.host.monotonic();
        let sent = std::pin::pin!(self.app.host.send(request));
        let timeout = std::pin::pin!(self.app.host.sleep(ANSWER_TIMEOUT));
        let answer = match select(sent, timeout).await {
            Either::Left((answer, _)) => answer.map_err(|_| Refusal::new("there was no answer")),
            Either::Right(_) => Err(Refusal::new("there was no answer in time")),
        };
        let took = self.app.host.monotonic().saturating_sub(began);
        self.journal.note_sent(&notice.id, answer.as_ref().ok().map(|answer| answer.status().as_u16()), took);
        let answer = answer?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(Refusal::told(status, retry::retry_after(answer.headers()))),
        }
    }
}

/// A message that was not taken.
struct Refusal {
    detail: String,
    retry_after: Duration,
}

impl Refusal {
    fn new(detail: &str) -> Self {
        Self { detail: detail.to_owned(), retry_after: Duration::ZERO }
    }

    fn told(status: StatusCode, retry_after: Option<Duration>) -> Self {
        let detail = format!("the receiver answered with status {}", status.as_u16());
        Self { detail, retry_after: retry_after.unwrap_or_default() }
    }
}
