//! List → limit → delete → create: the requests that carry a plan out.
//!
//! Azure Resource Manager is the arbiter between instances. A name tells target and minute, so that those who race ask
//! for the same name and all but one are refused; whoever is refused looks again and joins.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::azure::error::{AzureError, Step};
use crate::azure::packet_capture::{self as arm, Activity, CaptureRequest, PacketCapture};
use crate::azure::resource_id::ResourceId;
use crate::azure::{Azure, operation, retry};
use crate::failure::Failure;
use crate::host::Host;
use crate::locate::Place;
use crate::plan::name::{asked_at, is_own, may_have_met_another_slot, name, slot};
use crate::plan::{Start, limit};

/// How old a list may be when a capture is created from it. After longer waits the watcher is listed again.
const LIST_IS_FRESH: Duration = Duration::from_secs(15);

/// How much longer than its time limit a capture may take, because Azure is slow to begin it.
const SLOW_BEGINNING: SignedDuration = SignedDuration::from_mins(15);

/// How many captures of our own may turn out to be still running before the search for finished ones is given up. Every
/// look spends a piece of Azure's write budget.
const MOST_STILL_RUNNING: usize = 10;

/// The longest classic capture, for captures that do not tell their limit.
const LONGEST_CAPTURE: u32 = crate::plan::parameters::LONGEST_SECONDS;

/// How the sequence ended well.
#[derive(Debug)]
pub enum End {
    /// A capture was created.
    Started {
        /// The capture as Azure answered, or as it was looked up.
        capture: PacketCapture,
        /// The answer that tells how to follow its creation; `None` when it was lost.
        creation: Option<Response<Bytes>>,
    },
    /// One runs already.
    Joined {
        /// The one that runs.
        capture: PacketCapture,
    },
    /// With `dry_run`: what would have been sent.
    WouldSend(Vec<Value>),
}

/// Carries a plan out.
pub async fn run<H: Host>(azure: &Azure<'_, H>, start: &Start, place: &Place, storage: &ResourceId) -> Result<End, Failure> {
    Sequence { azure, start, place, request: CaptureRequest::new(&start.target, &start.parameters, storage) }.run().await
}

struct Sequence<'a, H> {
    azure: &'a Azure<'a, H>,
    start: &'a Start,
    place: &'a Place,
    request: CaptureRequest,
}

