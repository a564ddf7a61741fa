//! List → limit → delete → create: the requests that carry a plan out.
//!
//! Azure Resource Manager is the arbiter between instances. A name tells target and slot of time, so that those who race
//! ask for the same name and all but one are refused; whoever is refused looks again and joins. Those who raced across
//! the boundary of two slots are brought together afterwards by [`settle`](super::settle).

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{join, join_all};
use serde_json::json;

use crate::azure::action::Action;
use crate::azure::client::Azure;
use crate::azure::clock::Clock;
use crate::azure::error::AzureError;
use crate::azure::packet_capture::{CaptureRequest, CaptureResource, Listing, Over, PacketCapture, list};
use crate::azure::resource_id::ResourceId;
use crate::azure::{operation, retry};
use crate::capture::end::COULD_NOT_BEGIN;
use crate::capture::limit::{self, may_still_run};
use crate::capture::locate::Place;
use crate::capture::name::{is_own, is_own_of, name, precedence, slot};
use crate::capture::ours::is_recorded;
use crate::capture::reserve::{Former, Reserved};
use crate::context::Context;
use crate::host::Host;
use crate::plan::Start;
use crate::records::alert::OnCapture;
use crate::records::capture::{CaptureRecord, End, Phase, Requested};
use crate::records::failure::Failure;
use crate::records::keys::capture_key;
use crate::records::outcome::WouldSend;
use crate::records::repository::Records;
use crate::records::store::ReadError;
use crate::timestamp::Timestamp;

/// How old a list may be when a capture is created from it, and a look when one is deleted whose name may be another one's by
/// then. After longer waits the watcher is listed again.
const LIST_IS_FRESH: Duration = Duration::from_secs(15);

/// How many captures of our own may turn out to be still running before the search for finished ones is given up. Every
/// poll spends a piece of Azure's write budget.
const MOST_STILL_RUNNING: usize = 10;

/// How many captures that run on a target may be ours. Their records are read before anything is created.
const MOST_ON_TARGET: usize = 16;

/// What came of a plan that could be carried out.
#[derive(Debug)]
pub enum Started {
    /// A capture was created.
    Created(Box<CaptureRecord>),
    /// One runs already: its record, as far as it can be told from what Azure shows.
    Joined(Box<CaptureRecord>),
    /// With `dry_run`: what would have been sent.
    WouldSend(WouldSend),
}

pub async fn start<H: Host>(
    context: &Context<H>,
    azure: &Azure<'_, H>,
    alert: &OnCapture,
    plan: &Start,
    place: &Place,
    storage: Option<&ResourceId>,
) -> Result<Started, Failure> {
    let request = CaptureRequest::new(&plan.target, &plan.parameters, storage);
    let over = BTreeMap::new();
    let mut sequence = Sequence { context, azure, alert, plan, place, request, over, looked_at: None, reserved: None };
    let started = sequence.run().await;
    sequence.release_unless_used(&started).await;
    started
}

struct Sequence<'a, H> {
    context: &'a Context<H>,
    azure: &'a Azure<'a, H>,
    alert: &'a OnCapture,
    plan: &'a Start,
    place: &'a Place,
    request: CaptureRequest,
    /// Captures of the latest list that are over, by name in lower case.
    over: BTreeMap<String, Over>,
    /// When the capture was looked at that has a name which is used again, on the monotonic clock.
    looked_at: Option<Duration>,
    /// The name that Azure was asked for.
    reserved: Option<Reserved>,
}

