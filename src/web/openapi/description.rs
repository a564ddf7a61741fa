//! Writes `openapi.json`. The shapes of answers are those of the types that the handlers send; what requests take stands here,
//! beside the routes that the router has.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{OpenApi, PartialSchema, ToSchema};

use crate::alert::by_hand::BadMember;
use crate::azure::region::Region;
use crate::azure::resource_id::ResourceId;
use crate::azure::target::Target;
use crate::records::alert::AlertRecord;
use crate::timestamp::Timestamp;
use crate::web::alert_list::AlertsPage;
use crate::web::capture::{DoneAnswer, Shown, StatusAnswer};
use crate::web::captures::{CapturePage, StartAnswer};
use crate::web::machines::Subscriptions;
use crate::web::preflight::{AlertPreview, MessageSent};
use crate::web::{alerts, sweep};
use crate::workflow::choices::{Choices, Needs};
use crate::workflow::preflight::Preflight;

/// The description, and where it is kept.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/openapi.json");

#[derive(OpenApi)]
#[openapi(
    info(
        title = "nightcap",
        description = "Starts an Azure Network Watcher packet capture the moment an Azure Monitor alert fires.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    paths(
        list_alerts, receive_alert, show_alert, list_captures, start_capture, show_capture, delete_capture, capture_status,
        stop_capture, capture_report, capture_file, check_machine, list_machines, list_subscriptions, check_before, preview_alert,
        send_test_message, sweep_now, metrics, description, health,
    ),
    components(schemas(PhaseFilter)),
)]
struct Description;

/// An error, by RFC 9457.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes")]
struct Problem {
    title: String,
    status: u16,
    /// What went wrong and what to do about it, for people.
    detail: String,
    /// The same for machines, where it is one of the reasons of an alert.
    reason: Option<String>,
    /// The parameter of the query that is wrong.
    parameter: Option<String>,
    /// Each member of the body that is wrong.
    errors: Option<Vec<BadMember>>,
}

/// What to capture; everything but the target may be left out, and comes from the settings then. The names are Azure's own.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CaptureRequest {
    /// The resource id of a virtual machine, a scale set, or an instance of one.
    #[schema(
        example = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web-01"
    )]
    target: String,
    target_type: Option<TargetType>,
    /// Up to 79 letters, digits, `-`, `_` or `.`. A finished capture of that name is deleted first. Without one nightcap
    /// makes a name.
    #[schema(pattern = "^[A-Za-z0-9_]([A-Za-z0-9._-]{0,77}[A-Za-z0-9_])?$")]
    name: Option<String>,
    /// The resource id of a network watcher in the target's subscription.
    watcher: Option<String>,
    scope: Option<ScopeRequest>,
    #[schema(minimum = 0, maximum = 4_294_967_295_u64)]
    bytes_to_capture_per_packet: Option<u64>,
    #[schema(minimum = 0, maximum = 4_294_967_295_u64)]
    total_bytes_per_session: Option<u64>,
    #[schema(minimum = 1, maximum = 18_000)]
    time_limit_in_seconds: Option<u32>,
    storage_location: Option<StorageLocation>,
    filters: Option<Vec<FilterRequest>>,
    /// For a ring of files; then the path on the machine is `localPath`.
    continuous_capture: Option<bool>,
    capture_settings: Option<CaptureSettings>,
}

#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes")]
enum TargetType {
    AzureVM,
    AzureVMSS,
}

/// Instances of a scale set.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes")]
#[serde(deny_unknown_fields)]
struct ScopeRequest {
    #[schema(max_items = 1000)]
    include: Option<Vec<String>>,
    #[schema(max_items = 1000)]
    exclude: Option<Vec<String>>,
}

#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StorageLocation {
    /// The resource id of a storage account in the target's region.
    storage_id: Option<String>,
    /// The URL of a blob or a container in that account.
    storage_path: Option<String>,
    /// A path on the machine, ending in `.cap`.
    file_path: Option<String>,
    /// The same with `continuousCapture`.
    local_path: Option<String>,
}

