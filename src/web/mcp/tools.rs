//! The tools. Each is a `GET` of the API, sent to the same handler with the caller's own key, so that nothing is allowed here that
//! is not allowed there.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};
use tower_service::Service;
use url::Url;

use super::answer::{part, trouble};
use super::refusal::{BAD_PARAMETERS, Refusal};
use crate::context::Instance;
use crate::host::Host;
use crate::web::{capture, captures, report};

/// How many conversations or captures an answer has when nothing is said, and at most.
const USUAL: usize = 20;
const MOST: usize = 100;

/// What a report begins with for an assistant; the rest is asked for by name.
const IN_SHORT: [&str; 6] = ["findings", "normal", "packets", "file", "comparison", "instances"];

/// A tool: its name, what it is for, its parameters with their meaning, and which of these have to be there.
struct Tool {
    name: &'static str,
    description: &'static str,
    parameters: &'static [(&'static str, &'static str, &'static str)],
    required: &'static [&'static str],
}

const ONE_CAPTURE: [&str; 3] = ["subscription", "region", "name"];
const SUBSCRIPTION: (&str, &str, &str) = ("subscription", "string", "The GUID of the capture's subscription.");
const REGION: (&str, &str, &str) = ("region", "string", "The capture's region, such as westeurope.");
const NAME: (&str, &str, &str) = ("name", "string", "The capture's name.");
const NUMBER: (&str, &str, &str) =
    ("number", "integer", "Which of several files, from 1; the worst when nothing is said.");
const OFFSET: (&str, &str, &str) = ("offset", "integer", "As an earlier answer that was cut says.");

const TOOLS: [Tool; 4] = [
    Tool {
        name: "list_captures",
        description: "Packet captures that alerts or operators started, newest first, with how they stand. With subscription and \
                      region also those of others that Azure lists there.",
        parameters: &[
            ("subscription", "string", "The GUID of a subscription."),
            ("region", "string", "A region, such as westeurope."),
            ("target", "string", "The resource id of a machine or scale set."),
            ("phase", "string", "unfinished, asked, creating, created, running, ended or finished."),
            ("since", "string", "A time by RFC 3339; asked for then or later."),
            ("until", "string", "A time by RFC 3339; asked for before then."),
            ("after", "string", "As `after` in `next` of an earlier page."),
            ("limit", "integer", "How many, 20 when nothing is said, 100 at most."),
            OFFSET,
        ],
        required: &[],
    },
    Tool {
        name: "get_capture",
        description: "One capture: its alerts, where it stands, how it ended, its files, and what was found in them in short.",
        parameters: &[SUBSCRIPTION, REGION, NAME, OFFSET],
        required: &ONE_CAPTURE,
    },
    Tool {
        name: "get_report",
        description: "What a capture's file says: findings with next steps, what looked normal, how much was read. `sections` names \
                      what else there is, to be asked for as `section`.",
        parameters: &[
            SUBSCRIPTION,
            REGION,
            NAME,
            NUMBER,
            (
                "section",
                "string",
                "One section in full, such as tcp, dns, tls, http, icmp, endpoints, ports or protocols.",
            ),
            OFFSET,
        ],
        required: &ONE_CAPTURE,
    },
    Tool {
        name: "list_conversations",
        description: "Conversations in a capture's file, those with the most bytes first, as far as the report keeps them.",
        parameters: &[
            SUBSCRIPTION,
            REGION,
            NAME,
            NUMBER,
            ("address", "string", "The IP address of either side."),
            ("port", "integer", "The port of either side."),
            ("protocol", "string", "tcp, udp, icmp, icmpv6, or the number of another protocol."),
            ("after", "integer", "How many to leave out, as `next` of an earlier page says."),
            ("limit", "integer", "How many, 20 when nothing is said, 100 at most."),
            OFFSET,
        ],
        required: &ONE_CAPTURE,
    },
];

