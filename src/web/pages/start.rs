//! `/start`: starts a capture by hand in three steps. A subscription is chosen, then a machine with limits and filters, and then the
//! very request is shown that would be sent to Azure.

use axum::body::Body;
use axum::extract::RawQuery;
use http::{Response, StatusCode};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::admit::{Looking, Sending};
use super::layout::{Visitor, page, refusal, see_other, token};
use super::places;
use super::words::indented;
use crate::alert::by_hand::{self, BadMember};
use crate::azure::capture_parameters::{LARGEST_BYTES, LONGEST_SECONDS, Parameters};
use crate::context::Context;
use crate::host::Host;
use crate::page::words::shown;
use crate::records::outcome::{Kind, Outcome};
use crate::web::form::Form;
use crate::web::outcome::of_failure;
use crate::workflow::choices::{self, Choices, MachineChoice, SubscriptionChoice};
use crate::workflow::handle;
use crate::workflow::preview::preview;

/// The fields whose names are those of the request's members: numbers, and members of a filter.
const NUMBERS: [&str; 3] = ["timeLimitInSeconds", "totalBytesPerSession", "bytesToCapturePerPacket"];
const FILTER: [&str; 5] = ["protocol", "localIPAddress", "localPort", "remoteIPAddress", "remotePort"];

/// How many filters the form has room for. The API takes more.
const FILTERS: usize = 4;

/// `GET /start`
pub async fn show<H: Host>(Looking { visitor, context }: Looking<H>, RawQuery(query): RawQuery) -> Response<Body> {
    let values = Form::parse(query.unwrap_or_default().as_bytes());
    choose(&context, &visitor, &values, &[]).await
}

/// `POST /start`
pub async fn send<H: Host>(Sending { visitor, context, form }: Sending<H>) -> Response<Body> {
    // What has been shown is sent, to the letter.
    let agreed = form.text("request");
    let request = if agreed.is_empty() { request(&form).to_string() } else { agreed.to_owned() };
    let alert = match by_hand::read(request.as_bytes()) {
        Ok(alert) => alert,
        Err(errors) => return choose(&context, &visitor, &form, &errors).await,
    };
    if agreed.is_empty() {
        let outcome = preview(&context.instance, &context.settings, alert.clone()).await.into_iter().next();
        let missing = match alert.targets.first() {
            Some(target) => choices::needs(&context, target).await.map(|needs| needs.problems).unwrap_or_default(),
            None => vec![],
        };
        let mut problems: Vec<String> = missing.into_iter().map(|problem| problem.message).collect();
        let outcome = outcome.unwrap_or_else(Outcome::accepted);
        problems.retain(|problem| *problem != outcome.message);
        return page(
            &visitor,
            StatusCode::OK,
            "Start a capture",
            agree(&visitor, &form, &request, &outcome, &problems),
        );
    }
    let handled = handle(&context.instance, &context.settings, alert).await;
    let capture = handled.outcomes.into_iter().find_map(|outcome| outcome.capture);
    let place = capture.map(|capture| places::capture(&capture.subscription, &capture.region, &capture.name));
    see_other(&place.unwrap_or_else(|| places::alert(&handled.key)), None)
}

/// The body that the API would take for the same.
fn request(form: &Form) -> Value {
    let text = |name: &str| Some(form.text(name)).filter(|text| !text.is_empty());
    let mut request = Map::new();
    for name in ["target", "name"] {
        request.extend(text(name).map(|text| (name.to_owned(), json!(text))));
    }
    for name in NUMBERS {
        let number = text(name).map(|text| text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)));
        request.extend(number.map(|number| (name.to_owned(), number)));
    }
    let filters = used_rows(form).map(|row| {
        let members =
            FILTER.iter().filter_map(|name| Some(((*name).to_owned(), json!(text(&format!("{name}{row}"))?))));
        members.collect::<Map<String, Value>>()
    });
    let filters: Vec<Map<String, Value>> = filters.collect();
    request.insert("filters".to_owned(), json!(filters));
    Value::Object(request)
}

