//! Orders of operators, carried out by the release engine.

use bursar::clock::Clock;
use bursar::config::settings::{Reach, Web};
use bursar::ledger::{Entry, Mode, RunStatus, Trigger};
use bursar::license::SeatType;
use bursar::simulator::SeatKind;
use bursar::store::{NewPageOrder, Ordered, PageOrder, Role};
use chrono::TimeDelta;
use reqwest::StatusCode;

use super::Pages;
use crate::release::world::{World, crowd, start};
use crate::support::process::until;

/// A site with two idle seats and the plan of a rehearsal, and pages on it whose next run is far away.
async fn world() -> World {
    let mut world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    world.settings(|release| {
        release.schedule = bursar::schedule::Schedule::parse("0 3 1 1 *").unwrap();
        release.policy.limits.clock_tolerance_seconds = 86_400;
    });
    world.settings.web = Some(Web {
        address: "127.0.0.1:0".parse().unwrap(),
        show_names: false,
        hosts: Vec::new(),
        tls: None,
        proxy: None,
        reach: Reach::Anybody,
    });
    world.run(Mode::Rehearsal).await;
    world
}

async fn pages(world: &World) -> (Pages, String) {
    let pages = Pages::start(world.settings.clone(), Clock::fast(start(), 1.0)).await;
    pages.user("olga", Role::Operator, None).await;
    let cookie = pages.log_in("olga").await;
    (pages, cookie)
}

const RELEASES: &str = "/site/default/releases";

/// The value of a hidden field of the form that is sent to an address.
fn hidden(page: &str, action: &str, name: &str) -> String {
    let form = page
        .split(&format!("action=\"{action}\""))
        .nth(1)
        .unwrap_or_else(|| panic!("no {action}: {page}"));
    let field = form.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("the field");
    field.split('"').next().unwrap().to_owned()
}

/// The newest order, once it is over.
async fn ended(world: &World) -> PageOrder {
    let over = async || {
        let orders = world.store.orders("default", 1).await.unwrap();
        orders.into_iter().next().filter(|order| order.ended.is_some())
    };
    until("the order is over", over).await
}

