//! What the pretend Azure remembers from one request to the next.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use crate::capture::lifecycle::Capture;
use crate::identifier::Identifiers;
use crate::installation::Installation;
use crate::operation::Operations;
use crate::rates::Rates;
use crate::sink::Message;
use crate::token::Tokens;
use crate::world::inventory::World;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) identifiers: Identifiers,
    pub(crate) tokens: Tokens,
    /// Every capture ever asked for, oldest first. A capture's index is its number for ever.
    pub(crate) captures: Vec<Capture>,
    /// Where captures were told that their files will be: no two are made alike.
    pub(crate) storage_paths: HashSet<String>,
    pub(crate) operations: Operations,
    /// Extensions that are being provisioned.
    pub(crate) installations: Vec<Installation>,
    pub(crate) rates: Rates,
    /// Files that were read before, by the capture's number and their own: making one takes time.
    pub(crate) file_cache: HashMap<(usize, usize), Bytes>,
    pub(crate) messages: Vec<Message>,
}

impl State {
    pub(crate) fn new(world: World) -> State {
        State {
            world,
            identifiers: Identifiers::default(),
            tokens: Tokens::default(),
            captures: Vec::new(),
            storage_paths: HashSet::new(),
            operations: Operations::default(),
            installations: Vec::new(),
            rates: Rates::default(),
            file_cache: HashMap::new(),
            messages: Vec::new(),
        }
    }
}
