//! Between the intent and the DELETE, when storing takes longer than a look holds.

use chrono::{Datelike, Utc};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::Clock;
use crate::ledger::{Mode, SeatResult, Trigger};
use crate::policy::calendar::{Calendar, Day, Freeze, Hours, minutes_of};
use crate::qrs::{Client, Options};
use crate::release::apply;
use crate::release::batch::{Next, Turn};
use crate::release::lock::Lock;
use crate::release::run::{Engine, Order, Progress, Waits};
use crate::simulator::{
    Fault, FaultRule, Population, Running, Scenario, SeatKind, SeatSpec, UserSpec, When,
};

const SETTINGS: &str = "Butler:
  storage: {path: 'FOLDER/bursar.db'}
  cert: {clientCert: FOLDER/client.pem, clientCertKey: FOLDER/client_key.pem, clientCertCA: FOLDER/root.pem}
  configQRS:
    host: 127.0.0.1
    port: PORT
    tlsServerName: NAME
    headers: {static: [{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_api}]}
  qlikSenseLicense:
    licenseRelease: {licenseType: {analyzer: {enable: true}}}
";

/// A site with one idle seat, and an engine for it.
async fn start() -> (Running, Engine, TempDir) {
    crate::tls::install_provider();
    let scenario = Scenario {
        population: Population::none(),
        users: vec![UserSpec::of("CORP", "anna")],
        seats: vec![SeatSpec::of(SeatKind::Analyzer, "CORP\\anna", When::days_ago(60))],
        ..Scenario::default()
    };
    let site = Running::start(scenario, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    site.pki().write_to(folder.path()).unwrap();
    let text = SETTINGS
        .replace("FOLDER", folder.path().to_str().unwrap())
        .replace("PORT", &site.addr().port().to_string())
        .replace("NAME", &site.pki().server_name);
    let file = folder.path().join("bursar.yaml");
    std::fs::write(&file, text).unwrap();
    let settings = crate::config::load(&file).expect("the settings are right").settings;
    let store =
        crate::store::opened::open(&settings.storage.path, settings.storage.outbox, Utc::now)
            .await
            .unwrap();
    let first = settings.sites[0].clone();
    let engine = Engine {
        client: Client::with(&first.name, &first.connection, Options::default()).unwrap(),
        site: settings.release_site(&first),
        store,
        clock: Clock::System,
        addressing: crate::event::InForce::default(),
        waits: Waits::default(),
    };
    (site, engine, folder)
}

/// Takes the one seat, where a look holds for no time at all.
async fn take(engine: &Engine) -> SeatOutcome {
    take_under(engine, &engine.site.release.policy).await
}

/// As [`take`], with a policy that is not that of the plan.
async fn take_under(engine: &Engine, policy: &Policy) -> SeatOutcome {
    at_turn(engine, policy, async |taking, due| {
        found(&taking, taking.release(due).await.unwrap()).await
    })
    .await
}

/// What a seat's turn comes to in the end.
async fn found(taking: &Taking<'_>, turn: Turn) -> SeatOutcome {
    match turn {
        Turn::Done(done) => done,
        Turn::Answered(one) => taking.find_out(one.opened, one.answer).await.unwrap(),
    }
}

/// What is done with the one seat, at its turn.
async fn at_turn(
    engine: &Engine,
    policy: &Policy,
    act: impl AsyncFnOnce(Taking<'_>, Due) -> SeatOutcome,
) -> SeatOutcome {
    let order = Order {
        mode: Mode::Real,
        trigger: Trigger::Schedule,
        stop: CancellationToken::new(),
        patience: Patience::ONCE,
        progress: Progress::default(),
    };
    let lock = Lock::take(engine, "run", &order.trigger).await.unwrap();
    let session = Session::new(engine, &order, Mode::Real, "run".into(), &lock);
    let (past, planned) = (Past::default(), &engine.site.release.policy);
    let (plan, snapshot) = engine.look("run", planned, &past, order.patience).await.unwrap();
    let mut due = apply::due(plan.releases(crate::policy::Guard::ALL).into_iter(), &snapshot);
    let writer = Writer::new(engine.client.clone());
    let taking = Taking {
        session: &session,
        writer,
        past: &past,
        policy,
        looked: &[SeatType::Professional, SeatType::Analyzer],
        absent: &[],
        fresh: Duration::ZERO,
        beside: tokio::sync::Semaphore::new(1),
    };
    let done = act(taking, due.pop().expect("one seat is due")).await;
    lock.give_back().await;
    done
}

/// Whether anything was sent that could change the site.
fn changes(site: &Running) -> usize {
    site.control().requests().iter().filter(|request| request.method != "GET").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_look_is_no_reason_to_delete() {
    let (site, engine, _folder) = start().await;
    let done = take(&engine).await;
    let SeatOutcome::Attempted { result: SeatResult::Refused { why }, kept: false, .. } = done
    else {
        panic!("it was taken");
    };
    assert!(why.contains("nothing was sent"), "{why}");
    assert_eq!(changes(&site), 0);
    assert!(engine.store.unsettled(&engine.site.name).await.unwrap().is_empty());
    // Looked at once before the intent, and twice after.
    let looks = site.control().requests_to("/qrs/license/analyzeraccesstype/");
    let looks = looks.iter().filter(|request| request.path.len() > 60).count();
    assert_eq!(looks, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_logs_in_while_the_intent_is_stored_keeps_the_seat() {
    let (site, engine, _folder) = start().await;
    let seat = site.control().seats(SeatKind::Analyzer)[0].id;
    let login = Fault::UserLogsIn { user: "CORP\\anna".into() };
    let path = format!("/qrs/license/analyzeraccesstype/{seat}");
    site.control().set_fault(FaultRule::on(&path, login).skip(1));
    let done = take(&engine).await;
    let SeatOutcome::Attempted { result: SeatResult::Refused { why }, kept: true, .. } = done
    else {
        panic!("it was taken");
    };
    assert!(why.starts_with("nothing was sent: used on"), "{why}");
    assert_eq!(changes(&site), 0);
    assert!(engine.store.unsettled(&engine.site.name).await.unwrap().is_empty());
}

/// In a batch: its turn comes so late that its request might leave long after its intent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intent_that_waited_for_its_turn_gets_another_look_and_another_intent() {
    let (site, engine, _folder) = start().await;
    let policy = &engine.site.release.policy;
    let done = at_turn(&engine, policy, async |taking, due| {
        let reread = taking.reread(vec![due]).await.unwrap().unwrap();
        let (mut next, done) = taking.open(reread).await.unwrap();
        assert!(done.is_empty());
        let turn = taking.turn(next.pop().unwrap()).await.unwrap();
        let Turn::Done(first) = turn else { panic!("it was sent") };
        first
    });
    let SeatOutcome::Attempted { result: SeatResult::Refused { why }, .. } = done.await else {
        panic!("it was taken");
    };
    assert!(why.contains("nothing was sent"), "{why}");
    assert_eq!(changes(&site), 0);
    let records = engine.store.records(1, 10).await.unwrap();
    let kinds: Vec<_> = records.iter().map(|record| record.entry.kind()).collect();
    assert_eq!(kinds, ["intent", "outcome", "intent", "outcome"]);
    assert!(engine.store.unsettled(&engine.site.name).await.unwrap().is_empty());
}

/// Between the intent and the turn: the run ends, and the intent is recorded as not sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_that_begins_before_a_seat_s_turn_ends_the_run() {
    let (site, engine, _folder) = start().await;
    let policy = &engine.site.release.policy;
    let day = |day| Day::parse(day).unwrap();
    let freeze = Freeze { from: day("01-01"), to: day("12-31"), why: "audit".into() };
    let mut frozen = policy.clone();
    frozen.calendar = Calendar { freeze: vec![freeze], ..Calendar::default() };
    let done = at_turn(&engine, policy, async |taking, due| {
        let reread = taking.reread(vec![due]).await.unwrap().unwrap();
        let (mut next, _) = taking.open(reread).await.unwrap();
        let taking = Taking { policy: &frozen, fresh: FRESH, ..taking };
        let turn = taking.turn(next.pop().unwrap()).await.unwrap();
        let Turn::Done(done) = turn else { panic!("it was sent") };
        done
    });
    let SeatOutcome::Halt(why) = done.await else { panic!("the run goes on") };
    assert!(why.contains("audit"), "{why}");
    assert_eq!(changes(&site), 0);
    let records = engine.store.records(1, 10).await.unwrap();
    let kinds: Vec<_> = records.iter().map(|record| record.entry.kind()).collect();
    assert_eq!(kinds, ["intent", "outcome"]);
    assert!(engine.store.unsettled(&engine.site.name).await.unwrap().is_empty());
}

/// A stop that comes between the intent and the turn, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_before_a_seat_s_turn_sends_nothing() {
    let (site, engine, _folder) = start().await;
    let policy = &engine.site.release.policy;
    let done = at_turn(&engine, policy, async |taking, due| {
        let reread = taking.reread(vec![due]).await.unwrap().unwrap();
        let (mut next, _) = taking.open(reread).await.unwrap();
        let taking = Taking { fresh: FRESH, ..taking };
        taking.session.order.stop.cancel();
        let turn = taking.turn(next.pop().unwrap()).await.unwrap();
        let Turn::Done(done) = turn else { panic!("it was sent") };
        done
    });
    let SeatOutcome::Halt(why) = done.await else { panic!("the run goes on") };
    assert_eq!((why.as_str(), changes(&site)), (STOPPED, 0));
    assert!(engine.store.unsettled(&engine.site.name).await.unwrap().is_empty());
}

/// The lock alone speaks against a DELETE: nobody has stopped the run, and no freeze began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_lost_before_a_seat_s_turn_sends_nothing() {
    let (site, engine, _folder) = start().await;
    let policy = &engine.site.release.policy;
    let done = at_turn(&engine, policy, async |taking, due| {
        let kept = due.skipped(String::new());
        let reread = taking.reread(vec![due]).await.unwrap().unwrap();
        let (mut next, _) = taking.open(reread).await.unwrap();
        let taking = Taking { fresh: FRESH, ..taking };
        taking.session.lock.lost().cancel();
        let lost = taking.turn(next.pop().unwrap()).await;
        assert!(matches!(lost, Err(AppendError::ClaimLost { .. })), "it was sent");
        SeatOutcome::Kept(kept)
    });
    done.await;
    assert_eq!(changes(&site), 0);
    // Nothing was sent, and that is recorded: the seat is due again.
    assert!(engine.store.unsettled(&engine.site.name).await.unwrap().is_empty());
}

/// What was read longer ago than batches are to wait is read once more, by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_logs_in_before_a_late_turn_keeps_the_seat() {
    let (site, mut engine, _folder) = start().await;
    engine.waits.ahead = Duration::ZERO;
    let control = site.control().clone();
    let policy = &engine.site.release.policy;
    let done = at_turn(&engine, policy, async |taking, due| {
        let taking = Taking { fresh: FRESH, ..taking };
        let reread = taking.reread(vec![due]).await.unwrap().unwrap();
        let (mut next, _) = taking.open(reread).await.unwrap();
        assert!(control.log_in("CORP", "anna"));
        let turn = taking.turn(next.pop().unwrap()).await.unwrap();
        found(&taking, turn).await
    });
    let SeatOutcome::Attempted { result: SeatResult::Refused { why }, kept: true, .. } = done.await
    else {
        panic!("it was taken");
    };
    assert!(why.starts_with("nothing was sent: used on"), "{why}");
    assert_eq!(changes(&site), 0);
    assert!(engine.store.unsettled(&engine.site.name).await.unwrap().is_empty());
}

