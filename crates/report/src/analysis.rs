//! From the bytes of a file to its report.

use crate::file::{Fault, Reader};
use crate::report::{CaptureFile, FileFault, Report};
use crate::statistics::Statistics;

/// Makes a report of a file whose bytes are pushed as they arrive. A clone can be asked for what is known so far.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    reader: Reader,
    statistics: Statistics,
}

impl Analysis {
    /// One whose report tells no names of hosts, zones and servers, for those who must not keep them.
    pub fn without_names() -> Self {
        let mut analysis = Self::default();
        analysis.statistics.leaves_out_names = true;
        analysis
    }

    /// Takes the next bytes of the file, as many as there are.
    pub fn push(&mut self, bytes: &[u8]) {
        let statistics = &mut self.statistics;
        self.reader.push(bytes, |record| statistics.count(&record));
    }

    /// What is wrong with the file. After a fault nothing is read any more, and nothing needs to be pushed.
    pub fn fault(&self) -> Option<Fault> {
        self.reader.fault()
    }

    /// The report of a file that has been pushed to its end.
    pub fn finish(mut self) -> Report {
        let fault = self.reader.end();
        self.report(fault)
    }

    /// The report of a file of which no more will be pushed, although there is more: it has so many bytes.
    pub fn stop(self, length: u64) -> Report {
        let fault = self.reader.fault();
        let report = self.report(fault);
        Report { file: CaptureFile { is_complete: false, length: Some(length), ..report.file }, ..report }
    }

    fn report(self, fault: Option<Fault>) -> Report {
        let reader = &self.reader;
        let file = CaptureFile {
            format: reader.format().map(|format| <&str>::from(format).to_owned()),
            bytes_read: fault.map_or(reader.position(), |fault| fault.at),
            is_complete: fault.is_none(),
            length: None,
            fault: fault.map(FileFault::from),
            sections: reader.sections(),
            interfaces: reader.interfaces(),
            skipped_blocks: reader.skipped_blocks(),
            link_types: Vec::new(),
        };
        self.statistics.report(file)
    }
}
