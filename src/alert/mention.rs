//! Where the payloads of metric and log alerts name a machine beside their list of targets.
//!
//! The `ResourceId` dimension of a metric alert is the machine's GUID; it is no resource id and falls through.

use serde_json::Value;

use super::reference::leads_to_machine;
use crate::json::Object;

/// The ids of machines in an alert's context, and of what leads to one.
///
/// The author of a rule chose its dimensions, so any of them may be the one with the id. Rows may hold anything that a
/// machine has logged, so there only columns count that Azure itself fills.
pub fn ids(context: Object) -> Vec<String> {
    let dimensions = dimensions(context).into_iter().map(|(_, value)| value);
    let of_ids = |name: &str| name.eq_ignore_ascii_case("_ResourceId") || name.eq_ignore_ascii_case("ResourceId");
    let named = dimensions.chain(cells(context, of_ids)).chain(scope(context)).chain(items(context));
    named.filter(|text| leads_to_machine(text)).collect()
}

/// The names of computers in an alert's context.
pub fn computers(context: Object) -> Vec<String> {
    let of_name = |name: &str| name.eq_ignore_ascii_case("Computer") || name.eq_ignore_ascii_case("host.name");
    let dimensions = dimensions(context).into_iter().filter(|(name, _)| of_name(name)).map(|(_, value)| value);
    dimensions.chain(cells(context, of_name)).chain(items(context)).collect()
}

/// The nodes of Kubernetes in an alert's context: any dimension may have them.
pub fn dimension_values(context: Object) -> Vec<String> {
    dimensions(context).into_iter().map(|(_, value)| value).collect()
}

/// What an event's caller was allowed to act on; for an event of a machine, the machine.
pub fn scope(event: Object) -> Option<String> {
    event.object_or_nothing("authorization")?.text_or_nothing("scope")
}

/// Names and values that tell one time series of a rule from another: the dimensions of metrics and log searches, be they a
/// list or an object, and the labels of Prometheus.
fn dimensions(context: Object) -> Vec<(String, String)> {
    let own = [(context, "Dimensions"), (context, "labels")].into_iter();
    let members = own.chain(criteria(context).map(|criterion| (criterion, "dimensions")));
    members.flat_map(|(object, member)| pairs(object.member(member))).collect()
}

fn criteria(context: Object<'_>) -> impl Iterator<Item = Object<'_>> {
    let condition = context.object_or_nothing("condition");
    condition.map_or(&[][..], |condition| condition.list_or_nothing("allOf")).iter().filter_map(Object::of)
}

fn pairs(member: Option<&Value>) -> Vec<(String, String)> {
    match member {
        Some(Value::Array(pairs)) => pairs.iter().filter_map(Object::of).filter_map(pair).collect(),
        Some(object) => Object::of(object).map(Object::texts).unwrap_or_default(),
        None => vec![],
    }
}

fn pair(pair: Object) -> Option<(String, String)> {
    Some((pair.text_or_nothing("name")?, pair.text_or_nothing("value")?))
}

/// Machines by id or name, as Azure took them from the columns of a log search.
fn items(context: Object) -> Vec<String> {
    context.texts_of("AffectedConfigurationItems")
}

/// The cells of some columns, in rows of either kind.
fn cells(context: Object, is_wanted: impl Fn(&str) -> bool + Copy) -> Vec<String> {
    let rows = criteria(context).flat_map(|criterion| criterion.list_or_nothing("event")).filter_map(Value::as_array);
    let pairs = rows.flatten().filter_map(Object::of).filter_map(pair);
    let mut cells: Vec<String> = pairs.filter(|(name, _)| is_wanted(name)).map(|(_, value)| value).collect();
    let results = ["SearchResults", "SearchResult"].into_iter().find_map(|name| context.object_or_nothing(name));
    let tables = results.map_or(&[][..], |results| results.list_or_nothing("tables"));
    for table in tables.iter().filter_map(Object::of) {
        let columns = table.list_or_nothing("columns").iter().map(|column| {
            Object::of(column).and_then(|column| column.text_or_nothing("name")).is_some_and(|name| is_wanted(&name))
        });
        let wanted: Vec<usize> = columns.enumerate().filter_map(|(index, is_one)| is_one.then_some(index)).collect();
        for row in table.list_or_nothing("rows").iter().filter_map(Value::as_array) {
            cells.extend(wanted.iter().filter_map(|index| row.get(*index)?.as_str().map(str::to_owned)));
        }
    }
    cells
}