/// The machine slept while the request waited for its place: its own pace stood still, its clock did not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_is_old_by_the_clock_is_no_reason_to_delete() {
    let (site, engine, _folder) = start().await;
    let policy = &engine.site.release.policy;
    let done = at_turn(&engine, policy, async |taking, due| {
        let reread = taking.reread(vec![due]).await.unwrap().unwrap();
        let (mut next, _) = taking.open(reread).await.unwrap();
        let Next::Open(opened, stamp) = next.pop().unwrap() else { panic!("it was not opened") };
        let slept = Stamp { shown: stamp.shown - chrono::Duration::minutes(2), ..stamp };
        let answer = taking.delete(&opened, slept, stamp.runtime + FRESH).await.unwrap();
        taking.find_out(*opened, answer).await.unwrap()
    });
    let SeatOutcome::Attempted { result: SeatResult::Refused { .. }, .. } = done.await else {
        panic!("it was taken");
    };
    assert_eq!(changes(&site), 0);
}

/// A pause that came after the seats were read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_ends_the_run_before_the_next_intents() {
    let (site, engine, _folder) = start().await;
    let policy = &engine.site.release.policy;
    let done = at_turn(&engine, policy, async |taking, due| {
        let reread = taking.reread(vec![due]).await.unwrap().unwrap();
        let entry = Entry::Paused {
            until: Utc::now() + chrono::Duration::hours(1),
            why: "year end".into(),
            by: crate::who::am_i().to_string(),
        };
        taking.session.append(vec![entry], Vec::new()).await.unwrap();
        let (next, mut done) = taking.open(reread).await.unwrap();
        assert!(next.is_empty());
        done.pop().unwrap()
    });
    let SeatOutcome::Halt(why) = done.await else { panic!("it goes on") };
    assert!(why.contains("year end"), "{why}");
    assert_eq!(changes(&site), 0);
}

