mod poison;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::destination::{Probe, ProbeFailure};
use crate::event::{Class, Event};
use crate::store::Selector;
use crate::store::samples::{self, Log};
use crate::store::settings::OutboxLimits;

const ID: &str = "fake";

/// What the fake does with one call.
#[derive(Debug, Clone)]
enum Act {
    /// All events done.
    Done,
    /// These outcomes, whatever was sent.
    Say(Vec<Outcome>),
    Panic,
    /// Takes this long, then all done.
    After(Duration),
    /// Takes this long, then these outcomes.
    Late(Duration, Vec<Outcome>),
    Hang,
}

fn retry() -> Outcome {
    Outcome::Retry { after: None, why: "busy".into() }
}

fn retry_after(seconds: u64) -> Act {
    let after = Some(Duration::from_secs(seconds));
    Act::Say(vec![Outcome::Retry { after, why: "busy".into() }])
}

fn refused() -> Outcome {
    Outcome::Refused { why: "no such thing".into() }
}

/// One call of `deliver`: seconds since the start, and the sites of the events, which the tests
/// use as names.
type Call = (f64, Vec<String>);

/// A destination that follows a script and writes down its calls. After the script's end all is
/// done at once.
struct Fake {
    started: Instant,
    script: Mutex<VecDeque<Act>>,
    /// After the script: whether an event fails, by the seconds since the start.
    fails: fn(&Event, f64) -> bool,
    /// The pause that it asks for then.
    after: Option<Duration>,
    calls: Mutex<Vec<Call>>,
    /// All that was sent, in order.
    sent: Mutex<Vec<Event>>,
    /// All that was acknowledged outside of the script, in order.
    taken: Mutex<Vec<Event>>,
    called: Notify,
    max_batch: usize,
    min_interval: Option<Duration>,
    background: Background,
    runs: AtomicUsize,
}

/// What `run` does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Background {
    Proper,
    ReturnsAtOnce,
    PanicsOnce,
    IgnoresStop,
}

#[async_trait]
impl Destination for Fake {
    fn id(&self) -> &str {
        ID
    }

    fn title(&self) -> String {
        "the fake".into()
    }

    fn max_batch(&self) -> usize {
        self.max_batch
    }

    fn min_interval(&self) -> Option<Duration> {
        self.min_interval
    }

    async fn run(&self, stop: CancellationToken) {
        let first = self.runs.fetch_add(1, Ordering::Relaxed) == 0;
        match self.background {
            Background::ReturnsAtOnce => {}
            Background::PanicsOnce if first => panic!("background fell over"),
            Background::IgnoresStop => std::future::pending().await,
            _ => stop.cancelled().await,
        }
    }

    async fn deliver(&self, events: &[Event]) -> Vec<Outcome> {
        let names = events.iter().map(|e| e.site.clone()).collect();
        self.calls.lock().unwrap().push((self.started.elapsed().as_secs_f64(), names));
        self.sent.lock().unwrap().extend_from_slice(events);
        self.called.notify_one();
        let Some(act) = self.script.lock().unwrap().pop_front() else {
            let now = self.started.elapsed().as_secs_f64();
            let mut waits = false;
            let outcome = |event: &Event| {
                waits |= (self.fails)(event, now);
                if waits {
                    return Outcome::Retry { after: self.after, why: "busy".into() };
                }
                self.taken.lock().unwrap().push(event.clone());
                Outcome::Done
            };
            return events.iter().map(outcome).collect();
        };
        match act {
            Act::Done => {}
            Act::Say(outcomes) => return outcomes,
            Act::Panic => panic!("delivery fell over"),
            Act::After(time) => sleep(time).await,
            Act::Late(time, outcomes) => {
                sleep(time).await;
                return outcomes;
            }
            Act::Hang => std::future::pending().await,
        }
        vec![Outcome::Done; events.len()]
    }

    async fn probe(&self) -> Result<Probe, ProbeFailure> {
        unreachable!("a worker doesn't probe")
    }
}

/// A worker on paused time, with its fake destination and a real store.
struct Stage {
    folder: TempDir,
    store: Store,
    fake: Arc<Fake>,
    stop: CancellationToken,
    worker: Option<JoinHandle<()>>,
}

