//! Services that answer badly, or late, over a network that is well.

use crate::detect::filter::{NOT_FOUND, SERVER_ERROR, THROTTLED, from_service, has_whole_headers, of_service};
use crate::detect::services::{called, same_with, worst};
use crate::detect::words::{percent, ratio};
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{count_of, number, seconds_long};
use crate::report::Report;
use crate::service::{HttpCounts, Service};

/// Fewer errors than this happen to every program.
const HTTP_ERRORS: u64 = 5;

/// A program that is well fails far more seldom.
const HTTP_ERROR_SHARE: f64 = 0.1;

/// From this share on most of what users do fails, or is slow.
const MOST: f64 = 0.5;

/// A client that was told now and then to wait has asked as fast as it may.
const HTTP_THROTTLED: u64 = 5;
const HTTP_THROTTLED_SHARE: f64 = 0.1;

/// Browsers and scanners ask for what nobody has; but most of what an application is asked for is there.
const HTTP_NOT_FOUND: u64 = 20;

/// Fewer slow answers than this may be a report that somebody has asked for.
const SLOW_ANSWERS: u64 = 5;

/// A server is slow by itself when it takes so many times as long as the way there and back.
const SLOW_FACTOR: f64 = 5.0;

/// Seconds between an answer that took longer than one and what came before it on its connection, which may be the server's
/// acknowledgement of the question: it waits 200 ms with it at most.
const SHOWN_DELAY: f64 = 0.8;

/// How many answers of a kind a service has given, if they are so many and such a share of all.
fn frequent(count: fn(&HttpCounts) -> u64, least: u64, share: f64) -> impl Fn(&Service) -> u64 {
    move |service| {
        let (count, answers) = (count(&service.http), service.http.answers);
        count.saturating_mul((count >= least && ratio(count, answers) >= share).into())
    }
}

pub fn http_failing(report: &Report) -> Option<Finding> {
    let worst = worst(report, frequent(|http| http.errors, HTTP_ERRORS, HTTP_ERROR_SHARE))?;
    let target = worst.service;
    let (errors, answers, name) = (target.http.errors, target.http.answers, called(target));
    let sentence = format!(
        "{name} answered {} of {} with a server error ({}), such as {}: requests get there, and the application \
         fails, or what it needs.{}",
        number(errors),
        count_of(answers, "HTTP request", "HTTP requests"),
        percent(errors, answers),
        target.http.error_status,
        same_with(worst.others),
    );
    let severity = if ratio(errors, answers) >= MOST { Severity::Critical } else { Severity::Warning };
    let next = "Look in the log of the application behind that port, and whether the services that it calls are well.";
    let finding = Finding::new(FindingKind::HttpFailing, severity, sentence, next)
        .shown_by(format!("{} && {SERVER_ERROR}", from_service(target)))
        .with("errors", errors)
        .with("answers", answers)
        .with("status", u64::from(target.http.error_status))
        .with("share", ratio(errors, answers));
    Some(worst.is_of(finding))
}

pub fn http_throttled(report: &Report) -> Option<Finding> {
    let worst = worst(report, frequent(|http| http.throttled, HTTP_THROTTLED, HTTP_THROTTLED_SHARE))?;
    let HttpCounts { throttled, answers, .. } = worst.service.http;
    let sentence = format!(
        "{} answered {} of {} with 429 ({}): it throttles, for its clients ask more often than they may.{}",
        called(worst.service),
        number(throttled),
        count_of(answers, "HTTP request", "HTTP requests"),
        percent(throttled, answers),
        same_with(worst.others),
    );
    let next = "Look which client asks most often, whether it waits as long as it is told (Retry-After), and at the service's limit.";
    let finding = Finding::new(FindingKind::HttpThrottled, Severity::Warning, sentence, next)
        .shown_by(format!("{} && {THROTTLED}", from_service(worst.service)))
        .with("throttled", throttled)
        .with("answers", answers)
        .with("share", ratio(throttled, answers));
    Some(worst.is_of(finding))
}

