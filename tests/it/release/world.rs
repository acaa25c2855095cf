//! A site with people, a store, and an engine whose clocks are in the test's hands.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bursar::clock::Clock;
use bursar::config::Settings;
use bursar::event::{Body, Event, InForce};
use bursar::ledger::{self, Entry, Intent, Mode, Record, SeatResult, Trigger};
use bursar::license::SeatType;
use bursar::policy::calendar::{Calendar, Hours, minutes_of};
use bursar::qrs::{Backoff, Client, Options, Patience};
use bursar::release::run::{Engine, Order, Progress, Report, Waits};
use bursar::release::settings::Release;
use bursar::simulator::{
    ClockSettings, Control, Fault, FaultRule, Population, RequestLog, Scenario, SeatKind, SeatSpec,
    UserSpec, When,
};
use bursar::store::Store;
use chrono::{DateTime, TimeDelta, Utc, Weekday};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::everything;
use crate::support::process::LIMIT;
use crate::support::setup::Setup;

/// When every test begins.
pub const START: &str = "2026-11-24T08:00:00Z";

pub struct World {
    pub setup: Setup,
    pub settings: Settings,
    pub store: Store,
    since: Instant,
    /// Milliseconds by which all clocks were put forward.
    forward: Arc<AtomicI64>,
}

pub fn start() -> DateTime<Utc> {
    START.parse().unwrap()
}

/// Users `CORP\NAME` with one seat each, last used so many days ago; nobody else.
pub fn people(kind: SeatKind, seats: &[(&str, i64)]) -> Scenario {
    let mut scenario = nobody();
    for (id, days) in seats {
        scenario.users.push(UserSpec::of("CORP", id));
        scenario.seats.push(idle(kind, id, *days));
    }
    scenario
}

/// A site without users and seats, whose clock stands at [`START`].
pub fn nobody() -> Scenario {
    let clock = ClockSettings { start: Some(When::At(start())), ..ClockSettings::default() };
    Scenario { clock, population: Population::none(), ..Scenario::default() }
}

pub fn idle(kind: SeatKind, id: &str, days: i64) -> SeatSpec {
    SeatSpec::of(kind, &format!("CORP\\{id}"), When::days_ago(days))
}

/// So many seats that have been idle for 60 days and more (`idle0` for the longest), and three
/// times as many in use, so that no guard has anything against it.
pub fn crowd(kind: SeatKind, count: usize) -> Scenario {
    let names: Vec<_> = (0..count * 4)
        .map(|n| if n < count { format!("idle{n}") } else { format!("busy{n}") })
        .collect();
    let seats: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(n, name)| (name.as_str(), if n < count { 60 + (count - n) as i64 } else { 1 }))
        .collect();
    let mut scenario = people(kind, &seats);
    scenario.pools.analyzer.total = 1_000_000;
    scenario.pools.professional.total = 1_000_000;
    scenario
}

impl World {
    /// Both types enabled, everything else as the settings have it by default.
    pub async fn new(scenario: Scenario) -> Self {
        Self::at(scenario, TimeDelta::zero()).await
    }

    /// The same now, for the real program, whose clock is the machine's; and its settings file.
    pub async fn now(scenario: Scenario) -> (Self, PathBuf) {
        let scenario = Scenario { clock: ClockSettings::default(), ..scenario };
        let world = Self::at(scenario, Utc::now() - start()).await;
        let file = world.setup.folder.path().join("bursar.yaml");
        (world, file)
    }

    /// The same, with all clocks so long after [`START`].
    pub async fn at(scenario: Scenario, after_start: TimeDelta) -> Self {
        let setup = Setup::new(scenario).await;
        let yaml = setup.yaml(
            "every 24 hours",
            "    licenseRelease:
      enable: true
      dryRun: false
      neverRelease: {tag: [Keep]}
      licenseType:
        analyzer: {enable: true}
        professional: {enable: true}
",
        );
        let settings = setup.load(&yaml);
        let since = Instant::now();
        let forward = Arc::new(AtomicI64::new(after_start.num_milliseconds()));
        let store = open(&settings, since, &forward).await;
        Self { setup, settings, store, since, forward }
    }

    pub fn control(&self) -> &Control {
        self.setup.site.control()
    }

    pub fn fault(&self, rule: impl Into<FaultRule>) -> &Self {
        self.control().set_fault(rule);
        self
    }

