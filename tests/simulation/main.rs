//! The simulation: nightcap itself, several instances of it that share one store, a simulated Azure, and all the trouble
//! that there is, on a virtual clock. One seed decides everything, so a failing seed fails again from its number.
//!
//! ```text
//! cargo test --test simulation                          some thousand seeds
//! NIGHTCAP_SEEDS=100000 cargo test --test simulation    any number of seeds
//! NIGHTCAP_FIRST_SEED=3000 cargo test --test simulation the usual number from there on
//! NIGHTCAP_SEED=17 cargo test --test simulation         one seed, and its whole story
//! ```
//!
//! What must be so after each story, by the simulator's own ledger and not by nightcap's word alone:
//!
//! 1. Every alert that was taken has ended for each of its machines, with a reason and a sentence, in a record; nothing is
//!    left to be done. A program that calls directly is answered with a status that tells how.
//! 2. One capture runs on a machine. Two do only where those who race ask for different names, until that is settled.
//! 3. Only our own captures and those of a fixed name are deleted, and only when they are over. With `dry_run` nothing is
//!    changed.
//! 4. There are never more captures than the limit by our doing, give or take as many as there are instances.
//! 5. Every capture and every failure is told, truly and once; twice only after a loss between sending and writing that
//!    down. What the store has never taken nobody can tell for certain.
//! 6. No secret gets anywhere but to its owner.
//! 7. Nothing panics.
//! 8. Requests stay few, and what was remembered stays remembered.
//!
//! | file | purpose |
//! |---|---|
//! | `plan.rs` | what a seed decides beforehand |
//! | `trouble.rs` | what can go wrong with a request |
//! | `play.rs` | read this next: one story |
//! | `stage.rs`, `host.rs` | Azure, store, clock and the hosts, which die at any moment |
//! | `check/` | the invariants, and what lets one off: by name, counted at the end of a run, and seldom |

#[path = "../common/mod.rs"]
mod common;

mod chance;
mod check;
mod host;
mod plan;
mod play;
mod stage;
mod trouble;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use chance::Chance;
use check::Verdict;
use check::excuse::Uses;
use plan::Plan;
use stage::Stage;

const SEEDS: u64 = 3000;

/// How much of a story is shown.
const LINES: usize = 60;

thread_local! {
    /// What panicked in this thread's story.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What came of a seed.
struct Ended {
    verdict: Verdict,
    story: Vec<String>,
}

/// What came of many.
#[derive(Default)]
struct Stories {
    /// Those that failed, with what was broken first.
    failed: BTreeMap<u64, String>,
    uses: Uses,
}

#[test]
fn every_story_ends_well() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let (seeds, lines) = match number("NIGHTCAP_SEED") {
        Some(seed) => (seed..seed + 1, usize::MAX),
        None => {
            let first = number("NIGHTCAP_FIRST_SEED").unwrap_or_default();
            (first..first + number("NIGHTCAP_SEEDS").unwrap_or(SEEDS), LINES)
        }
    };
    note_panics();
    let stories = seeds.end - seeds.start;
    let Stories { failed, uses } = run_all(seeds.clone());
    // Not `println`, which is shown of failed tests only.
    let mut out = std::io::stderr();
    uses.lines(stories).iter().for_each(|line| writeln!(out, "{line}").unwrap());
    let Some((seed, _)) = failed.first_key_value() else {
        if stories == 1 {
            run(seeds.start, true).story.iter().for_each(|line| writeln!(out, "{line}").unwrap());
        }
        let often = uses.too_often(stories);
        assert!(often.is_empty(), "These excuses are used too often to be any: {}.", often.join(", "));
        return;
    };
    let Ended { verdict: Verdict { broken, .. }, story } = run(*seed, true);
    let story = &story[story.len().saturating_sub(lines)..];
    let others: Vec<String> = failed
        .iter()
        .map(|(seed, broken)| format!("{seed}: {}", broken.chars().take(160).collect::<String>()))
        .collect();
    panic!(
        "{} of {stories} seeds failed:\n{}\n\nSeed {seed}: NIGHTCAP_SEED={seed} cargo test --test simulation\n\n{}\n\n{}\n",
        failed.len(),
        others.join("\n"),
        story.join("\n"),
        broken.join("\n")
    );
}

/// Runs seeds on all cores, each by itself.
fn run_all(seeds: std::ops::Range<u64>) -> Stories {
    let next = AtomicU64::new(seeds.start);
    let stories = Mutex::new(Stories::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |cores| cores.get()) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let Verdict { broken, excused } = run(seed, false).verdict;
                    let mut stories = stories.lock().unwrap();
                    let used: BTreeSet<_> = excused.into_iter().map(|(excuse, _)| excuse).collect();
                    used.into_iter().for_each(|excuse| stories.uses.note(excuse, seed));
                    if let Some(broken) = broken.into_iter().next() {
                        stories.failed.insert(seed, broken);
                    }
                }
            });
        }
    });
    stories.into_inner().unwrap()
}

/// Plays the story of a seed. It is told only on demand, which changes nothing of it.
fn run(seed: u64, tells: bool) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let mut chance = Chance::of_seed(seed);
    let (plan, world) = Plan::of_seed(&mut chance);
    let stage = runtime.block_on(async { Stage::new(plan, world, chance, tells) });
    let played = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(play::play(&stage));
        let _time = runtime.enter();
        check::verdict(&stage)
    }));
    stage.close();
    drop(runtime);
    let mut verdict = played.unwrap_or_default();
    verdict.broken.splice(0..0, PANIC.take().map(|panic| format!("7: {panic}")));
    let mut story = std::mem::take(&mut stage.happened().story);
    story.extend(verdict.excused.iter().map(|(excuse, what)| format!("excused by {}: {what}", excuse.name())));
    Ended { verdict, story }
}

/// Notes what panics in a story, wherever it does, instead of printing it.
fn note_panics() {
    let usual = std::panic::take_hook();
    let main = std::thread::current().id();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == main && panic.to_string().contains("seeds failed") {
            return usual(panic);
        }
        PANIC.with_borrow_mut(|noted| *noted = noted.take().or_else(|| Some(panic.to_string())));
    }));
}
