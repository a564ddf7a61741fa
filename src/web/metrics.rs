//! `GET /metrics`: what Prometheus collects, in its text format 0.0.4.
//!
//! Every label has one of a bounded number of values, all words of nightcap's own.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write};

use axum::body::Body;
use http::{HeaderValue, Response, header};
use strum::IntoEnumIterator;

use super::operator::OperatorContext;
use super::problem::Problem;
use super::records::not_read;
use crate::alert::Schema;
use crate::host::Host;
use crate::records::capture::EndReason;
use crate::records::outcome::Kind;
use crate::workflow::metrics::{Metrics, measure};
use crate::workflow::totals::{BUCKETS, Histogram};

/// By Prometheus's "Text-based format".
const FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

pub async fn show<H: Host>(OperatorContext(context): OperatorContext<H>) -> Result<Response<Body>, Problem> {
    let metrics = measure(&context).await.map_err(|error| not_read(&error))?;
    let mut answer = Response::new(Body::from(text(&metrics)));
    answer.headers_mut().insert(header::CONTENT_TYPE, FORMAT);
    Ok(answer)
}

fn text(metrics: &Metrics) -> String {
    let Metrics { totals, .. } = metrics;
    let mut text = Text::default();

    text.family("alerts_total", "counter", "Alerts that are done with, once for each machine that they name.");
    for schema in Schema::iter() {
        for outcome in Kind::iter().filter(|kind| *kind != Kind::Accepted) {
            let (schema, outcome) = (schema.word(), outcome.word());
            let count = totals.alerts.get(&format!("{schema} {outcome}")).copied().unwrap_or_default();
            text.sample("alerts_total", &[("schema", schema), ("outcome", outcome)], count);
        }
    }
    text.family("alert_reasons_total", "counter", "The same alerts, by why they ended as they did.");
    text.by_two("alert_reasons_total", ["outcome", "reason"], &totals.reasons);
    text.family("alert_to_put_seconds", "histogram", "Time from receiving an alert to asking Azure for its capture.");
    text.histogram("alert_to_put_seconds", &totals.put);

    text.family("captures_total", "counter", "Captures that are finished, by how they ended.");
    for end in EndReason::iter().map(EndReason::word) {
        text.sample("captures_total", &[("end", end)], totals.captures.get(end).copied().unwrap_or_default());
    }
    text.family("reports_total", "counter", "Reports on captures, by whether a file could be read.");
    text.sample("reports_total", &[("result", "read")], totals.reports_read);
    text.sample("reports_total", &[("result", "failed")], totals.reports_failed);
    text.family("report_read_bytes_total", "counter", "Bytes of capture files that were read for reports.");
    text.sample("report_read_bytes_total", &[], totals.read_bytes);
    text.family("report_read_seconds_total", "counter", "Time that reading them took.");
    text.sample("report_read_seconds_total", &[], Seconds(totals.read_ms));

    text.family("messages_total", "counter", "Messages to people that are done with.");
    text.sample("messages_total", &[("result", "sent")], totals.messages_sent);
    text.sample("messages_total", &[("result", "failed")], totals.messages_given_up);
    text.family("messages_waiting", "gauge", "Messages that the receiver has not acknowledged yet.");
    text.sample("messages_waiting", &[], metrics.messages_waiting);

    text.family("azure_requests_total", "counter", "Requests to Azure for alerts and captures that are done with.");
    text.by_two("azure_requests_total", ["operation", "status"], &totals.counts.requests);
    text.family("store_errors_total", "counter", "Failures of the store that were seen meanwhile.");
    for operation in ["read", "write"] {
        let count = totals.counts.store_errors.get(operation).copied().unwrap_or_default();
        text.sample("store_errors_total", &[("operation", operation)], count);
    }

    text.family("unfinished_records", "gauge", "Alerts and captures on which work remains.");
    text.sample("unfinished_records", &[], metrics.unfinished);
    text.family("unreadable_records", "gauge", "Records that cannot be read and were set aside.");
    text.sample("unreadable_records", &[], metrics.unreadable);
    text.family("last_sweep_timestamp_seconds", "gauge", "When the last sweep began, in Unix time; 0 for never.");
    let swept_at = metrics.swept_at.map(|at| at.unix_millis()).and_then(|millis| u64::try_from(millis).ok());
    text.sample("last_sweep_timestamp_seconds", &[], Seconds(swept_at.unwrap_or_default()));
    text.0
}

/// Milliseconds, which are written as seconds.
#[derive(Clone, Copy)]
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match (self.0 / 1000, self.0 % 1000) {
            (seconds, 0) => write!(formatter, "{seconds}"),
            (seconds, millis) => write!(formatter, "{seconds}.{}", format!("{millis:03}").trim_end_matches('0')),
        }
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "# HELP nightcap_{name} {help}\n# TYPE nightcap_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "nightcap_{name}{labels} {value}");
    }

    /// Samples whose two labels stand in one key.
    fn by_two(&mut self, name: &str, [one, other]: [&str; 2], counts: &BTreeMap<String, u64>) {
        for (key, count) in counts {
            if let Some((first, second)) = key.split_once(' ') {
                self.sample(name, &[(one, first), (other, second)], count);
            }
        }
    }

    fn histogram(&mut self, name: &str, histogram: &Histogram) {
        for end in BUCKETS {
            self.sample(&format!("{name}_bucket"), &[("le", &Seconds(end).to_string())], histogram.up_to(end));
        }
        self.sample(&format!("{name}_bucket"), &[("le", "+Inf")], histogram.count);
        self.sample(&format!("{name}_sum"), &[], Seconds(histogram.sum_ms));
        self.sample(&format!("{name}_count"), &[], histogram.count);
    }
}

/// The store may hold what others have written.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
