//! What goes into the queues and comes out.

use super::*;

#[tokio::test]
async fn an_event_is_queued_for_each_destination_and_leaves_with_its_last_delivery() {
    let t = Bench::new(100).await;
    let (first, second) = (recurring("a", 0), alert("a", 0));
    t.store.record(vec![to(&["x", "y"], &first), to(&["x"], &second)]).await.unwrap();

    let batch = t.store.next_batch("x", 10).await.unwrap();
    assert_eq!(
        batch.iter().map(|q| &q.event).collect::<Vec<_>>(),
        [&second, &first],
        "alerts first"
    );
    assert_eq!(t.pending("y").await, [first.id.as_str()]);
    assert_eq!(t.pending("z").await, Vec::<String>::new());

    let done: Vec<_> = batch.iter().map(|q| (q.id, Settlement::Done)).collect();
    t.store.settle("x", &done).await.unwrap();
    assert_eq!(t.pending("x").await, Vec::<String>::new());
    assert_eq!((t.pending("y").await.len(), t.rows("event")), (1, 1));
    t.store.settle("y", &done[1..]).await.unwrap();
    assert_eq!((t.rows("event"), t.rows("delivery")), (0, 0));
}

#[tokio::test]
async fn what_is_to_be_retried_stays_at_the_head_and_what_is_refused_makes_way() {
    let t = Bench::new(100).await;
    let events = [recurring("a", 0), recurring("a", 1), recurring("b", 2)];
    for event in &events {
        t.record(&["x"], event).await;
    }
    let ids: Vec<_> = events.iter().map(|e| e.id.clone()).collect();

    t.settle_head("x", retry("busy")).await;
    t.settle_head("x", retry("still busy")).await;
    assert_eq!(t.pending("x").await, ids);
    let state = t.state("x").await;
    assert_eq!((state.pending, state.dead, state.attempts), (3, 0, 2));
    assert_eq!(state.last_error.as_deref(), Some("still busy"));
    let most = state.most_tried.unwrap();
    assert_eq!(
        (most.event_id, most.kind.as_str(), most.attempts),
        (ids[0].clone(), "accessLicenseStatus", 2)
    );
    assert_eq!(state.last_error_at, Some(at(0)));
    assert_eq!((state.oldest, state.last_delivered), (Some(at(0)), None));
    assert_eq!(t.store.next_batch("x", 1).await.unwrap()[0].attempts, 2);

    t.settle_head("x", dead("unknown")).await;
    assert_eq!(t.pending("x").await, ids[1..]);
    t.advance(DAY);
    t.settle_head("x", Settlement::Done).await;
    let state = t.state("x").await;
    assert_eq!((state.pending, state.dead, state.attempts), (1, 1, 0));
    assert_eq!((state.oldest, state.last_delivered), (Some(at(2)), Some(t.store_now())));
}

#[tokio::test]
async fn a_batch_is_settled_event_by_event() {
    let t = Bench::new(100).await;
    for n in 0..4 {
        t.record(&["x"], &recurring("a", n)).await;
    }
    let batch = t.store.next_batch("x", 10).await.unwrap();
    let fates = [Settlement::Done, retry("later"), dead("bad"), Settlement::Done];
    let results: Vec<_> = batch.iter().map(|q| q.id).zip(fates).collect();
    t.store.settle("x", &results).await.unwrap();
    assert_eq!(t.pending("x").await, [batch[1].event.id.as_str()]);
    assert_eq!(t.state("x").await.attempts, 1);
    // A second word on events that have left changes nothing.
    t.store.settle("x", &[(batch[0].id, dead("late"))]).await.unwrap();
    assert_eq!(t.state("x").await.dead, 1);
}

#[tokio::test]
async fn the_latest_data_is_kept_also_when_no_destination_wants_it() {
    let t = Bench::new(100).await;
    let (old, new, other) = (recurring("a", 0), recurring("a", 5), server_status("a", 3));
    t.record(&[], &new).await;
    t.record(&["x"], &old).await;
    t.record(&[], &other).await;
    t.record(&[], &alert("a", 9)).await;
    assert_eq!(t.store.latest().await.unwrap(), [new, other]);
    assert_eq!(t.rows("event"), 1);
}

#[tokio::test]
async fn recording_is_all_or_nothing() {
    let t = Bench::new(100).await;
    t.other()
        .execute_batch(
            "CREATE TRIGGER no BEFORE INSERT ON event WHEN NEW.site = 'bad'
             BEGIN SELECT RAISE(ABORT, 'not this one'); END",
        )
        .unwrap();
    let events = ["a", "b", "bad", "c"].map(|site| to(&["x", "y"], &recurring(site, 0)));
    let error = t.store.record(events.to_vec()).await.unwrap_err();
    assert!(error.to_string().contains("cannot record events"), "{error}");
    assert!(error.to_string().contains("not this one"), "{error}");
    for table in ["event", "delivery", "latest", "queue"] {
        assert_eq!(t.rows(table), 0, "{table}");
    }
}

