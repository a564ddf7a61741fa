//! While a file is read time goes on steadily, whatever clocks do. A report tells the times of the clock that most packets have.

use crate::moment::{Moment, TimeRange};
use crate::report::Report;

/// Sets what was noted by the time that goes on steadily to a clock that is ahead of it by so many nanoseconds.
pub(crate) fn set_clock(report: &mut Report, ahead: i64) {
    let set = |range: &mut Option<TimeRange>| {
        let moved = |moment: Moment| Moment(moment.0.saturating_add(ahead));
        *range = range.map(|range| TimeRange { from: moved(range.from), to: moved(range.to) });
    };
    set(&mut report.tcp.zero_windows_during);
    set(&mut report.dns.errors_during);
    set(&mut report.dns.late_during);
    set(&mut report.tls.failed_during);
    set(&mut report.icmp.too_big_during);
    let tcp = &mut report.tcp;
    for service in tcp.services.rows_mut().chain(&mut tcp.troubled) {
        service.during.ranges_mut().into_iter().for_each(set);
    }
}
