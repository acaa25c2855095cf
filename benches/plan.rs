//! What planning costs, from memory: `cargo bench --bench plan` prints a table. Times are the median
//! processor time of several runs, so that other work on the machine doesn't count; nothing is
//! asserted.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bursar::ledger::past::Past;
use bursar::license::{Holder, Moment, Person, PersonRead, Seat, SeatType};
use bursar::policy::{Limits, NeverRelease, Policy, Property, TypeRule, UserPattern};
use bursar::release::guard;
use bursar::release::plan::{Clocks, Plan, Snapshot, TypeSeats, keeping, people_in_question, plan};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

const RULES_OF_EACH_KIND: usize = 50;
const RUNS: usize = 15;

fn main() {
    let policy = policy();
    let past = Past::default();
    memory(200_000, &policy, &past);
    for (seats, due_percent) in [(10_000, 30), (100_000, 30), (100_000, 100)] {
        times(seats, due_percent, &policy, &past);
    }
}

/// Runs first, while nothing else has been in memory.
fn memory(seats: usize, policy: &Policy, past: &Past) {
    println!(
        "{seats} seats, 30 % due, {} bytes a decision",
        size_of::<bursar::release::Decision>()
    );
    figure("resident before", status("VmRSS"));
    let snapshot = snapshot(seats, 30, policy);
    figure("resident with the snapshot", status("VmRSS"));
    let made = plan("run", "site", &snapshot, past, policy, now());
    figure("resident with snapshot and plan", status("VmRSS"));
    figure("highest so far", status("VmHWM"));
    println!();
    drop((snapshot, made));
}

fn times(seats: usize, due_percent: u32, policy: &Policy, past: &Past) {
    let snapshot = snapshot(seats, due_percent, policy);
    let made = plan("run", "site", &snapshot, past, policy, now());
    println!(
        "{seats} seats, {due_percent} % due, {} people read, {} to be released",
        snapshot.people.len(),
        made.releases(&[]).len()
    );
    let again = || plan("run", "site", &snapshot, past, policy, now());
    line("plan", median(again));
    line("people_in_question", median(|| people_in_question(&snapshot, past, policy, now())));
    line("guards", median(|| guard::check(&made, &snapshot, past, None, None)));
    let one = snapshot.list(SeatType::Analyzer).expect("a list").first().expect("a seat");
    let read = snapshot.people.values().next().expect("a person");
    let thousand = || (0..1_000).for_each(|_| drop(keeping(one, read, past, policy, now())));
    line("keeping, a thousand seats one by one", median(thousand));
    let json = serde_json::to_vec(&made).expect("a plan is JSON");
    line("to JSON", median(|| serde_json::to_vec(&made)));
    line("from JSON", median(|| serde_json::from_slice::<Plan>(&json)));
    line("digest", median(|| made.digest()));
    figure("JSON", format!("{:.1} MB", json.len() as f64 / 1e6));
    println!();
}

fn now() -> DateTime<Utc> {
    "2026-11-24T08:00:00Z".parse().expect("a time")
}

fn policy() -> Policy {
    let each = |text: &str| (0..RULES_OF_EACH_KIND).map(|n| format!("{text} {n}")).collect();
    let users = (0..RULES_OF_EACH_KIND).flat_map(|n| {
        [
            UserPattern {
                directory: "CORP".into(),
                user_id: format!("Admin{n}"),
                ..UserPattern::default()
            },
            UserPattern {
                directory: "CORP".into(),
                user_id: format!("svc{n}_*"),
                ..UserPattern::default()
            },
            UserPattern {
                directory: "*".into(),
                user_id: format!("*-break-glass-{n}"),
                ..UserPattern::default()
            },
        ]
    });
    let mut directories: Vec<_> = each("Partner");
    directories.extend((0..RULES_OF_EACH_KIND).map(|n| format!("lab{n}-*")));
    let property = |n| Property { name: "Department".into(), value: format!("Board {n}") };
    Policy {
        never_release: NeverRelease {
            users: users.collect(),
            directories,
            tags: each("Keep"),
            custom_properties: (0..RULES_OF_EACH_KIND).map(property).collect(),
            roles: each("Role"),
            groups: each("Group"),
            ..NeverRelease::default()
        },
        types: vec![TypeRule::new(SeatType::Professional), TypeRule::new(SeatType::Analyzer)],
        judge_per_user: true,
        limits: Limits::default(),
        calendar: Default::default(),
    }
}