/// Writes that are committed together share the sync, not the fate.
#[tokio::test]
async fn a_failed_write_takes_no_other_with_it() {
    let t = Bench::new(1000).await;
    t.other()
        .execute_batch(
            "CREATE TRIGGER no BEFORE INSERT ON event WHEN NEW.site LIKE 'bad%'
             BEGIN SELECT RAISE(ABORT, 'not this one'); END",
        )
        .unwrap();
    let writes = (0..40).map(|n| {
        let site = if n % 3 == 0 { format!("bad{n}") } else { format!("good{n}") };
        let store = t.store.clone();
        async move { store.record(vec![to(&["x"], &recurring(&site, n))]).await.is_ok() }
    });
    let fine = futures_util::future::join_all(writes).await;
    for (n, fine) in fine.iter().enumerate() {
        assert_eq!(*fine, n % 3 != 0, "{n}");
    }
    assert_eq!(t.pending("x").await.len(), 26);
    let sites: Vec<_> = t.store.latest().await.unwrap().into_iter().map(|e| e.site).collect();
    assert_eq!(sites.iter().filter(|s| s.starts_with("good")).count(), 26);
    assert_eq!(sites.len(), 26);
}

#[tokio::test]
async fn a_write_that_is_given_up_before_its_turn_changes_nothing() {
    let t = Bench::new(100).await;
    let event = recurring("a", 0);
    // Polled once: it waits for its turn. Then it is dropped.
    let lock = t.store.shared.gate.hold().await;
    let mut call = Box::pin(t.store.record(vec![to(&["x"], &event)]));
    assert!(futures_util::poll!(&mut call).is_pending());
    drop((call, lock));
    t.record(&["x"], &recurring("b", 0)).await;
    assert_eq!(t.rows("event"), 1);
}

#[tokio::test]
async fn recording_again_is_harmless() {
    let t = Bench::new(100).await;
    let event = alert("a", 0);
    t.record(&["x"], &event).await;
    t.record(&["x", "y"], &event).await;
    assert_eq!(t.pending("x").await, [event.id.as_str()]);
    assert_eq!(t.pending("y").await, [event.id.as_str()]);
    assert_eq!((t.rows("event"), t.state("x").await.pending), (1, 1));
}

#[tokio::test]
async fn coalescing_keeps_alerts_dead_letters_and_the_newest_of_each_site_and_kind() {
    let t = Bench::new(100).await;
    let events = [
        recurring("a", 0), // becomes a dead letter
        recurring("a", 1),
        alert("a", 2),
        server_status("a", 3),
        recurring("b", 4),
        recurring("a", 5),
        alert("a", 6),
        server_status("a", 7),
        recurring("a", 8),
    ];
    for event in &events {
        t.record(&["x", "y"], event).await;
    }
    let first = t.store.next_batch("x", 100).await.unwrap();
    let first = first.iter().find(|queued| queued.event == events[0]).unwrap().id;
    t.store.settle("x", &[(first, dead("bad"))]).await.unwrap();
    assert_eq!(t.store.coalesce("x").await.unwrap(), 3);
    assert_eq!(t.store.coalesce("x").await.unwrap(), 0);
    let kept: Vec<_> = [2, 6, 4, 7, 8].map(|n: usize| events[n].id.clone()).to_vec();
    assert_eq!(t.pending("x").await, kept);
    assert_eq!(t.pending("y").await.len(), events.len(), "another queue");
    let state = t.state("x").await;
    assert_eq!((state.dead, state.dropped), (1, 0), "coalescing is no loss");
    let count = DropCount { reason: DropReason::Coalesced, class: Class::Recurring, count: 3 };
    assert_eq!(state.drops, [count]);
}

