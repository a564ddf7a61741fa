//! One function a schema. Which one applies is told by `schemaId`, and without one by the body's shape.
//!
//! Member names are those of Microsoft's "Common alert schema", "Non-common alert schema definitions", "Activity log
//! alert webhooks", "Log alert webhooks" and the retired "Classic metric alert webhooks".

use serde_json::Value;

use super::notification::{Alert, BadAlert, Condition, Reading, Schema, alert};
use super::reference::{MOST_REFERENCES, Reference, leads_to_machine, subscription_of};
use super::{direct, mention};
use crate::azure::region::Region;
use crate::azure::target::Target;
use crate::json::{Object, WrongType};
use crate::timestamp::Timestamp;

/// Reads whatever schema the body is of. A member that is not what it should be counts as missing: Azure stops calling a
/// webhook that refuses its alerts.
pub(super) fn read(body: Object) -> Result<Alert, BadAlert> {
    let schema_id = body.text("schemaId").map_err(|_| BadAlert::UnknownSchema)?.unwrap_or_default();
    let (schema, alert) = match schema_id.to_ascii_lowercase().as_str() {
        "azuremonitorcommonalertschema" => (Schema::Common, common(body.object_or_empty("data"))),
        "azuremonitormetricalert" => (Schema::Metric, metric(body.object_or_empty("data"))),
        "microsoft.insights/activitylogs" => (Schema::ActivityLog, activity_log(body.object_or_empty("data"))),
        "microsoft.insights/logalert" => (Schema::Log, log_v1(body.object_or_empty("data"))),
        "aip budget notification" => (Schema::Budget, budget(body.object_or_empty("data"))),
        "" if direct::is_direct(body) => (Schema::Direct, direct::read(body)?),
        "" if body.has("status") && body.has("context") => {
            let context = is_classic(body).map_err(wrong_type("a classic metric alert"))?;
            (Schema::Classic, classic(body, context))
        }
        "" if is_log_v1(body) => {
            body.text("ResourceId").map_err(wrong_type("a log alert"))?;
            (Schema::Log, log_v1(body))
        }
        _ => return Err(BadAlert::UnknownSchema),
    };
    Ok(Alert { schema, ..alert })
}

fn wrong_type(schema: &'static str) -> impl Fn(WrongType) -> BadAlert {
    move |wrong| BadAlert::WrongType { schema, wrong }
}

fn common(data: Object) -> Alert {
    let essentials = data.object_or_empty("essentials");
    let context = data.object_or_empty("alertContext");

    let mut ids = target_ids(essentials);
    let id = first_text(essentials, &["alertId", "originAlertId"]);
    let rule = first_text(essentials, &["alertRule", "alertRuleID"]);
    let is_event = context.has("eventSource");
    let properties = context.object_or_nothing("properties");
    let synthetic = properties
        .and_then(|event| event.text_or_nothing("IsSynthetic"))
        .is_some_and(|flag| flag.eq_ignore_ascii_case("true"));

    let items = essentials.texts_of("configurationItems");
    if !names_machine(&ids) {
        ids.extend(mention::ids(context));
        ids.extend(items.iter().filter(|item| leads_to_machine(item)).cloned());
    }
    let test = is_test(&id, &rule, &ids, is_event) || (is_event && synthetic);
    let mut unresolved = Vec::new();
    if !ids.iter().any(|id| leads_to_machine(id)) {
        let subscription = ids.iter().chain([&id]).find_map(|id| subscription_of(id));
        let is_log = essentials.text_or_nothing("signalType").is_some_and(|signal| signal.eq_ignore_ascii_case("Log"));
        unresolved = named(context, if is_log { &items } else { &[] }, subscription);
    }

    let condition = condition(essentials.text_or_nothing("monitorCondition"), "Fired");
    let event_is_over = context.text_or_nothing("status").filter(|status| is_end(status));
    let alert = Alert {
        condition: match event_is_over {
            Some(word) if condition == Condition::Fired => Condition::Over(word),
            _ => condition,
        },
        severity: severity(essentials),
        fired_at: time(essentials, "firedDateTime"),
        resolved_at: time(essentials, "resolvedDateTime"),
        reading: reading(context),
        properties: custom_properties(data, properties.filter(|_| !is_event)),
        test,
        ..alert(id, rule, ids)
    };
    with_names(alert, unresolved)
}

