//! What the invariants find in one story.

use super::excuse::Excuse;

#[derive(Default)]
pub struct Verdict {
    pub broken: Vec<String>,
    /// What would be broken without an excuse, and the first that holds.
    pub excused: Vec<(Excuse, String)>,
}

impl Verdict {
    pub fn broken(&mut self, what: String) {
        self.broken.push(what);
    }

    /// The same, unless one of these excuses holds.
    pub fn broken_unless(&mut self, excuses: &[(Excuse, bool)], what: String) {
        match excuses.iter().find(|(_, holds)| *holds) {
            Some((excuse, _)) => self.excused.push((*excuse, what)),
            None => self.broken.push(what),
        }
    }
}
