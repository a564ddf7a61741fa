//! One function a schema. Which one applies is told by `schemaId`, and without one by the body's shape.
//!
//! Member names are those of Microsoft's "Common alert schema", "Non-common alert schema definitions", "Activity log
//! alert webhooks", "Log alert webhooks" and the retired "Classic metric alert webhooks".

use serde_json::Value;

use super::direct;
use super::notification::{Alert, BadAlert, Condition, Reading, alert, machines};
use crate::azure::region::Region;
use crate::azure::target::Target;
use crate::json::{Object, WrongType};
use crate::timestamp::Timestamp;

/// Reads whatever schema the body is of.
pub(super) fn read(body: Object) -> Result<Alert, BadAlert> {
    let schema_id = body.text("schemaId").map_err(|_| BadAlert::UnknownSchema)?.unwrap_or_default();
    match schema_id.to_ascii_lowercase().as_str() {
        "azuremonitorcommonalertschema" => common(body).map_err(wrong_type("the common alert schema")),
        "azuremonitormetricalert" => metric(body).map_err(wrong_type("a metric alert")),
        "microsoft.insights/activitylogs" => activity_log(body).map_err(wrong_type("an activity log alert")),
        "microsoft.insights/logalert" => log_of_application_insights(body).map_err(wrong_type("a log alert")),
        "aip budget notification" => budget(body).map_err(wrong_type("a budget notification")),
        "" if direct::is_direct(body) => direct::read(body),
        "" if body.has("status") && body.has("context") => classic(body).map_err(wrong_type("a classic metric alert")),
        "" if is_log_v1(body) => log_v1(body).map_err(wrong_type("a log alert")),
        _ => Err(BadAlert::UnknownSchema),
    }
}

fn wrong_type(schema: &'static str) -> impl Fn(WrongType) -> BadAlert {
    move |wrong| BadAlert::WrongType { schema, wrong }
}

