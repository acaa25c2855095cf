//! Events that one destination does not take while it takes others.

use proptest::prelude::*;

use super::*;
use crate::event::{AlertStatus, Body, Rule, Severity};

/// What was acknowledged, by name, in order.
fn taken(t: &Stage) -> Vec<String> {
    t.fake.taken.lock().unwrap().iter().map(|event| event.site.clone()).collect()
}

fn is_poison(event: &Event, _: f64) -> bool {
    event.site.starts_with("poison")
}

/// Alerts of one site, each about something else.
fn poison(n: u32) -> Event {
    let body = Body::Alert(crate::event::AlertNotice {
        rule: Rule::QueueGrowing,
        subject: n.to_string(),
        fingerprint: n.to_string(),
        status: AlertStatus::Firing,
        severity: Severity::Warning,
        title: String::new(),
        text: String::new(),
        hint: String::new(),
        since: samples::at(0),
        resolved: None,
        repeats: 0,
        facts: Default::default(),
        destinations: None,
        silenced: None,
        test: false,
    });
    Event::new("poison", samples::at(0), body)
}

async fn dead(t: &Stage) -> Vec<(String, String)> {
    let list = t.store.list(Some(ID), true, 1000).await.unwrap();
    list.into_iter().map(|one| (one.site, one.last_error.unwrap_or_default())).collect()
}

/// One that the destination does not take is set aside, with its answers; all others are delivered in
/// their order, those behind it soon.
#[tokio::test(start_paused = true)]
async fn an_event_that_can_t_be_delivered_makes_way() {
    let mut t = Stage::with([], |fake| fake.fails = is_poison).await;
    for name in ["a", "poison", "b", "c", "d"] {
        t.record(alert(name)).await;
    }
    t.start();
    let calls = t.drained().await;
    assert_eq!(taken(&t), ["a", "b", "c", "d"]);
    let dead = dead(&t).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].0, "poison");
    assert!(dead[0].1.starts_with("set aside after "), "{dead:?}");
    assert!(dead[0].1.contains(" s, while other events were taken: busy ("), "{dead:?}");
    let last = calls.last().unwrap().0;
    assert!((60.0..180.0).contains(&last), "{calls:?}");
    t.stop().await;
}

/// A rate limit between the tries changes nothing of it.
#[tokio::test(start_paused = true)]
async fn an_event_that_can_t_be_delivered_makes_way_behind_a_rate_limit() {
    let mut t = Stage::with([], |fake| {
        fake.fails = is_poison;
        fake.min_interval = Some(Duration::from_secs(20));
    })
    .await;
    for name in ["poison", "a", "b", "c", "d"] {
        t.record(alert(name)).await;
    }
    t.start();
    t.drained().await;
    assert_eq!(taken(&t), ["a", "b", "c", "d"]);
    assert_eq!(t.state().await, (0, 1));
    t.stop().await;
}