    /// Changes the settings of releases.
    pub fn settings(&mut self, change: impl FnOnce(&mut Release)) -> &mut Self {
        change(&mut self.settings.sites[0].release);
        self
    }

    pub fn clock(&self) -> Clock {
        clock(self.since, &self.forward)
    }

    /// Puts the clocks of the site, the store and of engines made from now on forward.
    pub fn pass(&self, time: TimeDelta) {
        self.forward.fetch_add(time.num_milliseconds(), Ordering::Relaxed);
        self.control().advance(time);
    }

    /// Lets the lock of the site end soon, for the real program, whose clock is the machine's.
    pub fn lock_ends_in(&self, time: TimeDelta) {
        let until = (Utc::now() + time).timestamp_millis();
        let db = crate::support::store::database(self.setup.store());
        let changed = db.execute("UPDATE release_claim SET until = ?1", [until]);
        assert_eq!(changed.expect("it is changed"), 1);
    }

    /// A connection to the store of its own, as another process has it.
    pub async fn another_store(&self) -> Store {
        open(&self.settings, self.since, &self.forward).await
    }

    pub fn engine(&self) -> Engine {
        let site = &self.settings.sites[0];
        let addressing = InForce::from(everything(&site.name));
        let millis = Duration::from_millis;
        let backoff = Backoff { first: millis(1), cap: millis(2) };
        let options = Options { rng: fastrand::Rng::with_seed(1), backoff, ..Options::default() };
        let client = Client::with(&site.name, &site.connection, options).expect("the files fit");
        Engine {
            site: self.settings.release_site(site),
            client,
            store: self.store.clone(),
            clock: self.clock(),
            addressing,
            // Batches don't depend on how fast the machine is.
            waits: Waits {
                second_look: millis(5),
                ahead: millis(1_000_000),
                others: millis(1_000_000),
                ..Waits::default()
            },
        }
    }

    /// The id of a user `CORP\NAME`.
    pub fn user(&self, id: &str) -> String {
        let users = self.control().users();
        users.iter().find(|user| user.user_id == id).expect("there is such a user").id.to_string()
    }

    /// The id of the seat of a user `CORP\NAME`.
    pub fn seat(&self, kind: SeatKind, id: &str) -> String {
        let seat = self.control().seat_of(kind, "CORP", id);
        seat.expect("there is such a seat").id.to_string()
    }

    pub async fn run(&self, mode: Mode) -> Report {
        self.engine().run(&order(mode)).await.expect("there is a run")
    }

    /// The requests that were to change something, oldest first.
    pub fn changes(&self) -> Vec<RequestLog> {
        let mut requests = self.control().requests();
        requests.retain(|request| request.method != "GET");
        requests
    }

    pub fn deletes(&self) -> usize {
        self.changes().iter().filter(|request| request.method == "DELETE").count()
    }

    /// Waits until the site has seen so many DELETEs.
    pub async fn until_deletes(&self, count: usize) {
        self.until_requests("DELETE", "", count).await;
    }

    /// Waits until the site has seen so many of these requests.
    pub async fn until_requests(&self, method: &str, path: &str, count: usize) {
        let seen = || {
            let requests = self.control().requests_to(path);
            requests.iter().filter(|request| request.method == method).count()
        };
        until(|| seen() >= count).await;
    }

    /// Waits until a user has no seat.
    pub async fn until_gone(&self, kind: SeatKind, id: &str) {
        until(|| self.control().seat_of(kind, "CORP", id).is_none()).await;
    }