/// The form, as far as it has come: without a subscription there are no machines to choose from.
async fn choose<H: Host>(
    context: &Context<H>,
    visitor: &Visitor,
    values: &Form,
    errors: &[BadMember],
) -> Response<Body> {
    let refused = |failure| refusal(&of_failure(&failure), Some(visitor));
    let subscriptions = match choices::subscriptions(context).await {
        Ok(subscriptions) => subscriptions,
        Err(failure) => return refused(failure),
    };
    let wanted = values.text("subscription");
    let only = if subscriptions.len() == 1 { subscriptions.first() } else { None };
    let subscription = subscriptions.iter().find(|own| own.id.eq_ignore_ascii_case(wanted)).or(only);
    let mut content = html! { h1 { "Start a capture" } (subscription_form(&subscriptions, subscription)) };
    if let Some(subscription) = subscription {
        let found = match choices::choices(context, &subscription.id).await {
            Ok(found) => found,
            Err(failure) => return refused(failure),
        };
        let usual = &context.settings.policy.capture;
        content = html! { (content) (capture_form(visitor, &subscription.id, &found, values, usual, errors)) };
    }
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page(visitor, status, "Start a capture", content)
}

fn subscription_form(subscriptions: &[SubscriptionChoice], chosen: Option<&SubscriptionChoice>) -> Markup {
    html! {
        @if subscriptions.is_empty() {
            p.problem {
                "nightcap sees no subscription that it may capture in. Grant its identity the role that docs/azure.md \
                 describes, and check the setting allowed_subscriptions."
            }
        } @else {
            form method="get" action="/start" {
                label for="subscription" { "Subscription" }
                select #subscription name="subscription" required {
                    @for one in subscriptions {
                        option value=(one.id) selected[Some(one) == chosen] { (shown(&one.name)) " (" (one.id) ")" }
                    }
                }
                p { button class=[chosen.map(|_| "quiet")] { "Show its machines" } }
            }
        }
    }
}

fn capture_form(
    visitor: &Visitor,
    subscription: &str,
    found: &Choices,
    values: &Form,
    usual: &Parameters,
    errors: &[BadMember],
) -> Markup {
    let limits: [(&str, &str, u64, u64); 3] = [
        ("Time limit in seconds", NUMBERS[0], u64::from(LONGEST_SECONDS), u64::from(usual.capture_seconds)),
        ("Size limit in bytes, 0 for none", NUMBERS[1], LARGEST_BYTES, usual.capture_bytes),
        ("Bytes kept of each packet, 0 for all", NUMBERS[2], LARGEST_BYTES, usual.packet_bytes),
    ];
    html! {
        @for problem in &found.problems { p.problem { (shown(problem)) } }
        @if !errors.is_empty() {
            div.problem role="alert" {
                p { "The capture cannot be asked for like this:" }
                @for error in errors { p { a href={ "#" (field_of(&error.pointer, values)) } { (shown(&error.pointer)) } " " (shown(&error.detail)) } }
            }
        }
        form method="post" action="/start" {
            (token(visitor))
            input type="hidden" name="subscription" value=(subscription);
            label for="target" { "Machine or scale set" }
            select #target name="target" required {
                option value="" { "Choose one of " (found.machines.len()) }
                @for machine in &found.machines {
                    option value=(machine.id) selected[machine.id.eq_ignore_ascii_case(values.text("target"))] {
                        (shown(&machine.name)) (what_is_known(machine))
                    }
                }
            }
            fieldset {
                legend { "Limits" }
                div.fields {
                    @for (label, name, most, usual) in limits {
                        div {
                            label for=(name) { (label) }
                            input #(name) name=(name) type="number" min="0" max=(most) inputmode="numeric"
                                value=(or(values.text(name), &usual.to_string()));
                        }
                    }
                    div {
                        label for="name" { "Name, if it is to have one of yours" }
                        input #name name="name" value=(values.text("name")) autocomplete="off";
                    }
                }
            }
            (filter_fields(0, values))
            details open[used_rows(values).any(|row| row > 0)] {
                summary { "More filters: a packet is kept when any of them keeps it" }
                @for index in 1..FILTERS { (filter_fields(index, values)) }
            }
            p { button { "Show the request" } }
        }
    }
}

