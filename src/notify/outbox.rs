//! Messages on their way to people: written down before they are sent, and sent until the receiver has acknowledged them.
//!
//! Whoever finds a message in the store may deliver it. So that two who find it at once do not both do so, each takes a lease,
//! waits, and sends only if the lease is still its own: Fischer's algorithm for mutual exclusion, since no store that nightcap
//! runs on compares before it writes. It counts on monotonic clocks only. Whoever dies between sending and writing that down
//! leaves a lease behind; when it has expired the message is sent once more, under the same id.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::{Method, Request, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::azure::client::new_request_id;
use crate::azure::retry;
use crate::host::{Host, Progress};
use crate::log::Event as LogEvent;
use crate::notify::config::{Config, Receiver};
use crate::notify::notice::Notice;
use crate::records::form::FORM;
use crate::records::keys::{delivered_key, lease_key, notice_key};
use crate::records::repository::Records;
use crate::records::standing::{Stood, stand_for};
use crate::records::store::{self, ReadError};
use crate::timestamp::Timestamp;

/// How long whoever takes a lease waits for others who do so at the same time. Taking it must take less.
const SETTLING: Duration = Duration::from_secs(1);

/// How long one attempt to send may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long it usually takes from the lease until the receiver has acknowledged.
pub const DELIVERY_TAKES: Duration = Duration::from_secs(3);

/// How long a lease is respected: longer than anybody who lives takes from the lease to the end of the attempt.
const LEASE_TAKES: Duration = Duration::from_secs(15);

/// The pauses before attempts in seconds; after the last one it is left to a sweep.
const PAUSES: [u64; 5] = [0, 1, 5, 15, 30];

/// The longest pause between the attempts of sweeps.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);

/// For how long a store that fails is tried again.
const WAIT_FOR_STORE: Duration = Duration::from_mins(10);

/// The same before a message goes out that is not in the store. Several may know of it, and without a lease each of them sends
/// it. Most stores are back by then, and people can wait so long for what they may otherwise be told several times.
const HURRY: Duration = Duration::from_mins(3);

/// After so long nobody wants to be told any more.
const NEWS_LAST: Duration = Duration::from_hours(48);

/// A message that waits to be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// See [`FORM`].
    #[serde(default)]
    pub form: u32,
    pub notice: Notice,
    /// How often it was sent in vain.
    pub attempts: u32,
    /// When to try again, by the clock of the host that wrote this.
    pub try_at: Option<Timestamp>,
    /// What the last attempt met with.
    pub problem: Option<String>,
}

/// That nothing remains to be done about a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Delivered {
    pub at: Timestamp,
    /// Whether the receiver acknowledged it; otherwise nightcap gave up.
    #[serde(rename = "taken")]
    pub acknowledged: bool,
}

/// Who may send a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    #[serde(rename = "by")]
    holder: String,
    at: Timestamp,
}

/// Writes a message down, unless it was delivered already. Tells whether nobody needs to remember it any more.
pub async fn enqueue<H: Host>(records: &Records<'_, H>, notice: &Notice) -> bool {
    if records.load::<Delivered>(&delivered_key(&notice.id)).await.is_some() {
        return true;
    }
    records.save(&notice_key(&notice.id), &Pending::new(notice.clone())).await
}

/// Sends a message that is in the store, and tries again for a while if it is not acknowledged.
/// After `begin_until`, on the monotonic clock, that is left to others.
pub async fn deliver<H: Host>(
    records: &Records<'_, H>,
    config: &Config,
    notice: Notice,
    begin_until: Option<Duration>,
) {
    deliver_for(records, config, notice, IfStoreFails::Leave { after: WAIT_FOR_STORE }, begin_until).await;
}

/// The same for a message that could not be written down, and that nobody else knows of. Tells whether it surely was
/// acknowledged.
pub async fn deliver_unkept<H: Host>(records: &Records<'_, H>, config: &Config, notice: Notice) -> bool {
    deliver_for(records, config, notice, IfStoreFails::Send { after: HURRY }, None).await
}

