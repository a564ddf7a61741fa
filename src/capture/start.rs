//! List → limit → delete → create: the requests that carry a plan out.
//!
//! Azure Resource Manager is the arbiter between instances. A name tells target and slot of time, so that those who race
//! ask for the same name and all but one are refused; whoever is refused looks again and joins. Those who raced across
//! the boundary of two slots are brought together afterwards by [`settle`].

use std::time::Duration;

use futures::future::{join, join_all};
use serde_json::{Value, json};

use crate::azure::action::Action;
use crate::azure::client::Azure;
use crate::azure::clock::Clock;
use crate::azure::error::AzureError;
use crate::azure::operation;
use crate::azure::packet_capture::{CaptureRequest, CaptureResource, Listing, PacketCapture, Poll, Status, list};
use crate::azure::resource_id::ResourceId;
use crate::azure::retry;
use crate::capture::end::COULD_NOT_BEGIN;
use crate::capture::limit;
use crate::capture::locate::Place;
use crate::capture::name::{asked_at, is_own, is_own_of, name, slot};
use crate::capture::watch::alerts_on;
use crate::host::{Host, StoreError};
use crate::plan::Start;
use crate::records::alert::OnCapture;
use crate::records::capture::{self as record, CaptureRecord, Over, Phase};
use crate::records::failure::Failure;
use crate::records::journal::Journal;
use crate::records::keys::{capture_key, on_key};
use crate::records::reservation::Asking;
use crate::settings::Settings;
use crate::timestamp::Timestamp;

/// How old a list may be when a capture is created from it. After longer waits the watcher is listed again.
const LIST_IS_FRESH: Duration = Duration::from_secs(15);

/// How much longer than its time limit a capture may take from the beginning of its slot: the slot itself, and Azure
/// being slow to begin. Within this time Azure is asked whether it is over, which costs a round trip.
const SLOW_BEGINNING: Duration = Duration::from_mins(10);

/// How many captures of our own may turn out to be still running before the search for finished ones is given up. Every
/// look spends a piece of Azure's write budget.
const MOST_STILL_RUNNING: usize = 10;

/// The longest classic capture, for captures that do not tell their limit.
const LONGEST_CAPTURE: u64 = crate::azure::capture_parameters::LONGEST_SECONDS as u64;