/// The alert rule's own properties. Metric and log alerts repeat them in their context; an event has its own there.
fn custom_properties(data: Object, repeated: Option<Object>) -> Vec<(String, String)> {
    let mut properties = repeated.map(Object::texts).unwrap_or_default();
    for property in data.object_or_nothing("customProperties").map(Object::texts).unwrap_or_default() {
        if !properties.contains(&property) {
            properties.push(property);
        }
    }
    properties
}

fn metric(data: Object) -> Alert {
    let context = data.object_or_empty("context");
    Alert {
        condition: condition(data.text_or_nothing("status"), "Activated"),
        severity: severity(context),
        fired_at: time(context, "timestamp"),
        properties: data.object_or_nothing("properties").map(Object::texts).unwrap_or_default(),
        ..metric_alert(context)
    }
}

fn activity_log(data: Object) -> Alert {
    let event = data.object_or_empty("context").object_or_empty("activityLog");
    let mut ids: Vec<String> = event.text_or_nothing("resourceId").into_iter().collect();
    if !names_machine(&ids) {
        ids.extend(mention::scope(event));
    }
    // `data.status` says Activated whatever happened; the event itself says whether it is over.
    let status = event.text_or_nothing("status").filter(|status| is_end(status));
    Alert {
        condition: status.map_or(Condition::Fired, Condition::Over),
        fired_at: time(event, "eventTimestamp"),
        properties: data.object_or_nothing("properties").map(Object::texts).unwrap_or_default(),
        ..alert(first_text(event, &["eventDataId", "correlationId"]), first_text(event, &["operationName"]), ids)
    }
}

/// The context of a body that is told by its shape alone.
fn is_classic(body: Object<'_>) -> Result<Object<'_>, WrongType> {
    body.text("status")?;
    body.required_object("context")
}

fn classic(body: Object, context: Object) -> Alert {
    Alert {
        condition: condition(body.text_or_nothing("status"), "Activated"),
        fired_at: time(context, "timestamp"),
        region: context.text_or_nothing("resourceRegion").and_then(|name| Region::new(&name)),
        properties: body.object_or_nothing("properties").map(Object::texts).unwrap_or_default(),
        ..metric_alert(context)
    }
}

/// Log alerts of version 1, also those with a body that users composed themselves around the search results.
fn is_log_v1(body: Object) -> bool {
    ["AlertRuleName", "SearchResult", "SearchResults", "IncludeSearchResults"].into_iter().any(|name| body.has(name))
}

fn log_v1(data: Object) -> Alert {
    let mut ids: Vec<String> = data.text_or_nothing("ResourceId").into_iter().collect();
    if !names_machine(&ids) {
        ids.extend(mention::ids(data));
    }
    let mut unresolved = Vec::new();
    if !ids.iter().any(|id| leads_to_machine(id)) {
        unresolved = named(data, &[], ids.iter().find_map(|id| subscription_of(id)));
    }
    let rule = first_text(data, &["AlertRuleName", "alertname"]);
    let alert = Alert {
        severity: severity(data),
        fired_at: time(data, "SearchIntervalEndtimeUtc"),
        ..alert(rule.clone(), rule, ids)
    };
    with_names(alert, unresolved)
}

fn budget(data: Object) -> Alert {
    let name = first_text(data, &["BudgetName"]);
    alert(name.clone(), name, vec![])
}

/// What the context of every metric alert tells in the same way, the classic ones included.
fn metric_alert(context: Object) -> Alert {
    let ids = context.text_or_nothing("resourceId").into_iter().collect();
    let alert = alert(first_text(context, &["id"]), first_text(context, &["name"]), ids);
    Alert { reading: reading(context), ..alert }
}

/// What the alert is about: a list of ids. Relays make a text of a list of one, or objects of its texts, and Azure's documents
/// once had the list under another name.
fn target_ids(essentials: Object) -> Vec<String> {
    let targets = ["alertTargetIDs", "targetResource"].into_iter().find_map(|name| essentials.member(name));
    targets.map(texts_in).unwrap_or_default()
}

fn texts_in(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts_in).collect(),
        Value::Object(_) => {
            let object = Object::of(value);
            let id = object
                .and_then(|object| ["id", "resourceId"].into_iter().find_map(|name| object.text_or_nothing(name)));
            id.map_or_else(
                || object.map(Object::texts).unwrap_or_default().into_iter().map(|(_, text)| text).collect(),
                |id| vec![id],
            )
        }
        _ => vec![],
    }
}