fn filter_fields(index: usize, values: &Form) -> Markup {
    let labels = [
        "Protocol",
        "Address of the machine",
        "Port of the machine",
        "Address of the other side",
        "Port of the other side",
    ];
    let number = index.saturating_add(1);
    html! {
        fieldset {
            legend { "Filter " (number) }
            div.fields {
                @for (label, name) in labels.into_iter().zip(FILTER) {
                    @let id = format!("{name}{index}");
                    div {
                        label for=(id) { (label) }
                        @if name == "protocol" {
                            select #(id) name=(id) {
                                @for protocol in ["Any", "TCP", "UDP"] {
                                    option selected[protocol == values.text(&id)] { (protocol) }
                                }
                            }
                        } @else {
                            input #(id) name=(id) value=(values.text(&id)) autocomplete="off";
                        }
                    }
                }
            }
        }
    }
}

/// What would be sent, and the button that sends it.
fn agree(visitor: &Visitor, form: &Form, request: &str, outcome: &Outcome, problems: &[String]) -> Markup {
    let is_failed = outcome.outcome == Kind::Failed;
    html! {
        h1 { "Start a capture" }
        p class=(if is_failed { "problem" } else { "lead" }) { (shown(&outcome.message)) }
        @for problem in problems { p.problem { (shown(problem)) } }
        @for request in &outcome.requests { (indented(request)) }
        div.actions {
            form method="post" action="/start" {
                (token(visitor))
                input type="hidden" name="subscription" value=(form.text("subscription"));
                input type="hidden" name="request" value=(request);
                button { "Start the capture" }
            }
            a href=(format!("/start?{}", form.as_query(&["token"]))) { "Change it" }
        }
        details {
            summary { "The same by the API" }
            p { "POST /api/captures, with this body:" }
            (indented(&serde_json::from_str(request).unwrap_or_default()))
        }
    }
}

fn what_is_known(machine: &MachineChoice) -> String {
    let region = machine.region.as_ref().map(|region| region.to_string());
    let storage = machine.storage_account.is_none().then(|| "no storage account is set for its region".to_owned());
    let watcher = machine.watcher.is_none().then(|| "no network watcher in its region".to_owned());
    let known = [region, machine.os.clone(), machine.power.clone(), storage, watcher];
    let known: Vec<String> = known.into_iter().flatten().map(|known| shown(&known)).collect();
    if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) }
}

/// The field that a JSON pointer such as `#/filters/0/localPort` is about.
fn field_of(pointer: &str, values: &Form) -> String {
    let row = |index: &str| used_rows(values).nth(index.parse().unwrap_or_default()).unwrap_or_default();
    match pointer.trim_start_matches("#/").split('/').collect::<Vec<_>>().as_slice() {
        ["filters", index, name] => format!("{name}{}", row(index)),
        ["filters", index] => format!("{}{}", FILTER[0], row(index)),
        [name, ..] => (*name).to_owned(),
        [] => String::new(),
    }
}

/// The rows of the form that hold a filter. A protocol is always chosen.
fn used_rows(values: &Form) -> impl Iterator<Item = usize> {
    (0..FILTERS).filter(|row| FILTER.iter().any(|name| !["", "Any"].contains(&values.text(&format!("{name}{row}")))))
}

fn or<'a>(text: &'a str, usual: &'a str) -> &'a str {
    if text.is_empty() { usual } else { text }
}
