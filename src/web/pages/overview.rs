//! `GET /`: what runs, what needs attention, what ended and how, and which alerts came.

use std::time::Duration;

use axum::body::Body;
use axum::extract::RawQuery;
use http::{HeaderMap, Response};
use maud::{Markup, html};
use nightcap_report::measure::{count_of, size};
use serde::Serialize;

use super::admit::Looking;
use super::layout::live_page;
use super::places;
use super::told::told;
use super::words::{doing, files, mark_of_end, mark_of_outcome, name_of, spaced, time, time_left};
use crate::alert::Summary;
use crate::context::Context;
use crate::host::Host;
use crate::page::words::shown;
use crate::records::capture::Phase;
use crate::records::outcome::Kind;
use crate::timestamp::Timestamp;
use crate::web::form::Form;
use crate::workflow::list::{Item, Wanted, WantedPhase, captures};
use crate::workflow::list_alerts::{AlertItem, WantedAlerts, alerts};
use crate::workflow::paging::{Paging, is_cursor};

/// How many of each there are on a page, and how many are looked through for those that a filter wants.
const SHOWN: usize = 25;
const LOOKED_THROUGH: usize = 200;

/// How old what needs attention may be, and how much of it is looked at.
const NEEDS_ATTENTION_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const MOST_FAILED: usize = 50;

/// How many are named that failed for one reason.
const MOST_NAMED: usize = 5;

/// What is shown.
#[derive(Serialize)]
struct Overview {
    filter: String,
    /// On the first page only.
    beginning: Option<Beginning>,
    ended: Vec<Item>,
    next_ended: Option<String>,
    alerts: Vec<AlertItem>,
    next_alerts: Option<String>,
}

#[derive(Serialize)]
struct Beginning {
    unfinished: Vec<Item>,
    attention: Vec<Trouble>,
}

/// Everything that went wrong for one reason.
#[derive(Serialize)]
struct Trouble {
    reason: String,
    /// What the newest one says, with what to do about it.
    message: String,
    count: usize,
    /// The newest ones: who, where to read on, and when.
    of: Vec<(String, String, Option<Timestamp>)>,
}

pub async fn show<H: Host>(
    Looking { visitor, context }: Looking<H>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let overview = Overview::read(&context, &query).await;
    let above = html! {
        h1 { "Captures" }
        (told(&query))
        form.search role="search" method="get" action="/" {
            label for="filter" { "Filter" }
            input #filter type="search" name="filter" value=(overview.filter) autocomplete="off";
            button { "Filter" }
        }
    };
    let content = overview.render(context.host().now());
    live_page(&visitor, &headers, "Captures", &overview, above, content)
}

impl Overview {
    async fn read<H: Host>(context: &Context<H>, query: &Form) -> Self {
        let filter = query.text("filter").to_owned();
        let after = |name: &str| Some(query.text(name)).filter(|after| is_cursor(after)).map(str::to_owned);
        let limit = if filter.is_empty() { SHOWN } else { LOOKED_THROUGH };
        let paging = |name: &str| Paging { after: after(name), limit, ..Paging::default() };
        let finished = Some(WantedPhase::In(Phase::Finished));
        let wanted = Wanted { phase: finished, paging: paging("after"), ..Wanted::default() };
        let ended = captures(context, &wanted).await;
        let came = alerts(context, &WantedAlerts { paging: paging("alerts_after"), ..WantedAlerts::default() }).await;
        let is_first = ["after", "alerts_after"].iter().all(|name| after(name).is_none());
        let mut beginning = None;
        if is_first {
            beginning = Some(Beginning::read(context, &ended.captures, &filter).await);
        }
        Self {
            beginning,
            ended: ended.captures.into_iter().filter(|item| matches(&filter, &words_of_capture(item))).collect(),
            next_ended: ended.next,
            alerts: came.alerts.into_iter().filter(|item| matches(&filter, &words_of_alert(item))).collect(),
            next_alerts: came.next,
            filter,
        }
    }

