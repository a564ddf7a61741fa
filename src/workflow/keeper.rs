//! The keeper: one instance at a time that keeps everything going which is unfinished, for all of them. So a storm of alerts
//! costs one instance that stays, and all others are gone soon after their answers.
//!
//! It holds a lease in the store, carries captures, messages and alerts on side by side, and ends when nothing is left. Whoever
//! leaves something to do nudges it. A keeper that lives renews its lease then; when it does not, it has died, and whoever
//! nudged it takes its place. No clock is compared with another one's. Two who keep at once do no harm, for each step of what
//! they carry on is safe to be done twice; it only costs requests.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, join_all, select};
use futures::stream::{FuturesUnordered, StreamExt};
use serde::{Deserialize, Serialize};

use crate::azure::client::new_request_id;
use crate::capture::watch::{Watcher, watch};
use crate::context::Context;
use crate::host::Host;
use crate::log::Event;
use crate::records::capture::CaptureRecord;
use crate::records::store::{self, ReadError};
use crate::workflow::patience::Patience;
use crate::workflow::prune::prune;
use crate::workflow::unfinished::{carry_on, unfinished};

/// Where the lease lies, and what is written to nudge its holder.
const LEASE: &str = "keeper";
const NUDGE: &str = "nudge";

/// How often the keeper looks whether it was nudged.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often whoever has nudged it looks whether it has renewed its lease. An instance that waits for that takes up room on its
/// host, of which `wasmtime serve` has some 330.
const LOOK_WHETHER_IT_LIVES_EVERY: Duration = Duration::from_millis(150);

/// How long whoever has nudged it waits for it to renew its lease.
const PATIENCE: Duration = Duration::from_millis(2500);

/// How often it looks for unfinished work without a nudge.
const LIST_EVERY: Duration = Duration::from_secs(60);

/// How long whoever takes the lease waits for others who do so at the same time.
const SETTLING: Duration = Duration::from_secs(1);

/// Who keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    #[serde(rename = "by")]
    holder: String,
    /// How often its holder has renewed it.
    renewals: u64,
}

/// Keeps what is unfinished going, unless another instance does, for as long as the host lets it.
pub async fn keep<H: Host>(context: &Context<H>) {
    let mut own = Context::new(&context.instance, &context.settings, "");
    own.until = context.until;
    let context = own.staying();
    let mut keeper = Keeper::new(&context);
    let work = async {
        context.records().save(NUDGE, &new_request_id(context.host())).await;
        if let Some(_in_progress) = context.instance.begin(LEASE) {
            keeper.keep().await;
        }
    };
    let Some(left) = context.time_left() else { return work.await };
    {
        // Whatever is under way then is carried on by the next sweep, as after a sudden end.
        select(pin!(work), pin!(context.host().sleep(left))).await;
    }
    keeper.release().await;
}

/// Watches those captures of this instance that the store does not have, for nobody else can.
pub async fn watch_unwritten<H: Host>(context: &Context<H>, own: Vec<CaptureRecord>) {
    let unwritten = unwritten(context, own).await.into_iter();
    join_all(unwritten.map(|record| watch(context, record, Watcher::Owner))).await;
}

/// Those captures that are not in the store.
async fn unwritten<H: Host>(context: &Context<H>, own: Vec<CaptureRecord>) -> Vec<CaptureRecord> {
    let mut unwritten = Vec::new();
    for record in own {
        if !matches!(context.records().read::<CaptureRecord>(&record.key()).await, Ok(Some(_))) {
            unwritten.push(record);
        }
    }
    unwritten
}

struct Keeper<'a, H> {
    context: &'a Context<H>,
    lease: Lease,
    /// The last nudge that was seen.
    nudge: Option<String>,
}

impl<'a, H: Host> Keeper<'a, H> {
    fn new(context: &'a Context<H>) -> Self {
        let lease = Lease { holder: new_request_id(context.host()), renewals: 0 };
        Self { context, lease, nudge: None }
    }

