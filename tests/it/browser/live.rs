//! The page keeps itself true while it is looked at, and disturbs nobody.

use std::sync::Arc;

use bursar::clock::Clock;
use bursar::license::{Holder, Moment, Seat, SeatType};
use bursar::simulator::Scenario;
use bursar::store::{SeatReading, Store};
use bursar::web::{Page, Source};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::chromium::Tab;
use crate::support::setup::Setup;
use crate::support::store;

fn now() -> DateTime<Utc> {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

/// 400 people with a seat each, the first used longest ago.
fn seats() -> Vec<Seat> {
    let seat = |n: u16| Seat {
        id: Uuid::from_u128(u128::from(n) + 1),
        seat_type: SeatType::Analyzer,
        holder: Some(Arc::new(Holder {
            id: Uuid::from_u128(u128::from(n) + 1_000),
            directory: "CORP".into(),
            user_id: format!("user{n}").as_str().into(),
            name: format!("Anna {n}").as_str().into(),
        })),
        deleted_user: None,
        created: Moment::At(now() - TimeDelta::days(900)),
        last_used: Moment::At(now() - TimeDelta::days(500 - i64::from(n))),
        excess: false,
        quarantined: None,
    };
    (0..400).map(seat).collect()
}

/// Pages of a store that a test changes.
struct Served {
    base: String,
    store: Store,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    _setup: Setup,
}

impl Served {
    async fn start(seats: &[Seat]) -> Self {
        let setup = Setup::new(Scenario::default()).await;
        let web = "  web: {enable: true, port: 0, showNames: true}\n";
        let settings = Arc::new(setup.load(&setup.yaml("every 6 hours", web)));
        let store = store::open(&setup.store(), settings.storage.outbox, now).await.unwrap();
        keep(&store, seats, now() - TimeDelta::minutes(5)).await;
        let source = Source { settings, store: store.clone(), clock: Clock::following(now()) };
        let page = Page::bind("127.0.0.1:0".parse().unwrap(), source).await.unwrap();
        let base = format!("http://{}", page.address().unwrap());
        let stop = CancellationToken::new();
        let task = tokio::spawn(page.serve(stop.clone()));
        Self { base, store, stop, task, _setup: setup }
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// These are the seats as they were read then.
async fn keep(store: &Store, seats: &[Seat], time: DateTime<Utc>) {
    let reading = SeatReading {
        time,
        lists: vec![(SeatType::Analyzer, seats.to_vec())],
        changes: Vec::new(),
        people: Vec::new(),
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 400,
    };
    store.keep_seats("default", reading, Vec::new()).await.unwrap();
}

/// What a reader has in hand: where the focus is, how far the page is scrolled, what is folded open.
const HELD: &str = "({focus: document.activeElement.pathname, at: scrollY, \
    open: document.getElementById('words').open, window: window.mine, side: document.querySelector('.wide').scrollLeft})";

async fn seats_page(served: &Served) -> Tab {
    let tab = Tab::open().await;
    tab.waits_for_me().await;
    tab.shown(390, "light").await;
    tab.go(&format!("{}/site/default/seats?sort=idle", served.base)).await;
    tab
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_is_swapped_and_the_reader_keeps_the_place() {
    let mut seats = seats();
    let served = Served::start(&seats).await;
    let tab = seats_page(&served).await;
    tab.click("#words summary").await;
    tab.until("document.getElementById('words').open").await;
    tab.js("window.mine = 1; document.querySelectorAll('main tbody a')[30].focus(); \
         document.querySelector('.wide').scrollLeft = 40; scrollTo(0, 700)")
        .await;
    let held = tab.js(HELD).await;
    assert!(held["at"] == 700 && held["side"] == 40 && held["focus"].is_string(), "{held}");

    tab.js("document.querySelector('main h1').mine = 1").await;
    assert_eq!(tab.looks().await, 304, "nothing changed");
    assert_eq!(tab.js("document.querySelector('main h1').mine").await, 1, "nothing is touched");

    // Somebody above in the list has no seat any more, somebody was seen; the list is read again.
    let found = "document.getElementById('found').innerText";
    assert_eq!(tab.text(found).await, "400 seats");
    seats.remove(10);
    seats[300].last_used = Moment::At(now() - TimeDelta::minutes(2));
    keep(&served.store, &seats, now() - TimeDelta::minutes(1)).await;
    assert_eq!(tab.looks().await, 200);
    assert_eq!(tab.text(found).await, "399 seats");
    assert_eq!(tab.js(HELD).await, held, "focus, scroll, what is open; and it is the same page");

    // What somebody writes stays.
    tab.click("input[name=q]").await;
    tab.write("dir:LA").await;
    seats.pop();
    keep(&served.store, &seats, now()).await;
    assert_eq!(tab.looks().await, Value::Null, "it does not ask while somebody writes");
    assert_eq!(tab.text(found).await, "399 seats");
    tab.js("document.activeElement.value = document.activeElement.defaultValue").await;
    assert_eq!(tab.looks().await, 200);
    assert_eq!(tab.text(found).await, "398 seats");
    // Nobody looks: nothing is asked for.
    let hide = "Object.defineProperty(document, 'hidden', {value: true}); \
        document.dispatchEvent(new Event('visibilitychange')); waits.size";
    assert_eq!(tab.js(hide).await, 0, "nothing will be asked");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_says_that_the_daemon_is_gone() {
    let served = Served::start(&seats()).await;
    let tab = seats_page(&served).await;
    let lost = "document.querySelector('.lost').checkVisibility()";
    assert!(tab.js(lost).await == false);
    served.end().await;
    assert_eq!(tab.looks().await, "failed");
    assert!(tab.js(lost).await == true);
    let told = tab.text("document.querySelector('.lost').innerText").await;
    assert!(told.contains("doesn't answer"), "{told}");
    assert_eq!(tab.text("document.getElementById('found').innerText").await, "400 seats");
}
