//! What lets an invariant off, by name. Each use is counted: an excuse that is needed often is a fault without a name.

use std::collections::BTreeMap;

use strum::IntoStaticStr;

/// The most stories of a thousand in which an excuse may be used.
const MOST_OF_A_THOUSAND: u64 = 1;

/// So many uses show no frequency: of one that is needed in half a story of a thousand, three thousand stories may well need four.
const FEW: u64 = 5;

/// Why something that is broken may be so in this story. What each of them stands for is said where it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Excuse {
    LeftToTheDay,
    OutcomeRefusedByStore,
    LookAtRivalStruck,
    JoinedWhileStopping,
    TroubleWhileSettling,
    BegunLongAfterItsName,
    ListShortened,
    OursUnreadable,
    DeletedForFormerNamesake,
    DeletedByHandUnseen,
    CaptureRecordUnreadable,
    NamesakeDeletedByHand,
    NamesakeLostWithHost,
    ToldBeforeOtherwise,
    AlertUnreadable,
    ClaimUnreadable,
    DeliveryNotWritten,
    OwnStopUnreadable,
    StoppedByHandFirst,
}

impl Excuse {
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// In which stories each excuse was used.
#[derive(Default)]
pub struct Uses(BTreeMap<Excuse, Vec<u64>>);

impl Uses {
    pub fn note(&mut self, excuse: Excuse, seed: u64) {
        self.0.entry(excuse).or_default().push(seed);
    }

    /// A line for each excuse that was used.
    pub fn lines(&self, stories: u64) -> Vec<String> {
        let line = |(excuse, seeds): (&Excuse, &Vec<u64>)| {
            let mut seeds = seeds.clone();
            seeds.sort_unstable();
            let some: Vec<String> = seeds.iter().take(5).map(u64::to_string).collect();
            format!("{}: used in {} of {stories} stories (seeds {} …)", excuse.name(), seeds.len(), some.join(", "))
        };
        self.0.iter().map(line).collect()
    }

    /// Those that are used more often than an excuse may be.
    pub fn too_often(&self, stories: u64) -> Vec<&'static str> {
        let most = (stories * MOST_OF_A_THOUSAND / 1000).max(FEW);
        let often = |(excuse, seeds): (&Excuse, &Vec<u64>)| (seeds.len() as u64 > most).then(|| excuse.name());
        self.0.iter().filter_map(often).collect()
    }
}