    /// Fails if any seat was deleted twice.
    pub fn assert_no_delete_twice(&self) {
        let mut paths: Vec<_> = self.changes().into_iter().map(|request| request.line()).collect();
        let all = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), all, "the same change was asked for twice");
    }

    /// The ids of the users who have a seat of a kind that can be used, sorted.
    pub fn holders(&self, kind: SeatKind) -> Vec<String> {
        let users = self.control().users();
        let seats = self.control().seats(kind);
        let usable = seats.iter().filter(|seat| seat.quarantined_until.is_none());
        let mut ids: Vec<_> = usable
            .filter_map(|seat| users.iter().find(|user| Some(user.id) == seat.user))
            .map(|user| user.user_id.clone())
            .collect();
        ids.sort_unstable();
        ids
    }

    pub async fn records(&self) -> Vec<Record> {
        self.store.records(1, 1_000_000).await.expect("the ledger can be read")
    }

    pub async fn entries(&self) -> Vec<Entry> {
        self.records().await.into_iter().map(|record| record.entry).collect()
    }

    pub async fn intents(&self) -> Vec<Intent> {
        let entries = self.entries().await.into_iter();
        entries
            .filter_map(|entry| match entry {
                Entry::Intent(intent) => Some(intent),
                _ => None,
            })
            .collect()
    }

    pub async fn outcomes(&self) -> Vec<ledger::Outcome> {
        let entries = self.entries().await.into_iter();
        entries
            .filter_map(|entry| match entry {
                Entry::Outcome(outcome) => Some(outcome),
                _ => None,
            })
            .collect()
    }

    /// Who was recorded with which result, by user id, in the order of the records.
    pub async fn results(&self) -> Vec<(String, SeatResult)> {
        let outcomes = self.outcomes().await.into_iter();
        outcomes.map(|outcome| (outcome.holder.user_id.to_string(), outcome.result)).collect()
    }

    pub async fn unsettled(&self) -> usize {
        let site = &self.settings.sites[0].name;
        self.store.unsettled(site).await.expect("the store can be read").len()
    }

    /// Everything that was told, oldest first.
    pub async fn events(&self) -> Vec<Event> {
        let batch = self.store.next_batch("everything", 1_000_000).await;
        batch.expect("the store can be read").into_iter().map(|queued| queued.event).collect()
    }

    /// What was told of one kind.
    pub async fn bodies(&self, kind: &str) -> Vec<Body> {
        let mut events = self.events().await;
        events.retain(|event| event.kind().as_str() == kind);
        events.into_iter().map(|event| event.body).collect()
    }

    /// The user ids in the `seatReleased` events.
    pub async fn released_events(&self) -> Vec<String> {
        let told = self.bodies("seatReleased").await.into_iter();
        told.filter_map(|body| match body {
            Body::SeatReleased(released) => Some(released.seat.holder.user_id.to_string()),
            _ => None,
        })
        .collect()
    }
}

async fn until(done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("it happens");
}

fn clock(since: Instant, forward: &AtomicI64) -> Clock {
    let start = start() + TimeDelta::milliseconds(forward.load(Ordering::Relaxed));
    Clock::Following { start, since, speed: 1.0 }
}

async fn open(settings: &Settings, since: Instant, forward: &Arc<AtomicI64>) -> Store {
    let (storage, forward) = (settings.storage.clone(), forward.clone());
    let now = move || clock(since, &forward).now();
    crate::support::store::open(&storage.path, storage.outbox, now).await.expect("the store opens")
}

/// Seats may be taken on Tuesdays from 10:00 to 11:00 in Stockholm: an hour after [`START`].
pub fn from_ten_to_eleven() -> Calendar {
    let [from, to] = ["10:00", "11:00"].map(|time| minutes_of(time).unwrap());
    Calendar {
        time_zone: chrono_tz::Europe::Stockholm,
        allowed_hours: vec![Hours { days: vec![Weekday::Tue], from, to }],
        ..Calendar::default()
    }
}

pub fn order(mode: Mode) -> Order {
    Order {
        mode,
        trigger: Trigger::Command { user: "anna@test".into(), process: None },
        stop: CancellationToken::new(),
        // No second try where a test breaks the site.
        patience: Patience::ONCE,
        progress: Progress::default(),
    }
}

/// An order that calls `then` after each seat.
pub fn after(mode: Mode, then: impl Fn(u64, u64) + Send + Sync + 'static) -> Order {
    Order { progress: Progress(Arc::new(then)), ..order(mode) }
}

pub fn status(code: u16) -> Fault {
    Fault::Status { code, html: false, retry_after_seconds: None }
}

/// The path of a type's seats, or of one of them.
pub fn path(seat_type: SeatType, id: &str) -> String {
    format!("/qrs/license/{seat_type}accesstype/{id}")
}

/// A future that is dropped after so many polls, wherever it is then.
pub struct Mortal<F> {
    work: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Mortal<F> {
    pub fn new(work: F, polls: usize) -> Self {
        Self { work: Box::pin(work), polls }
    }
}

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.work.as_mut().poll(cx).map(Some)
    }
}