/// How the sequence ended well.
#[derive(Debug)]
pub enum End {
    /// A capture was created.
    Started {
        /// The capture as Azure answered, or as it was looked up.
        capture: PacketCapture,
        /// Its record.
        record: Box<CaptureRecord>,
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
#[expect(clippy::too_many_arguments)]
pub async fn run<H: Host>(
    azure: &Azure<'_, H>,
    settings: &Settings,
    asking: &Asking,
    journal: &Journal<'_, H>,
    alert: &OnCapture,
    start: &Start,
    place: &Place,
    storage: &ResourceId,
) -> Result<End, Failure> {
    let request = CaptureRequest::new(&start.target, &start.parameters, storage);
    let mut sequence = Sequence {
        azure,
        settings,
        asking,
        journal,
        alert,
        start,
        place,
        request,
        over: vec![],
        asked: None,
        may_forget: false,
        in_doubt: false,
    };
    let end = sequence.run().await;
    match &end {
        Ok(End::Started { .. }) => {}
        // Whoever was first with the name writes its record, and this one stands in for it until then.
        Ok(End::Joined { capture }) if sequence.has_asked_for(&capture.name) => {}
        _ => sequence.give_up().await,
    }
    end
}

/// What is remembered under a name.
type Former = Result<Option<CaptureRecord>, StoreError>;

struct Sequence<'a, H> {
    azure: &'a Azure<'a, H>,
    settings: &'a Settings,
    asking: &'a Asking,
    journal: &'a Journal<'a, H>,
    alert: &'a OnCapture,
    start: &'a Start,
    place: &'a Place,
    request: CaptureRequest,
    /// Captures that are over, and what Azure said of them.
    over: Vec<(String, Option<Status>)>,
    /// The capture that Azure was asked for.
    asked: Option<CaptureRecord>,
    /// Whether there is surely no capture of its name, and nothing was remembered of one.
    may_forget: bool,
    /// Whether Azure gave no clear answer. A capture of that name is ours.
    in_doubt: bool,
}

impl<H: Host> Sequence<'_, H> {
    async fn run(&mut self) -> Result<End, Failure> {
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
            }
            if let Some(capture) = self.running_on_target(&captures, clock.server_time()).await? {
                return Ok(self.found(capture));
            }
            let (name, former) = self.name(&captures, clock.server_time()).await;
            let turn = self.asking.take_turn(&self.place.watcher, &name);
            let listed = |name: &str| captures.iter().any(|capture| capture.name.eq_ignore_ascii_case(name));
            let coming = turn.unlisted_before(listed, clock.received_at());
            let Some(doomed) = self.doomed(&captures, &name, coming).await? else {
                self.pause(&AzureError::OutOfTime { action: Action::Delete }, round).await?;
                continue;
            };
            if self.settings.dry_run {
                return self.requests(&doomed, &name).map(End::WouldSend);
            }
            join_all(doomed.iter().map(|doomed| self.remember_end(doomed, &captures))).await;
            match self.delete_all(&doomed).await {
                Ok(()) => {}
                Err(error) if error.is_transient() => {
                    self.pause(&error, round).await?;
                    continue;
                }
                Err(error) => return Err(self.failure(&error)),
            }
            if clock.age(self.azure.log.host) > LIST_IS_FRESH {
                continue;
            }
            self.remember_asking(&name, former, clock).await;
            if let Some(end) = self.create(&name, round).await? {
                turn.accepted(self.azure.log.host.monotonic());
                return Ok(end);
            }
        }
        Err(self.failure(&AzureError::OutOfTime { action: Action::Create }))
    }

    /// A capture of ours that takes in the target and is not over.
    async fn running_on_target(
        &mut self,
        captures: &[PacketCapture],
        now: Timestamp,
    ) -> Result<Option<PacketCapture>, Failure> {
        let mut own: Vec<_> = captures
            .iter()
            .filter(|capture| self.is_ours(&capture.name) && self.is_on_target(capture))
            .filter(|capture| capture.is_live() && may_still_run(capture, now))
            .collect();
        own.sort_unstable_by_key(|capture| asked_at(&capture.name));
        // Of several that begin, the earliest survives: see `settle`.
        if let Some(capture) = own.iter().find(|capture| capture.is_beginning()) {
            return Ok(Some((*capture).clone()));
        }
        for capture in own.into_iter().rev() {
            if !self.is_over(capture).await? {
                return Ok(Some(capture.clone()));
            }
        }
        Ok(None)
    }

    fn is_ours(&self, name: &str) -> bool {
        is_own(name) || self.start.fixed_name.as_deref().is_some_and(|fixed| fixed.eq_ignore_ascii_case(name))
    }

    /// Whether a capture takes in the target, or was made for it with other instances.
    fn is_on_target(&self, capture: &PacketCapture) -> bool {
        capture.covers(&self.start.target) || is_own_of(&self.start.target, &capture.name)
    }

    /// The fixed name, or one of our own that no capture has or had: somebody may be about to delete the one that had it.
    /// With it comes what is remembered under it.
    async fn name(&self, captures: &[PacketCapture], now: Timestamp) -> (String, Former) {
        let mut used: Vec<String> = Vec::new();
        loop {
            let there = |name: &str| captures.iter().any(|capture| capture.name.eq_ignore_ascii_case(name));
            let taken = |name: &str| there(name) || used.iter().any(|used| used == name);
            let own = || name(&self.start.target, slot(now), taken);
            let name = self.start.fixed_name.clone().unwrap_or_else(own);
            let former: Former = self.journal.read(&self.record_key(&name)).await;
            let is_free = match &former {
                Ok(Some(former)) => self.is_open(former, now).await,
                Ok(None) | Err(_) => true,
            };
            if is_free || self.start.fixed_name.is_some() {
                return (name, former);
            }
            used.push(name);
        }
    }

    /// Whether somebody else is racing for the very capture that is about to be asked for.
    async fn is_open(&self, former: &CaptureRecord, now: Timestamp) -> bool {
        former.is_open_for(now) && self.journal.load::<Over>(&former.over_key()).await.is_none()
    }

    /// The captures that must go first: the one that holds a fixed name, and as many finished ones of our own as the
    /// limit asks for. `None` when others are on their way out, and there will be room.
    /// `coming` is how many others are being created that the list does not show.
    async fn doomed(
        &mut self,
        captures: &[PacketCapture],
        name: &str,
        coming: usize,
    ) -> Result<Option<Vec<String>>, Failure> {
        let mut doomed = Vec::new();
        if let Some(holder) = captures.iter().find(|capture| capture.name.eq_ignore_ascii_case(name)) {
            if !holder.is_deleting() && !self.is_over(holder).await? {
                return Err(Failure::name_in_use(name, &holder.target));
            }
            doomed.push(holder.name.clone());
        }
        let limit = self.settings.capture_limit;
        let all = captures.len().saturating_add(coming);
        let mut excess = limit::excess(all.saturating_sub(doomed.len()), limit);
        for capture in limit::candidates(captures).into_iter().take(excess.saturating_add(MOST_STILL_RUNNING)) {
            if excess == 0 {
                break;
            }
            if !doomed.contains(&capture.name) && self.is_over(capture).await? {
                doomed.push(capture.name.clone());
                excess = excess.saturating_sub(1);
            }
        }
        let leaving =
            captures.iter().filter(|capture| capture.is_deleting() && !doomed.contains(&capture.name)).count();
        match excess {
            0 => Ok(Some(doomed)),
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
        join_all(names.iter().map(delete)).await.into_iter().collect()
    }

    /// Creates the capture once. `None` asks for another round: it may work, or there is something else to see, later.
    async fn create(&mut self, name: &str, round: u32) -> Result<Option<End>, Failure> {
        let error = match self.capture(name).create(&self.request).await {
            Ok((capture, creation)) => {
                let mut record = self.started(&capture);
                record.operation = operation::address(&creation);
                let pause = retry::retry_after(creation.headers()).unwrap_or(operation::USUAL_PAUSE);
                record.look_at = Some(self.azure.log.host.now().after(pause));
                return Ok(Some(End::Started { capture, record }));
            }
            Err(error) => error,
        };
        self.in_doubt |= error.leaves_doubt();
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
        let there = self.capture(name).get().await.map_err(|_| self.failure(&error))?;
        self.may_forget &= there.is_none();
        match there {
            Some(capture) if self.is_on_target(&capture) && capture.is_live() => Ok(Some(self.found(capture))),
            None if !error.is_transient() && !was_taken => Err(self.failure(&error)),
            // Something else has the name and is on its way out, or nothing has it and Azure may do better later.
            _ => self.pause(&error, round).await.map(|()| None),
        }
    }

    /// Writes down what is about to be asked, so that whoever comes after a sudden end knows whose capture it is.
    async fn remember_asking(&mut self, name: &str, former: Former, clock: Clock) {
        if let Some(asked) = self.asked.as_mut().filter(|asked| asked.name == name) {
            asked.asked_at = clock.server_time();
            return;
        }
        self.give_up().await;
        self.in_doubt = false;
        // What cannot be read is written over, for a capture must not wait for the store; but it is not forgotten.
        self.may_forget = former.is_ok();
        let former = former.unwrap_or_default();
        let was_deleted = self.over.iter().any(|(over, _)| over == name);
        let is_open = |former: &CaptureRecord| !was_deleted && former.is_open_for(clock.server_time());
        // Whoever races for the name and was here before may be further by now, and has it written down.
        let has_rival = former.as_ref().is_some_and(is_open);
        if let Some(former) = former.filter(|_| !has_rival) {
            self.put_aside(former).await;
        }
        let mut asked = CaptureRecord::asked(self.start, self.place, name, self.azure.log.alert, clock.server_time());
        asked.note(self.azure.log.host.now(), "create", "Azure is asked for the capture.");
        let on = on_key(&asked, &self.alert.alert);
        let remember = async {
            if !has_rival {
                self.journal.replace_capture(&asked).await;
            }
        };
        join(remember, self.journal.save(&on, self.alert)).await;
        self.asked = Some(asked);
    }

    /// Nothing came of what Azure was asked for, as far as it can be seen.
    async fn give_up(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        // What Azure has perhaps made is looked for by whoever comes by.
        if self.in_doubt || !self.may_forget {
            return;
        }
        // Another instance that asked for the same name may have been first, and then this is its record.
        let stored: Option<CaptureRecord> = self.journal.load(&asked.key()).await;
        if stored.is_some_and(|stored| stored.asked_by == asked.asked_by && stored.phase == Phase::Asked) {
            // Others who asked for it may be further than their record.
            if alerts_on(self.journal, &asked).await.1 <= 1 {
                self.journal.forget_capture(&asked).await;
                self.journal.delete(&on_key(&asked, &self.alert.alert)).await;
            }
        }
    }

    /// The record of a capture that Azure has accepted.
    fn started(&mut self, capture: &PacketCapture) -> Box<CaptureRecord> {
        let asked = self.asked.take();
        let now = self.azure.log.host.now();
        let mut record = asked.unwrap_or_else(|| CaptureRecord::found(self.start, self.place, capture, now));
        record.asked_by = self.azure.log.alert.to_owned();
        record.phase = Phase::Creating;
        record.storage_path = capture.storage_path.clone();
        record.note(now, "accepted", "Azure accepted the capture and is beginning it.");
        Box::new(record)
    }

    fn has_asked_for(&self, name: &str) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.name == name)
    }

    /// What a capture that is there means: ours, if we asked for it and never heard; else somebody was first.
    fn found(&mut self, capture: PacketCapture) -> End {
        if self.in_doubt && self.has_asked_for(&capture.name) {
            let record = self.started(&capture);
            End::Started { capture, record }
        } else {
            End::Joined { capture }
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
        if self.over.iter().any(|(name, _)| *name == capture.name) {
            return Ok(true);
        }
        let look = match capture.is_failed() {
            true => Ok(Poll::Gone),
            false => self.capture(&capture.name).poll().await,
        };
        let status = match look.map_err(|error| self.failure(&error))? {
            Poll::Answered(status) if status.activity.is_over() => Some(status),
            Poll::Answered(_) | Poll::Later(_) => return Ok(false),
            Poll::Gone => None,
        };
        self.over.push((capture.name.clone(), status));
        Ok(true)
    }

    /// Writes down how a capture ended that is about to be deleted, in case whoever watches it has not seen it yet.
    async fn remember_end(&self, name: &str, captures: &[PacketCapture]) {
        let status = self.over.iter().find(|(over, _)| over == name).and_then(|(_, status)| status.as_ref());
        let capture = captures.iter().find(|capture| capture.name == name);
        let Some(capture) = capture else { return };
        let Some(mut record) = self.journal.load::<CaptureRecord>(&self.record_key(name)).await else { return };
        record.storage_path = capture.storage_path.clone().or(record.storage_path);
        let end = match status {
            _ if record.end.is_some() => return,
            Some(status) => record::End::told(&record, status),
            None if capture.is_failed() => record::End::never_began(COULD_NOT_BEGIN),
            None => return,
        };
        let over = Over { at: self.azure.log.host.now(), end, superseded_by: None };
        self.journal.save(&record.over_key(), &over).await;
        if record.phase == Phase::Asked {
            // Whoever asked for it has died, and nobody has seen it yet.
            record.over(over.end);
            self.journal.save_capture(&mut record).await;
        }
    }

    /// Puts the record of a capture aside that had the name before, with its alerts, so that this one's does not take its
    /// place.
    async fn put_aside(&self, mut former: CaptureRecord) {
        if former.phase == Phase::Asked {
            return;
        }
        if former.end.is_none() {
            let over: Option<Over> = self.journal.load(&former.over_key()).await;
            former.over(over.map_or_else(record::End::vanished, |over| over.end));
        }
        let alerts = alerts_on(self.journal, &former).await.0;
        let old_keys: Vec<String> = alerts.iter().map(|on| on_key(&former, &on.alert)).collect();
        former.replaced = true;
        self.journal.save_capture(&mut former).await;
        for (on, old_key) in alerts.iter().zip(&old_keys) {
            self.journal.save(&on_key(&former, &on.alert), on).await;
            self.journal.delete(old_key).await;
        }
    }

    fn record_key(&self, name: &str) -> String {
        capture_key(&self.place.subscription, &self.place.region, name)
    }

    fn failure(&self, error: &AzureError) -> Failure {
        Failure::from_azure(error, &self.start.target, Some(&self.place.watcher))
    }

    fn capture<'b>(&'b self, name: &'b str) -> CaptureResource<'b, H> {
        CaptureResource::new(self.azure, &self.place.watcher, name)
    }

    fn requests(&self, doomed: &[String], name: &str) -> Result<Vec<Value>, Failure> {
        let url = |step, name: &str| {
            self.capture(name).uri(step, "").map(|uri| uri.to_string()).map_err(|error| self.failure(&error))
        };
        let mut requests = Vec::new();
        for name in doomed {
            requests.push(json!({"method": "DELETE", "url": url(Action::Delete, name)?}));
        }
        requests.push(json!({"method": "PUT", "url": url(Action::Create, name)?, "body": self.request}));
        Ok(requests)
    }
}

/// Whether a capture can still be running, by its name and limit. Names that tell no time leave it open.
fn may_still_run(capture: &PacketCapture, now: Timestamp) -> bool {
    let Some(asked_at) = asked_at(&capture.name) else { return true };
    let limit = capture.time_limit.unwrap_or(LONGEST_CAPTURE);
    now < asked_at.after(Duration::from_secs(limit).saturating_add(SLOW_BEGINNING))
}