async fn deliver_for<H: Host>(
    records: &Records<'_, H>,
    config: &Config,
    notice: Notice,
    if_store_fails: IfStoreFails,
    begin_until: Option<Duration>,
) -> bool {
    let Some(receiver) = &config.receiver else { return true };
    let delivery = Delivery { records, receiver, if_store_fails, begin_until };
    // A store that fails must not keep people from being told.
    let pending = records.load(&notice_key(&notice.id)).await;
    let mut pending = pending.unwrap_or_else(|| Pending::new(notice));
    let mut asked_to_wait = Duration::ZERO;
    for pause in PAUSES {
        let pause = Duration::from_secs(pause).max(asked_to_wait).min(LONGEST_PAUSE);
        if !pause.is_zero() {
            records.log.host.sleep(pause).await;
        }
        match delivery.attempt(&mut pending).await {
            Attempt::Acknowledged => return true,
            Attempt::LeftToOthers => return false,
            Attempt::Refused { retry_after } => asked_to_wait = retry_after,
        }
    }
    false
}

/// Sends a message that somebody else has left behind, if it is time to.
pub async fn deliver_left_behind<H: Host>(
    records: &Records<'_, H>,
    config: &Config,
    key: &str,
    begin_until: Option<Duration>,
) {
    let Some(receiver) = &config.receiver else { return };
    let Some(mut pending) = records.load::<Pending>(key).await else { return };
    let if_store_fails = IfStoreFails::Leave { after: Duration::ZERO };
    let delivery = Delivery { records, receiver, if_store_fails, begin_until };
    // Whoever delivered it may have died before it was taken away.
    if records.load::<Delivered>(&delivered_key(&pending.notice.id)).await.is_some() {
        return delivery.take_away(&pending).await;
    }
    let now = records.log.host.now();
    if now.since(pending.notice.at).is_some_and(|age| age > NEWS_LAST) {
        return delivery.close(&pending, false).await;
    }
    // A moment that is further ahead than anything is put off was written by a host whose clock was wrong.
    let left = pending.try_at.and_then(|at| at.since(now)).unwrap_or_default();
    if left.is_zero() || left > LONGEST_PAUSE {
        delivery.attempt(&mut pending).await;
    }
}

/// Sends a message once, whatever becomes of it: it is written down nowhere.
///
/// # Errors
/// What the receiver answered, or that it did not, in words to follow "but".
pub async fn send_once<H: Host>(records: &Records<'_, H>, receiver: &Receiver, notice: &Notice) -> Result<(), String> {
    let if_store_fails = IfStoreFails::Leave { after: Duration::ZERO };
    let delivery = Delivery { records, receiver, if_store_fails, begin_until: None };
    delivery.send(notice).await.map_err(|refusal| refusal.detail)
}

impl Pending {
    fn new(notice: Notice) -> Self {
        Self { form: FORM, notice, attempts: 0, try_at: None, problem: None }
    }
}

struct Delivery<'a, H> {
    records: &'a Records<'a, H>,
    receiver: &'a Receiver,
    if_store_fails: IfStoreFails,
    /// When it is too late to begin. Who is ended between sending and writing that down makes others send it again.
    begin_until: Option<Duration>,
}

/// What becomes of a message when the store keeps failing, so that nobody can take the lease.
#[derive(Clone, Copy)]
enum IfStoreFails {
    /// It is in the store, and is found there when the store works again.
    Leave { after: Duration },
    /// It is nowhere else: better twice than never.
    Send { after: Duration },
}

/// What came of asking for the lease on a message.
enum Claim {
    Held,
    HeldByOther,
    AlreadyDelivered,
}

enum Attempt {
    /// Now or before.
    Acknowledged,
    /// Somebody else holds the lease.
    LeftToOthers,
    Refused {
        retry_after: Duration,
    },
}