/// Where no reading answers before the run has to end, what was answered is recorded all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_recorded_though_nothing_more_can_be_read() {
    let (_site, engine, _folder) = start().await;
    let policy = &engine.site.release.policy;
    let name = &engine.site.name;
    let done = at_turn(&engine, policy, async |taking, due| {
        let taking = Taking { fresh: FRESH, ..taking };
        let reread = taking.reread(vec![due]).await.unwrap().unwrap();
        let (mut next, _) = taking.open(reread).await.unwrap();
        let turn = taking.turn(next.pop().unwrap()).await.unwrap();
        let Turn::Answered(one) = turn else { panic!("it was not sent") };
        taking.leave_open(std::slice::from_ref(&one)).await.unwrap();
        let open = engine.store.unsettled(name).await.unwrap();
        assert_eq!(open[0].answered, Some(crate::ledger::ResponseClass::Accepted));
        let done = taking.find_out(one.opened.clone(), one.answer.clone()).await.unwrap();
        // What is known is not made unknown again.
        taking.leave_open(&[one]).await.unwrap();
        done
    });
    let SeatOutcome::Attempted { result: SeatResult::Freed, .. } = done.await else {
        panic!("it was not taken");
    };
    assert!(engine.store.unsettled(name).await.unwrap().is_empty());
    let records = engine.store.records(1, 10).await.unwrap();
    let kinds: Vec<_> = records.iter().map(|record| record.entry.kind()).collect();
    assert_eq!(kinds, ["intent", "outcome", "outcome"]);
}

