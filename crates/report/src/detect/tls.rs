//! Handshakes of TLS that come to nothing.

use crate::detect::filter::{CLIENT_HELLO, FATAL_ALERT, of_service, to_service};
use crate::detect::services::{called, same_with, worst};
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
    let failing = |service: &Service| failed(&service.tls).saturating_mul(is_failing(service).into());
    let worst = worst(report, failing)?;
    let target = worst.service;
    let (tls, range) = (&target.tls, target.during.tls_failed);
    let (failed, all) = (failed(tls), tls.begun);
    let cause = Cause::of(tls);
    let alert = target.main_reason().filter(|_| cause == Cause::Refused);
    let name = called(target);
    let sentence = format!(
        "{} of {} with {name} failed ({}){}{}{}.{}",
        number(failed),
        count_of(all, "TLS handshake", "TLS handshakes"),
        percent(failed, all),
        when(range),
        asked_for(target),
        cause.why(alert.as_deref()),
        same_with(worst.others),
    );
    let severity = if ratio(failed, all) >= MOST { Severity::Critical } else { Severity::Warning };
    let finding = Finding::new(FindingKind::TlsFailing, severity, sentence, cause.next())
        .shown_by(cause.filter(target))
        .with("handshakes", all)
        .with("failed", failed)
        .with("unanswered", tls.mute)
        .with("closedAtOnce", tls.abandoned)
        .with("fatalAlerts", tls.refused)
        .with("share", ratio(failed, all))
        .with_some("mostly", alert.as_deref())
        .during(range);
    Some(worst.is_of(finding))
}

/// By which name it was asked for, unless that was told already.
fn asked_for(service: &Service) -> String {
    let asked = service.server_name.as_ref().filter(|name| service.names.0.first() != Some(name));
    asked.map(|name| format!("; a client asked for {}", clean(name, SHOWN_NAME))).unwrap_or_default()
}

/// The most frequent way in which handshakes with a service fail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Refused,
    Foreign,
    Mute,
    Abandoned,
}

impl Cause {
    /// Of equally frequent ones that which tells most.
    fn of(tls: &TlsCounts) -> Self {
        let most = tls.refused.max(tls.foreign).max(tls.mute).max(tls.abandoned);
        match most {
            _ if tls.refused == most => Self::Refused,
            _ if tls.foreign == most => Self::Foreign,
            _ if tls.mute == most => Self::Mute,
            _ => Self::Abandoned,
        }
    }

    fn why(self, alert: Option<&str>) -> String {
        match self {
            Self::Refused => alert.map(|alert| format!("; the reason given most often is {alert}")).unwrap_or_default(),
            Self::Foreign => "; the server does not speak TLS on that port".to_owned(),
            Self::Mute => "; the server took the connection and did not answer the client's hello".to_owned(),
            Self::Abandoned => {
                "; the connections ended right after the handshake and before the clients sent anything, as when one side does \
                 not trust the other's certificate; what they say is encrypted"
                    .to_owned()
            }
        }
    }

    fn next(self) -> &'static str {
        match self {
            Self::Refused => "Compare versions, ciphers and certificates of both sides with the reason that is given.",
            Self::Foreign => {
                "Look whether clients use the right port, and whether the program behind it is set up for TLS."
            }
            Self::Mute => {
                "Look whether the program behind that port still works: it accepts connections and does not read from them, or \
                 does not speak TLS there."
            }
            Self::Abandoned => {
                "Try the name with `openssl s_client`, and look whether the certificate is valid and trusted by the clients, or the \
                 server wants one of theirs."
            }
        }
    }

    /// What either side says of a handshake that it refuses, or else the beginnings of all of them.
    fn filter(self, service: &Service) -> String {
        match self {
            Self::Refused => format!("{} && {FATAL_ALERT}", of_service(service)),
            _ => format!("{} && {CLIENT_HELLO}", to_service(service)),
        }
    }
}