/// Two of five seats are Professional, one user in ten has both. Users are read as a run reads
/// them: those in question.
fn snapshot(seats: usize, due_percent: u32, policy: &Policy) -> Snapshot {
    let mut random = fastrand::Rng::with_seed(7);
    let mut professional = Vec::new();
    let mut analyzer = Vec::new();
    let mut user = 0;
    while professional.len() + analyzer.len() < seats {
        let holder = Arc::new(Holder {
            id: Uuid::from_u128(random.u128(..)),
            directory: "CORP".into(),
            user_id: format!("User{user:06}").into(),
            name: format!("Anna Müller {user}").into(),
        });
        user += 1;
        let both = random.u32(0..10) == 0;
        let due = random.u32(0..100) < due_percent;
        let mut seat = |seat_type| {
            let days = if due { random.i64(31..700) } else { random.i64(0..30) };
            let used =
                now() - TimeDelta::days(days) - TimeDelta::milliseconds(random.i64(0..80_000_000));
            Seat {
                id: Uuid::from_u128(random.u128(..)),
                seat_type,
                holder: Some(holder.clone()),
                deleted_user: None,
                created: Moment::At(used - TimeDelta::days(100)),
                last_used: if due && days % 10 == 0 { Moment::Never } else { Moment::At(used) },
                excess: false,
                quarantined: None,
            }
        };
        if both || user % 5 < 2 {
            professional.push(seat(SeatType::Professional));
        }
        if both || user % 5 >= 2 {
            analyzer.push(seat(SeatType::Analyzer));
        }
    }
    let list = |seat_type, seats| TypeSeats { seat_type, list: Ok(seats) };
    let mut snapshot = Snapshot {
        seats: vec![list(SeatType::Professional, professional), list(SeatType::Analyzer, analyzer)],
        clocks: Some(Clocks { site: now(), here: now() }),
        ..Snapshot::default()
    };
    let asked = people_in_question(&snapshot, &Past::default(), policy, now());
    let lists = snapshot.seats.iter().filter_map(|seats| seats.list.as_ref().ok());
    let holders = lists.flatten().filter_map(|seat| seat.holder.as_ref());
    let asked = holders.filter(|holder| asked.binary_search(&holder.id).is_ok());
    let people: Vec<_> = asked.map(|holder| (holder.id, person(holder, &mut random))).collect();
    snapshot.people.extend(people);
    snapshot
}

/// With as many marks as people have, rarely one that a rule names.
fn person(holder: &Holder, random: &mut fastrand::Rng) -> PersonRead {
    let mut some = |text: &str, most: usize| -> Vec<Box<str>> {
        (0..random.usize(0..=most))
            .map(|_| format!("{text} {}", random.u32(0..2_000)).into())
            .collect()
    };
    PersonRead::Whole(Person {
        id: holder.id,
        directory: (*holder.directory).into(),
        user_id: (*holder.user_id).into(),
        name: (*holder.name).into(),
        roles: Some(some("Role", 2)),
        groups: Some(some("Group", 10)),
        tags: some("Keep", 3),
        properties: some("Board", 4)
            .into_iter()
            .map(|value| ("Department".into(), value))
            .collect(),
        inactive: false,
        blocked: false,
        removed_externally: random.u32(0..20) == 0,
    })
}

/// What it takes to make and to drop a result.
fn median<T>(mut call: impl FnMut() -> T) -> Duration {
    let mut times: Vec<_> = (0..RUNS)
        .map(|_| {
            let started = spent();
            drop(std::hint::black_box(call()));
            spent().saturating_sub(started)
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}

/// Processor time of this thread, where the system tells it; else the time of day.
fn spent() -> Duration {
    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = schedstat.split(' ').next().and_then(|first| first.parse().ok());
    nanoseconds.map_or_else(|| STARTED.elapsed(), Duration::from_nanos)
}

fn line(what: &str, took: Duration) {
    figure(what, format!("{:.3} ms", took.as_secs_f64() * 1e3));
}

fn figure(what: &str, value: String) {
    println!("  {what:<40} {value:>14}");
}

/// A line of `/proc/self/status`, in MiB.
fn status(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{:.1} MiB", kib / 1024.0))
}