fn common(body: Object) -> Result<Alert, WrongType> {
    let data = body.required_object("data")?;
    let essentials = data.required_object("essentials")?;
    let context = data.object_or_nothing("alertContext");

    let mut ids = texts(essentials.list("alertTargetIDs")?, "alertTargetIDs")?;
    if let Some(context) = context
        && machines(&ids).is_empty()
    {
        ids.extend(ids_in_context(context));
    }
    let id = first_text(essentials, &["alertId", "originAlertId"])?;
    let rule = first_text(essentials, &["alertRule", "alertRuleID"])?;
    let condition = condition(essentials.text("monitorCondition")?, "Fired");
    let event_is_over = context.and_then(|context| context.text_or_nothing("status")).filter(|status| is_end(status));

    let is_event = context.is_some_and(|context| context.has("eventSource"));
    let inner = context.and_then(|context| context.object_or_nothing("properties"));
    let synthetic = inner
        .and_then(|event| event.text_or_nothing("IsSynthetic"))
        .is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
    Ok(Alert {
        condition: match event_is_over {
            Some(word) if condition == Condition::Fired => Condition::Over(word),
            _ => condition,
        },
        severity: severity(essentials),
        fired_at: time(essentials, "firedDateTime"),
        resolved_at: time(essentials, "resolvedDateTime"),
        reading: context.and_then(reading),
        properties: custom_properties(data, inner.filter(|_| !is_event)),
        test: is_test(&id, &rule, &ids, is_event) || (is_event && synthetic),
        ..alert(id, rule, ids)
    })
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

fn metric(body: Object) -> Result<Alert, WrongType> {
    let data = body.required_object("data")?;
    let context = data.required_object("context")?;
    Ok(Alert {
        condition: condition(data.text("status")?, "Activated"),
        severity: severity(context),
        fired_at: time(context, "timestamp"),
        properties: data.object_or_nothing("properties").map(Object::texts).unwrap_or_default(),
        ..metric_alert(context)?
    })
}

fn activity_log(body: Object) -> Result<Alert, WrongType> {
    let data = body.required_object("data")?;
    let event = data.required_object("context")?.required_object("activityLog")?;
    let mut ids: Vec<String> = event.text("resourceId")?.into_iter().collect();
    if machines(&ids).is_empty() {
        ids.extend(scope(event));
    }
    // `data.status` says Activated whatever happened; the event itself says whether it is over.
    let status = event.text("status")?.filter(|status| is_end(status));
    Ok(Alert {
        condition: status.map_or(Condition::Fired, Condition::Over),
        fired_at: time(event, "eventTimestamp"),
        properties: data.object_or_nothing("properties").map(Object::texts).unwrap_or_default(),
        ..alert(first_text(event, &["eventDataId", "correlationId"])?, first_text(event, &["operationName"])?, ids)
    })
}

fn classic(body: Object) -> Result<Alert, WrongType> {
    let context = body.required_object("context")?;
    Ok(Alert {
        condition: condition(body.text("status")?, "Activated"),
        fired_at: time(context, "timestamp"),
        region: context.text_or_nothing("resourceRegion").and_then(|name| Region::new(&name)),
        properties: body.object_or_nothing("properties").map(Object::texts).unwrap_or_default(),
        ..metric_alert(context)?
    })
}

fn log_of_application_insights(body: Object) -> Result<Alert, WrongType> {
    log_v1(body.required_object("data")?)
}

/// Log alerts of version 1, also those with a body that users composed themselves around the search results.
fn is_log_v1(body: Object) -> bool {
    ["AlertRuleName", "SearchResult", "SearchResults", "IncludeSearchResults"].into_iter().any(|name| body.has(name))
}

fn log_v1(data: Object) -> Result<Alert, WrongType> {
    let mut ids: Vec<String> = data.text("ResourceId")?.into_iter().collect();
    if machines(&ids).is_empty() {
        ids.extend(ids_in_context(data));
    }
    let rule = first_text(data, &["AlertRuleName", "alertname"])?;
    Ok(Alert {
        severity: severity(data),
        fired_at: time(data, "SearchIntervalEndtimeUtc"),
        ..alert(rule.clone(), rule, ids)
    })
}

fn budget(body: Object) -> Result<Alert, WrongType> {
    let name = first_text(body.required_object("data")?, &["BudgetName"])?;
    Ok(alert(name.clone(), name, vec![]))
}

/// What the context of every metric alert tells in the same way, the classic ones included.
fn metric_alert(context: Object) -> Result<Alert, WrongType> {
    let ids = context.text("resourceId")?.into_iter().collect();
    let alert = alert(first_text(context, &["id"])?, first_text(context, &["name"])?, ids);
    Ok(Alert { reading: reading(context), ..alert })
}

/// What was measured: the first criterion of the condition, or the condition itself in classic alerts.
fn reading(context: Object) -> Option<Reading> {
    let condition = context.object_or_nothing("condition")?;
    let criterion = condition.list_or_nothing("allOf").first().and_then(Object::of).unwrap_or(condition);
    let text = |names: &[&str]| names.iter().find_map(|name| criterion.text_or_nothing(name));
    let metric = text(&["metricName", "metricMeasureColumn"]).filter(|name| !name.is_empty());
    Some(Reading {
        // A log search without a measured column counts its rows.
        metric: metric.or_else(|| criterion.has("searchQuery").then(|| "search results".to_owned()))?,
        operator: text(&["operator"]),
        threshold: text(&["threshold"]),
        value: text(&["metricValue"]),
    })
}

/// Machine ids outside the list of targets: a log alert's dimensions, rows and search results, an event's scope.
///
/// The `ResourceId` dimension of a metric alert is the machine's GUID; it is no resource id and falls through.
fn ids_in_context(context: Object) -> Vec<String> {
    let condition = context.object_or_nothing("condition");
    let criteria = condition.map_or(&[][..], |condition| condition.list_or_nothing("allOf"));
    let mut pairs: Vec<Object> = context.list_or_nothing("Dimensions").iter().filter_map(Object::of).collect();
    for criterion in criteria.iter().filter_map(Object::of) {
        pairs.extend(criterion.list_or_nothing("dimensions").iter().filter_map(Object::of));
        let rows = criterion.list_or_nothing("event").iter().filter_map(Value::as_array);
        pairs.extend(rows.flatten().filter_map(Object::of));
    }
    let named = |pair: &Object| pair.text_or_nothing("name").is_some_and(|name| is_id_column(&name));
    let from_pairs = pairs.into_iter().filter(named).filter_map(|pair| pair.text_or_nothing("value"));
    let ids = from_pairs.chain(ids_in_search_results(context)).chain(scope(context));
    ids.filter(|id| Target::parse(id).is_some()).collect()
}

/// What an event's caller was allowed to act on; for an event of a machine, the machine.
fn scope(event: Object) -> Option<String> {
    event.object_or_nothing("authorization")?.text_or_nothing("scope")
}

fn ids_in_search_results(context: Object) -> Vec<String> {
    let results = ["SearchResults", "SearchResult"].into_iter().find_map(|name| context.object_or_nothing(name));
    let tables = results.map_or(&[][..], |results| results.list_or_nothing("tables"));
    let mut ids = Vec::new();
    for table in tables.iter().filter_map(Object::of) {
        let columns = table.list_or_nothing("columns").iter().map(|column| {
            Object::of(column).and_then(|column| column.text_or_nothing("name")).is_some_and(|name| is_id_column(&name))
        });
        let wanted: Vec<usize> = columns.enumerate().filter_map(|(index, is_id)| is_id.then_some(index)).collect();
        for row in table.list_or_nothing("rows").iter().filter_map(Value::as_array) {
            ids.extend(wanted.iter().filter_map(|index| row.get(*index)?.as_str().map(str::to_owned)));
        }
    }
    ids
}

fn is_id_column(name: &str) -> bool {
    name.eq_ignore_ascii_case("_ResourceId") || name.eq_ignore_ascii_case("ResourceId")
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
    id.ends_with("/Test_Alert") || (named_like_one && (is_event || machines(ids).is_empty()))
}

fn texts(items: &[Value], path: &str) -> Result<Vec<String>, WrongType> {
    let text = |item: &Value| match item {
        Value::String(text) => Ok(text.clone()),
        _ => Err(WrongType { path: path.to_owned(), expected: "a list of texts" }),
    };
    items.iter().filter(|item| !item.is_null()).map(text).collect()
}

/// The first of several members that is there.
fn first_text(object: Object, names: &[&str]) -> Result<String, WrongType> {
    for name in names {
        if let Some(text) = object.text(name)? {
            return Ok(text);
        }
    }
    Ok(String::new())
}
