//! The whole daemon on a seed: a clock that stands still between two things that happen, a simulated site, receivers and a
//! store that fail, restarts and deaths.
//!
//! The same seed is the same script: what goes wrong and when. Which of two answers that come at the same moment is
//! dealt with first is up to the machine. A failure names its seed; `BURSAR_SEED=n` runs that one, `BURSAR_SEEDS=n` so many.

mod oracle;
mod script;
mod servers;
mod single;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use self::world::World;

/// In every run of the tests.
const SEEDS: u64 = 20;
/// From so many on, all that can be reached has to be.
const MANY: u64 = 300;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Runs one seed to its end and returns what it reached.
fn run(seed: u64) -> BTreeMap<String, u64> {
    let mut world = World::new(seed);
    let story = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..world.rng.u32(1..5) {
            world.live();
        }
        world.recover();
        oracle::judge(&mut world);
    }));
    if let Err(panic) = story {
        eprintln!(
            "seed {seed} fails (BURSAR_SEED={seed} runs it again):\n{}",
            world.story.join("\n")
        );
        std::panic::resume_unwind(panic);
    }
    world.reached
}

#[test]
fn whatever_happens_nothing_is_lost_and_nobody_loses_a_seat_who_uses_it() {
    if let Some(seed) = number("BURSAR_SEED") {
        let log = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
        log.with_writer(std::io::stderr).init();
        println!("{:#?}", run(seed));
        return;
    }
    let seeds = number("BURSAR_SEEDS").unwrap_or(SEEDS);
    let first = number("BURSAR_FIRST_SEED").unwrap_or(0);
    let began = Instant::now();
    let mut reached: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first + seeds {
        for (what, count) in run(seed) {
            *reached.entry(what).or_default() += count;
        }
    }
    println!("{seeds} seeds in {:?}: {reached:#?}", began.elapsed());
    let mut expected: Vec<String> = oracle::OF_FEW.map(str::to_owned).into();
    if seeds >= MANY {
        expected.extend(oracle::of_many());
    }
    expected.retain(|what| !reached.contains_key(what));
    assert!(expected.is_empty(), "never reached: {expected:?}");
}