pub fn http_not_found(report: &Report) -> Option<Finding> {
    let worst = worst(report, frequent(|http| http.not_found, HTTP_NOT_FOUND, MOST))?;
    let HttpCounts { not_found, answers, .. } = worst.service.http;
    let sentence = format!(
        "{} answered {} of {} with 404 ({}): requests get there, and the application has nothing at the paths that are asked \
         for.{}",
        called(worst.service),
        number(not_found),
        count_of(answers, "HTTP request", "HTTP requests"),
        percent(not_found, answers),
        same_with(worst.others),
    );
    let next =
        "Look which paths and hosts are asked for, and whether the right application is deployed behind that port.";
    let finding = Finding::new(FindingKind::HttpNotFound, Severity::Info, sentence, next)
        .shown_by(format!("{} && {NOT_FOUND}", from_service(worst.service)))
        .with("notFound", not_found)
        .with("answers", answers)
        .with("share", ratio(not_found, answers));
    Some(worst.is_of(finding))
}

pub fn slow_service(report: &Report) -> Option<Finding> {
    let slow = |service: &Service| {
        let answers = &service.answers;
        let is_much = answers.slow >= SLOW_ANSWERS && ratio(answers.slow, answers.answers) >= MOST;
        let is_its_own = answers.mean_seconds >= answers.mean_round_trip_seconds * SLOW_FACTOR;
        answers.slow.saturating_mul((is_much && is_its_own).into())
    };
    let worst = worst(report, slow)?;
    let target = worst.service;
    let (answers, name) = (&target.answers, called(target));
    let way = match answers.round_trips {
        0 => String::new(),
        _ => format!(", while a round trip takes {}", seconds_long(answers.mean_round_trip_seconds)),
    };
    let sentence = format!(
        "{name} took {} on average to begin its answers, {} of {} longer than a second{way}: it is the server that is slow, or \
         its clients wait on purpose.{}",
        seconds_long(answers.mean_seconds),
        number(answers.slow),
        number(answers.answers),
        same_with(worst.others),
    );
    let next = "Look at what the program behind that port waits for: its database, its disk, other services.";
    let finding = Finding::new(FindingKind::SlowService, Severity::Info, sentence, next)
        .shown_by(format!("{} && tcp.len > 0 && tcp.time_delta > {SHOWN_DELAY}", from_service(target)))
        .with("slow", answers.slow)
        .with("answers", answers.answers)
        .with("meanSeconds", answers.mean_seconds)
        .with("longestSeconds", answers.longest_seconds)
        .with("roundTripSeconds", answers.mean_round_trip_seconds);
    Some(worst.is_of(finding))
}

pub fn far_service(report: &Report) -> Option<Finding> {
    let far = |service: &Service| {
        let answers = &service.answers;
        let is_much = answers.far >= SLOW_ANSWERS && ratio(answers.far, answers.round_trips) >= MOST;
        answers.far.saturating_mul(is_much.into())
    };
    let worst = worst(report, far)?;
    let target = worst.service;
    let (answers, name) = (&target.answers, called(target));
    let sentence = format!(
        "It is far between {name} and its clients: by the handshakes a round trip takes {} on average, and each step of a \
         request waits as long for the way alone.{}",
        seconds_long(answers.mean_round_trip_seconds),
        same_with(worst.others),
    );
    let next =
        "Look where the clients are, and whether packets take a detour, such as over a gateway in another region.";
    let is_known = has_whole_headers(report);
    let round_trips = if is_known { "tcp.analysis.initial_rtt > 0.2" } else { "tcp.flags.syn == 1" };
    let finding = Finding::new(FindingKind::FarService, Severity::Info, sentence, next)
        .shown_by(format!("{} && {round_trips}", of_service(target)))
        .with("far", answers.far)
        .with("roundTrips", answers.round_trips)
        .with("roundTripSeconds", answers.mean_round_trip_seconds);
    Some(worst.is_of(finding))
}