/// What an alert names that has no id in it: computers, or else a node of Kubernetes.
fn named(context: Object, items: &[String], subscription: Option<String>) -> Vec<Reference> {
    let computers = mention::computers(context);
    let computers = if computers.is_empty() { items.to_vec() } else { computers };
    let mut references: Vec<Reference> = Vec::new();
    for computer in computers {
        let reference = Reference::node(&computer).or_else(|| Reference::computer(&computer, subscription.clone()));
        references.extend(reference);
    }
    references.extend(mention::dimension_values(context).iter().filter_map(|value| Reference::node(value)));
    references
}

/// Adds each name once, and not too many.
fn with_names(mut alert: Alert, names: Vec<Reference>) -> Alert {
    for name in names {
        if !alert.unresolved.iter().any(|known| known.is_same(&name)) && alert.unresolved.len() < MOST_REFERENCES {
            alert.unresolved.push(name);
        }
    }
    alert
}

fn names_machine(ids: &[String]) -> bool {
    ids.iter().any(|id| Target::parse(id).is_some())
}

/// What was measured: the first criterion of the condition, or the condition itself in classic alerts.
fn reading(context: Object) -> Option<Reading> {
    let condition = context.object_or_nothing("condition")?;
    let criterion = condition.list_or_nothing("allOf").first().and_then(Object::of).unwrap_or(condition);
    let text = |names: &[&str]| names.iter().find_map(|name| criterion.text_or_nothing(name));
    let metric = text(&["metricName", "metricMeasureColumn"]).filter(|name| !name.is_empty());
    Some(Reading {
        metric: metric.or_else(|| measured_by_query(criterion))?,
        operator: text(&["operator"]),
        threshold: text(&["threshold"]),
        value: text(&["metricValue"]),
    })
}

/// A log search without a measured column counts its rows; a query of PromQL has a name.
fn measured_by_query(criterion: Object) -> Option<String> {
    if criterion.has("searchQuery") {
        return Some("search results".to_owned());
    }
    criterion.has("query").then(|| criterion.text_or_nothing("name").unwrap_or_else(|| "query".to_owned()))
}

/// A date. One that cannot be read counts as missing, for it must not cost the capture.
fn time(object: Object, name: &str) -> Option<Timestamp> {
    Timestamp::parse(&object.text_or_nothing(name)?)
}

fn condition(word: Option<String>, begun: &str) -> Condition {
    match word {
        Some(word) if !word.is_empty() && !word.eq_ignore_ascii_case(begun) => Condition::Over(word),
        _ => Condition::Fired,
    }
}

fn is_end(status: &str) -> bool {
    status.eq_ignore_ascii_case("Resolved")
}

/// `Sev3`, also where the payload says just `3`.
fn severity(object: Object) -> Option<String> {
    let text = object.text_or_nothing("severity")?;
    let is_level = text.len() == 1 && text.bytes().all(|b| b.is_ascii_digit());
    Some(if is_level { format!("Sev{text}") } else { text })
}

/// Whether this is the portal's Test button: its sample events have made-up names, and only those of activity log
/// alerts name a machine. There is no flag.
fn is_test(id: &str, rule: &str, ids: &[String], is_event: bool) -> bool {
    let of_the_sample_group = |id: &String| id.to_ascii_lowercase().contains("/resourcegroups/test-rg/");
    let named_like_one = rule.starts_with("test-") && !ids.is_empty() && ids.iter().all(of_the_sample_group);
    id.ends_with("/Test_Alert") || (named_like_one && (is_event || !names_machine(ids)))
}

/// The first of several members that is there.
fn first_text(object: Object, names: &[&str]) -> String {
    names.iter().find_map(|name| object.text_or_nothing(name)).unwrap_or_default()
}