    fn render(&self, now: Timestamp) -> Markup {
        let more = |name: &str, after: &str| {
            let mut query = url::form_urlencoded::Serializer::new("/?".to_owned());
            query.append_pair("filter", &self.filter).append_pair(name, after).finish()
        };
        html! {
            @if let Some(beginning) = &self.beginning {
                (section("Needs attention", "Nothing has failed in the last seven days.", &beginning.attention, trouble))
                (section("Running", "No capture runs.", &beginning.unfinished, |item| unfinished(item, now)))
            }
            (section("Ended", self.none("No capture has ended yet."), &self.ended, ended))
            @if let Some(after) = &self.next_ended { p { a href=(more("after", after)) { "Older captures" } } }
            (section("Alerts", self.none("No alert has come yet."), &self.alerts, alert))
            @if let Some(after) = &self.next_alerts { p { a href=(more("alerts_after", after)) { "Older alerts" } } }
        }
    }

    fn none(&self, usual: &'static str) -> &'static str {
        if self.filter.is_empty() { usual } else { "Among the newest 200 the filter finds none." }
    }
}

impl Beginning {
    async fn read<H: Host>(context: &Context<H>, ended: &[Item], filter: &str) -> Self {
        let since = context.host().now().before(NEEDS_ATTENTION_FOR);
        let paging = Paging { limit: LOOKED_THROUGH, ..Paging::default() };
        let wanted = Wanted { phase: Some(WantedPhase::Unfinished), paging: paging.clone(), ..Wanted::default() };
        let unfinished = captures(context, &wanted).await.captures;
        let paging = Paging { since: Some(since), limit: MOST_FAILED, ..paging };
        let failed = alerts(context, &WantedAlerts { outcome: Some(Kind::Failed), paging }).await.alerts;
        let mut attention = Vec::new();
        for item in &failed {
            let place = places::alert(&item.key);
            for outcome in item.outcomes.iter().filter(|outcome| outcome.outcome == Kind::Failed) {
                let who = outcome.target.as_deref().map_or_else(|| shown(&item.alert.rule), name_of);
                let of = (who, place.clone(), Some(item.received_at));
                note(&mut attention, outcome.reason.word(), &outcome.message, of);
            }
        }
        for item in ended.iter().filter(|item| item.asked_at.is_none_or(|at| at >= since)) {
            let of = (machine(item), place_of(item), item.asked_at);
            match (&item.end, &item.problem) {
                (Some(end), _) if !end.reason.is_good() => note(&mut attention, end.reason.word(), &end.message, of),
                (_, Some(problem)) => note(&mut attention, "no_report", problem, of),
                _ => {}
            }
        }
        let is_wanted = |item: &Item| matches(filter, &words_of_capture(item));
        Self { unfinished: unfinished.into_iter().filter(is_wanted).collect(), attention }
    }
}

/// Adds one that went wrong; those that come first are the newest.
fn note(attention: &mut Vec<Trouble>, reason: &str, message: &str, of: (String, String, Option<Timestamp>)) {
    match attention.iter_mut().find(|trouble| trouble.reason == reason) {
        Some(trouble) => {
            trouble.count = trouble.count.saturating_add(1);
            if trouble.of.len() < MOST_NAMED {
                trouble.of.push(of);
            }
        }
        None => {
            attention.push(Trouble { reason: reason.to_owned(), message: message.to_owned(), count: 1, of: vec![of] })
        }
    }
}

/// Whether every word of a filter is there.
fn matches(filter: &str, words: &[&str]) -> bool {
    let words = words.join(" ").to_lowercase();
    filter.to_lowercase().split_whitespace().all(|wanted| words.contains(wanted))
}

fn words_of_capture(item: &Item) -> Vec<&str> {
    let Item { region, name, target, machine, end, report, problem, .. } = item;
    let known = [target.as_deref(), machine.as_deref(), problem.as_deref(), end.as_ref().map(|end| &*end.message)];
    let report = report.iter().map(String::as_str);
    [region.as_str(), name.as_str()].into_iter().chain(known.into_iter().flatten()).chain(report).collect()
}

fn words_of_alert(item: &AlertItem) -> Vec<&str> {
    let Summary { rule, condition, severity, .. } = &item.alert;
    let mut words = vec![rule.as_str(), condition, severity.as_deref().unwrap_or_default()];
    for outcome in &item.outcomes {
        let target = outcome.target.as_deref().unwrap_or_default();
        words.extend([outcome.outcome.word(), outcome.reason.word(), &outcome.message, target]);
    }
    words
}

fn section<T>(title: &'static str, none: &'static str, items: &[T], item: impl Fn(&T) -> Markup) -> Markup {
    html! {
        section aria-label=(title) {
            h2 { (title) }
            @if items.is_empty() { p.soft { (none) } } @else { ul { @for one in items { (item(one)) } } }
            p.soft.filtered hidden { "The filter finds none of these." }
        }
    }
}

fn trouble(trouble: &Trouble) -> Markup {
    html! {
        li.critical {
            b { (spaced(&trouble.reason)) @if trouble.count > 1 { ", " (count_of(trouble.count as u64, "time", "times")) } }
            p { (shown(&trouble.message)) }
            p.soft {
                @for (who, place, at) in &trouble.of {
                    a href=(place) { (who) } @if let Some(at) = at { " " (time(*at)) } " "
                }
            }
        }
    }
}

fn unfinished(item: &Item, now: Timestamp) -> Markup {
    html! {
        li.info {
            a.what href=(place_of(item)) { (machine(item)) } " "
            span.word { (item.phase.map_or("unknown", doing)) }
            @if let Some(until) = item.runs_until { p { (time_left(until, now)) } }
            p.soft { "asked for " @if let Some(at) = item.asked_at { (time(at)) } " in " (item.region.as_str()) }
        }
    }
}

fn ended(item: &Item) -> Markup {
    let left = [files(item.files), item.bytes.map(size)].into_iter().flatten().collect::<Vec<_>>().join(", ");
    // That a capture ended well does not make well what it has seen.
    let mark = match mark_of_end(item.end.as_ref(), item.problem.as_ref()) {
        "good" if !item.report.is_empty() => "none",
        mark => mark,
    };
    html! {
        li class=(mark) {
            a.what href=(place_of(item)) { (machine(item)) }
            @if let Some(end) = &item.end { p { (shown(&end.message)) } }
            @for line in &item.report { p { (shown(line)) } }
            @if let Some(problem) = &item.problem { p { (shown(problem)) } }
            p.soft {
                @if let Some(at) = item.asked_at { (time(at)) } " in " (item.region.as_str())
                @if !left.is_empty() { ", " (left) }
            }
        }
    }
}

fn alert(item: &AlertItem) -> Markup {
    let mark = item.outcomes.iter().map(|outcome| outcome.outcome).find(|kind| *kind == Kind::Failed);
    let mark = mark.or(item.outcomes.first().map(|outcome| outcome.outcome));
    html! {
        li class=(mark.map_or("none", mark_of_outcome)) {
            a.what href=(places::alert(&item.key)) { (shown(&item.alert.rule)) } " "
            @if !item.alert.by_hand { span.word { (shown(&item.alert.condition)) } }
            @for outcome in &item.outcomes {
                p {
                    @if let Some(target) = &outcome.target { (name_of(target)) ": " }
                    (outcome.outcome.word())
                    @if outcome.reason.word() != outcome.outcome.word() { ", " (spaced(outcome.reason.word())) }
                }
            }
            p.soft { (time(item.received_at)) }
        }
    }
}

fn machine(item: &Item) -> String {
    item.machine.as_deref().map(shown).filter(|machine| !machine.is_empty()).unwrap_or_else(|| shown(&item.name))
}

fn place_of(item: &Item) -> String {
    places::capture(&item.subscription, &item.region, &item.name)
}