/// Keeps the packets that match every member that is there.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FilterRequest {
    /// `TCP`, `UDP` or `Any`.
    protocol: Option<String>,
    /// One address, one range `a-b`, or a list `a;b;c`.
    #[serde(rename = "localIPAddress")]
    local_ip_address: Option<String>,
    #[serde(rename = "remoteIPAddress")]
    remote_ip_address: Option<String>,
    /// One port, one range `80-85`, or a list `80;443`.
    local_port: Option<String>,
    remote_port: Option<String>,
}

#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CaptureSettings {
    #[schema(minimum = 0, maximum = 10_000)]
    file_count: Option<u32>,
    #[schema(minimum = 0, maximum = 4_294_967_295_u64)]
    file_size_in_bytes: Option<u64>,
    #[schema(minimum = 1, maximum = 604_800)]
    session_time_limit_in_seconds: Option<u32>,
}

#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes")]
struct Health {
    status: String,
    version: String,
}

macro_rules! text {
    ($type:ty, $name:literal, $description:literal, $format:expr) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String).description(Some($description));
                text.format($format).into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    };
}

text!(Timestamp, "Timestamp", "A time by RFC 3339, in UTC.", Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
text!(Region, "Region", "A region of Azure, such as `westcentralus`.", None);
text!(ResourceId, "ResourceId", "The id of a resource in Azure.", None);
text!(Target, "Target", "The id of a virtual machine, a scale set, or an instance of one.", None);

macro_rules! operations {
    ($($(#[$attribute:meta])* $name:ident)*) => {
        $($(#[$attribute])* #[allow(dead_code, reason = "it only describes")] fn $name() {})*
    };
}

operations! {
    /// All alerts, newest first.
    #[utoipa::path(get, path = "/api/alerts", tag = "alerts",
        params(
            ("outcome" = Option<crate::records::outcome::Kind>, Query, description = "Those that ended like this for one of their machines."),
            ("since" = Option<Timestamp>, Query, description = "Received at this time or later."),
            ("until" = Option<Timestamp>, Query, description = "Received before this time."),
            ("after" = Option<String>, Query, description = "As in `next` of an earlier page."),
            ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "How many, 50 when nothing is said."),
        ),
        responses((status = 200, body = AlertsPage), (status = 304), (status = 400, body = Problem)))]
    list_alerts

    /// The webhook: an alert of Azure Monitor in any of its schemas, or the parameters of the 2017 sample.
    #[utoipa::path(post, path = "/api/alerts", tag = "alerts",
        request_body(content = Object, content_type = "application/json"),
        responses(
            (status = 200, description = "Nothing was to be started, or nothing that repeating could mend.", body = alerts::Answer),
            (status = 201, description = "A capture was started.", body = alerts::Answer),
            (status = 202, description = "Work goes on; the record tells how it ends.", body = alerts::Answer),
            (status = 400, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
            (status = 415, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem),
        ))]
    receive_alert

    /// The record of an alert, or of a capture that was asked for by hand.
    #[utoipa::path(get, path = "/api/alerts/{key}", tag = "alerts",
        params(("key" = String, Path, description = "As in the links of its answer.")),
        responses((status = 200, body = AlertRecord), (status = 304), (status = 404, body = Problem), (status = 502, body = Problem)))]
    show_alert

    /// All captures, newest first. With a subscription and a region also those that Azure lists there, whosever they are.
    #[utoipa::path(get, path = "/api/captures", tag = "captures",
        params(
            ("subscription" = Option<String>, Query, format = "uuid"),
            ("region" = Option<String>, Query),
            ("target" = Option<String>, Query, description = "The resource id of a machine or scale set."),
            ("phase" = Option<PhaseFilter>, Query, description = "Where they stand."),
            ("since" = Option<Timestamp>, Query, description = "Asked for at this time or later."),
            ("until" = Option<Timestamp>, Query, description = "Asked for before this time."),
            ("after" = Option<String>, Query, description = "As in `next` of an earlier page."),
            ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "How many, 50 when nothing is said."),
        ),
        responses((status = 200, body = CapturePage), (status = 304), (status = 400, body = Problem)))]
    list_captures

    /// Starts a capture by hand, or joins one of nightcap's that runs on the machine.
    #[utoipa::path(post, path = "/api/captures", tag = "captures",
        params(("dry_run" = Option<bool>, Query, description = "Only tells the requests that would be sent.")),
        request_body(content = CaptureRequest, content_type = "application/json"),
        responses(
            (status = 200, description = "Nothing was started: one runs already, or nothing is to be changed.", body = StartAnswer),
            (status = 201, description = "It was started.", body = StartAnswer, headers(("location" = String))),
            (status = 202, description = "Work goes on; the record tells how it ends.", body = StartAnswer, headers(("location" = String))),
            (status = 400, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
            (status = 415, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem),
        ))]
    start_capture

    /// One capture: nightcap's record of it, or what Azure says of one that nightcap does not know.
    #[utoipa::path(get, path = "/api/captures/{subscription}/{region}/{name}", tag = "captures",
        params(("subscription" = String, Path, format = "uuid"), ("region" = String, Path), ("name" = String, Path)),
        responses((status = 200, body = Shown), (status = 304), (status = 404, body = Problem), (status = 422, body = Problem),
            (status = 502, body = Problem)))]
    show_capture

    /// Deletes the resource in Azure, never its file.
    #[utoipa::path(delete, path = "/api/captures/{subscription}/{region}/{name}", tag = "captures",
        params(("subscription" = String, Path, format = "uuid"), ("region" = String, Path), ("name" = String, Path),
            ("force" = Option<bool>, Query, description = "Also when it still runs.")),
        responses((status = 200, body = DoneAnswer), (status = 202, body = DoneAnswer, headers(("location" = String))),
            (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
            (status = 502, body = Problem)))]
    delete_capture

    /// What the capture does, as Azure says now. This costs a piece of Azure's budget for writing.
    #[utoipa::path(get, path = "/api/captures/{subscription}/{region}/{name}/status", tag = "captures",
        params(("subscription" = String, Path, format = "uuid"), ("region" = String, Path), ("name" = String, Path)),
        responses((status = 200, body = StatusAnswer), (status = 202, body = DoneAnswer, headers(("location" = String))),
            (status = 404, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
    capture_status

    /// Stops the capture.
    #[utoipa::path(post, path = "/api/captures/{subscription}/{region}/{name}/stop", tag = "captures",
        params(("subscription" = String, Path, format = "uuid"), ("region" = String, Path), ("name" = String, Path)),
        responses((status = 200, body = DoneAnswer), (status = 202, body = DoneAnswer, headers(("location" = String))),
            (status = 404, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
    stop_capture

    /// What the capture's file says.
    #[utoipa::path(get, path = "/api/captures/{subscription}/{region}/{name}/report", tag = "captures",
        params(("subscription" = String, Path, format = "uuid"), ("region" = String, Path), ("name" = String, Path)),
        responses((status = 200, content((Object = "application/json"), (String = "text/html"))), (status = 404, body = Problem),
            (status = 502, body = Problem)))]
    capture_report

    /// The capture's file, for Wireshark.
    #[utoipa::path(get, path = "/api/captures/{subscription}/{region}/{name}/file", tag = "captures",
        params(("subscription" = String, Path, format = "uuid"), ("region" = String, Path), ("name" = String, Path),
            ("number" = Option<u32>, Query, description = "Which of several files, from 1; the largest when nothing is said."),
            ("range" = Option<String>, Header, description = "One range of bytes.")),
        responses((status = 200, body = Vec<u8>, content_type = "application/vnd.tcpdump.pcap"),
            (status = 206, body = Vec<u8>, content_type = "application/vnd.tcpdump.pcap"), (status = 304),
            (status = 404, body = Problem), (status = 416, body = Problem), (status = 502, body = Problem)))]
    capture_file

    /// One machine, and what a capture would need there.
    #[utoipa::path(get, path = "/api/machine", tag = "machines",
        params(("id" = String, Query, description = "The resource id of a machine or scale set.")),
        responses((status = 200, body = Needs), (status = 304), (status = 400, body = Problem), (status = 422, body = Problem),
            (status = 502, body = Problem)))]
    check_machine

    /// The machines, scale sets and network watchers of a subscription.
    #[utoipa::path(get, path = "/api/machines", tag = "machines",
        params(("subscription" = String, Query, format = "uuid")),
        responses((status = 200, body = Choices), (status = 304), (status = 400, body = Problem), (status = 422, body = Problem),
            (status = 502, body = Problem)))]
    list_machines

    /// Everything that an alert will need, looked at before one comes. Nothing is changed, and nobody is told.
    #[utoipa::path(get, path = "/api/preflight", tag = "preflight",
        params(
            ("target" = Option<String>, Query, description = "The resource id of a machine or scale set, to look at that one."),
            ("subscription" = Option<String>, Query, format = "uuid"),
            ("region" = Option<String>, Query),
        ),
        responses((status = 200, description = "Good or bad; `ready` tells.", body = Preflight), (status = 400, body = Problem)))]
    check_before

    /// What would be done about an alert, in any schema that the webhook takes. Nothing is changed.
    #[utoipa::path(post, path = "/api/preflight/alert", tag = "preflight",
        request_body(content = Object, content_type = "application/json"),
        responses((status = 200, body = AlertPreview), (status = 400, body = Problem), (status = 413, body = Problem),
            (status = 415, body = Problem), (status = 422, body = Problem)))]
    preview_alert

    /// Sends a test message to whoever is told of captures.
    #[utoipa::path(post, path = "/api/preflight/message", tag = "preflight",
        responses((status = 200, description = "It was taken.", body = MessageSent), (status = 422, body = Problem), (status = 502, body = Problem)))]
    send_test_message

    /// The subscriptions that nightcap sees and may capture in.
    #[utoipa::path(get, path = "/api/subscriptions", tag = "machines",
        responses((status = 200, body = Subscriptions), (status = 304), (status = 502, body = Problem)))]
    list_subscriptions

    /// Carries everything that is unfinished on, for a timer.
    #[utoipa::path(post, path = "/api/sweep", tag = "operation",
        responses((status = 200, description = "All is done that is due.", body = sweep::Answer), (status = 202, description = "Work goes on.", body = sweep::Answer)))]
    sweep_now

    /// What Prometheus collects.
    #[utoipa::path(get, path = "/metrics", tag = "operation",
        responses((status = 200, body = String, content_type = "text/plain; version=0.0.4"), (status = 502, body = Problem)))]
    metrics

    /// This description.
    #[utoipa::path(get, path = "/openapi.json", tag = "operation", responses((status = 200, body = Object)))]
    description

    /// Whether the settings are usable.
    #[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, body = Health)))]
    health
}

