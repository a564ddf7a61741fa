//! What an operator does to a capture by hand: looks at it live, stops it, deletes it. Whose it is does not matter; where
//! nightcap has a record of it, what was done is written down there.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::azure::action::Action;
use crate::azure::client::Azure;
use crate::azure::error::AzureError;
use crate::azure::operation;
use crate::azure::packet_capture::{Activity, CaptureResource, Details, Poll, Status};
use crate::azure::region::Region;
use crate::azure::resource_id::ResourceId;
use crate::capture::locate::watcher_in;
use crate::context::Context;
use crate::host::Host;
use crate::plan::not_allowed;
use crate::records::capture::{CaptureRecord, End, EndReason, Phase};
use crate::records::failure::Failure;
use crate::records::store::ReadError;
use crate::timestamp::Timestamp;

/// How long Azure is asked. Callers wait no longer than they are told in the settings.
const TRY_FOR: Duration = Duration::from_secs(45);

/// When a capture that was told to stop is looked at: Azure takes a few seconds for that.
const STOPS_WITHIN: Duration = Duration::from_secs(15);

/// A capture that an operator has named.
#[derive(Clone, Debug)]
pub struct Named {
    pub subscription: String,
    pub region: Region,
    pub name: String,
    pub watcher: ResourceId,
    /// What nightcap remembers of it; nothing of somebody else's.
    pub record: Option<CaptureRecord>,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Azure does not have the capture.
    NotThere,
    /// The setting `allowed_subscriptions` says no, in a sentence.
    NotAllowed(String),
    /// It runs, and a running capture is only deleted by those who insist.
    Runs,
    /// Azure did not do it.
    Failed(Failure),
    /// The record could not be read.
    Unreadable(ReadError),
}

/// What came of asking for a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Status(Status),
    /// Azure has not answered in time.
    Later,
}

/// What came of stopping or deleting.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It is done.
    Done,
    /// Nothing was to be done: it is over, or gone.
    Already,
    /// Azure is at work on it.
    UnderWay,
    /// With `dry_run`: what would have been sent.
    WouldSend(Value),
}

/// Finds the capture of a name: its record, and else its place in Azure, where it may not be.
pub async fn find<H: Host>(
    context: &Context<H>,
    subscription: &str,
    region: &Region,
    name: &str,
) -> Result<Named, Trouble> {
    let subscription = subscription.to_ascii_lowercase();
    if let Some(sentence) = not_allowed(&context.settings.policy, &subscription) {
        return Err(Trouble::NotAllowed(sentence));
    }
    let record = match context.records().capture(&subscription, region, name).await {
        Ok(record) => record,
        // What cannot be read must not keep an operator from a capture that runs.
        Err(ReadError::Unreadable { .. }) => None,
        Err(error) => return Err(Trouble::Unreadable(error)),
    };
    let (watcher, name) = match &record {
        Some(record) => (record.watcher.clone(), record.name.clone()),
        None => {
            let azure = context.azure_at_large(TRY_FOR);
            let watcher = watcher_in(&azure, &subscription, region).await.map_err(Trouble::Failed)?;
            (watcher, name.to_owned())
        }
    };
    Ok(Named { subscription, region: region.clone(), name, watcher, record })
}

impl Named {
    /// What Azure says of the resource, if there is one.
    pub async fn details<H: Host>(&self, context: &Context<H>) -> Result<Option<Details>, Trouble> {
        let azure = context.azure_at_large(TRY_FOR);
        self.resource(&azure).details().await.map_err(|error| self.failed(&error))
    }

    /// What it does, as Azure says now. This costs a piece of Azure's write budget.
    pub async fn status<H: Host>(&self, context: &Context<H>) -> Result<Seen, Trouble> {
        let azure = context.azure_at_large(TRY_FOR);
        let resource = self.resource(&azure);
        let asked = std::pin::pin!(resource.poll_until_answered());
        let patience = std::pin::pin!(context.host().sleep(context.settings.answer_within));
        let Either::Left((poll, _)) = select(asked, patience).await else { return Ok(Seen::Later) };
        match poll.map_err(|error| self.failed(&error))? {
            Poll::Answered(status) => Ok(Seen::Status(status)),
            Poll::Gone => Err(Trouble::NotThere),
            Poll::Later(_) => Ok(Seen::Later),
        }
    }

    /// Stops it. That somebody wanted so is written down first, so that whoever watches it sees it, and carries it out if this
    /// host dies.
    pub async fn stop<H: Host>(&mut self, context: &Context<H>) -> Result<Effect, Trouble> {
        if self.record.as_ref().is_some_and(|record| record.end.is_some()) {
            return Ok(Effect::Already);
        }
        let azure = context.azure_at_large(TRY_FOR);
        if context.settings.dry_run {
            return self.would_send(&azure, "POST", Action::Stop, "/stop");
        }
        self.note_stop(context).await;
        let answer = match self.resource(&azure).stop().await {
            Err(error) if error.status() == Some(404) => return Err(Trouble::NotThere),
            answer => answer.map_err(|error| self.failed(&error))?,
        };
        let effect = self.wait(context, Action::Stop, &answer).await?;
        if effect == Effect::Done {
            self.look_now(context).await;
        }
        Ok(effect)
    }