/// What `tools/list` answers.
pub fn listed() -> Vec<Value> {
    let described = TOOLS.iter().map(|tool| {
        let properties: Map<String, Value> = tool
            .parameters
            .iter()
            .map(|(name, kind, meaning)| ((*name).to_owned(), json!({"type": kind, "description": meaning})))
            .collect();
        json!({
            "name": tool.name,
            "description": tool.description,
            "inputSchema": {
                "type": "object", "properties": properties, "required": tool.required, "additionalProperties": false,
            },
            "annotations": {"readOnlyHint": true, "openWorldHint": false},
        })
    });
    described.collect()
}

/// What `tools/call` answers. What a handler refuses is told to the assistant, which may mend it.
pub async fn call<H: Host>(instance: &Arc<Instance<H>>, headers: &HeaderMap, params: &Value) -> Result<Value, Refusal> {
    let bad = |message: String| Refusal { code: BAD_PARAMETERS, message };
    let name = params.get("name").and_then(Value::as_str).unwrap_or_default();
    let tool = TOOLS.iter().find(|tool| tool.name == name).ok_or_else(|| bad("There is no such tool.".to_owned()))?;
    let nothing = Map::new();
    let given = params.get("arguments").and_then(Value::as_object).unwrap_or(&nothing);
    let arguments = match Arguments::read(tool, given) {
        Ok(arguments) => arguments,
        Err(sentence) => return Ok(trouble(&sentence)),
    };
    let Some(address) = arguments.address(tool.name) else {
        return Err(bad("No address can be made of this.".to_owned()));
    };
    let text = match ask(instance, headers, &address).await {
        Ok(text) => text,
        Err(sentence) => return Ok(trouble(&sentence)),
    };
    let text = match tool.name {
        "get_report" => in_short(&text, arguments.text("section")),
        "list_conversations" => conversations(&text, &arguments),
        _ => Ok(text),
    };
    Ok(match text {
        Ok(text) => part(&text, arguments.number("offset").unwrap_or_default()),
        Err(sentence) => trouble(&sentence),
    })
}

/// The arguments of a call, as texts.
struct Arguments(Vec<(&'static str, String)>);

impl Arguments {
    fn read(tool: &Tool, given: &Map<String, Value>) -> Result<Self, String> {
        let mut arguments = Vec::new();
        for (name, value) in given {
            let known = tool.parameters.iter().find(|(own, ..)| own == name);
            let Some((own, kind, _)) = known else {
                let names: Vec<&str> = tool.parameters.iter().map(|(own, ..)| *own).collect();
                return Err(format!("{} has no such parameter; there are: {}.", tool.name, names.join(", ")));
            };
            let text = match (*kind, value) {
                (_, Value::Null) => continue,
                ("string", Value::String(text)) => text.clone(),
                ("integer", Value::Number(number)) if number.is_u64() => number.to_string(),
                _ => return Err(format!("{own} should be of type {kind}.")),
            };
            arguments.push((*own, text));
        }
        let read = Self(arguments);
        let missing = tool.required.iter().find(|name| read.text(name).is_none_or(str::is_empty));
        missing.map_or(Ok(read), |name| Err(format!("{name} is missing.")))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, text)| text.as_str())
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.text(name)?.parse().ok()
    }

    fn limit(&self) -> usize {
        self.number("limit").unwrap_or(USUAL).clamp(1, MOST)
    }

    /// Path and query of the request that the tool is.
    fn address(&self, tool: &str) -> Option<String> {
        let mut url = Url::parse("http://nightcap/api/captures").ok()?;
        if tool == "list_captures" {
            let named = self.0.iter().filter(|(name, _)| !["offset", "limit"].contains(name));
            url.query_pairs_mut().extend_pairs(named).append_pair("limit", &self.limit().to_string());
        } else {
            let segments = ONE_CAPTURE.iter().filter_map(|name| self.text(name));
            url.path_segments_mut().ok()?.extend(segments);
            if tool != "get_capture" {
                url.path_segments_mut().ok()?.push("report");
            }
            if let Some(number) = self.text("number") {
                url.query_pairs_mut().append_pair("number", number);
            }
        }
        Some(url[url::Position::BeforePath..].to_owned())
    }
}