    async fn keep(&mut self) {
        let mut left_before = HashSet::new();
        loop {
            match self.take_lease().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.note_failure(&error),
            }
            if !self.carry_on().await {
                return;
            }
            self.release().await;
            // Somebody may have seen the lease just before it was released. What is left though it was carried on twice is left
            // to the next alert or sweep.
            let left: HashSet<String> = unfinished(self.context).await.into_keys().collect();
            if left.is_subset(&left_before) {
                return;
            }
            left_before = left;
        }
    }

    /// Carries on what is unfinished until nothing is. Tells whether the lease is still held; who has lost it brings to an end
    /// what it is at work on, and takes up nothing more.
    async fn carry_on(&mut self) -> bool {
        let mut at_work = HashSet::new();
        let mut ended = HashSet::new();
        let mut work = FuturesUnordered::new();
        let mut listed_at = None;
        let mut is_keeper = true;
        loop {
            let now = self.context.host().monotonic();
            let is_due = listed_at.is_none_or(|at| now.saturating_sub(at) >= LIST_EVERY);
            if is_keeper && self.is_nudged().await {
                is_keeper = self.renew().await;
                listed_at = None;
            }
            if is_keeper && (listed_at.is_none() || is_due || work.is_empty()) {
                if listed_at.is_none() || is_due {
                    ended.clear();
                }
                listed_at = Some(now);
                for key in unfinished(self.context).await.into_keys() {
                    // What could not be brought to its end a moment ago does not end now.
                    if !ended.contains(&key) && at_work.insert(key.clone()) {
                        let context = self.context;
                        work.push(async move {
                            carry_on(context, &key, Patience::ToTheEnd).await;
                            key
                        });
                    }
                }
            }
            if work.is_empty() {
                if is_keeper {
                    prune(self.context).await;
                }
                return is_keeper;
            }
            let pause = pin!(self.context.host().sleep(LOOK_EVERY));
            let work_ends = pin!(async {
                while let Some(key) = work.next().await {
                    at_work.remove(&key);
                    ended.insert(key);
                }
            });
            if let Either::Left(((), pause)) = select(work_ends, pause).await {
                pause.await;
            }
        }
    }

    async fn is_nudged(&mut self) -> bool {
        let nudge = self.context.records().load(NUDGE).await;
        let is_nudged = nudge != self.nudge;
        self.nudge = nudge;
        is_nudged
    }

    /// Whether the lease is this one's now.
    async fn take_lease(&mut self) -> Result<bool, ReadError> {
        let host = self.context.host();
        let nudged_at = host.monotonic();
        if let Some(seen) = self.stored().await? {
            loop {
                match self.stored().await? {
                    Some(now) if now != seen => return Ok(false),
                    Some(_) if host.monotonic().saturating_sub(nudged_at) < PATIENCE => {
                        host.sleep(LOOK_WHETHER_IT_LIVES_EVERY).await;
                    }
                    Some(_) | None => break,
                }
            }
        }
        store::save(host, LEASE, &self.lease).await?;
        host.sleep(SETTLING).await;
        Ok(self.stored().await?.as_ref() == Some(&self.lease))
    }

    /// Shows whoever nudges that the keeper lives. Tells whether the lease is still this one's; a store that fails says
    /// nothing of that.
    async fn renew(&mut self) -> bool {
        match self.stored().await {
            Ok(Some(lease)) if lease.holder != self.lease.holder => return false,
            Ok(_) => {
                self.lease.renewals = self.lease.renewals.saturating_add(1);
                self.context.records().save(LEASE, &self.lease).await;
            }
            Err(error) => self.note_failure(&error),
        }
        true
    }

    async fn release(&self) {
        if self.stored().await.is_ok_and(|lease| lease.as_ref() == Some(&self.lease)) {
            self.context.records().delete(LEASE).await;
        }
    }

    /// The lease as it stands. One that cannot be read is nobody's.
    async fn stored(&self) -> Result<Option<Lease>, ReadError> {
        match store::load(self.context.host(), LEASE).await {
            Err(ReadError::Unreadable { .. }) => Ok(None),
            lease => lease,
        }
    }

    fn note_failure(&self, error: &ReadError) {
        let (log, detail) = (self.context.log(), error.to_string());
        log.write(&Event { detail: Some(&detail), ..log.event("keeper_without_store", "warn") });
    }
}