#[tokio::test]
async fn a_person_lists_retries_and_drops() {
    let t = Bench::new(100).await;
    let events = [alert("a", 0), alert("a", 1), recurring("a", 2)];
    for event in &events {
        t.record(&["x", "y"], event).await;
    }
    t.settle_head("x", dead("unknown topic")).await;
    t.settle_head("y", dead("gone")).await;

    let listed = t.store.list(None, true, 10).await.unwrap();
    assert_eq!(listed.len(), 2);
    let first = Listed {
        destination: "x".into(),
        event_id: events[0].id.clone(),
        site: "a".into(),
        kind: "serverLicenseProblem".into(),
        class: Class::Alert,
        time: at(0),
        dead: true,
        attempts: 1,
        last_error: Some("unknown topic".into()),
    };
    assert_eq!(listed[0], first);
    assert_eq!(t.store.list(Some("y"), false, 2).await.unwrap().len(), 2);

    // The dead letter is back at its old place, as if it had never been tried.
    let one = Selector::Event { id: events[0].id.clone(), destination: Some("x".into()) };
    assert_eq!(t.store.retry(one).await.unwrap(), 1);
    assert_eq!(t.pending("x").await[0], events[0].id);
    assert_eq!(t.store.next_batch("x", 1).await.unwrap()[0].attempts, 0);
    assert_eq!((t.state("x").await.dead, t.state("y").await.dead), (0, 1));

    let all_dead = Selector::Dead { destination: None };
    assert_eq!(t.store.drop_events(all_dead).await.unwrap(), 1);
    assert_eq!(t.pending("y").await.len(), 2);
    let everywhere = Selector::Event { id: events[1].id.clone(), destination: None };
    assert_eq!(t.store.drop_events(everywhere).await.unwrap(), 2);
    assert_eq!(t.store.drop_events(Selector::Destination("x".into())).await.unwrap(), 2);
    assert_eq!((t.state("x").await.pending, t.state("y").await.pending), (0, 1));
    let state = t.state("x").await;
    assert_eq!(state.dropped, 0, "what a person drops is not lost to a limit");
    assert_eq!(state.drops.iter().map(|d| d.count).sum::<u64>(), 3);
    assert_eq!(t.store.drop_events(Selector::Destination("z".into())).await.unwrap(), 0);
    assert_eq!(t.rows("event"), 1);
}

#[tokio::test]
async fn a_retry_nudges_only_the_queues_concerned() {
    let t = Bench::new(100).await;
    t.record(&["x", "y"], &alert("a", 0)).await;
    let mut changes = t.store.changes();
    t.store.retry(Selector::Destination("x".into())).await.unwrap();
    assert!(changes.has_changed().unwrap());
    assert_eq!(t.store.nudges("x").await.unwrap(), 1);
    assert_eq!(t.store.nudges("y").await.unwrap(), 0);
    assert_eq!(t.store.nudges("z").await.unwrap(), 0);
    changes.mark_unchanged();
    t.record(&["y"], &alert("a", 1)).await;
    assert!(changes.has_changed().unwrap());
}

/// Written by a newer release, say: it must not hold up what comes after it.
#[tokio::test]
async fn an_event_that_cannot_be_read_becomes_a_dead_letter() {
    let t = Bench::new(100).await;
    let events = [recurring("a", 0), recurring("b", 1)];
    for event in &events {
        t.record(&["x"], event).await;
    }
    t.other()
        .execute(
            "UPDATE event SET json = replace(json, 'accessLicenseStatus', 'moon') WHERE site = 'a'",
            [],
        )
        .unwrap();
    let batch = t.store.next_batch("x", 1).await.unwrap();
    assert_eq!(batch[0].event, events[1]);
    let listed = t.store.list(Some("x"), true, 10).await.unwrap();
    assert!(listed[0].last_error.as_ref().unwrap().contains("can't read"), "{listed:?}");
}

#[tokio::test]
async fn health_knows_the_last_success_and_the_last_error() {
    let t = Bench::new(100).await;
    let error = |text: &str| PollError { code: "timed-out".into(), text: text.into() };
    let poll = async |monitor, result| t.store.record_health("a", monitor, result).await.unwrap();
    poll(Monitor::ServerLicense, Err(error("first"))).await;
    t.advance(DAY);
    poll(Monitor::ServerLicense, Ok(())).await;
    poll(Monitor::AccessLicense, Ok(())).await;
    t.advance(DAY);
    poll(Monitor::ServerLicense, Err(error("second"))).await;
    poll(Monitor::ServerLicense, Err(error("third"))).await;

    let day = DAY.as_secs() as i64;
    let health = t.store.health().await.unwrap();
    let access = Health {
        site: "a".into(),
        monitor: Monitor::AccessLicense,
        last_poll: at(day),
        last_success: Some(at(day)),
        failures: 0,
        last_error: None,
    };
    let server = Health {
        monitor: Monitor::ServerLicense,
        last_poll: at(2 * day),
        failures: 2,
        last_error: Some(error("third")),
        ..access.clone()
    };
    assert_eq!(health, [access, server]);
    poll(Monitor::ServerLicense, Ok(())).await;
    let server = &t.store.health().await.unwrap()[1];
    assert_eq!((server.failures, &server.last_error), (0, &Some(error("third"))));
}