/// A receiver that asks for a pause at one event, and takes others: those go on, and nothing is given up.
#[tokio::test(start_paused = true)]
async fn an_event_that_is_always_asked_for_later_waits_alone() {
    let mut t = Stage::with([], |fake| {
        fake.fails = is_poison;
        fake.after = Some(Duration::from_secs(120));
    })
    .await;
    for name in ["poison", "a", "b", "c", "d"] {
        t.record(alert(name)).await;
    }
    t.start();
    while taken(&t).len() < 4 {
        sleep(Duration::from_secs(1)).await;
    }
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(taken(&t), ["a", "b", "c", "d"]);
    assert_eq!(t.state().await, (1, 0));
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn recurring_data_that_can_t_be_delivered_holds_back_no_alert() {
    let mut t = Stage::with([], |fake| fake.fails = is_poison).await;
    t.record(recurring("poison")).await;
    t.start();
    t.calls(3).await;
    let before = t.fake.started.elapsed().as_secs_f64();
    t.record(alert("a")).await;
    while taken(&t).is_empty() {
        sleep(Duration::from_secs(1)).await;
    }
    assert!(t.fake.started.elapsed().as_secs_f64() - before < 31.0);
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn alerts_go_before_recurring_data_that_came_earlier() {
    let mut t = Stage::with([], |fake| fake.max_batch = 2).await;
    for name in ["a", "b", "c"] {
        t.record(recurring(name)).await;
    }
    t.record(alert("x")).await;
    t.record(alert("y")).await;
    t.record(alert("z")).await;
    t.start();
    t.drained().await;
    assert_eq!(taken(&t), ["x", "y", "z", "a", "b", "c"]);
    t.stop().await;
}

#[tokio::test(start_paused = true)]
async fn while_nothing_gets_through_nothing_is_set_aside() {
    // For ten hours; a login or a greeting works all the time, which nobody asks.
    let down = |_: &Event, now: f64| now < 36_000.0;
    let mut t = Stage::with([], |fake| fake.fails = down).await;
    for n in 0..60 {
        t.record(alert(&format!("a{n}"))).await;
        t.record(recurring(&format!("r{n}"))).await;
    }
    t.start();
    sleep(Duration::from_secs(36_030)).await;
    assert!(!taken(&t).is_empty(), "it moves within half a minute");
    t.drained().await;
    assert_eq!(t.state().await, (0, 0));
    assert_eq!(taken(&t).len(), 120);
    t.stop().await;
}

/// A topic that is not allowed: everything of a kind, for ever.
#[tokio::test(start_paused = true)]
async fn many_bad_events_of_a_kind_hold_back_the_others_but_once() {
    let mut t = Stage::with([], |fake| fake.fails = is_poison).await;
    for n in 0..30 {
        t.record(poison(n)).await;
    }
    for n in 0..20 {
        t.record(recurring(&format!("r{n}"))).await;
    }
    t.start();
    while taken(&t).len() < 20 {
        sleep(Duration::from_secs(1)).await;
    }
    let until = t.fake.started.elapsed().as_secs();
    assert!(until < 240, "{until}");
    for n in 0..60 {
        t.record(recurring(&format!("s{n}"))).await;
        sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(t.state().await, (0, 30));
    assert_eq!(taken(&t).len(), 80);
    t.stop().await;
}

/// When a destination has one series only, a later event of it shows who is to blame.
#[tokio::test(start_paused = true)]
async fn an_event_with_none_but_its_own_series_behind_it_is_overtaken_at_last() {
    let bad_day = |event: &Event, _: f64| event.time < samples::at(5);
    let mut t = Stage::with([], |fake| fake.fails = bad_day).await;
    for n in [1, 10, 11] {
        t.record(samples::recurring("a", n)).await;
    }
    t.start();
    t.drained().await;
    let until = t.fake.started.elapsed().as_secs();
    assert!((600..900).contains(&until), "{until}");
    assert_eq!(t.state().await, (0, 1));
    let times: Vec<_> = t.fake.taken.lock().unwrap().iter().map(|event| event.time).collect();
    assert_eq!(times, [samples::at(10), samples::at(11)]);
    t.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// A destination that comes and goes takes everything in the end, each series in its order, and
    /// nothing becomes a dead letter but what it never takes.
    #[test]
    fn a_destination_that_comes_and_goes_loses_nothing(
        seed: u64, batch in 1_usize..6, count in 3_usize..40, poison in 0_usize..3,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all().start_paused(true).build().unwrap();
        let (got, state) = runtime.block_on(async {
            let mut t = Stage::with([], |fake| {
                fake.max_batch = batch;
                // Up and down for one to eight minutes, by the bits of a fixed pattern.
                fake.fails = |event, now| {
                    let slot = (now / 60.0) as u64;
                    is_poison(event, now)
                        || slot < 300 && (0x6A09_E667_F3BC_C908_u64 >> (slot % 64)) & 1 == 1
                };
            }).await;
            let mut rng = fastrand::Rng::with_seed(seed);
            t.start();
            for n in 0..count {
                let site = if n < poison { format!("poison{n}") } else { format!("s{}", rng.u8(..4)) };
                let event = if rng.bool() {
                    samples::recurring(&site, n as i64)
                } else {
                    samples::alert(&site, n as i64)
                };
                t.record(event).await;
                sleep(Duration::from_secs(rng.u64(..400))).await;
            }
            // What follows shows that poison is poison.
            for n in 0..poison as i64 * 20 {
                t.record(samples::server_status("last", n)).await;
                sleep(Duration::from_secs(100)).await;
            }
            for _ in 0..2_000 {
                if t.state().await.0 == 0 {
                    break;
                }
                sleep(Duration::from_secs(10)).await;
            }
            let state = t.state().await;
            t.stop().await;
            let got = t.fake.taken.lock().unwrap().clone();
            (got, state)
        });
        prop_assert_eq!(state, (0, poison as u64));
        prop_assert_eq!(got.len(), count + poison * 19);
        let mut newest = std::collections::HashMap::new();
        for event in &got {
            let before = newest.insert(event.series(), event.time);
            prop_assert!(before.is_none_or(|before| before < event.time));
        }
    }
}