/// A run that began in time and goes on when a freeze begins, or the allowed hours end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_that_has_begun_ends_the_run_before_the_next_seat() {
    let (site, engine, _folder) = start().await;
    let year = |day| Day::parse(day).unwrap();
    let freeze = Freeze { from: year("01-01"), to: year("12-31"), why: "audit".into() };
    let today = Utc::now().date_naive().weekday();
    let [from, to] = ["00:00", "24:00"].map(|time| minutes_of(time).unwrap());
    // Two days off, so that midnight does no harm.
    let days = vec![today.succ().succ().succ()];
    for (freeze, allowed_hours, expected) in [
        (vec![freeze], Vec::new(), "frozen without an end: audit"),
        (Vec::new(), vec![Hours { days, from, to }], "outside the allowed hours"),
    ] {
        let mut policy = engine.site.release.policy.clone();
        policy.calendar = Calendar { freeze, allowed_hours, ..Calendar::default() };
        let SeatOutcome::Halt(why) = take_under(&engine, &policy).await else {
            panic!("it goes on")
        };
        assert!(why.contains(expected), "{why}");
    }
    assert_eq!(changes(&site), 0);
    assert!(engine.store.records(1, 10).await.unwrap().is_empty(), "no intent either");
}

#[test]
fn a_look_ages_by_the_clock_that_saw_more() {
    let minute = chrono::Duration::seconds(60);
    let runtime = Instant::now();
    for shown in [Utc::now() - minute, Utc::now() + minute] {
        let age = Clock::System.age(shown, runtime);
        assert!(age > Duration::from_secs(59), "{age:?}");
    }
}
