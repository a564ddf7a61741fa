//! Captures that hold one direction only: what is missing in them was not lost.

use crate::connection::Connections;
use crate::detect::filter::of_service;
use crate::detect::services::{called, worst};
use crate::detect::words::ratio;
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::number;
use crate::report::Report;

/// Connections of which one side is missing are more than chance from here on.
const ONE_WAY: u64 = 3;

/// Where this share of the connections that went on is one-way, so is the capture.
const ONE_WAY_SHARE: f64 = 0.9;

fn went_on(report: &Report) -> u64 {
    let Connections { answered, half_open, aborted, under_way, .. } = report.tcp.connections;
    answered.saturating_sub(half_open).saturating_sub(aborted).saturating_add(under_way)
}

/// Whether answers are missing since nobody has captured them.
pub fn is_one_way(report: &Report) -> bool {
    let one_way = report.tcp.connections.one_way;
    one_way >= ONE_WAY && ratio(one_way, went_on(report)) >= ONE_WAY_SHARE
}

pub fn captured_one_way(report: &Report) -> Option<Finding> {
    if !is_one_way(report) {
        return None;
    }
    let (one_way, all) = (report.tcp.connections.one_way, went_on(report));
    let worst = worst(report, |service| service.connections.one_way)?;
    let target = worst.service;
    let sentence = format!(
        "Only one direction was captured: of {} of {} TCP connections that went on the file holds one side, most often with \
         {}. What seems to be missing in it may have been there.",
        number(one_way),
        number(all),
        called(target),
    );
    let next = "Look whether the capture's filters name one direction, or packets come or go by another interface.";
    let finding = Finding::new(FindingKind::CapturedOneWay, Severity::Info, sentence, next)
        .shown_by(of_service(target))
        .with("oneWay", one_way)
        .with("connections", all);
    Some(worst.is_of(finding))
}
