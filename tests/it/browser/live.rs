//! The page keeps itself true while it is looked at, and disturbs nobody.

use bursar::license::{Moment, Seat};
use chrono::TimeDelta;
use serde_json::Value;

use crate::pages::seats::{Served, keep, now, seat, serve};
use crate::support::chromium::Tab;

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

fn seats() -> Vec<Seat> {
    (0..400).map(seat).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_is_swapped_and_the_reader_keeps_the_place() {
    let mut seats = seats();
    let served = serve(&seats, true).await;
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
    seats.pop();
    seats[7].last_used = Moment::At(now() - TimeDelta::minutes(2));
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
    let served = serve(&seats(), true).await;
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