/// Asks the handler of an address, and gives its JSON, or the sentence of its refusal.
async fn ask<H: Host>(instance: &Arc<Instance<H>>, headers: &HeaderMap, address: &str) -> Result<String, String> {
    const TROUBLE: &str = "nightcap could not answer this.";
    let mut router: Router = Router::new()
        .route("/api/captures", get(captures::list::<H>))
        .route("/api/captures/{subscription}/{region}/{name}", get(capture::show::<H>))
        .route("/api/captures/{subscription}/{region}/{name}/report", get(report::show::<H>))
        .with_state(instance.clone());
    let mut request = Request::get(address).header(header::ACCEPT, "application/json");
    if let Some(key) = headers.get(header::AUTHORIZATION) {
        request = request.header(header::AUTHORIZATION, key);
    }
    let request = request.body(Body::empty()).map_err(|_| TROUBLE.to_owned())?;
    let Ok(answer) = router.call(request).await;
    let is_good = answer.status().is_success();
    let body = answer.into_body().collect().await.map_err(|_| TROUBLE.to_owned())?.to_bytes();
    let text = String::from_utf8(body.to_vec()).map_err(|_| TROUBLE.to_owned())?;
    if is_good {
        return Ok(text);
    }
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    Err(problem.get("detail").and_then(Value::as_str).unwrap_or("There is no such capture.").to_owned())
}

/// The telling part of a report, or one section of it.
fn in_short(report: &str, section: Option<&str>) -> Result<String, String> {
    let report = read(report)?;
    let names = || report.keys().map(String::as_str).collect::<Vec<_>>();
    if let Some(section) = section {
        let found = report.get(section).map(Value::to_string);
        return found.ok_or_else(|| format!("The report has no such section; there are: {}.", names().join(", ")));
    }
    let told = IN_SHORT.iter().filter_map(|name| Some(((*name).to_owned(), report.get(*name)?.clone())));
    let mut short: Map<String, Value> = told.collect();
    short.insert("sections".to_owned(), json!(names()));
    Ok(Value::Object(short).to_string())
}

/// A page of the conversations that were asked for.
fn conversations(report: &str, arguments: &Arguments) -> Result<String, String> {
    let report = read(report)?;
    let top = report.get("conversations").cloned().unwrap_or_default();
    let kept = |order: &str| top.get(order).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut all = kept("byBytes");
    for other in kept("byPackets") {
        if !all.contains(&other) {
            all.push(other);
        }
    }
    let wanted: Vec<Value> = all.into_iter().filter(|one| is_wanted(one, arguments)).collect();
    let after = arguments.number("after").unwrap_or_default();
    let page: Vec<&Value> = wanted.iter().skip(after).take(arguments.limit()).collect();
    let end = after.saturating_add(page.len());
    let next = (end < wanted.len()).then_some(end);
    let answer = json!({"conversations": page, "next": next, "matching": wanted.len(), "inTheFile": top.get("count")});
    Ok(answer.to_string())
}

fn is_wanted(conversation: &Value, arguments: &Arguments) -> bool {
    let either = |wanted: &str, names: [&str; 2]| {
        let is_it = |value: &Value| match value {
            Value::String(text) => text == wanted,
            number => number.as_u64().is_some_and(|number| wanted.parse() == Ok(number)),
        };
        names.iter().filter_map(|name| conversation.get(*name)).any(is_it)
    };
    arguments.text("address").is_none_or(|address| either(address, ["source", "destination"]))
        && arguments.text("port").is_none_or(|port| either(port, ["sourcePort", "destinationPort"]))
        && arguments.text("protocol").is_none_or(|protocol| either(protocol, ["protocol", "protocol"]))
}

fn read(report: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(report).map_err(|_| "The report cannot be read.".to_owned())
}
