//! With `install_agent`: brings the Network Watcher agent onto a machine where a capture has failed for want of it.
//!
//! How far that is, the machine itself tells, so that any instance goes on from there. Beside that the machine's memory has who
//! asks Azure to install it, for one asks and all others wait.

use std::time::Duration;

use serde_json::Value;

use crate::azure::agent::{self, Owner, Standing};
use crate::azure::client::{Azure, new_request_id};
use crate::azure::error::AzureError;
use crate::azure::instance_view::RUNNING;
use crate::azure::target::Target;
use crate::context::Context;
use crate::host::Host;
use crate::records::failure::Failure;
use crate::records::keys::target_key;
use crate::records::target::{Installation, TargetMemory};
use crate::timestamp::Timestamp;

/// How long one step may keep trying.
const STEP_TAKES: Duration = Duration::from_secs(45);

/// How long whoever wants to ask waits for others who write that at the same time.
const SETTLING: Duration = Duration::from_secs(1);

/// After so long, whoever has written that it asks has died before Azure accepted.
const SURELY_ASKED: Duration = Duration::from_secs(60);

/// How long an installation that failed is not tried again: it fails again, and alerts may come by the minute.
const NOT_AGAIN_WITHIN: Duration = Duration::from_hours(1);

/// How it stands.
#[derive(Clone, Debug)]
pub enum Step {
    /// The agent is there. How long it took from when nightcap asked, where it did.
    Ready(Option<Duration>),
    /// It is not there yet.
    UnderWay,
    Failed(Failure),
}

/// Looks how the agent stands, and asks Azure for what is to be done about it, if it `may_ask`.
pub async fn step<H: Host>(context: &Context<H>, target: &Target, may_ask: bool) -> Step {
    let azure = context.azure(target, STEP_TAKES);
    let failure = |error: &AzureError| Failure::from_azure(error, target, None);
    let owner = match agent::look(&azure, target).await {
        Ok(Some(owner)) => owner,
        Ok(None) => return Step::Failed(Failure::machine_not_found(target)),
        Err(error) if error.is_transient() => return Step::UnderWay,
        Err(error) => return Step::Failed(failure(&error)),
    };
    if let Some(power) = owner.power.as_deref().filter(|power| *power != RUNNING) {
        return Step::Failed(Failure::machine_not_running(target, power));
    }
    let asked = match owner.standing {
        Standing::UnderWay => return Step::UnderWay,
        Standing::Ready => {
            let now = context.host().now();
            let asked = last_installation(context, target).await;
            let took = asked.and_then(|asked| now.since(asked.at)).filter(|took| *took < NOT_AGAIN_WITHIN);
            return Step::Ready(took);
        }
        _ if !may_ask => return Step::UnderWay,
        // Whoever asks again only repeats what was asked for.
        Standing::Behind => agent::upgrade(&azure, target).await,
        Standing::Missing | Standing::Broken(_) => match may_install(context, target, &owner).await {
            Ok(true) => install(context, &azure, target, &owner).await,
            Ok(false) => return Step::UnderWay,
            Err(failed) => return Step::Failed(failed),
        },
    };
    match asked {
        Err(error) if !error.is_transient() && !is_conflict(&error) => Step::Failed(failure(&error)),
        _ => Step::UnderWay,
    }
}

/// The request that would have the agent installed; nothing where Azure does not tell enough.
pub async fn would_install<H: Host>(context: &Context<H>, target: &Target) -> Option<Value> {
    let azure = context.azure(target, STEP_TAKES);
    let owner = agent::look(&azure, target).await.ok()??;
    agent::would_install(&azure, target, &owner).ok()
}

/// Whether Azure is to be asked now. It is not while somebody else does, and not again soon after it has failed.
async fn may_install<H: Host>(context: &Context<H>, target: &Target, owner: &Owner) -> Result<bool, Failure> {
    let Some(asked) = last_installation(context, target).await else { return Ok(true) };
    let age = age_of(&asked, context.host().now());
    match &owner.standing {
        Standing::Broken(said) if asked.accepted && age < NOT_AGAIN_WITHIN => {
            Err(Failure::agent_not_installed(target, said))
        }
        _ => Ok(age >= SURELY_ASKED),
    }
}

/// Asks Azure, unless somebody else has written meanwhile that it does.
async fn install<H: Host>(
    context: &Context<H>,
    azure: &Azure<'_, H>,
    target: &Target,
    owner: &Owner,
) -> Result<(), AzureError> {
    let host = context.host();
    let mine = Installation { by: new_request_id(host), at: host.now(), accepted: false };
    if !remember(context, target, Some(mine.clone())).await {
        return Ok(());
    }
    host.sleep(SETTLING).await;
    if last_installation(context, target).await.is_none_or(|last| last.by != mine.by) {
        return Ok(());
    }
    let installed = agent::install(azure, target, owner).await;
    let left = installed.is_ok().then_some(Installation { accepted: true, ..mine });
    remember(context, target, left).await;
    installed
}

async fn last_installation<H: Host>(context: &Context<H>, target: &Target) -> Option<Installation> {
    context.records().load::<TargetMemory>(&target_key(target)).await?.agent
}

async fn remember<H: Host>(context: &Context<H>, target: &Target, agent: Option<Installation>) -> bool {
    let (records, key) = (context.records(), target_key(target));
    let memory: TargetMemory = records.load(&key).await.unwrap_or_default();
    records.save(&key, &TargetMemory { agent, at: Some(context.host().now()), ..memory }).await
}

/// Clocks of hosts differ; what was written in the future was written now.
fn age_of(asked: &Installation, now: Timestamp) -> Duration {
    now.since(asked.at).unwrap_or_default()
}

/// Somebody else changes the machine at this moment.
fn is_conflict(error: &AzureError) -> bool {
    matches!(error, AzureError::Refused { status, code, .. } if status.as_u16() == 409 && code == "Conflict")
}
