//! What Azure says: of tokens, subscriptions, watchers, storage accounts, rights, and of one machine.
//!
//! Two rounds. The first asks for what no other answer is needed for; from it comes where to look in the second. Whatever fails
//! becomes a line, and the rest goes on.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join, join_all, join4};

use super::line::{Check, Line};
use super::rights::{self, AT_ACCOUNT, AT_SUBSCRIPTION, AT_WATCHER, FOR_AGENT, Right};
use super::wanted::{ASK_FOR, Wanted};
use crate::azure::client::Azure;
use crate::azure::cloud::Audience;
use crate::azure::error::AzureError;
use crate::azure::identity::Identity;
use crate::azure::instance_view::RUNNING;
use crate::azure::permissions::permissions;
use crate::azure::region::Region;
use crate::azure::resource_id::ResourceId;
use crate::azure::storage_account::{StorageAccount, storage_account};
use crate::azure::{compute, inventory, network_watcher, packet_capture, subscription};
use crate::context::Context;
use crate::host::Host;
use crate::plan::not_allowed;
use crate::records::failure::Failure;
use crate::workflow::need::Need;

/// How many subscriptions are looked at. Each takes a request for every region.
const MOST_SUBSCRIPTIONS: usize = 5;

/// How many storage accounts are looked at: more than Azure has regions.
const MOST_ACCOUNTS: usize = 100;

/// The rights of `docs/azure.md`, as roles.
const CAPTURES: &str = "nightcap captures";
const AGENT: &str = "nightcap agent";
const STORAGE: &str = "nightcap storage";
const FILES: &str = "Storage Blob Data Reader";

/// A storage account of the settings, and what Azure says of it.
struct Account<'a> {
    id: &'a ResourceId,
    /// The region that the settings name it for.
    region: Option<&'a Region>,
    found: Result<Option<StorageAccount>, AzureError>,
}

/// Everything that Azure is asked for.
struct Checks<'a, H> {
    context: &'a Context<H>,
    azure: Azure<'a, H>,
    wanted: &'a Wanted,
}

pub async fn lines<H: Host>(context: &Context<H>, wanted: &Wanted) -> Vec<Line> {
    Checks { context, azure: context.azure_at_large(ASK_FOR), wanted }.lines().await
}