/// Where captures stand.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes")]
#[schema(rename_all = "snake_case")]
enum PhaseFilter {
    Unfinished,
    Asked,
    Creating,
    Created,
    Running,
    Ended,
    Finished,
}

/// What every operation may answer that an operator has to be let in for: status and what it means.
const REFUSALS: [(&str, &str); 4] = [
    ("401", "There is no key, or a wrong one."),
    ("403", "Another site's page has asked, or the subscription is not in `allowed_subscriptions`."),
    ("500", "The settings cannot be used, or a record cannot be read."),
    ("503", "The host could not give its settings just now, or is busy."),
];

/// The description, with what holds for every operation.
fn described() -> Value {
    let mut all = serde_json::to_value(Description::openapi()).unwrap();
    all["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    all["info"].as_object_mut().unwrap().remove("contact");
    for (path, operations) in all["paths"].as_object_mut().unwrap() {
        for (method, operation) in operations.as_object_mut().unwrap() {
            let is_webhook = path == "/api/alerts" && method == "post";
            let may_be_refused = match path.as_str() {
                "/openapi.json" => &[][..],
                "/healthz" => &REFUSALS[3..],
                _ => &REFUSALS[..],
            };
            operation["security"] = match (may_be_refused.len(), is_webhook) {
                (0 | 1, _) => json!([]),
                (_, true) => json!([{"code": []}, {"functionsKey": []}, {"webhookPassword": []}]),
                (_, false) => json!([{"operatorPassword": []}, {"operatorKey": []}]),
            };
            let responses = operation["responses"].as_object_mut().unwrap();
            for (status, _) in may_be_refused {
                responses.insert((*status).to_owned(), json!({}));
            }
            for (status, response) in responses.iter_mut() {
                let is_common = REFUSALS.iter().any(|(refusal, _)| refusal == status);
                if status.parse::<u16>().unwrap() >= 400 {
                    let name = if is_common { status.as_str() } else { "problem" };
                    *response = json!({"$ref": format!("#/components/responses/{name}")});
                } else if response["description"] == "" {
                    let status = http::StatusCode::from_bytes(status.as_bytes()).unwrap();
                    response["description"] = json!(status.canonical_reason().unwrap());
                }
            }
        }
    }
    let problem = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    let refusals = REFUSALS.into_iter().chain([("problem", "It was not done; the body says why.")]);
    for (name, description) in refusals {
        all["components"]["responses"][name] = json!({"description": description, "content": problem});
    }
    all["components"]["securitySchemes"] = json!({
        "operatorKey": {"type": "http", "scheme": "bearer", "description": "An operator key."},
        "operatorPassword": {"type": "http", "scheme": "basic", "description": "Any user, with an operator key as the password."},
        "code": {"type": "apiKey", "in": "query", "name": "code", "description": "A webhook key."},
        "functionsKey": {"type": "apiKey", "in": "header", "name": "x-functions-key", "description": "A webhook key."},
        "webhookPassword": {"type": "http", "scheme": "basic", "description": "Any user, with a webhook key as the password."},
    });
    all
}

/// As it is kept: a line for each path and each schema, so that changes can be read, and nothing that only fills the component.
fn written(all: &Value) -> String {
    let mut lines = Vec::new();
    for (name, value) in all.as_object().unwrap() {
        let value = match name.as_str() {
            "paths" => each_in_a_line(value),
            "components" => {
                let parts = value.as_object().unwrap().iter();
                let parts = parts.map(|(name, part)| format!("{}:{}", json!(name), each_in_a_line(part)));
                format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
            }
            _ => value.to_string(),
        };
        lines.push(format!("{}:{value}", json!(name)));
    }
    format!("{{{}}}\n", lines.join(",\n"))
}

fn each_in_a_line(value: &Value) -> String {
    let lines = value.as_object().unwrap().iter().map(|(name, value)| format!("{}:{value}", json!(name)));
    format!("{{\n{}\n}}", lines.collect::<Vec<_>>().join(",\n"))
}

#[test]
fn the_kept_description_is_that_of_the_code() {
    let written = written(&described());
    if std::env::var_os("NIGHTCAP_WRITE_OPENAPI").is_some() {
        std::fs::write(KEPT, &written).unwrap();
    }
    let kept = std::fs::read_to_string(KEPT).unwrap();
    assert!(kept == written, "src/web/openapi.json is old; NIGHTCAP_WRITE_OPENAPI=1 writes it anew");
}

#[test]
fn every_route_is_described_and_no_other() {
    let mut described: Vec<String> = described()["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, operations)| {
            operations.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
        })
        .collect();
    let mut routed = crate::web::tests::routes();
    routed.retain(|route| !crate::web::tests::is_page(route));
    described.sort();
    routed.sort();
    assert_eq!(described, routed);
}

#[test]
fn every_phase_can_be_filtered_by() {
    let RefOr::T(Schema::Object(filter)) = PhaseFilter::schema() else { panic!("not an enumeration") };
    for word in filter.enum_values.unwrap() {
        assert!(crate::web::captures::phase(word.as_str().unwrap()).is_some(), "{word}");
    }
}
