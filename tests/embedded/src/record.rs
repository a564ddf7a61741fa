//! What a host saw its component do.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};

type Listener = Box<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
pub(crate) struct Record {
    logs: Mutex<Vec<String>>,
    listeners: Mutex<Vec<Listener>>,
    traps: Mutex<Vec<String>>,
    outbound: Mutex<Vec<String>>,
    steps: Mutex<Vec<String>>,
    peak_memory: AtomicU64,
    instances: AtomicUsize,
    most_instances: AtomicUsize,
    killed: AtomicBool,
}

impl Record {
    pub fn log(&self, line: &str) {
        // Held over both steps, so that listeners hear the lines in the order in which they are kept.
        let listeners = self.listeners.lock().unwrap();
        self.logs.lock().unwrap().push(line.to_owned());
        for listener in &*listeners {
            listener(line);
        }
    }

    pub fn logs(&self) -> Vec<String> {
        self.logs.lock().unwrap().clone()
    }

    pub fn on_log(&self, listener: Listener) {
        self.listeners.lock().unwrap().push(listener);
    }

    pub fn trap(&self, text: String) {
        // Instances that a power cut ends are reported as failed too, and are none of the component's doing.
        if !self.is_killed() {
            self.traps.lock().unwrap().push(text);
        }
    }

    pub fn traps(&self) -> Vec<String> {
        self.traps.lock().unwrap().clone()
    }

    pub fn outbound_request(&self, text: String) {
        self.outbound.lock().unwrap().push(text);
    }

    pub fn outbound(&self) -> Vec<String> {
        self.outbound.lock().unwrap().clone()
    }

    pub fn step(&self, text: String) {
        self.steps.lock().unwrap().push(text);
    }

    pub fn steps(&self) -> Vec<String> {
        self.steps.lock().unwrap().clone()
    }

    pub fn memory(&self, bytes: usize) {
        self.peak_memory.fetch_max(bytes as u64, SeqCst);
    }

    pub fn peak_memory(&self) -> u64 {
        self.peak_memory.load(SeqCst)
    }

    pub fn instance_begins(&self) {
        let instances = self.instances.fetch_add(1, SeqCst) + 1;
        self.most_instances.fetch_max(instances, SeqCst);
    }

    pub fn instance_ends(&self) {
        self.instances.fetch_sub(1, SeqCst);
    }

    pub fn instances(&self) -> usize {
        self.instances.load(SeqCst)
    }

    pub fn most_instances(&self) -> usize {
        self.most_instances.load(SeqCst)
    }

    pub fn kill(&self) {
        self.killed.store(true, SeqCst);
    }

    pub fn is_killed(&self) -> bool {
        self.killed.load(SeqCst)
    }
}