fn host(world: &World) -> String {
    world.settings.sites[0].connection.host.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_applied_and_undone_by_order_and_the_ledger_names_who() {
    let world = world().await;
    let (pages, cookie) = pages(&world).await;
    let page = pages.get(RELEASES, &cookie).await.text;
    assert!(!pages.get(RELEASES, "").await.text.contains("Order that this plan"));
    let apply = format!("{RELEASES}/apply");
    let [run, digest, form] = ["run", "digest", "form"].map(|name| hidden(&page, &apply, name));
    assert!(page.contains(&format!("Digest of the plan: {digest}")), "it is shown");
    let called = host(&world);
    let send = async |run: &str, digest: &str, form: &str, confirm: &str| {
        let fields = [("run", run), ("digest", digest), ("form", form), ("confirm", confirm)];
        pages.post(&apply, &cookie, &fields).await
    };
    // What looks like the name, once it is made safe to show, is not the name.
    let [ends, hides] = [format!("{called}\0"), format!("{called}\u{200b}")];
    for confirm in ["", "default", "yes", &ends, &hides] {
        let got = send(&run, &digest, &form, confirm).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{confirm}: {}", got.text);
    }
    let other = "0".repeat(64);
    for (run, digest) in [(run.as_str(), other.as_str()), ("another", &digest)] {
        let got = send(run, digest, &form, &called).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.text);
        assert!(got.text.contains("a newer plan than the one you saw"), "{}", got.text);
    }
    assert!(
        world.changes().is_empty() && world.store.orders("default", 9).await.unwrap().is_empty()
    );

    // A number of another form, or of none, orders nothing.
    let of_undo = form.chars().rev().collect::<String>();
    for form in ["1", &of_undo] {
        let got = send(&run, &digest, form, &called).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.text);
        assert!(got.text.contains("one for this order"), "{}", got.text);
    }
    let got = send(&run, &digest, &form, &called).await;
    let there = (got.status, got.header("location"));
    assert_eq!(there, (StatusCode::SEE_OTHER, RELEASES), "{}", got.text);
    // The same click twice is one order, and says so; so does the same number with anything else in the form.
    for (run, digest) in [(run.as_str(), digest.as_str()), ("another", "d")] {
        let again = send(run, digest, &form, &called).await;
        assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text);
        assert!(again.text.contains("This was already sent on 2026-11-24"), "{}", again.text);
        assert!(again.text.contains("Nothing was done again"), "{}", again.text);
    }
    let order = ended(&world).await;
    assert_eq!(
        world.store.orders("default", 9).await.unwrap().len(),
        1,
        "the same form is one order"
    );
    assert!(order.outcome.as_ref().unwrap().starts_with("done: "), "{order:?}");
    assert_eq!(world.deletes(), 2);
    assert!(world.holders(SeatKind::Analyzer).iter().all(|id| id.starts_with("busy")));
    let records = world.records().await;
    let begun = records.iter().find(|record| record.run == order.done).unwrap();
    let Entry::RunStarted { mode: Mode::Real, trigger, .. } = &begun.entry else {
        panic!("{begun:?}")
    };
    let (user, peer) = ("olga, logged in".to_owned(), "127.0.0.1".to_owned());
    assert_eq!(*trigger, Trigger::Page { user, peer, order: order.id });

    let page = pages.get(RELEASES, &cookie).await.text;
    // It is not offered again, by the page or by what was on another one.
    assert!(!page.contains("Order that this plan is applied"), "{page}");
    let done = order.done.as_deref().unwrap();
    assert!(page.contains("Carried out by run <a") && page.contains(done), "{page}");
    let newest = order.id;
    assert!(form.starts_with("0-") && newest > 0);
    let again = send(&run, &digest, "0-x", &called).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(
        again.text.contains("was carried out by run") && again.text.contains(done),
        "{}",
        again.text
    );
    assert!(page.contains("olga, logged in, from 127.0.0.1"), "who, for operators");
    assert!(!pages.get(RELEASES, "").await.text.contains("olga, logged in"));
    let undo = format!("{RELEASES}/undo");
    let [run, form] = ["run", "form"].map(|name| hidden(&page, &undo, name));
    assert_eq!(Some(&run), order.done.as_ref());
    let fields = [("run", run.as_str()), ("form", &form), ("confirm", &called)];
    let got = pages.post(&undo, &cookie, &fields).await;
    assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
    let undone = ended(&world).await;
    assert!(
        undone.id > order.id && undone.outcome.as_ref().unwrap().starts_with("done: "),
        "{undone:?}"
    );
    let holders = world.holders(SeatKind::Analyzer);
    assert!(["idle0", "idle1"].iter().all(|id| holders.iter().any(|of| of == id)), "{holders:?}");
    assert_eq!(world.deletes(), 2, "each was asked for once");
    // Nothing of it is left to give back, so it isn't offered.
    let page = pages.get(RELEASES, &cookie).await.text;
    assert!(!page.contains("Give the seats back"), "{page}");
    assert!(page.contains("2 released, 2 of them given back since"), "{page}");
    let got = pages.post(&undo, &cookie, &fields).await;
    assert!(got.text.contains("to give back the seats of run"), "{}", got.text);
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guards_and_settings_hold_for_orders() {
    let mut world = world().await;
    world.settings(|release| release.dry_run = true);
    let (pages, cookie) = pages(&world).await;
    let page = pages.get(RELEASES, &cookie).await.text;
    assert!(page.contains("No plan can be applied here. The settings rehearse"), "{page}");
    let plan = world.store.last_plan("default").await.unwrap().unwrap();
    let fields =
        [("run", plan.as_str()), ("digest", "d"), ("form", "f"), ("confirm", &host(&world))];
    let got = pages.post(&format!("{RELEASES}/apply"), &cookie, &fields).await;
    assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.text);
    pages.stop().await;

    // A person paused it after the order: the engine asks every guard itself.
    world.settings(|release| release.dry_run = false);
    let until = start() + TimeDelta::days(30);
    let entry = Entry::Paused { until, why: "year end".into(), by: "anna".into() };
    let pause = bursar::store::Addition { site: "default".into(), run: None, entry };
    world.store.append(None, vec![pause], |_| Vec::new()).await.unwrap();
    world.store.place_order(order(&world, "f").await).await.unwrap();
    let pages = Pages::start(world.settings.clone(), Clock::fast(start(), 1.0)).await;
    let order = ended(&world).await;
    let outcome = order.outcome.unwrap();
    assert!(outcome.contains("year end"), "{outcome}");
    assert_eq!(world.deletes(), 0);
    pages.stop().await;
}