impl Stage {
    async fn new(script: impl IntoIterator<Item = Act>) -> Self {
        Self::with(script, |_| {}).await
    }

    async fn with(script: impl IntoIterator<Item = Act>, change: impl FnOnce(&mut Fake)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits =
            OutboxLimits { max_events: 1000, max_age: Duration::from_secs(30 * 24 * 60 * 60) };
        let store =
            crate::store::opened::open(&folder.path().join("bursar.db"), limits, chrono::Utc::now)
                .await
                .unwrap();
        let mut fake = Fake {
            started: Instant::now(),
            script: Mutex::new(script.into_iter().collect()),
            fails: |_, _| false,
            after: None,
            calls: Mutex::default(),
            sent: Mutex::default(),
            taken: Mutex::default(),
            called: Notify::new(),
            max_batch: 1,
            min_interval: None,
            background: Background::Proper,
            runs: AtomicUsize::new(0),
        };
        change(&mut fake);
        let stop = CancellationToken::new();
        Self { folder, store, fake: Arc::new(fake), stop, worker: None }
    }

    fn start(&mut self) {
        let rng = fastrand::Rng::with_seed(7);
        let run =
            run(self.fake.clone(), self.store.clone(), SetAside::after(5), rng, self.stop.clone());
        self.worker = Some(tokio::spawn(run));
    }

    /// Stops the worker; returns how long that took.
    async fn stop(&mut self) -> Duration {
        let since = Instant::now();
        self.stop.cancel();
        self.worker.take().unwrap().await.unwrap();
        since.elapsed()
    }

    async fn record(&self, event: Event) {
        self.store.record(vec![(event, vec![ID.into()])]).await.unwrap();
    }

    /// Waits until the fake was called this often.
    async fn calls(&self, count: usize) -> Vec<Call> {
        loop {
            let calls = self.fake.calls.lock().unwrap().clone();
            if calls.len() >= count {
                return calls;
            }
            timeout(Duration::from_secs(3600 * 3), self.fake.called.notified())
                .await
                .unwrap_or_else(|_| panic!("waited for {count} calls, got {calls:?}"));
        }
    }

    /// Waits until nothing waits any more.
    async fn drained(&self) -> Vec<Call> {
        for _ in 0..10_000 {
            if self.state().await.0 == 0 {
                return self.fake.calls.lock().unwrap().clone();
            }
            sleep(Duration::from_secs(1)).await;
        }
        panic!("the queue was not drained");
    }

    /// Pending and dead.
    async fn state(&self) -> (u64, u64) {
        self.store.queue_state(ID).await.unwrap().map_or((0, 0), |s| (s.pending, s.dead))
    }
}

fn recurring(name: &str) -> Event {
    samples::recurring(name, 0)
}

fn alert(name: &str) -> Event {
    samples::alert(name, 0)
}

fn names(calls: &[Call]) -> Vec<String> {
    calls.iter().map(|(_, names)| names.join(" ")).collect()
}