    /// Deletes the resource; its file stays. One that runs is deleted only when the caller insists.
    pub async fn delete<H: Host>(&mut self, context: &Context<H>, insists: bool) -> Result<Effect, Trouble> {
        let azure = context.azure_at_large(TRY_FOR);
        let state = match &self.record {
            Some(record) if record.end.is_some() => State::Over(None),
            _ => self.state(&azure).await?,
        };
        match state {
            State::Gone if self.record.is_none() => return Err(Trouble::NotThere),
            State::Gone => return Ok(Effect::Already),
            State::Running if !insists => return Err(Trouble::Runs),
            _ if context.settings.dry_run => return self.would_send(&azure, "DELETE", Action::Delete, ""),
            State::Running | State::Over(_) => self.note_end(context, state).await,
        }
        // Nothing else has the name before this is gone, so it is safe to be asked for by hand again.
        let answer = self.resource(&azure).delete().await.map_err(|error| self.failed(&error))?;
        let Some(answer) = answer.filter(|answer| answer.status() != StatusCode::NO_CONTENT) else {
            return Ok(Effect::Already);
        };
        let detail = "An operator has deleted the capture in Azure, through nightcap. Its file stays.";
        self.note(context, "deleted", detail).await;
        self.wait(context, Action::Delete, &answer).await
    }

    async fn state<H: Host>(&self, azure: &Azure<'_, H>) -> Result<State, Trouble> {
        let resource = self.resource(azure);
        let Some(found) = resource.get().await.map_err(|error| self.failed(&error))? else { return Ok(State::Gone) };
        if found.is_failed() || found.is_deleting() {
            return Ok(State::Over(None));
        }
        if found.is_beginning() {
            return Ok(State::Running);
        }
        Ok(match resource.poll_until_answered().await.map_err(|error| self.failed(&error))? {
            Poll::Gone => State::Gone,
            Poll::Answered(status) if status.activity.is_over() => State::Over(Some(status)),
            // It has had its chance, and Azure would say so if it ran.
            Poll::Answered(Status { activity: Activity::NotStarted, .. }) => State::Over(None),
            Poll::Answered(_) | Poll::Later(_) => State::Running,
        })
    }

    /// Waits for an operation as long as the caller may have to.
    async fn wait<H: Host>(
        &self,
        context: &Context<H>,
        action: Action,
        answer: &Response<Bytes>,
    ) -> Result<Effect, Trouble> {
        let azure = context.azure_at_large(context.settings.answer_within);
        match operation::wait(&azure, action, answer).await {
            Ok(_) => Ok(Effect::Done),
            Err(AzureError::OutOfTime { .. }) => Ok(Effect::UnderWay),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn note_stop<H: Host>(&mut self, context: &Context<H>) {
        let now = context.host().now();
        if let Some(record) = &mut self.record {
            record.stopping = Some(EndReason::StoppedByHand);
            plan_look(record, now.after(STOPS_WITHIN));
        }
        self.note(context, "stopping", "An operator stops the capture, through nightcap.").await;
    }

    /// Has whoever watches the capture look at it now.
    async fn look_now<H: Host>(&mut self, context: &Context<H>) {
        let now = context.host().now();
        if let Some(record) = &mut self.record {
            plan_look(record, now);
            context.records().save_capture(record).await;
        }
    }

    /// Writes down how it ended, in case whoever watches it has not seen it yet.
    async fn note_end<H: Host>(&self, context: &Context<H>, state: State) {
        let Some(record) = self.record.as_ref().filter(|record| record.end.is_none()) else { return };
        let end = match state {
            State::Over(Some(status)) => End::from_status(record, &status),
            State::Running => End::deleted_by_hand(),
            State::Over(None) | State::Gone => return,
        };
        context.records().note_end(record, end, None).await;
    }

    async fn note<H: Host>(&mut self, context: &Context<H>, step: &str, detail: &str) {
        let now = context.host().now();
        if let Some(record) = &mut self.record {
            record.note(now, step, detail);
            context.records().save_capture(record).await;
        }
    }

    fn would_send<H: Host>(
        &self,
        azure: &Azure<'_, H>,
        method: &str,
        action: Action,
        operation: &str,
    ) -> Result<Effect, Trouble> {
        let uri = self.resource(azure).uri(action, operation).map_err(|error| self.failed(&error))?;
        Ok(Effect::WouldSend(json!({"method": method, "url": uri.to_string()})))
    }

    fn resource<'a, H: Host>(&'a self, azure: &'a Azure<'a, H>) -> CaptureResource<'a, H> {
        CaptureResource::new(azure, &self.watcher, &self.name)
    }

    fn failed(&self, error: &AzureError) -> Trouble {
        Trouble::Failed(match &self.record {
            Some(record) => Failure::from_azure(error, &record.target, Some(&self.watcher)),
            None => Failure::at_watcher(error, &self.watcher),
        })
    }
}

/// Has whoever watches a capture look at it then. Before it runs it is looked at soon anyway, and afterwards something else is
/// waited for.
fn plan_look(record: &mut CaptureRecord, at: Timestamp) {
    if [Phase::Created, Phase::Running].contains(&record.phase) {
        record.poll_at = Some(at);
    }
}

/// How a capture stands that is to be deleted.
enum State {
    Gone,
    Running,
    /// With what Azure said of it, if it was asked.
    Over(Option<Status>),
}
