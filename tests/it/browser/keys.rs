//! Filters, orders, pages, zoom, with the mouse and without.

use std::collections::HashSet;

use super::demo::Demo;
use super::sound::pages;
use super::texts;
use crate::support::chromium::Tab;

/// What Tab stops at, in the order of the page.
const STOPS: &str = "window.stops = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, \
    textarea, summary, [tabindex=\"0\"]')].filter(e => e.checkVisibility())";

/// Where the focus is among them, and whether a person sees it.
const FOCUS: &str = "(() => { const e = document.activeElement, r = e.getBoundingClientRect(), s = getComputedStyle(e); \
    const seen = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 && r.width > 0 && r.bottom > 0 && \
    r.top < innerHeight && r.right > 0 && r.left < innerWidth; \
    return [stops.indexOf(e), seen, e.outerHTML.slice(0, 120)] })()";

/// The cells of the column with this head, in the first table that has it.
fn column(head: &str) -> String {
    format!(
        "(() => {{ for (const t of document.querySelectorAll('main table')) {{ \
         const n = [...t.querySelectorAll('thead th')].findIndex(h => h.innerText === '{head}'); \
         if (n >= 0) return [...t.querySelectorAll('tbody tr')].map(r => r.children[n].innerText) }} }})()"
    )
}

const LOADED: &str =
    "document.readyState === 'complete' && document.querySelector('main h1') !== null";