impl<H: Host> Sequence<'_, H> {
    async fn run(&mut self) -> Result<Started, Failure> {
        let Listing { mut captures, mut clock } = self.place.listing.clone();
        for round in 0_u32.. {
            if round > 0 {
                if self.azure.time_left().is_zero() {
                    break;
                }
                let listing = list(self.azure, &self.place.watcher).await.map_err(|error| self.failure(&error))?;
                Listing { captures, clock } = listing;
                // What was over may be gone by now, and its name another capture's.
                self.over.clear();
                self.looked_at = None;
            }
            if let Some(started) = self.round(&captures, clock, round).await? {
                return Ok(started);
            }
        }
        Err(self.failure(&AzureError::OutOfTime { action: Action::Create }))
    }

    /// One way through the sequence, from one list. `None` asks for another one.
    async fn round(
        &mut self,
        captures: &[PacketCapture],
        clock: Clock,
        round: u32,
    ) -> Result<Option<Started>, Failure> {
        if let Some((capture, seen_at)) = self.running_on_target(captures, clock).await? {
            return Ok(Some(self.found(capture, seen_at)));
        }
        let (name, former) = self.choose_name(captures, clock.server_time()).await;
        let reservation = self.context.instance.reservations.reserve(&self.place.watcher, &name);
        let listed = |name: &str| captures.iter().any(|capture| capture.has_name(name));
        let coming = reservation.unlisted_before(listed, clock.received_at());
        let Some(evicted) = self.choose_evicted(captures, &name, coming).await? else {
            self.pause(&AzureError::OutOfTime { action: Action::Delete }, round).await?;
            return Ok(None);
        };
        if self.context.settings.dry_run {
            return self.would_send(evicted, &name).map(|would_send| Some(Started::WouldSend(would_send)));
        }
        let note_ends = evicted.iter().map(async |evicted| match evicted.eq_ignore_ascii_case(&name) {
            // As it stood beside this list: by now somebody may have written the record of the next capture.
            true => self.note_end(evicted, captures, clock, former.record().cloned()).await,
            false => self.note_end(evicted, captures, clock, self.record(evicted).await.ok().flatten()).await,
        });
        join_all(note_ends).await;
        let now = self.azure.log.host.monotonic();
        if self.looked_at.is_some_and(|looked_at| now.saturating_sub(looked_at) > LIST_IS_FRESH) {
            return Ok(None);
        }
        if let Err(error) = self.delete_all(&evicted).await {
            if !error.is_transient() {
                return Err(self.failure(&error));
            }
            self.pause(&error, round).await?;
            return Ok(None);
        }
        if clock.age(self.azure.log.host) > LIST_IS_FRESH {
            return Ok(None);
        }
        let deleted = captures.iter().find(|capture| capture.has_name(&name));
        // It takes a while until captures are gone, and somebody else may have been faster with the name.
        let former = if evicted.is_empty() { former } else { self.former(&name, clock.server_time()).await };
        let record_follows = self.reserve(name, former, deleted, clock).await;
        let started = self.create(round, record_follows).await?;
        if started.is_some() {
            reservation.accepted(self.azure.log.host.monotonic());
        }
        Ok(started)
    }

    /// A capture of ours that takes in the target and is not over, and Azure's time when it was seen.
    async fn running_on_target(
        &mut self,
        captures: &[PacketCapture],
        clock: Clock,
    ) -> Result<Option<(PacketCapture, Timestamp)>, Failure> {
        let now = clock.server_time();
        // What is being created runs whatever time its name tells, for the clock behind the name may have been wrong. Before a host's
        // own clock makes one be over, Azure is asked.
        let may_run =
            |capture: &PacketCapture| capture.is_beginning() || !clock.is_azures() || may_still_run(capture, now);
        let may_be_it = |capture: &&PacketCapture| self.is_on_target(capture) && capture.is_live() && may_run(capture);
        let candidates: Vec<_> = captures.iter().filter(may_be_it).take(MOST_ON_TARGET).collect();
        let are_ours = join_all(candidates.iter().map(|capture| self.is_ours(capture))).await;
        let own = candidates.into_iter().zip(are_ours).filter(|(_, is_ours)| *is_ours);
        let mut own: Vec<_> = own.map(|(capture, _)| capture).collect();
        own.sort_unstable_by_key(|capture| precedence(&capture.name));
        // Of several that begin, the first survives: see `settle`.
        if let Some(capture) = own.iter().find(|capture| capture.is_beginning()) {
            return Ok(Some(((*capture).clone(), now)));
        }
        for capture in own.into_iter().rev() {
            if self.is_over(capture).await? {
                continue;
            }
            if !self.is_used_again(capture) {
                return Ok(Some((capture.clone(), now)));
            }
            // What has the name by now may be another one than was listed.
            let there = self.capture(&capture.name).get_with_time().await.map_err(|error| self.failure(&error))?;
            if let Some((capture, azures_time)) = there.filter(|(there, _)| self.is_on_target(there) && there.is_live())
            {
                return Ok(Some((capture, azures_time)));
            }
        }
        Ok(None)
    }

    /// Whether the name is one that somebody fixed. A name of our own is never used again.
    fn is_used_again(&self, capture: &PacketCapture) -> bool {
        self.plan.fixed_name.as_deref().is_some_and(|fixed| capture.has_name(fixed))
    }

    async fn is_ours(&self, capture: &PacketCapture) -> bool {
        let Place { subscription, region, .. } = self.place;
        is_own(&capture.name)
            || self.plan.fixed_name.as_deref().is_some_and(|fixed| capture.has_name(fixed))
            || is_recorded(&self.records(), subscription, region, capture).await
    }

    /// Whether a capture takes in the target, or was made for it with other instances.
    fn is_on_target(&self, capture: &PacketCapture) -> bool {
        capture.covers(&self.plan.target) || is_own_of(&self.plan.target, &capture.name)
    }

    /// The fixed name, or one of our own that no capture has or had: somebody may be about to delete the one that had it.
    /// With it comes what is remembered under it.
    async fn choose_name(&self, captures: &[PacketCapture], now: Timestamp) -> (String, Former) {
        if let Some(fixed) = &self.plan.fixed_name {
            return (fixed.clone(), self.former(fixed, now).await);
        }
        let mut used: Vec<String> = Vec::new();
        loop {
            let is_taken = |name: &str| {
                captures.iter().any(|capture| capture.has_name(name)) || used.iter().any(|used| used == name)
            };
            let name = name(&self.plan.target, slot(now), is_taken);
            match self.former(&name, now).await {
                Former::Over(_) => used.push(name),
                former => return (name, former),
            }
        }
    }

    async fn former(&self, name: &str, now: Timestamp) -> Former {
        let Place { subscription, region, .. } = self.place;
        let record = match self.plan.fixed_name {
            Some(_) => self.record(name).await,
            // A name of our own is new: version 0.1 has left nothing under it.
            None => self.records().capture_at(&capture_key(subscription, region, name)).await,
        };
        match record {
            Err(ReadError::Store(_)) => Former::Unreadable,
            Err(ReadError::Unreadable { key, .. }) if self.records().set_aside::<CaptureRecord>(&key).await => {
                Former::Nothing
            }
            Err(ReadError::Unreadable { .. }) => Former::Unreadable,
            Ok(None) => Former::Nothing,
            Ok(Some(record)) if record.is_contested_at(now) => match self.records().end_note(&record).await {
                Ok(None) => Former::Rival(Box::new(record)),
                Ok(Some(_)) => Former::Over(Box::new(record)),
                Err(_) => Former::Unreadable,
            },
            Ok(Some(record)) => Former::Over(Box::new(record)),
        }
    }

    /// The captures that must go first: the one that holds a fixed name, and as many finished ones of our own as the
    /// limit asks for. `None` when others are on their way out, and there will be room.
    /// `coming` is how many others are being created that the list does not show.
    async fn choose_evicted(
        &mut self,
        captures: &[PacketCapture],
        name: &str,
        coming: usize,
    ) -> Result<Option<Vec<String>>, Failure> {
        let mut evicted = Vec::new();
        if let Some(holder) = captures.iter().find(|capture| capture.has_name(name)) {
            // By the time that another DELETE arrives, the name may be the next capture's.
            if holder.is_deleting() {
                return Ok(None);
            }
            if !self.is_over(holder).await? {
                return Err(Failure::name_in_use(name, &holder.target));
            }
            evicted.push(holder.name.clone());
        }
        let limit = self.context.settings.capture_limit;
        let all = captures.len().saturating_add(coming);
        let mut excess = limit::excess(all.saturating_sub(evicted.len()), limit);
        for capture in limit::candidates(captures).into_iter().take(excess.saturating_add(MOST_STILL_RUNNING)) {
            if excess == 0 {
                break;
            }
            if !evicted.contains(&capture.name) && self.is_over(capture).await? {
                evicted.push(capture.name.clone());
                excess = excess.saturating_sub(1);
            }
        }
        let is_leaving = |capture: &&PacketCapture| capture.is_deleting() && !evicted.contains(&capture.name);
        let leaving = captures.iter().filter(is_leaving).count();
        match excess {
            0 => Ok(Some(evicted)),
            excess if excess <= leaving => Ok(None),
            _ => Err(Failure::limit_reached(&self.place.watcher, all, limit)),
        }
    }

    /// Deletes side by side and waits until all are gone. What fails is not sent again before another look, for by then
    /// the name may be another capture's.
    async fn delete_all(&self, names: &[String]) -> Result<(), AzureError> {
        let delete = async |name: &String| -> Result<(), AzureError> {
            if let Some(answer) = self.capture(name).delete().await? {
                operation::wait(self.azure, Action::Delete, &answer).await?;
            }
            Ok(())
        };
        // Whoever deletes one that is gone deletes the next one of its name.
        let is_there = |name: &&String| !matches!(self.over.get(&name.to_ascii_lowercase()), Some(Over::Gone));
        join_all(names.iter().filter(is_there).map(delete)).await.into_iter().collect()
    }

    /// Writes down what is about to be asked for, so that whoever comes after a sudden end knows whose capture it is. Tells whether
    /// its record is to follow.
    async fn reserve(&mut self, name: String, former: Former, deleted: Option<&PacketCapture>, clock: Clock) -> bool {
        if let Some(reserved) = self.reserved.as_mut().filter(|reserved| reserved.has_name(&name)) {
            reserved.ask_again_at(clock.server_time());
            return false;
        }
        self.release().await;
        let was_deleted = |record: &CaptureRecord| {
            record.storage_path.is_some() && deleted.is_some_and(|deleted| deleted.storage_path == record.storage_path)
        };
        let former = match former {
            Former::Rival(record) if was_deleted(&record) => Former::Over(record),
            former => former,
        };
        let (by, alert) = (self.context.alert.clone(), Some(self.alert.clone()));
        let requested = Requested { by, alert, ..self.place.request_for(self.plan, name, clock.server_time()) };
        let reserved = Reserved::new(requested, &former, self.azure.now());
        let record_follows = reserved.write(&self.records(), former).await;
        self.reserved = Some(reserved);
        record_follows
    }

    /// Creates the capture once. `None` asks for another round: it may work, or there is something else to see, later.
    async fn create(&mut self, round: u32, record_follows: bool) -> Result<Option<Started>, Failure> {
        let waited = self.azure.log.host.now().since(self.context.began_at);
        self.reserved.iter_mut().for_each(|reserved| reserved.note_wait(waited));
        let Some(reserved) = &self.reserved else { return Ok(None) };
        let name = reserved.name().to_owned();
        let (capture, records) = (self.capture(&name), self.records());
        // The request goes out first.
        let rest = async {
            if record_follows {
                reserved.write_record(&records).await;
            }
        };
        let (created, ()) = join(capture.create(&self.request), rest).await;
        let error = match created {
            Ok((capture, creation)) => {
                let accepted_at = self.azure.clock.read(&creation, self.azure.log.host).server_time();
                let mut record = self.accepted(&capture, accepted_at);
                record.operation = operation::address(&creation);
                let pause = retry::retry_after(creation.headers()).unwrap_or(operation::USUAL_PAUSE);
                record.poll_at = Some(self.azure.now().after(pause));
                return Ok(Some(Started::Created(record)));
            }
            Err(error) => error,
        };
        if error.leaves_doubt() {
            self.reserved.iter_mut().for_each(Reserved::doubt);
        }
        if error.is_throttling() {
            return self.pause(&error, round).await.map(|()| None);
        }
        // Azure's way to say that a name is taken is not published, so these are looked up before they count.
        let may_be_taken = matches!(error.status(), Some(400 | 409 | 429));
        if !error.leaves_doubt() && !may_be_taken {
            return Err(self.failure(&error));
        }
        // A name that was taken may be free by now.
        let was_taken = error.status() == Some(409) && round == 0;
        let there = match self.capture(&name).get_with_time().await {
            Ok(there) => there,
            Err(unseen) if unseen.is_transient() => return self.pause(&unseen, round).await.map(|()| None),
            Err(_) => return Err(self.failure(&error)),
        };
        if there.is_some() {
            self.reserved.iter_mut().for_each(Reserved::keep);
        }
        match there {
            Some((capture, azures_time)) if self.is_on_target(&capture) && capture.is_live() => {
                Ok(Some(self.found(capture, azures_time)))
            }
            None if !error.is_transient() && !was_taken => Err(self.failure(&error)),
            // Something else has the name and is on its way out, or nothing has it and Azure may do better later.
            _ => self.pause(&error, round).await.map(|()| None),
        }
    }

    /// The record of a capture that Azure has accepted, at Azure's time `at`.
    fn accepted(&mut self, capture: &PacketCapture, at: Timestamp) -> Box<CaptureRecord> {
        let now = self.azure.now();
        let record = self.reserved.take().map(Reserved::into_record);
        let mut record = record.unwrap_or_else(|| self.place.found(self.plan, capture, at, now));
        record.accepted_at(at);
        record.requested_by = self.context.alert.clone();
        record.requested_for = Some(self.alert.clone());
        record.phase = Phase::Creating;
        (record.name, record.storage_path) = (capture.name.clone(), capture.storage_path.clone());
        record.note(now, "accepted", "Azure accepted the capture and is beginning it.");
        Box::new(record)
    }

    /// What a capture that is there means: ours, if we asked for it and got no clear answer; else somebody was first.
    fn found(&mut self, capture: PacketCapture, seen_at: Timestamp) -> Started {
        let may_be_ours = self.reserved.as_ref().is_some_and(|reserved| reserved.is_in_doubt_about(&capture.name));
        if may_be_ours {
            Started::Created(self.accepted(&capture, seen_at))
        } else {
            let now = self.azure.now();
            Started::Joined(Box::new(self.place.found(self.plan, &capture, seen_at, now)))
        }
    }

    async fn release(&mut self) {
        if let Some(reserved) = self.reserved.take() {
            reserved.release(&self.records()).await;
        }
    }

    /// Takes the reservation back, unless a capture came of it. Whoever was first with the name writes its record, and ours
    /// stands in for it until then.
    async fn release_unless_used(&mut self, started: &Result<Started, Failure>) {
        let is_used = match started {
            Ok(Started::Created(_)) => true,
            Ok(Started::Joined(found)) => self.reserved.as_ref().is_some_and(|reserved| reserved.has_name(&found.name)),
            Ok(Started::WouldSend(_)) | Err(_) => false,
        };
        if !is_used {
            self.release().await;
        }
    }

    /// Waits before another round, if there is time for one.
    async fn pause(&self, error: &AzureError, round: u32) -> Result<(), Failure> {
        let [chance, ..] = self.azure.log.host.random();
        let pause = error.retry_after().unwrap_or_default().saturating_add(retry::pause(round, chance));
        if pause >= self.azure.time_left() {
            return Err(self.failure(error));
        }
        self.azure.log.host.sleep(pause).await;
        Ok(())
    }

    /// Whether a capture is over. Only Azure knows, and it is asked once.
    async fn is_over(&mut self, capture: &PacketCapture) -> Result<bool, Failure> {
        let key = capture.name.to_ascii_lowercase();
        if self.over.contains_key(&key) {
            return Ok(true);
        }
        let resource = self.capture(&capture.name);
        let over = resource.over(capture).await.map_err(|error| self.failure(&error))?;
        let Some(mut over) = over else { return Ok(false) };
        // The answer is about what has the name by now.
        if self.is_used_again(capture) {
            let looked_at = self.azure.log.host.monotonic();
            let there = resource.get().await.map_err(|error| self.failure(&error))?;
            self.looked_at = Some(looked_at);
            // For a moment not all of Azure knows a new one: that it is not there says nothing.
            if there.is_some_and(|there| there.storage_path != capture.storage_path) {
                over = Over::Gone;
            }
        }
        self.over.insert(key, over);
        Ok(true)
    }

    /// Writes down how a capture ended that is about to be deleted, in case whoever watches it has not seen it yet.
    /// `known` is the record of its name.
    async fn note_end(&self, name: &str, captures: &[PacketCapture], clock: Clock, known: Option<CaptureRecord>) {
        let Some(capture) = captures.iter().find(|capture| capture.name == name) else { return };
        let found = self.place.found(self.plan, capture, clock.server_time(), self.azure.now());
        // The record of the name may by now be that of the next capture, or of one that was asked for on another machine and
        // never made.
        let is_its = |known: &CaptureRecord| known.is_same_capture(&found) && !capture.is_elsewhere(&known.target);
        let mut record = known.filter(is_its).unwrap_or(found);
        record.name.clone_from(&capture.name);
        record.storage_path = capture.storage_path.clone().or(record.storage_path);
        // Whoever has stopped it in favour of another one has written that down.
        let is_told = record.end.is_some() || record.superseded_by.is_some();
        if is_told || !matches!(self.records().end_note(&record).await, Ok(None)) {
            return;
        }
        let end = match self.over.get(&name.to_ascii_lowercase()) {
            Some(Over::Ended(status)) => End::from_status(&record, status),
            Some(Over::Failed) => End::never_began(COULD_NOT_BEGIN),
            Some(Over::Gone) | None => return,
        };
        self.records().note_end(&record, end.clone(), None).await;
        if record.phase == Phase::Requested {
            // Whoever asked for it has died, and nobody has seen it yet.
            record.end_with(end);
            self.records().save_capture(&mut record).await;
        }
    }

    fn records(&self) -> Records<'_, H> {
        self.context.records()
    }

    async fn record(&self, name: &str) -> Result<Option<CaptureRecord>, ReadError> {
        self.records().capture(&self.place.subscription, &self.place.region, name).await
    }

    fn failure(&self, error: &AzureError) -> Failure {
        Failure::from_azure(error, &self.plan.target, Some(&self.place.watcher))
    }

    fn capture<'b>(&'b self, name: &'b str) -> CaptureResource<'b, H> {
        CaptureResource::new(self.azure, &self.place.watcher, name)
    }

    fn would_send(&self, evicted: Vec<String>, name: &str) -> Result<WouldSend, Failure> {
        let url = |action, name: &str| {
            self.capture(name).uri(action, "").map(|uri| uri.to_string()).map_err(|error| self.failure(&error))
        };
        let mut requests = Vec::new();
        for name in &evicted {
            requests.push(json!({"method": "DELETE", "url": url(Action::Delete, name)?}));
        }
        requests.push(json!({"method": "PUT", "url": url(Action::Create, name)?, "body": self.request}));
        Ok(WouldSend { requests, evicted })
    }
}