/// An order to apply the last plan.
async fn order(world: &World, form: &str) -> NewPageOrder {
    let run = world.store.last_plan("default").await.unwrap().unwrap();
    let json = world.store.load_plan(&run).await.unwrap().unwrap();
    let plan: bursar::release::Plan = serde_json::from_slice(&json).unwrap();
    NewPageOrder {
        site: "default".to_owned(),
        form: form.to_owned(),
        what: Ordered::Apply,
        digest: Some(plan.digest()),
        run,
        by: "olga, logged in".to_owned(),
        peer: "127.0.0.1".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_was_cut_short_is_not_carried_out_again() {
    let world = world().await;
    let runs = async || {
        let entries = world.entries().await;
        entries.iter().filter(|of| matches!(of, Entry::RunStarted { mode: Mode::Real, .. })).count()
    };
    // The daemon was killed after it took the order up, and before its run began.
    world.store.place_order(order(&world, "first").await).await.unwrap();
    let taken = world.store.take_order("default").await.unwrap().unwrap();
    let pages = Pages::start(world.settings.clone(), Clock::fast(start(), 1.0)).await;
    let cut = ended(&world).await;
    assert_eq!(cut.id, taken.id);
    assert!(cut.outcome.unwrap().contains("before anything was done"));
    assert_eq!((runs().await, world.deletes()), (0, 0));
    pages.stop().await;

    // It was killed after the run had begun: its seats went, and it is not done again.
    world.store.place_order(order(&world, "second").await).await.unwrap();
    let taken = world.store.take_order("default").await.unwrap().unwrap();
    let (user, peer) = (taken.by.clone(), taken.peer.clone());
    let by_hand = bursar::release::run::Order {
        trigger: Trigger::Page { user, peer, order: taken.id },
        ..crate::release::world::order(Mode::Real)
    };
    let report = world.engine().run(&by_hand).await.unwrap();
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2));
    let pages = Pages::start(world.settings.clone(), Clock::fast(start(), 1.0)).await;
    let cut = ended(&world).await;
    assert_eq!((cut.id, cut.done), (taken.id, Some(report.run)));
    assert!(cut.outcome.unwrap().contains("not done again"));
    assert_eq!((runs().await, world.deletes()), (1, 2));
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_waited_for_hours_is_not_carried_out() {
    let world = world().await;
    world.store.place_order(order(&world, "f").await).await.unwrap();
    let later = Clock::fast(start() + TimeDelta::hours(2), 1.0);
    let pages = Pages::start(world.settings.clone(), later).await;
    let order = ended(&world).await;
    assert!(order.outcome.unwrap().contains("it waited for more than an hour"));
    assert_eq!(world.deletes(), 0);
    pages.stop().await;
}

/// Of a real run that a guard stopped, nothing can go back; its page says what was planned and what was done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_a_guard_stopped_offers_no_undo_and_says_what_was_done() {
    let mut world = world().await;
    world.settings(|release| {
        release.policy.types.iter_mut().for_each(|rule| rule.max_release_percent = 1)
    });
    let (pages, cookie) = pages(&world).await;
    // Of two types the guard stops one.
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Partly, "{report:?}");
    let page = pages.get(RELEASES, &cookie).await.text;
    assert!(!page.contains("Give the seats back"), "{page}");
    assert!(page.contains("Order that this plan is applied"), "{page}");
    let run = pages.get(&format!("/site/default/run/{}", report.run), &cookie).await.text;
    let done = "Planned to go: 2. Released: 0. Not attempted, because something stopped it: 2.";
    assert!(run.contains(done), "{run}");

    world.settings(|release| {
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer)
    });
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Refused, "{report:?}");
    let page = pages.get(RELEASES, &cookie).await.text;
    assert!(!page.contains("Give the seats back"), "{page}");
    // Once the guard lets it go, a person may still have it applied.
    assert!(page.contains("Order that this plan is applied"), "{page}");
    let run = pages.get(&format!("/site/default/run/{}", report.run), &cookie).await.text;
    let done = "Planned to go: 2. Released: 0. A guard stopped the run: nothing of it was done.";
    assert!(run.contains(done), "{run}");

    world.settings(|release| {
        release.policy.types.iter_mut().for_each(|rule| rule.max_release_percent = 100)
    });
    let report = world.run(Mode::Real).await;
    let run = pages.get(&format!("/site/default/run/{}", report.run), &cookie).await.text;
    assert!(run.contains("Planned to go: 2. Released: 2."), "{run}");
    let page = pages.get(RELEASES, &cookie).await.text;
    assert_eq!(page.matches("Give the seats back").count(), 1, "{page}");
    pages.stop().await;
}

/// A site that never answers holds its own order up, and no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_different_sites_run_beside_each_other() {
    let mut world = world().await;
    world.settings(|release| release.policy.limits.license_key_shared = Some(false));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut other = world.settings.sites[0].clone();
    other.name = "silent".to_owned();
    other.connection.port = silent.local_addr().unwrap().port();
    // Nothing but its order asks it.
    (other.server_license, other.access_license) = (None, None);
    world.settings.sites.push(other);

    let answered = order(&world, "first").await;
    let json = world.store.load_plan(&answered.run).await.unwrap().unwrap();
    let mut plan: serde_json::Value = serde_json::from_slice(&json).unwrap();
    plan["site"] = "silent".into();
    plan["run"] = "of the silent".into();
    let plan: bursar::release::Plan = serde_json::from_value(plan).unwrap();
    let json = serde_json::to_vec(&plan).unwrap();
    world.store.save_plan("silent", "of the silent", json).await.unwrap();
    let waits = NewPageOrder {
        site: "silent".to_owned(),
        form: "second".to_owned(),
        run: "of the silent".to_owned(),
        digest: Some(plan.digest()),
        ..answered.clone()
    };
    world.store.place_order(waits).await.unwrap();
    world.store.place_order(answered).await.unwrap();
    let pages = Pages::start(world.settings.clone(), Clock::fast(start(), 1.0)).await;
    let done = ended(&world).await;
    assert!(done.outcome.as_ref().unwrap().starts_with("done: "), "{done:?}");
    assert_eq!(world.deletes(), 2);
    let silent = world.store.orders("silent", 9).await.unwrap();
    assert!(silent[0].taken.is_some() && silent[0].ended.is_none(), "{silent:?}");
    pages.stop().await;
}