#[tokio::test(start_paused = true)]
async fn events_are_delivered_in_the_order_they_were_recorded() {
    let mut t = Stage::new([]).await;
    t.record(alert("a")).await;
    t.record(alert("b")).await;
    t.start();
    t.calls(2).await;
    t.drained().await;
    sleep(Duration::from_secs(2)).await;
    let idle_until = t.fake.started.elapsed().as_secs_f64();
    t.record(recurring("c")).await;
    let calls = t.calls(3).await;
    assert_eq!(names(&calls), ["a", "b", "c"]);
    assert!(calls[2].0 - idle_until < 0.1, "an idle worker wakes at once: {calls:?}");
    t.drained().await;
    assert_eq!(t.stop().await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_retry_holds_back_what_comes_after_it() {
    let script = [Act::Say(vec![retry()]), Act::Say(vec![retry()]), Act::Done];
    let mut t = Stage::new(script).await;
    t.record(alert("a")).await;
    t.record(alert("b")).await;
    t.start();
    assert_eq!(names(&t.calls(4).await), ["a", "a", "a", "b"]);
    t.drained().await;
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn waits_grow_to_half_a_minute_and_start_again_after_a_success() {
    let mut t = Stage::new(vec![Act::Say(vec![retry()]); 40]).await;
    t.record(alert("a")).await;
    t.record(alert("b")).await;
    t.start();
    let calls = t.calls(42).await;
    let waits: Vec<f64> = calls.windows(2).map(|w| w[1].0 - w[0].0).collect();
    for (n, wait) in waits.iter().take(40).enumerate() {
        let bound = 2f64.powi(n as i32).min(30.0);
        assert!(*wait <= bound + 0.1, "wait {n} took {wait} s");
    }
    assert!(waits.iter().any(|w| *w > 20.0), "{waits:?}");
    assert!(waits[40] < 0.1, "after a success there is no wait: {waits:?}");
    t.fake.script.lock().unwrap().push_back(Act::Say(vec![retry()]));
    t.drained().await;
    t.record(alert("c")).await;
    let calls = t.calls(44).await;
    assert!(calls[43].0 - calls[42].0 <= 1.1, "{calls:?}");
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_a_receiver_asks_for_is_kept_up_to_an_hour() {
    let mut t = Stage::new([retry_after(90), retry_after(100_000)]).await;
    t.record(alert("a")).await;
    t.start();
    let calls = t.calls(3).await;
    let waits: Vec<f64> = calls.windows(2).map(|w| w[1].0 - w[0].0).collect();
    assert!((90.0..91.0).contains(&waits[0]), "{waits:?}");
    assert!((3600.0..3601.0).contains(&waits[1]), "{waits:?}");
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_nothing_is_no_shorter_than_the_usual_one() {
    let mut waits = Vec::new();
    for act in [Act::Say(vec![retry()]), retry_after(0)] {
        let mut t = Stage::new(vec![act; 40]).await;
        t.record(alert("a")).await;
        t.start();
        let calls = t.calls(41).await;
        waits.push(calls.windows(2).map(|w| (w[1].0 - w[0].0).round()).collect::<Vec<f64>>());
        t.stop().await;
    }
    assert_eq!(waits[0], waits[1]);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_becomes_a_dead_letter_and_makes_way() {
    let mut t = Stage::new([Act::Say(vec![refused()])]).await;
    t.record(alert("a")).await;
    t.record(alert("b")).await;
    t.start();
    let calls = t.calls(2).await;
    assert_eq!(names(&calls), ["a", "b"]);
    assert!(calls[1].0 < 0.1, "without a wait: {calls:?}");
    t.drained().await;
    assert_eq!(t.state().await, (0, 1));
    let dead = t.store.list(Some(ID), true, 10).await.unwrap();
    assert_eq!(dead[0].last_error.as_deref(), Some("no such thing"));

    // A person gives it another chance; the worker hears of it at once.
    t.store.retry(Selector::Dead { destination: None }).await.unwrap();
    assert_eq!(names(&t.calls(3).await)[2], "a");
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_only_what_failed_is_sent_again_and_first() {
    let partly = Act::Say(vec![Outcome::Done, retry(), Outcome::Done]);
    let mut t = Stage::with([partly], |fake| fake.max_batch = 3).await;
    for name in ["a", "b", "c", "d", "e"] {
        t.record(recurring(name)).await;
    }
    t.start();
    // One at a time until it is through, then more and more.
    assert_eq!(names(&t.calls(3).await), ["a b c", "b", "d e"]);
    t.drained().await;
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_number_of_outcomes_is_a_failed_delivery() {
    let script = [vec![], vec![Outcome::Done; 3]].map(Act::Say);
    let mut t = Stage::with(script, |fake| fake.max_batch = 2).await;
    t.record(recurring("a")).await;
    t.record(recurring("b")).await;
    t.start();
    assert_eq!(names(&t.calls(4).await), ["a b", "a", "a", "b"]);
    t.drained().await;
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_delivery_is_a_failed_delivery() {
    let mut t = Stage::new([Act::Panic, Act::Panic]).await;
    t.record(alert("a")).await;
    t.start();
    t.calls(2).await;
    let state = t.store.queue_state(ID).await.unwrap().unwrap();
    assert_eq!(state.last_error.as_deref(), Some("it panicked: delivery fell over"));
    assert_eq!(names(&t.calls(3).await), ["a", "a", "a"]);
    t.drained().await;
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_never_ends_is_cut_off_and_repeated() {
    let mut t = Stage::new([Act::Hang]).await;
    t.record(alert("a")).await;
    t.start();
    let calls = t.calls(2).await;
    assert!((120.0..122.0).contains(&calls[1].0), "{calls:?}");
    t.drained().await;
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn at_a_stop_the_delivery_in_hand_is_finished() {
    let mut t = Stage::new([Act::After(Duration::from_secs(4))]).await;
    t.record(alert("a")).await;
    t.record(alert("b")).await;
    t.start();
    t.calls(1).await;
    let took = t.stop().await;
    assert!((3..5).contains(&took.as_secs()), "{took:?}");
    assert_eq!(t.state().await, (1, 0), "the first is settled, the second still waits");
    assert_eq!(names(&t.calls(1).await), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn at_a_stop_a_delivery_that_goes_on_is_given_up_and_its_event_kept() {
    let mut t = Stage::new([Act::Hang]).await;
    t.record(alert("a")).await;
    t.start();
    t.calls(1).await;
    let took = t.stop().await;
    assert_eq!(took.as_secs(), 5);
    assert_eq!(t.state().await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn at_a_stop_no_wait_is_waited_out() {
    let mut t = Stage::with([retry_after(600)], |fake| {
        fake.min_interval = Some(Duration::from_secs(600));
    })
    .await;
    t.record(alert("a")).await;
    t.start();
    t.calls(1).await;
    while t.store.queue_state(ID).await.unwrap().unwrap().attempts == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(t.stop().await, Duration::ZERO);
    assert_eq!(t.state().await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_delays_alerts_and_reduces_recurring_data_to_the_newest() {
    let minute = Duration::from_secs(60);
    let mut t = Stage::with([], |fake| fake.min_interval = Some(minute)).await;
    t.record(samples::recurring("first", 0)).await;
    t.start();
    t.calls(1).await;
    // All of one site and kind, in the minute that the worker waits.
    let mut sent = Vec::new();
    for n in 1..=3 {
        let (data, word) = (samples::recurring("a", n), samples::alert("a", n));
        sent.extend([data.clone(), word.clone()]);
        t.record(data).await;
        t.record(word).await;
    }
    let calls = t.calls(5).await;
    for (n, pair) in calls.windows(2).enumerate() {
        let wait = pair[1].0 - pair[0].0;
        assert!((60.0..60.1).contains(&wait), "wait {n}: {wait}");
    }
    t.drained().await;
    // Three alerts and the newest of the three recurring events, in their order.
    assert_eq!(t.fake.calls.lock().unwrap().len(), 5);
    let got = t.fake.sent.lock().unwrap().clone();
    let expected = [Class::Recurring, Class::Alert, Class::Alert, Class::Alert, Class::Recurring];
    assert_eq!(got.iter().map(Event::class).collect::<Vec<_>>(), expected);
    assert_eq!(got[1..], [&sent[1], &sent[3], &sent[5], &sent[4]].map(Event::clone));
    assert_eq!(t.stop().await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_holds_for_failed_deliveries_too() {
    let minute = Duration::from_secs(60);
    let mut t =
        Stage::with([Act::Say(vec![retry()])], |fake| fake.min_interval = Some(minute)).await;
    t.record(alert("a")).await;
    t.start();
    let calls = t.calls(2).await;
    assert!((60.0..60.1).contains(&calls[1].0), "{calls:?}");
    t.stop().await;
}

/// As `bursar outbox retry` does it beside a running daemon.
#[tokio::test(start_paused = true)]
async fn another_process_can_ask_for_a_retry_at_once() {
    let mut t = Stage::new([retry_after(3000)]).await;
    t.record(alert("a")).await;
    t.start();
    t.calls(1).await;
    let limits = OutboxLimits { max_events: 1000, max_age: Duration::from_secs(100_000) };
    let command =
        crate::store::opened::open(&t.folder.path().join("bursar.db"), limits, chrono::Utc::now)
            .await
            .unwrap();
    command.retry(Selector::Destination(ID.into())).await.unwrap();
    let calls = t.calls(2).await;
    assert!(calls[1].0 <= 10.0, "{calls:?}");
    // What another process records is found as well.
    t.drained().await;
    command.record(vec![(alert("b"), vec![ID.into()])]).await.unwrap();
    let calls = t.calls(3).await;
    assert!(calls[2].0 - calls[1].0 <= 10.0, "{calls:?}");
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_asked_for_during_a_delivery_counts() {
    let later = Some(Duration::from_secs(3000));
    let fails = vec![Outcome::Retry { after: later, why: "busy".into() }];
    let mut t = Stage::new([Act::Late(Duration::from_secs(20), fails)]).await;
    t.record(alert("a")).await;
    t.start();
    t.calls(1).await;
    t.store.retry(Selector::Destination(ID.into())).await.unwrap();
    let calls = t.calls(2).await;
    assert!(calls[1].0 <= 30.0, "{calls:?}");
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_done_event_is_not_sent_again_while_the_store_fails() {
    let mut t = Stage::new([]).await;
    t.record(alert("a")).await;
    t.record(alert("b")).await;
    let other = crate::store::opened::database(&t.folder.path().join("bursar.db"));
    other
        .execute_batch(
            "CREATE TRIGGER no BEFORE DELETE ON delivery
             BEGIN SELECT RAISE(ABORT, 'disk on fire'); END",
        )
        .unwrap();
    t.start();
    t.calls(1).await;
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(names(&t.calls(1).await), ["a"]);
    other.execute_batch("DROP TRIGGER no").unwrap();
    assert_eq!(names(&t.calls(2).await), ["a", "b"]);
    t.drained().await;
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn background_work_that_ends_or_panics_is_started_again() {
    for background in [Background::PanicsOnce, Background::ReturnsAtOnce] {
        let mut t = Stage::with([], |fake| fake.background = background).await;
        t.start();
        while t.fake.runs.load(Ordering::Relaxed) < 2 {
            sleep(Duration::from_secs(1)).await;
        }
        t.record(alert("a")).await;
        t.calls(1).await;
        assert_eq!(t.stop().await.as_secs(), 0, "{background:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn background_work_that_ignores_the_stop_is_cut_off() {
    let mut t = Stage::with([], |fake| fake.background = Background::IgnoresStop).await;
    t.start();
    t.record(alert("a")).await;
    t.calls(1).await;
    assert_eq!(t.stop().await.as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_log_complains_once_then_every_hour_and_says_when_it_is_over() {
    let log = Log::default();
    let _guard = log.install();
    let mut t = Stage::new([]).await;
    t.fake.script.lock().unwrap().extend(vec![retry_after(300); 40]);
    for name in ["a", "b", "c"] {
        t.record(alert(name)).await;
    }
    t.start();
    t.calls(43).await;
    t.drained().await;
    t.record(alert("d")).await;
    t.calls(44).await;
    t.stop().await;
    let lines = log.lines();
    let with = |text: &str| lines.iter().filter(|l| l.contains(text)).collect::<Vec<_>>();
    let first = with("cannot deliver to the fake; events are kept");
    assert_eq!(first.len(), 1, "{lines:#?}");
    assert!(first[0].contains("WARN") && first[0].contains("waiting=3"), "{first:?}");
    assert!(first[0].contains("error=busy"), "{first:?}");
    // 200 minutes.
    let still = with("still cannot deliver");
    assert_eq!(still.len(), 3, "{lines:#?}");
    assert!(still[0].contains("failed=12"), "{still:?}");
    let over = with("the fake works again");
    assert_eq!(over.len(), 1, "{lines:#?}");
    assert!(over[0].contains("INFO") && over[0].contains("caught_up=3"), "{over:?}");
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_comes_and_goes_is_told_of_once_an_hour() {
    let log = Log::default();
    let _guard = log.install();
    let flapping = [Act::Say(vec![retry()]), Act::Done];
    let mut t = Stage::new(flapping.into_iter().cycle().take(200)).await;
    for n in 0..100 {
        t.record(alert(&format!("e{n}"))).await;
    }
    t.start();
    t.drained().await;
    t.stop().await;
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("cannot deliver") && lines[1].contains("works again"), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn refusals_are_summed_up_in_the_log() {
    let log = Log::default();
    let _guard = log.install();
    let mut t = Stage::new(vec![Act::Say(vec![refused()]); 20]).await;
    for n in 0..20 {
        t.record(alert(&format!("e{n}"))).await;
    }
    t.start();
    t.drained().await;
    t.stop().await;
    assert_eq!(t.state().await, (0, 20));
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("dead letters") && lines[0].contains("no such thing"), "{lines:?}");
}