impl<H: Host> Checks<'_, H> {
    async fn lines(&self) -> Vec<Line> {
        let first_round = join4(self.tokens(), self.subscriptions(), self.machine(), self.accounts()).await;
        let (tokens, (subscriptions, subscription_lines), (machine_region, machine_lines), accounts) = first_round;
        let region = machine_region.or_else(|| self.wanted.region.clone());
        let regions = regions(region.as_ref(), &accounts);
        let in_subscriptions = join_all(subscriptions.iter().map(|id| self.in_subscription(id, &regions)));
        let of_accounts = self.of_accounts(accounts, region.as_ref());
        let (in_subscriptions, of_accounts) = join(in_subscriptions, of_accounts).await;
        let lines = tokens.into_iter().chain(subscription_lines).chain(machine_lines);
        lines.chain(in_subscriptions.into_iter().flatten()).chain(of_accounts).collect()
    }

    /// A token for each side of Azure.
    async fn tokens(&self) -> Vec<Line> {
        let (arm, storage) = join(self.token(Audience::Arm), self.token(Audience::Storage)).await;
        vec![arm.about("Azure Resource Manager"), storage.about("Blob storage")]
    }

    async fn token(&self, audience: Audience) -> Line {
        let identity = self.context.settings.azure.credential.identity();
        match self.azure.token(audience).await {
            Ok(_) => {
                self.azure.share_token(audience).await;
                Line::good(Check::Token, format!("Microsoft Entra gives {identity} a token."))
            }
            Err(error) => {
                let settings = match identity {
                    Identity::Application(..) => "tenant_id, client_id, client_secret, authority_url",
                    Identity::Federated(..) => "tenant_id, client_id, federated_token_file, authority_url",
                    Identity::SystemAssigned | Identity::UserAssigned(_) => "client_id, identity_endpoint",
                };
                Line::bad(Check::Token, Failure::of_search(&error, "").message, settings)
            }
        }
    }

    /// The subscriptions to look at, in lower case, and what there is to say of them.
    async fn subscriptions(&self) -> (Vec<String>, Vec<Line>) {
        let of_target = self.wanted.target.as_ref().map(|target| target.id().subscription());
        if let Some(wanted) = of_target.or_else(|| self.wanted.subscription.clone()) {
            return match not_allowed(&self.context.settings.policy, &wanted) {
                Some(sentence) => {
                    (vec![], vec![Line::bad(Check::Subscription, sentence, "allowed_subscriptions").about(wanted)])
                }
                None => (vec![wanted], vec![]),
            };
        }
        let seen: BTreeSet<String> = match subscription::subscriptions(&self.azure).await {
            Ok(found) => found.into_iter().map(|found| found.id.to_ascii_lowercase()).collect(),
            Err(error) => {
                let failure = Failure::of_search(&error, "of nightcap's");
                return (vec![], vec![Line::unanswered(Check::Subscription, &error, failure, "arm_url")]);
            }
        };
        let allowed = self.context.settings.policy.allowed_subscriptions.clone();
        let (mut ids, unseen): (Vec<_>, Vec<_>) = match allowed {
            Some(allowed) => allowed.into_iter().partition(|id| seen.contains(id)),
            None => (seen.into_iter().collect(), vec![]),
        };
        let unseen = unseen.into_iter().map(|id| {
            let message = "This subscription is in allowed_subscriptions, and Azure shows it to nightcap no more than one that \
                           is not there.";
            Line::bad(Check::Subscription, message, self.grant(CAPTURES, &format!("/subscriptions/{id}"))).about(id)
        });
        let mut lines: Vec<Line> = unseen.collect();
        if ids.is_empty() && lines.is_empty() {
            let message = "nightcap's service principal has no right in any subscription.";
            lines.push(Line::bad(Check::Subscription, message, self.grant(CAPTURES, "/subscriptions/SUBSCRIPTION")));
        }
        for id in ids.iter().skip(MOST_SUBSCRIPTIONS) {
            let message = "There are many subscriptions; this one is looked at with ?subscription=.";
            lines.push(Line::not_tried(Check::Subscription, message).about(id));
        }
        ids.truncate(MOST_SUBSCRIPTIONS);
        lines
            .extend(ids.iter().map(|id| Line::good(Check::Subscription, "nightcap sees this subscription.").about(id)));
        (ids, lines)
    }

    /// The machine that was asked about: its region, and what a capture needs on it.
    async fn machine(&self) -> (Option<Region>, Vec<Line>) {
        let Some(target) = &self.wanted.target else { return (None, vec![]) };
        if not_allowed(&self.context.settings.policy, &target.id().subscription()).is_some() {
            return (None, vec![]);
        }
        let id = target.id().to_string();
        let azure = self.context.azure(target, ASK_FOR);
        let (machine, power) = join(compute::machine(&azure, target), inventory::power_state(&azure, target)).await;
        let failure = |error: &AzureError| Failure::from_azure(error, target, None);
        let grant = || self.grant(CAPTURES, &format!("/subscriptions/{}", target.id().subscription()));
        let machine = match machine {
            Ok(Some(machine)) => machine,
            Ok(None) => {
                let missing = Line::bad(Check::Machine, Failure::machine_not_found(target).message, grant());
                return (None, vec![missing.about(id)]);
            }
            Err(error) => {
                let line = Line::unanswered(Check::Machine, &error, failure(&error), grant());
                return (None, vec![line.about(id)]);
            }
        };
        let found = Line::good(Check::Machine, format!("The machine is in {}.", machine.region));
        let agent = match machine.agent {
            Some(true) => Line::good(Check::Agent, "The Network Watcher agent is installed."),
            Some(false) if self.context.settings.install_agent => {
                let message = "The Network Watcher agent is missing. With install_agent nightcap installs it when an alert \
                               comes, and the capture begins about a minute later.";
                let missing = Failure::agent_missing(target, machine.os.as_deref());
                Line::attention(Check::Agent, message, missing.command().unwrap_or_default())
            }
            Some(false) => {
                Line::needed(Check::Agent, Need::of(Failure::agent_missing(target, machine.os.as_deref())), "")
            }
            None => Line::not_tried(Check::Agent, "A scale set does not tell whether its instances have the agent."),
        };
        let power = match power {
            Ok(Some(power)) if power == RUNNING => Line::good(Check::Power, "The machine runs."),
            Ok(Some(power)) => Line::needed(Check::Power, Need::not_running(target, &power), ""),
            Ok(None) => Line::not_tried(Check::Power, "Azure does not say whether it runs."),
            Err(error) => Line::unanswered(Check::Power, &error, failure(&error), grant()),
        };
        (Some(machine.region), [found, agent, power].map(|line| line.about(&id)).into())
    }

    /// The storage accounts of the settings, each as Azure shows it.
    async fn accounts(&self) -> Vec<Account<'_>> {
        let accounts = self.context.settings.storage.all();
        let asked = accounts.into_iter().take(MOST_ACCOUNTS).map(async |(region, id)| Account {
            id,
            region,
            found: storage_account(&self.azure, id).await,
        });
        join_all(asked).await
    }

    /// What is to say of the accounts that captures in a region go to; of all where no region is asked about.
    async fn of_accounts(&self, accounts: Vec<Account<'_>>, region: Option<&Region>) -> Vec<Line> {
        let is_for = |account: &Account| account.region.is_none() || region.is_none() || account.region == region;
        let concerned: Vec<Account> = accounts.into_iter().filter(is_for).collect();
        if let Some(region) = region.filter(|_| concerned.is_empty()) {
            let need = Need::of(Failure::no_storage_account(region));
            return vec![Line::needed(Check::StorageAccount, need, "storage_account_id").about(region.as_str())];
        }
        let of_each = concerned.into_iter().map(async |account| {
            let id = account.id.to_string();
            let expected = account.region.or(region);
            let mut lines = match &account.found {
                Err(error) => {
                    let failure = Failure::of_search(error, &account.id.subscription());
                    vec![Line::unanswered(Check::StorageAccount, error, failure, self.grant(STORAGE, &id))]
                }
                Ok(found) => {
                    let needs = Need::of_account(account.id, expected, Ok(found.clone()));
                    needs
                        .into_iter()
                        .map(|need| Line::needed(Check::StorageAccount, need, "storage_account_id"))
                        .collect()
                }
            };
            if lines.is_empty() {
                let message = "The storage account is there, of a kind that takes captures, and lets shared keys in.";
                lines.push(Line::good(Check::StorageAccount, message));
            }
            let lines = lines.into_iter().map(|line| line.about(&id));
            let rights = self.rights(AT_ACCOUNT, &id, |is_data| if is_data { FILES } else { STORAGE }).await;
            lines.chain(rights).collect::<Vec<_>>()
        });
        join_all(of_each).await.into_iter().flatten().collect()
    }

    /// The watchers of a subscription, their captures, and what nightcap may do there.
    async fn in_subscription(&self, id: &str, regions: &BTreeSet<Region>) -> Vec<Line> {
        let scope = format!("/subscriptions/{id}");
        let rights = async {
            let mut lines = self.rights(AT_SUBSCRIPTION, &scope, |_| CAPTURES).await;
            if self.context.settings.install_agent {
                lines.extend(self.rights(FOR_AGENT, &scope, |_| AGENT).await);
            }
            lines
        };
        let watchers = async {
            let watchers = match network_watcher::list_all(&self.azure, id).await {
                Ok(watchers) => watchers,
                Err(error) => {
                    let failure = Failure::of_search(&error, id);
                    let line = Line::unanswered(Check::Watcher, &error, failure, self.grant(CAPTURES, &scope));
                    return vec![line.about(&scope)];
                }
            };
            if regions.is_empty() {
                let message = "No storage account tells in which region captures are to be; name one with ?region=.";
                return vec![Line::not_tried(Check::Watcher, message).about(&scope)];
            }
            join_all(regions.iter().map(|region| self.in_region(id, region, &watchers)))
                .await
                .into_iter()
                .flatten()
                .collect()
        };
        let (watchers, rights) = join(watchers, rights).await;
        watchers.into_iter().chain(rights).collect()
    }

    async fn in_region(
        &self,
        subscription: &str,
        region: &Region,
        watchers: &BTreeMap<Region, ResourceId>,
    ) -> Vec<Line> {
        let Some(watcher) = watchers.get(region) else {
            let need = Need::of(Failure::no_network_watcher(subscription, region));
            return vec![Line::needed(Check::Watcher, need, "").about(region.as_str())];
        };
        let id = watcher.to_string();
        let found = Line::good(Check::Watcher, format!("Network Watcher is enabled in {region}.")).about(&id);
        let rights = self.rights(AT_WATCHER, &id, |_| CAPTURES);
        let (captures, rights) = join(self.captures(watcher), rights).await;
        [found, captures.about(&id)].into_iter().chain(rights).collect()
    }

    /// Whether captures can be listed, and how many more there may be.
    async fn captures(&self, watcher: &ResourceId) -> Line {
        let _turn = self.context.turn_to_list(watcher.name()).await;
        let limit = self.context.settings.capture_limit;
        match packet_capture::list(&self.azure, watcher).await {
            Ok(listing) => {
                let count = listing.captures.len();
                let message = format!("Azure lists {count} captures, and the setting capture_limit allows {limit}.");
                if count < limit {
                    Line::good(Check::Captures, message)
                } else {
                    let message = format!("{message} The oldest finished ones of nightcap's own have to go first.");
                    Line::attention(Check::Captures, message, "capture_limit")
                }
            }
            Err(error) => {
                let group =
                    format!("/subscriptions/{}/resourceGroups/{}", watcher.subscription(), watcher.resource_group());
                let failure = Failure::at_watcher(&error, watcher);
                Line::unanswered(Check::Captures, &error, failure, self.grant(CAPTURES, &group))
            }
        }
    }

    /// What nightcap may do at a scope. `role` names the role that has what is missing, and is told whether that is for data.
    async fn rights(&self, rights: &[Right], scope: &str, role: impl Fn(bool) -> &'static str) -> Vec<Line> {
        match permissions(&self.azure, scope).await {
            Ok(held) => rights::lines(rights, &held, scope, |is_data| self.grant(role(is_data), scope)),
            Err(AzureError::NoToken { .. }) => vec![],
            Err(_) => {
                let message = "Azure does not tell what nightcap may do here; to be told, it needs \
                               Microsoft.Authorization/permissions/read.";
                vec![Line::not_tried(Check::Right, message).about(scope)]
            }
        }
    }

    /// The command that gives nightcap a role.
    fn grant(&self, role: &str, scope: &str) -> String {
        let assignee = match self.context.settings.azure.credential.identity() {
            Identity::Application(client, _) | Identity::Federated(client, _) | Identity::UserAssigned(client) => {
                client
            }
            Identity::SystemAssigned => "PRINCIPAL_ID".to_owned(),
        };
        format!("az role assignment create --assignee {assignee} --role \"{role}\" --scope {scope}")
    }
}

/// Where captures are to be: in the region that was asked about, or else wherever the settings have a storage account.
fn regions(asked: Option<&Region>, accounts: &[Account]) -> BTreeSet<Region> {
    match asked {
        Some(region) => [region.clone()].into(),
        None => {
            let of_account = |account: &Account| {
                let found = || account.found.as_ref().ok()?.as_ref()?.region.clone();
                account.region.cloned().or_else(found)
            };
            accounts.iter().filter_map(of_account).collect()
        }
    }
}
