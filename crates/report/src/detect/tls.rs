//! Handshakes of TLS that come to nothing.

use std::collections::BTreeMap;

use crate::detect::filter::of_service;
use crate::detect::services::{name, services};
use crate::detect::words::{percent, ratio, when};
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number};
use crate::report::Report;
use crate::service::Service;
use crate::text::clean;
use crate::tls_counts::TlsCounts;

/// Handshakes fail now and then, for clients go away.
const TLS_FAILED: u64 = 3;

/// Old clients and scanners on the Internet fail more seldom than this at a service that works.
const TLS_FAILED_SHARE: f64 = 0.1;

/// From this share on most of what users do fails. Clients that only try whether a handshake goes well are fewer, too.
const MOST: f64 = 0.5;

/// A name of more bytes than this is cut in a sentence.
const SHOWN_NAME: usize = 80;

/// Those of a service that failed. Clients that close at once, without a word, may have wanted no more than a handshake.
fn failed(tls: &TlsCounts) -> u64 {
    let told = tls.refused.saturating_add(tls.mute).saturating_add(tls.foreign);
    let is_most = ratio(tls.failed(), tls.begun) >= MOST;
    if is_most { tls.failed() } else { told }
}

fn is_failing(service: &Service) -> bool {
    let failed = failed(&service.tls);
    failed >= TLS_FAILED && ratio(failed, service.tls.begun) >= TLS_FAILED_SHARE
}

pub fn tls_failing(report: &Report) -> Option<Finding> {
    let failing = services(report).filter(|service| is_failing(service));
    let target = failing.max_by_key(|service| failed(&service.tls))?;
    let (tls, of_all) = (&target.tls, &report.tls);
    let (failed, all) = (failed(tls), tls.begun);
    let alert = alert(&of_all.alerts).filter(|_| tls.refused > 0);
    let name = name(target);
    let sentence = format!(
        "{} of {} with {name} failed ({}){}{}{}.",
        number(failed),
        count_of(all, "TLS handshake", "TLS handshakes"),
        percent(failed, all),
        when(of_all.failed_during),
        target
            .server_name
            .as_deref()
            .map(|name| format!("; clients ask for {}", clean(name, SHOWN_NAME)))
            .unwrap_or_default(),
        why(tls, alert),
    );
    let severity = if ratio(failed, all) >= MOST { Severity::Critical } else { Severity::Warning };
    let mut finding = Finding::new(FindingKind::TlsFailing, severity, sentence, next(tls))
        .shown_by(format!("{} && tls", of_service(target.address, target.port)))
        .with("service", name)
        .with("handshakes", all)
        .with("failed", failed)
        .with("unanswered", tls.mute)
        .with("closedAtOnce", tls.abandoned)
        .with("fatalAlerts", of_all.fatal_alerts)
        .with("share", ratio(failed, all))
        .during(of_all.failed_during);
    if let Some(alert) = alert {
        finding = finding.with("mostly", alert.to_owned());
    }
    Some(finding)
}

/// What the most frequent way to fail says.
fn why(tls: &TlsCounts, alert: Option<&str>) -> String {
    match alert {
        Some(alert) => format!("; the reason given most often is {alert}"),
        None if tls.foreign >= tls.mute.max(tls.abandoned) => "; the server does not speak TLS on that port".to_owned(),
        None if tls.mute >= tls.abandoned => {
            "; the server took the connection and did not answer the client's hello".to_owned()
        }
        None => "; clients closed right after the handshake and sent nothing, as they do when they do not trust the \
                 certificate; what they say is encrypted"
            .to_owned(),
    }
}

fn next(tls: &TlsCounts) -> &'static str {
    match tls {
        _ if tls.refused >= tls.mute.max(tls.abandoned).max(tls.foreign) => {
            "Compare versions, ciphers and certificates of both sides with the reason that is given."
        }
        _ if tls.foreign >= tls.mute.max(tls.abandoned) => {
            "Look whether clients use the right port, and whether the program behind it is set up for TLS."
        }
        _ if tls.mute >= tls.abandoned => {
            "Look whether the program behind that port still works: it accepts connections and does not read from them, or does \
             not speak TLS there."
        }
        _ => {
            "Try the name with `openssl s_client`, and look whether the certificate is valid, and trusted by the clients."
        }
    }
}

/// The alert that is most frequent, but for the one that ends connections as it should.
fn alert(alerts: &BTreeMap<String, u64>) -> Option<&str> {
    let told = alerts.iter().filter(|(name, _)| *name != "close_notify");
    told.max_by_key(|(_, count)| **count).map(|(name, _)| name.as_str())
}