impl<H: Host> Delivery<'_, H> {
    async fn attempt(&self, pending: &mut Pending) -> Attempt {
        let id = pending.notice.id.clone();
        match self.claim(&id).await {
            Claim::Held => {}
            Claim::AlreadyDelivered => return Attempt::Acknowledged,
            Claim::HeldByOther => return Attempt::LeftToOthers,
        }
        match self.send(&pending.notice).await {
            Ok(()) => {
                self.close(pending, true).await;
                Attempt::Acknowledged
            }
            Err(refusal) => {
                pending.attempts = pending.attempts.saturating_add(1);
                let pause = Duration::from_secs(30).saturating_mul(1 << pending.attempts.min(10));
                pending.try_at = Some(self.host().now().after(pause.min(LONGEST_PAUSE)));
                pending.problem = Some(refusal.detail);
                self.records.save(&notice_key(&id), pending).await;
                self.records.delete(&lease_key(&id)).await;
                Attempt::Refused { retry_after: refusal.retry_after }
            }
        }
    }

    /// Writes down that nothing remains to be done about a message, then takes it away. The first of these is the one that
    /// matters.
    async fn close(&self, pending: &Pending, acknowledged: bool) {
        let id = &pending.notice.id;
        let delivered = Delivered { at: self.host().now(), acknowledged };
        let until = self.host().monotonic().saturating_add(WAIT_FOR_STORE);
        for attempt in 0.. {
            if self.records.save(&delivered_key(id), &delivered).await || self.host().monotonic() >= until {
                break;
            }
            self.wait_for_store(attempt).await;
        }
        self.take_away(pending).await;
        self.note(id, if acknowledged { "delivered" } else { "given_up" }, None);
    }

    async fn take_away(&self, pending: &Pending) {
        let id = &pending.notice.id;
        self.records.delete(&notice_key(id)).await;
        self.records.delete(&lease_key(id)).await;
    }

    /// Takes the lease.
    async fn claim(&self, id: &str) -> Claim {
        let (IfStoreFails::Leave { after } | IfStoreFails::Send { after }) = self.if_store_fails;
        let until = self.host().monotonic().saturating_add(after);
        let mut attempt = 0_u32;
        loop {
            match self.try_claim(id).await {
                Ok(claim) => return claim,
                Err(error) => self.note(id, "store_failed", Some(&error.to_string())),
            }
            match self.if_store_fails {
                _ if self.host().monotonic() < until => self.wait_for_store(attempt).await,
                IfStoreFails::Leave { .. } => return Claim::HeldByOther,
                IfStoreFails::Send { .. } => return Claim::Held,
            }
            attempt = attempt.saturating_add(1);
        }
    }

    async fn try_claim(&self, id: &str) -> Result<Claim, ReadError> {
        let host = self.host();
        let key = lease_key(id);
        if self.is_delivered(id).await? {
            return Ok(Claim::AlreadyDelivered);
        }
        let mut began = host.monotonic();
        if let Some(other) = store::load::<Lease>(host, &key).await? {
            match stand_for(self.records, &key, LEASE_TAKES).await? {
                Stood::No => return self.unless_delivered(id, Claim::HeldByOther).await,
                // An instance that has waited may not live until the receiver has answered. The next one need not wait.
                Stood::ByNow if self.is_kept() => return self.unless_delivered(id, Claim::HeldByOther).await,
                Stood::ByNow | Stood::Before => {}
            }
            began = host.monotonic();
            if store::load::<Lease>(host, &key).await?.is_none_or(|now| now != other) {
                return self.unless_delivered(id, Claim::HeldByOther).await;
            }
        }
        if self.begin_until.is_some_and(|latest| host.monotonic() > latest) {
            return self.unless_delivered(id, Claim::HeldByOther).await;
        }
        let own = Lease { holder: new_request_id(host), at: host.now() };
        store::save(host, &key, &own).await?;
        // Whoever reads a lease later than this one was read must be able to count on having been overwritten.
        if host.monotonic().saturating_sub(began) >= SETTLING {
            return Err(ReadError::Store(format!("{key} took too long to write")));
        }
        host.sleep(SETTLING).await;
        let stands = store::load::<Lease>(host, &key).await?.is_some_and(|now| now == own);
        self.unless_delivered(id, if stands { Claim::Held } else { Claim::HeldByOther }).await
    }

    /// Whether the message is in the store, and found there by others.
    fn is_kept(&self) -> bool {
        matches!(self.if_store_fails, IfStoreFails::Leave { .. })
    }

    async fn unless_delivered(&self, id: &str, claim: Claim) -> Result<Claim, ReadError> {
        Ok(if self.is_delivered(id).await? { Claim::AlreadyDelivered } else { claim })
    }

    async fn wait_for_store(&self, failed: u32) {
        self.host().sleep(Duration::from_millis(200).saturating_mul(1 << failed.min(4))).await;
    }

    async fn is_delivered(&self, id: &str) -> Result<bool, ReadError> {
        Ok(store::load::<Delivered>(self.host(), &delivered_key(id)).await?.is_some())
    }

    async fn send(&self, notice: &Notice) -> Result<(), Refusal> {
        let message = self.receiver.format.render(notice);
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.receiver.url.expose())
            .header(header::CONTENT_TYPE, message.content_type)
            .header(header::CONTENT_LENGTH, message.body.len())
            // Receivers that know it (draft-ietf-httpapi-idempotency-key-header) drop what they have had before.
            .header("idempotency-key", format!("\"{}\"", notice.id))
            .body(Bytes::from(message.body));
        let request = request.map_err(|_| Refusal::new("the request could not be made"))?;
        let began = self.host().monotonic();
        let progress = Progress::default();
        let sent = std::pin::pin!(self.host().send(request, &progress));
        let timeout = std::pin::pin!(self.host().sleep(ANSWER_TIMEOUT));
        let answer = match select(sent, timeout).await {
            Either::Left((answer, _)) => answer.map_err(|_| Refusal::new("there was no answer")),
            Either::Right(_) => Err(Refusal::new("there was no answer in time")),
        };
        let took = self.host().monotonic().saturating_sub(began);
        self.note_sent(&notice.id, answer.as_ref().ok().map(|answer| answer.status()), took);
        let answer = answer?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(Refusal::of_status(status, retry::retry_after(answer.headers()))),
        }
    }

    fn host(&self) -> &H {
        self.records.log.host
    }

    fn note_sent(&self, notice: &str, status: Option<StatusCode>, took: Duration) {
        let level = if status.is_some_and(|status| status.is_success()) { "info" } else { "warn" };
        let log = self.records.log;
        log.write(&LogEvent {
            notice: Some(notice),
            status: status.map(|status| status.as_u16()),
            ms: u64::try_from(took.as_millis()).ok(),
            ..log.event("notice_sent", level)
        });
    }

    fn note(&self, notice: &str, what: &str, detail: Option<&str>) {
        let level = if detail.is_some() { "warn" } else { "info" };
        let log = self.records.log;
        log.write(&LogEvent { notice: Some(notice), step: Some(what), detail, ..log.event("notice", level) });
    }
}

/// A message that was not acknowledged.
struct Refusal {
    detail: String,
    retry_after: Duration,
}

impl Refusal {
    fn new(detail: &str) -> Self {
        Self { detail: detail.to_owned(), retry_after: Duration::ZERO }
    }

    fn of_status(status: StatusCode, retry_after: Option<Duration>) -> Self {
        let detail = format!("the receiver answered with status {}", status.as_u16());
        Self { detail, retry_after: retry_after.unwrap_or_default() }
    }
}
