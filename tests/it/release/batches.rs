//! Runs of many seats: read again and looked at by lists, their intents and outcomes in one commit.
//! Only the DELETE is one by one, and each seat's record is as if it had been alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bursar::ledger::{Action, Entry, Intent, Mode, RunStatus, SeatResult};
use bursar::license::{Holder, Moment, SeatType};
use bursar::simulator::{Fault, FaultRule, SeatKind, SeatSpec, UserSpec, When};
use bursar::store::{Addition, Store};
use chrono::TimeDelta;

use super::world::{Mortal, World, after, crowd, idle, order, path, start, status};

/// More than are taken one by one at the beginning, and less than two whole batches.
const SEATS: usize = 70;

async fn world() -> World {
    World::new(crowd(SeatKind::Analyzer, SEATS)).await
}

/// Calls `then` once, as soon as so many seats are done.
fn once_done(seats: u64, then: impl Fn() + Send + Sync + 'static) -> bursar::release::run::Order {
    let called = AtomicBool::new(false);
    after(Mode::Real, move |done, _| {
        if done >= seats && !called.swap(true, Ordering::Relaxed) {
            then();
        }
    })
}

/// Every DELETE has an intent that came before it, every intent a final outcome, in this order, and
/// what is recorded and told of each seat is what the site did.
async fn assert_recorded(world: &World) {
    world.assert_no_delete_twice();
    let holders = world.holders(SeatKind::Analyzer);
    let (mut open, mut last) = (HashMap::new(), HashMap::new());
    for record in world.records().await {
        match record.entry {
            Entry::Intent(intent) => {
                assert!(open.insert(record.seq, intent.seat).is_none());
            }
            Entry::Outcome(outcome) => {
                assert_eq!(open.remove(&outcome.intent), Some(outcome.seat));
                last.insert(outcome.seat, (outcome.holder.user_id.to_string(), outcome.result));
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let mut freed = Vec::new();
    for (_, (id, result)) in last {
        let is_freed = result == SeatResult::Freed;
        assert_eq!(is_freed, !holders.contains(&id), "{id}: {result:?}");
        freed.extend(is_freed.then_some(id));
    }
    freed.sort_unstable();
    let mut told = world.released_events().await;
    told.sort_unstable();
    assert_eq!(told, freed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_seats_need_few_requests_beside_their_deletes() {
    for concurrency in [1, 2, 8] {
        let mut world = world().await;
        world.settings(|release| release.concurrency = concurrency);
        let seat = |n| world.seat(SeatKind::Analyzer, &format!("idle{n}"));
        let plan: Vec<_> = (0..SEATS).map(seat).collect();
        let report = world.run(Mode::Real).await;
        assert_eq!(report.status, RunStatus::Done, "{report:?}");
        assert_eq!((world.deletes(), report.seats.len()), (SEATS, SEATS));
        assert_recorded(&world).await;
        // One by one each has six. The first eight still do; a batch has some ten, a look four.
        let others = world.control().request_count() as usize - SEATS;
        assert!(others < SEATS * 3, "{others} at {concurrency}");
        let changes = world.changes();
        let asked = changes.iter().map(|request| request.path.rsplit('/').next().unwrap());
        if concurrency == 1 {
            assert_eq!(asked.collect::<Vec<_>>(), plan, "in the order of the plan");
        }
    }
}

/// Everything that may happen to a person between the plan and the batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_since_the_plan_keeps_each_seat_of_a_batch() {
    let world = Arc::new(world().await);
    let copy = world.clone();
    let order = once_done(1, move || {
        let control = copy.control();
        control.log_in("CORP", "idle60");
        control.update_user("CORP", "idle61", |user| user.tags = vec!["Keep".to_owned()]);
        control.remove_seat(&copy.seat(SeatKind::Analyzer, "idle62"));
        let second = SeatSpec::of(SeatKind::Professional, r"CORP\idle63", When::Never);
        control.add_seat(&second);
        control.remove_user("CORP", "idle64");
        let anew = copy.seat(SeatKind::Analyzer, "idle65");
        control.remove_seat(&anew);
        control.add_seat(&idle(SeatKind::Analyzer, "idle65", 60));
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(world.deletes(), SEATS - 6);
    let whys: HashMap<_, _> =
        report.skipped.iter().map(|s| (s.holder.user_id.to_string(), s.why.as_str())).collect();
    assert_eq!(whys.len(), 6, "{whys:?}");
    assert!(whys["idle60"].starts_with("used on "), "{whys:?}");
    assert!(whys["idle61"].contains("Keep"), "{whys:?}");
    assert_eq!(whys["idle62"], "the seat is gone");
    assert!(whys["idle63"].contains("a Professional seat that the plan did not know"), "{whys:?}");
    assert!(whys.contains_key("idle64"), "{whys:?}");
    assert!(whys.contains_key("idle65"), "{whys:?}");
    assert!(!world.intents().await.iter().any(|i| whys.contains_key(&*i.holder.user_id)));
    assert_recorded(&world).await;
}

/// What a list can't prove is asked seat by seat, and what can't be read keeps its seat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_can_not_be_believed_takes_no_seat() {
    let list = "/qrs/license/analyzeraccesstype/full";
    for (fault, count) in [
        (Fault::ShortList { drop: 1 }, false),
        (status(400), false),
        (status(503), false),
        (Fault::HtmlOk, false),
        (Fault::EmptyOk, false),
        (Fault::Truncate, false),
        (Fault::ObjectForList, false),
        (Fault::FieldMissing { name: "quarantined".into() }, false),
        (status(500), true),
        (Fault::Field { name: "value".into(), value: 1_000.into() }, true),
    ] {
        let mut world = world().await;
        // Seats of one type only, so that the seat's own reading doesn't need the list.
        world.settings(|release| release.policy.judge_per_user = false);
        let (control, rule) = (world.control().clone(), fault.clone());
        let on = if count { "/qrs/license/analyzeraccesstype/count" } else { list };
        let order = once_done(1, move || {
            control.set_fault(FaultRule::on(on, rule.clone()));
        });
        let report = world.engine().run(&order).await.unwrap();
        assert_eq!(report.status, RunStatus::Done, "{fault:?}: {report:?}");
        assert_eq!(world.deletes(), SEATS, "{fault:?}");
        assert_recorded(&world).await;
    }
    // Where the other seats of the person have to be known, the same list tells them.
    let world = world().await;
    let control = world.control().clone();
    let order = once_done(1, move || {
        control.set_fault(FaultRule::on(list, Fault::ShortList { drop: 1 }));
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Broken, "{report:?}");
    assert!(world.deletes() < SEATS / 2, "{}", world.deletes());
    assert_recorded(&world).await;
}

/// Users, too: one whose row is odd keeps the seat, and the others don't suffer for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_that_can_not_be_read_keep_their_seats() {
    let world = world().await;
    let control = world.control().clone();
    let order = once_done(1, move || {
        control.set_fault(FaultRule::on("/qrs/user", status(500)));
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Broken, "{report:?}");
    assert!(report.why.unwrap().contains("the user could not be read"));
    assert!(world.deletes() < SEATS / 2);
    assert_recorded(&world).await;
}

/// A site that begins to say yes and to do nothing: those that are out are few, and recorded as open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_that_is_none_ends_the_run_within_the_window() {
    let world = world().await;
    let control = world.control().clone();
    let order = once_done(8, move || {
        control.set_fault(FaultRule::from(status(204)).method("DELETE"));
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Broken, "{report:?}");
    // A success lets one more out.
    let freed = SEATS * 4 - world.holders(SeatKind::Analyzer).len();
    assert!(world.deletes() <= freed + 5 + freed, "{} of {freed}", world.deletes());
    world.assert_no_delete_twice();
    let results = world.results().await;
    let unclear = results.iter().filter(|(_, r)| matches!(r, SeatResult::Unclear { .. })).count();
    assert_eq!(unclear, world.deletes() - freed, "each is recorded");
    assert_eq!(unclear, world.unsettled().await);
    assert_eq!(world.released_events().await.len(), freed);
}

/// Refusals in the middle: no more than the limit, however many are ready.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_in_the_middle_end_the_run_at_the_limit() {
    for concurrency in [1, 2, 8] {
        let mut world = world().await;
        world.settings(|release| release.concurrency = concurrency);
        let control = world.control().clone();
        let order = once_done(20, move || {
            control.set_fault(FaultRule::from(status(500)).method("DELETE"));
        });
        let report = world.engine().run(&order).await.unwrap();
        assert_eq!(report.status, RunStatus::Broken, "{report:?}");
        let freed = SEATS * 4 - world.holders(SeatKind::Analyzer).len();
        // As many may be under way when the first failure comes, and each of them that succeeds lets one more out.
        let failed = world.deletes() - freed;
        let most = 5.max(2 * concurrency - 1);
        assert!((5..=most).contains(&failed), "{failed} at {concurrency}");
        let results = world.results().await;
        let not_sent = results
            .iter()
            .filter(|(_, r)| matches!(r, SeatResult::Refused { why } if why.starts_with("nothing was sent")))
            .count();
        assert_eq!(world.intents().await.len(), world.deletes() + not_sent);
        let unclear = results.iter().filter(|(_, r)| matches!(r, SeatResult::Unclear { .. }));
        assert_eq!(unclear.count(), failed);
        assert_eq!(world.released_events().await.len(), freed);
    }
}

/// A site that does nothing for a few of many: a list that has them, or none at all, tells them from the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_that_stay_are_found_among_those_that_go() {
    for lists_fail in [false, true] {
        let mut world = world().await;
        world.settings(|release| {
            release.concurrency = 1;
            release.policy.judge_per_user = false;
        });
        let stay = [40, 45, 50].map(|n| format!("idle{n}"));
        for id in &stay {
            let seat = path(SeatType::Analyzer, &world.seat(SeatKind::Analyzer, id));
            world.fault(FaultRule::on(&seat, status(204)).method("DELETE"));
        }
        let control = world.control().clone();
        let order = once_done(30, move || {
            if lists_fail {
                let list = "/qrs/license/analyzeraccesstype/full";
                control.set_fault(FaultRule::on(list, status(500)).method("GET"));
            }
        });
        let report = world.engine().run(&order).await.unwrap();
        assert_eq!(world.deletes(), SEATS, "{report:?}");
        for (id, result) in world.results().await {
            let is_unclear = matches!(result, SeatResult::Unclear { .. });
            assert_eq!(is_unclear, stay.contains(&id), "{id}: {result:?}");
        }
        assert_recorded(&world).await;
    }
}

/// A failure takes back what successes have earned: as few may be out as at the beginning, and one more for each
/// success since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failure_as_few_are_out_as_at_the_beginning() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 200)).await;
    world.settings(|release| {
        release.concurrency = 1;
        release.policy.judge_per_user = false;
    });
    let rule = |n: usize, code: u16| {
        let seat = world.seat(SeatKind::Analyzer, &format!("idle{n}"));
        FaultRule::on(&path(SeatType::Analyzer, &seat), status(code)).method("DELETE")
    };
    world.fault(rule(100, 409));
    // From here on a yes is none; looks take so long that all who may be out are.
    for n in 108..200 {
        world.fault(rule(n, 204));
    }
    let control = world.control().clone();
    let order = once_done(101, move || {
        let slow = Fault::Latency { millis: 200 };
        let list = "/qrs/license/analyzeraccesstype/full";
        control.set_fault(FaultRule::on(list, slow).method("GET"));
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Broken, "{report:?}");
    let results = world.results().await;
    let place = results.iter().position(|(_, r)| matches!(r, SeatResult::Refused { .. })).unwrap();
    let since = results[place..].iter().filter(|(_, r)| *r == SeatResult::Freed).count();
    let unclear = results.iter().filter(|(_, r)| matches!(r, SeatResult::Unclear { .. })).count();
    assert!((5..=5 + since).contains(&unclear), "{unclear} after {since}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_records_what_was_not_sent() {
    let mut all = 0;
    for at in [15, 22, 29, 36] {
        let mut world = world().await;
        world.settings(|release| release.concurrency = 1);
        let mut order = order(Mode::Real);
        let stop = order.stop.clone();
        order.progress.0 = Arc::new(move |done, _| {
            if done == at {
                stop.cancel();
            }
        });
        let report = world.engine().run(&order).await.unwrap();
        assert_eq!(report.status, RunStatus::Stopped, "{report:?}");
        assert!((at as usize..SEATS).contains(&world.deletes()), "{}", world.deletes());
        for (id, result) in world.results().await {
            let SeatResult::Refused { why } = result else { continue };
            assert_eq!(why, "nothing was sent: the run was stopped", "{id}");
            all += 1;
        }
        assert_recorded(&world).await;
        // They are still due.
        let report = world.run(Mode::Real).await;
        assert_eq!((report.status, world.deletes()), (RunStatus::Done, SEATS), "{report:?}");
        assert_recorded(&world).await;
    }
    assert!(all > 0, "some had an intent");
}

async fn append(store: &Store, site: &str, entry: Entry) {
    let addition = Addition { site: site.to_owned(), run: None, entry };
    store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
}

/// Within a callback, with a store of its own, as another process: the run itself stands still meanwhile
/// and may have the turn at its own.
fn blocking<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

/// A pause is on the disk: it is seen with the next batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_ends_the_run_with_the_batches_in_hand() {
    let world = World::new(crowd(SeatKind::Analyzer, 160)).await;
    let (store, site) = (world.another_store().await, world.settings.sites[0].name.clone());
    let order = once_done(40, move || {
        let until = start() + TimeDelta::days(1);
        let paused = Entry::Paused { until, why: "year end".into(), by: "anna".into() };
        blocking(append(&store, &site, paused));
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Stopped, "{report:?}");
    assert!(report.why.as_deref().is_some_and(|why| why.contains("year end")), "{report:?}");
    assert!(world.deletes() < 160, "{}", world.deletes());
    assert_recorded(&world).await;
}

/// The lock is lost in the middle: nothing more is sent, and all that was is recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_lock_ends_the_run_and_loses_no_answer() {
    // More than can be out when it happens.
    let world = Arc::new(World::new(crowd(SeatKind::Analyzer, 160)).await);
    let other = world.another_store().await;
    let (site, copy) = (world.settings.sites[0].name.clone(), world.clone());
    let order = once_done(30, move || {
        copy.pass(TimeDelta::minutes(2));
        let lease = std::time::Duration::from_secs(60);
        blocking(other.claim_release(&site, "another", "somebody", lease)).unwrap().unwrap();
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Failed, "{report:?}");
    assert!(report.why.as_deref().is_some_and(|why| why.contains("another run took over")));
    assert!(world.deletes() < 160, "{}", world.deletes());
    assert_recorded(&world).await;
}

/// Another process has an open intent of one of a batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_intent_of_one_keeps_it_and_no_other() {
    let world = Arc::new(world().await);
    let seat = world.seat(SeatKind::Analyzer, "idle60");
    let user = world.user("idle60");
    let (store, site) = (world.another_store().await, world.settings.sites[0].name.clone());
    let order = once_done(1, move || {
        let intent = Intent {
            action: Action::Release,
            seat_type: SeatType::Analyzer,
            seat: seat.parse().unwrap(),
            holder: Holder {
                id: user.parse().unwrap(),
                directory: "CORP".into(),
                user_id: "idle60".into(),
                name: "".into(),
            },
            created: Moment::Never,
            last_used: Moment::Never,
            because: "by another".into(),
            has: 0,
        };
        blocking(append(&store, &site, Entry::Intent(intent)));
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(world.deletes(), SEATS - 1);
    let [skipped] = &report.skipped[..] else { panic!("{report:?}") };
    assert_eq!(&*skipped.holder.user_id, "idle60");
    assert_eq!(world.unsettled().await, 1);
}

/// Both seats of a person in one batch, and the row of one of them is a stranger's by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_with_two_seats_lose_both_only_if_both_are_idle() {
    let mut scenario = crowd(SeatKind::Analyzer, SEATS);
    for n in 0..4 * 8 {
        let id = format!("author{n}");
        scenario.users.push(UserSpec::of("CORP", &id));
        scenario.seats.push(idle(SeatKind::Professional, &id, 1));
    }
    for n in 60..64 {
        scenario.seats.push(idle(SeatKind::Professional, &format!("idle{n}"), 62));
    }
    scenario.pools.professional.total = 1_000_000;
    let world = World::new(scenario).await;
    let control = world.control().clone();
    let order = once_done(1, move || assert!(control.log_in("CORP", "idle63")));
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    let kept: Vec<_> = report.skipped.iter().map(|s| s.holder.user_id.to_string()).collect();
    assert_eq!(kept, ["idle63", "idle63"], "{:?}", report.skipped);
    assert_eq!(world.deletes(), SEATS + 4 - 2);
    assert_recorded(&world).await;
}

/// All that were under way were kept, and those that are left are too few for lists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_few_have_their_turn_whatever_came_before() {
    for left in 1..=5 {
        let world = World::new(crowd(SeatKind::Analyzer, 8 + left)).await;
        for n in 0..8 {
            let id = format!("idle{n}");
            let seat = path(SeatType::Analyzer, &world.seat(SeatKind::Analyzer, &id));
            let login = Fault::UserLogsIn { user: format!(r"CORP\{id}") };
            world.fault(FaultRule::on(&seat, login).method("GET").times(1));
        }
        let report = world.run(Mode::Real).await;
        assert_eq!(report.status, RunStatus::Done, "{report:?}");
        assert_eq!((report.skipped.len(), world.deletes()), (8, left), "{report:?}");
        assert_recorded(&world).await;
    }
}

/// A list that holds one row twice is as long as the count says, and lacks another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_listed_twice_hides_no_other_seat() {
    let mut scenario = crowd(SeatKind::Analyzer, SEATS);
    for n in 20..40 {
        scenario.seats.push(idle(SeatKind::Professional, &format!("idle{n}"), 200));
    }
    let mut world = World::new(scenario).await;
    world.settings(|release| {
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
    });
    let world = Arc::new(world);
    let copy = world.clone();
    let order = once_done(1, move || {
        for n in 50..56 {
            let account = format!(r"CORP\idle{n}");
            let seat = SeatSpec::of(SeatKind::Professional, &account, When::Never);
            copy.control().add_seat(&seat);
        }
        let list = "/qrs/license/professionalaccesstype/full";
        copy.fault(FaultRule::on(list, Fault::RepeatedRow { times: 6 }));
    });
    world.engine().run(&order).await.unwrap();
    for n in 50..56 {
        let id = format!("idle{n}");
        assert!(world.control().seat_of(SeatKind::Analyzer, "CORP", &id).is_some(), "{id}");
    }
    assert_recorded(&world).await;
}

/// A yes that is none, and lists that hide what is still there, with a count that agrees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_list_hides_after_the_delete_is_not_free() {
    let mut world = world().await;
    world.settings(|release| release.policy.judge_per_user = false);
    let control = world.control().clone();
    let order = once_done(20, move || {
        control.set_fault(FaultRule::from(status(204)).method("DELETE"));
        let hidden = Fault::HiddenRows { drop: 1_000 };
        control.set_fault(FaultRule::on("/qrs/license/analyzeraccesstype", hidden));
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Broken, "{report:?}");
    let holders = world.holders(SeatKind::Analyzer);
    for (id, result) in world.results().await {
        assert!(result != SeatResult::Freed || !holders.contains(&id), "{id}");
    }
}

/// Requests that wait for their turn behind lists are not sent after a stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_that_waits_for_its_turn_is_not_sent_after_a_stop() {
    // However far it reads ahead, it is not through with that when the ninth seat is done.
    let mut world = World::new(crowd(SeatKind::Analyzer, 5 * SEATS)).await;
    world.settings.sites[0].connection.max_concurrency = 2;
    let mut order = order(Mode::Real);
    let (stop, control) = (order.stop.clone(), world.control().clone());
    order.progress.0 = Arc::new(move |done, _| {
        if done == 9 {
            // All places are taken by lists that hang.
            for path in ["/qrs/user/full", "/qrs/license"] {
                control.set_fault(FaultRule::on(path, Fault::Hang).method("GET"));
            }
        }
    });
    let engine = world.engine();
    let running = tokio::spawn(async move { engine.run(&order).await });
    let hanging = || {
        let all = world.control().requests();
        all.iter().filter(|request| request.method == "GET" && request.status.is_none()).count()
    };
    let wait = async {
        while hanging() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::process::LIMIT, wait).await.unwrap();
    let before = world.deletes();
    stop.cancel();
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.status, RunStatus::Stopped, "{report:?}");
    assert_eq!(world.deletes(), before, "nothing is sent after the stop");
}

/// The process ends anywhere: whoever comes next finds out, and the ledger says what the site saw.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_cut_off_everywhere() {
    let long = std::env::var_os("BURSAR_LONG").is_some();
    let mut points = 0;
    for polls in (0..).step_by(if long { 1 } else { 9 }) {
        let world = World::new(crowd(SeatKind::Analyzer, 30)).await;
        let engine = world.engine();
        let real = order(Mode::Real);
        let ended = Mortal::new(engine.run(&real), polls).await;
        drop(engine);
        for minutes in [3, 9] {
            world.pass(TimeDelta::minutes(minutes));
            world.engine().settle(bursar::qrs::Patience::ONCE).await.unwrap();
        }
        world.assert_no_delete_twice();
        assert_eq!(world.unsettled().await, 0, "after {polls} polls");
        let asked: Vec<_> = world.changes().iter().map(|request| request.path.clone()).collect();
        let last: HashMap<_, _> = world
            .outcomes()
            .await
            .into_iter()
            .map(|outcome| (outcome.seat, outcome.result))
            .collect();
        for n in 0..30 {
            let id = format!("idle{n}");
            let is_there = world.control().seat_of(SeatKind::Analyzer, "CORP", &id).is_some();
            let intents = world.intents().await;
            let intent = intents.iter().find(|intent| *intent.holder.user_id == *id);
            let result = intent.and_then(|intent| last.get(&intent.seat));
            assert_eq!(
                result == Some(&SeatResult::Freed),
                !is_there,
                "{id} after {polls}: {result:?}"
            );
            let told = world.released_events().await.iter().filter(|told| **told == id).count();
            assert_eq!(told, usize::from(!is_there), "{id} after {polls} polls");
            let sent = intent
                .is_some_and(|i| asked.contains(&path(SeatType::Analyzer, &i.seat.to_string())));
            assert!(
                is_there || sent,
                "{id} after {polls} polls: nothing but a DELETE frees a seat"
            );
        }
        if let Some(ended) = ended {
            assert_eq!(ended.unwrap().status, RunStatus::Done);
            break;
        }
        points += 1;
    }
    println!("{points} points of a run of 30 seats");
    assert!(points > 10, "{points}");
}