impl<H: Host> Sequence<'_, H> {
    async fn run(&self) -> Result<End, Failure> {
        let mut captures = self.place.captures.clone();
        for round in 0_u32.. {
            if round > 0 {
                if self.azure.time_left().is_zero() {
                    break;
                }
                captures = arm::list(self.azure, &self.place.watcher).await.map_err(|error| self.failure(&error))?;
            }
            let (listed_at, listed) = (self.azure.host.now(), self.azure.host.monotonic());
            if let Some(capture) = self.running_on_target(&captures).await? {
                return Ok(End::Joined { capture });
            }
            let name = self.name(&captures, listed_at);
            let doomed = self.doomed(&captures, &name).await?;
            if self.azure.settings.dry_run {
                return Ok(End::WouldSend(self.requests(&doomed, &name)));
            }
            self.delete_all(&doomed).await?;
            if self.azure.host.monotonic().saturating_sub(listed) > LIST_IS_FRESH {
                continue;
            }
            match self.create(&name, round).await? {
                Some(End::Started { capture, creation }) => return self.settle(capture, creation, listed_at).await,
                Some(end) => return Ok(end),
                None => continue,
            }
        }
        Err(self.failure(&AzureError::OutOfTime { step: Step::Create }))
    }

    /// A capture of ours that takes in the target and is not over.
    async fn running_on_target(&self, captures: &[PacketCapture]) -> Result<Option<PacketCapture>, Failure> {
        let now = self.azure.host.now();
        let mut own: Vec<_> = captures
            .iter()
            .filter(|capture| self.is_ours(&capture.name) && capture.covers(&self.start.target))
            .filter(|capture| !capture.is_failed() && !capture.is_deleting() && may_still_run(capture, now))
            .collect();
        own.sort_by_key(|capture| std::cmp::Reverse(asked_at(&capture.name)));
        for capture in own {
            if capture.is_beginning() || self.activity(&capture.name).await? != Activity::Over {
                return Ok(Some(capture.clone()));
            }
        }
        Ok(None)
    }

    fn is_ours(&self, name: &str) -> bool {
        is_own(name) || self.start.fixed_name.as_deref().is_some_and(|fixed| fixed.eq_ignore_ascii_case(name))
    }

    fn name(&self, captures: &[PacketCapture], now: Timestamp) -> String {
        let taken = |name: &str| captures.iter().any(|capture| capture.name.eq_ignore_ascii_case(name));
        self.start.fixed_name.clone().unwrap_or_else(|| name(&self.start.target, slot(now), taken))
    }

    /// The captures that must go first: the one that holds a fixed name, and as many finished ones of our own as the
    /// limit asks for.
    async fn doomed(&self, captures: &[PacketCapture], name: &str) -> Result<Vec<String>, Failure> {
        let mut doomed = Vec::new();
        if let Some(holder) = captures.iter().find(|capture| capture.name.eq_ignore_ascii_case(name)) {
            if !holder.is_failed() && !holder.is_deleting() && self.activity(&holder.name).await? != Activity::Over {
                return Err(Failure::name_in_use(name, &holder.properties.target));
            }
            doomed.push(holder.name.clone());
        }
        let limit = self.azure.settings.capture_limit;
        let mut excess = limit::excess(captures.len().saturating_sub(doomed.len()), limit);
        for capture in limit::candidates(captures).into_iter().take(excess.saturating_add(MOST_STILL_RUNNING)) {
            if excess == 0 {
                break;
            }
            let is_over = capture.is_failed() || self.activity(&capture.name).await? == Activity::Over;
            if is_over && !doomed.contains(&capture.name) {
                doomed.push(capture.name.clone());
                excess = excess.saturating_sub(1);
            }
        }
        if excess > 0 { Err(Failure::limit_reached(&self.place.watcher, captures.len(), limit)) } else { Ok(doomed) }
    }

    /// Deletes side by side and waits until all are gone.
    async fn delete_all(&self, names: &[String]) -> Result<(), Failure> {
        let delete = async |name: &String| -> Result<(), AzureError> {
            let answer = arm::delete(self.azure, &self.place.watcher, name).await?;
            operation::wait(self.azure, Step::Delete, &answer).await
        };
        let deleted = join_all(names.iter().map(delete)).await;
        deleted.into_iter().collect::<Result<(), _>>().map_err(|error| self.failure(&error))
    }

    /// Creates the capture once. `None` asks for another round: it may work, or there is something else to see, later.
    async fn create(&self, name: &str, round: u32) -> Result<Option<End>, Failure> {
        let error = match arm::create(self.azure, &self.place.watcher, name, &self.request).await {
            Ok(answer) => {
                let mut capture: PacketCapture = serde_json::from_slice(answer.body()).unwrap_or_default();
                capture.name = name.to_owned();
                return Ok(Some(End::Started { capture, creation: Some(answer) }));
            }
            Err(error) => error,
        };
        if !self.is_worth_a_look(&error) {
            return Err(self.failure(&error));
        }
        match arm::get(self.azure, &self.place.watcher, name).await.map_err(|_| self.failure(&error))? {
            Some(capture) if capture.covers(&self.start.target) && !capture.is_failed() && !capture.is_deleting() => {
                // Refused because it is there: somebody else was first. Without a clear answer it is most likely ours.
                let end = if error.leaves_doubt() { End::Started { capture, creation: None } } else { End::Joined { capture } };
                Ok(Some(end))
            }
            None if !error.is_transient() => Err(self.failure(&error)),
            // Something else has the name and is on its way out, or nothing has it and Azure may do better later.
            _ => self.pause(&error, round).await.map(|()| None),
        }
    }

    /// Whether the capture may be there in spite of the error, made by this request or by somebody else's.
    fn is_worth_a_look(&self, error: &AzureError) -> bool {
        error.leaves_doubt() || matches!(error.status(), Some(400 | 409 | 429))
    }

    async fn pause(&self, error: &AzureError, round: u32) -> Result<(), Failure> {
        let asked = match error {
            AzureError::Refused { retry_after, .. } => *retry_after,
            _ => None,
        };
        let [chance, ..] = self.azure.host.random();
        let pause = asked.unwrap_or_else(|| retry::pause(round, chance));
        if pause >= self.azure.time_left() {
            return Err(self.failure(error));
        }
        self.azure.host.sleep(pause).await;
        Ok(())
    }

    /// Closes the gap between two slots of time: those who raced across it have created captures of different names.
    /// Whoever may have met such a race looks once more, and all but the earliest capture are stopped.
    async fn settle(&self, capture: PacketCapture, creation: Option<Response<Bytes>>, listed_at: Timestamp) -> Result<End, Failure> {
        let margin = SignedDuration::try_from(LIST_IS_FRESH).unwrap_or(SignedDuration::ZERO);
        let started = End::Started { capture: capture.clone(), creation };
        let fixed = self.start.fixed_name.is_some();
        if fixed || !may_have_met_another_slot(listed_at, self.azure.host.now(), margin) {
            return Ok(started);
        }
        let Ok(captures) = arm::list(self.azure, &self.place.watcher).await else { return Ok(started) };
        let listed_before = |other: &PacketCapture| self.place.captures.iter().any(|known| known.name == other.name);
        let mut rivals: Vec<_> = captures
            .into_iter()
            .filter(|other| is_own(&other.name) && other.covers(&self.start.target))
            .filter(|other| !other.is_failed() && !other.is_deleting() && !listed_before(other))
            .collect();
        rivals.sort_by_key(|other| (asked_at(&other.name), other.name.clone()));
        let mut rivals = rivals.into_iter();
        let Some(first) = rivals.next() else { return Ok(started) };
        for late in rivals {
            // Two captures of one machine are a waste, not a loss: a stop that fails is not worth the alert.
            let _ = arm::stop(self.azure, &self.place.watcher, &late.name).await;
        }
        if first.name == capture.name { Ok(started) } else { Ok(End::Joined { capture: first }) }
    }

    async fn activity(&self, name: &str) -> Result<Activity, Failure> {
        arm::activity(self.azure, &self.place.watcher, name).await.map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &AzureError) -> Failure {
        Failure::from_azure(error, &self.start.target, Some(&self.place.watcher))
    }

    fn requests(&self, doomed: &[String], name: &str) -> Vec<Value> {
        let url = |name: &str| {
            let version = crate::azure::network_watcher::API_VERSION;
            format!("{}{}?api-version={version}", self.azure.settings.arm, arm::path(&self.place.watcher, name))
        };
        let deletes = doomed.iter().map(|name| json!({"method": "DELETE", "url": url(name)}));
        deletes.chain([json!({"method": "PUT", "url": url(name), "body": self.request})]).collect()
    }
}

/// Whether a capture can still be running, by its name and limit. Names that tell no time leave it open.
fn may_still_run(capture: &PacketCapture, now: Timestamp) -> bool {
    let Some(asked_at) = asked_at(&capture.name) else { return true };
    let limit = i64::from(capture.properties.time_limit_in_seconds.unwrap_or(LONGEST_CAPTURE));
    now.duration_since(asked_at) < SignedDuration::from_secs(limit) + SLOW_BEGINNING
}