async fn at(tab: &Tab, part: &str) {
    tab.until(&format!("(location.pathname + location.search).includes({part:?}) && {LOADED}"))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_is_enough() {
    let demo = Demo::shared().await;
    let tab = Tab::open().await;
    tab.go(&demo.base).await;
    tab.press("Tab").await;
    let skip = "document.activeElement.className === 'skip' && \
        document.activeElement.getBoundingClientRect().left >= 0";
    assert!(tab.js(skip).await == true, "the first stop skips the frame, and is seen");
    tab.press("Enter").await;
    tab.until("document.activeElement.id === 'main'").await;
    // Every page has its key.
    let links =
        "[...document.querySelectorAll('nav a[data-key]')].map(a => a.dataset.key + a.pathname)";
    let links = texts(tab.js(links).await);
    assert!(links.len() >= 9, "{links:?}");
    let mut keys = HashSet::new();
    for link in &links {
        let (key, path) = link.split_at(1);
        assert!(keys.insert(key), "{key} is the key of two pages: {links:?}");
        tab.press("g").await;
        tab.press(key).await;
        tab.until(&format!("location.pathname === {path:?} && {LOADED}")).await;
    }
    tab.press("g").await;
    tab.press("s").await;
    at(&tab, "/seats").await;
    tab.press("/").await;
    tab.until("document.activeElement.name === 'q'").await;
    // Whoever writes goes nowhere.
    for key in ["g", "a", "j", "?", "/"] {
        tab.press(key).await;
    }
    assert_eq!(
        tab.js("document.activeElement.value + location.pathname").await,
        "gaj?//site/default/seats"
    );
    tab.js("document.activeElement.select()").await;
    tab.write("type:analyzer").await;
    tab.press("Enter").await;
    at(&tab, "q=type%3Aanalyzer").await;
    let row = "[...document.querySelectorAll('main tbody tr')].indexOf(document.activeElement.closest('tr'))";
    for (key, expected) in [("j", 0), ("j", 1), ("j", 2), ("k", 1), ("k", 0), ("k", 0), ("j", 1)] {
        tab.press(key).await;
        assert_eq!(tab.js(row).await, expected, "after {key}");
    }
    let person = tab.text("document.activeElement.innerText").await;
    tab.press("Enter").await;
    at(&tab, "/person/").await;
    assert!(tab.text("document.querySelector('h1').innerText").await.contains(&person), "{person}");
    let listed = "document.getElementById('keys').open";
    for open in [true, false] {
        tab.press("?").await;
        tab.until(&format!("{listed} === {open}")).await;
    }
    let list = tab.text("document.getElementById('keys').textContent").await;
    for key in keys {
        assert!(list.contains(&format!("{key} ")), "{key} is not in the list: {list}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tab_stops_at_everything_in_order_and_is_seen() {
    let demo = Demo::shared().await;
    let tab = Tab::open().await;
    let mut wrong = Vec::new();
    for (kind, path) in pages(&tab, &demo.base).await {
        // Where there is least room.
        tab.shown(390, "light").await;
        tab.go(&format!("{}{path}", demo.base)).await;
        let count = tab.js(&format!("{STOPS}; stops.length")).await.as_u64().unwrap();
        let (mut next, mut presses) = (0, 0);
        // Of a long table the first rows do.
        while next < count.min(30) {
            tab.press("Tab").await;
            presses += 1;
            let focus = tab.js(FOCUS).await;
            // A date has several parts.
            if focus[0].as_u64().is_some_and(|at| at + 1 == next) && presses < 100 {
                continue;
            }
            if focus[0] != next {
                wrong.push(format!("{kind}: stop {} after {next}: {}", focus[0], focus[2]));
                break;
            }
            if focus[1] != true {
                wrong.push(format!("{kind}: the focus is not seen at {}", focus[2]));
            }
            next += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_are_filtered_ordered_and_paged_by_hand() {
    let demo = Demo::shared().await;
    let tab = Tab::open().await;
    tab.go(&format!("{}/site/default/seats", demo.base)).await;
    tab.click("input[name=q]").await;
    tab.write("dir:CORP idle:>=60").await;
    tab.click("form.filter button").await;
    at(&tab, "q=dir%3ACORP").await;
    let days = |cells: Vec<String>| -> Vec<u32> {
        cells.iter().map(|cell| cell.split(' ').next().unwrap().parse().unwrap()).collect()
    };
    let found = tab.text("document.getElementById('found').innerText").await;
    let found: usize = found.split(' ').next().unwrap().parse().unwrap();
    let mut rows = Vec::new();
    loop {
        let page = texts(tab.js(&column("Person")).await);
        assert!(!page.is_empty() && page.len() <= 50, "{}", page.len());
        assert!(texts(tab.js(&column("Directory")).await).iter().all(|of| of == "CORP"));
        let types = texts(tab.js(&column("Type")).await);
        let idle = days(texts(tab.js(&column("Idle")).await));
        rows.extend(page.into_iter().zip(types).zip(idle));
        if tab.js("document.querySelector('a[rel=next]') === null").await == true {
            break;
        }
        let first = tab.text("document.querySelector('main tbody tr').innerText").await;
        tab.click("a[rel=next]").await;
        tab.until(&format!(
            "{LOADED} && document.querySelector('main tbody tr').innerText !== {first:?}"
        ))
        .await;
    }
    assert_eq!(rows.len(), found, "on all pages together");
    assert!(found > 50, "more than a page: {found}");
    let (all, idle): (HashSet<_>, Vec<_>) = rows.iter().cloned().unzip();
    assert_eq!(all.len(), found, "each once");
    assert!(idle.iter().all(|days| *days >= 60) && idle.is_sorted_by(|a, b| a >= b), "{idle:?}");
    // The order that is chosen is kept with the filter.
    tab.js("document.querySelector('select[name=sort]').value = 'allocated'").await;
    tab.click("form.filter button").await;
    at(&tab, "sort=allocated").await;
    let q = tab.text("document.querySelector('input[name=q]').value").await;
    assert_eq!(q, "dir:CORP idle:>=60");
    let given = texts(tab.js(&column("Allocated")).await);
    let (up, down) = (given.is_sorted(), given.is_sorted_by(|a, b| a >= b));
    assert!(up != down, "{given:?}");
    // A mistake is told where it was made.
    tab.click("input[name=q]").await;
    tab.js("document.activeElement.select()").await;
    tab.write("idle:often").await;
    tab.press("Enter").await;
    at(&tab, "q=idle%3Aoften").await;
    let told = tab.text("document.querySelector('[role=alert]').innerText").await;
    assert!(told.contains("often"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_is_looked_at_closer_by_click_and_by_key() {
    let demo = Demo::shared().await;
    let tab = Tab::open().await;
    let trends = format!("{}/site/default/trends?type=analyzer", demo.base);
    let cells = "[...document.querySelectorAll('section[aria-labelledby=\"table\"] tbody tr')].find(r => r.innerText.startsWith(";
    let by_key: &[&str] = &["j", "j", "Enter"];
    for keys in [None, Some(by_key)] {
        tab.go(&trends).await;
        let by = tab.text("document.getElementById('table').innerText").await;
        // The second row is a whole month; the first goes on.
        let name =
            tab.text("document.querySelector('section[aria-labelledby=\"table\"] tbody tr:nth-child(2) th').innerText").await;
        let row = format!("{cells}{name:?})).children");
        let [peak, last] = [1, 3].map(|n| format!("{row}[{n}].innerText"));
        let [peak, last] = [tab.text(&peak).await, tab.text(&last).await];
        match keys {
            None => tab.click("section[aria-labelledby=\"table\"] tbody tr:nth-child(2) a").await,
            Some(keys) => {
                for key in keys {
                    tab.press(key).await;
                }
            }
        }
        at(&tab, &format!("from={name}-01")).await;
        let closer = tab.text("document.getElementById('table').innerText").await;
        assert_ne!(closer, by, "the table is of shorter times");
        let peaks: Vec<f64> = texts(tab.js(&column("Peak")).await)
            .iter()
            .map(|peak| peak.replace(',', "").parse().unwrap())
            .collect();
        let highest = peaks.iter().copied().fold(0.0, f64::max);
        assert_eq!(highest, peak.replace(',', "").parse::<f64>().unwrap(), "{peaks:?}");
        assert!(texts(tab.js(&column("Last")).await).contains(&last), "{last}");
        tab.js("history.back()").await;
        at(&tab, "trends?type=analyzer").await;
        tab.until(&format!("document.getElementById('table').innerText === {by:?}")).await;
    }
}
