//! While a file is read time goes on steadily, whatever clocks do. A report tells the times of the clock that most packets have.

use crate::moment::{Moment, TimeRange};
use crate::report::Report;

/// Sets what was noted by the time that goes on steadily to a clock that is ahead of it by so many nanoseconds. Where there are
/// several of them it is not told when something was.
pub(crate) fn set_clock(report: &mut Report, ahead: Option<i64>) {
    let set = |range: &mut Option<TimeRange>| {
        let moved = |moment: Moment, ahead| Moment(moment.0.saturating_add(ahead));
        *range = range
            .zip(ahead)
            .map(|(range, ahead)| TimeRange { from: moved(range.from, ahead), to: moved(range.to, ahead) });
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
