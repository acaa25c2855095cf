//! What holds for every page that can be reached from the first one, whichever there are.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use serde_json::Value;

use super::demo::Demo;
use super::texts;
use crate::support::chromium::Tab;
use crate::support::process::until;

/// What `tests/run.sh` fetches.
const AXE: &str = "axe-core-4.14.1.min.js";

/// Pages that must be among those that are found.
const KNOWN: [&str; 11] = [
    "/",
    "/site/default",
    "/site/default/trends",
    "/site/default/seats",
    "/site/default/person/*",
    "/site/default/releases",
    "/site/default/changes",
    "/alerts",
    "/destinations",
    "/settings",
    "/daemon",
];

/// The addresses within this host that a page leads to, without what they ask for.
const LINKS: &str = "[...document.querySelectorAll('a[href]')].filter(a => a.origin === location.origin && !a.download)\
    .map(a => a.pathname)";

/// What axe finds wrong: the rule, and where.
pub const FOUND: &str = "axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})\
    .then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', ')))";

/// What stands in the page, without how long ago something was. The ages come back by themselves.
const SAID: &str = "(() => { for (const t of document.querySelectorAll('main time[data-age]')) t.textContent = ''; \
    return document.querySelector('main').innerText })()";

pub fn axe() -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let file = target.join(AXE);
    std::fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!("{}: {error}; run tests/run.sh once, which fetches it", file.display())
    })
}

/// One of each kind of page stands for all: of all people, one.
fn kind(path: &str) -> String {
    let parts = path.split('/').map(|part| match uuid::Uuid::try_parse(part) {
        Ok(_) => "*",
        Err(_) => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Pages for people, not what programs ask for.
fn is_page(path: &str) -> bool {
    let others = ["/api/", "/assets/", "/metrics", "/health"];
    !others.iter().any(|other| path.starts_with(other)) && !path.ends_with(".csv")
}

/// All kinds of pages, each with an address: what links lead to, and what these lead to.
pub async fn pages(tab: &Tab, base: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = [("/".to_owned(), "/".to_owned())].into();
    let mut next: VecDeque<String> = ["/".to_owned()].into();
    while let Some(path) = next.pop_front() {
        tab.go(&format!("{base}{path}")).await;
        for link in texts(tab.js(LINKS).await).into_iter().filter(|link| is_page(link)) {
            if let Entry::Vacant(place) = found.entry(kind(&link)) {
                place.insert(link.clone());
                next.push_back(link);
            }
        }
    }
    for known in KNOWN {
        assert!(found.contains_key(known), "nothing leads to {known}: {found:?}");
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_accessible_quiet_and_whole_without_scripts() {
    let demo = Demo::shared().await;
    let (axe, tab, plain) = (axe(), Tab::open().await, Tab::open().await);
    plain.scripts(false).await;
    let mut wrong = Vec::new();
    for (kind, path) in pages(&tab, &demo.base).await {
        let address = format!("{}{path}", demo.base);
        for event in ["Log.entryAdded", "Network.requestWillBeSent"] {
            tab.events(event);
        }
        tab.shown(1440, "light").await;
        tab.go(&address).await;
        tab.js(&format!("{axe}; 0")).await;
        for width in [1440, 390] {
            for scheme in ["light", "dark"] {
                tab.shown(width, scheme).await;
                let found = texts(tab.js(FOUND).await);
                wrong.extend(found.iter().map(|found| format!("{kind} {width} {scheme}: {found}")));
            }
            let wide = tab.js("document.scrollingElement.scrollWidth").await.as_u64().unwrap();
            if wide > width.into() {
                wrong.push(format!("{kind}: {wide} pixels wide in a window of {width}"));
            }
        }
        wrong.extend(said(&tab).into_iter().map(|said| format!("{kind}: {said}")));
        wrong.extend(elsewhere(&tab, &demo.base).into_iter().map(|to| format!("{kind} asks {to}")));
        tab.printed().await;
        let frame = "[...document.querySelectorAll('header, footer, nav, form')]\
            .filter(e => e.checkVisibility()).map(e => e.tagName)";
        let printed = texts(tab.js(frame).await);
        wrong.extend(printed.iter().map(|part| format!("{kind}: prints its {part}")));
        assert!(tab.js("document.querySelector('main').checkVisibility()").await == true, "{kind}");
        tab.shown(1440, "light").await;
        // What is read in between makes a difference once.
        until(&format!("{kind} is the same without scripts"), async || {
            tab.go(&address).await;
            plain.go(&address).await;
            let [with, without] = [tab.text(SAID).await, plain.text(SAID).await];
            assert!(!without.trim().is_empty(), "{kind} is empty without scripts");
            (with == without).then_some(())
        })
        .await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Both tell if there is something to tell.
    tab.js("document.querySelector('main').innerHTML = '<img src=http://example.com/x.png>'").await;
    assert!(
        texts(tab.js(&format!("{axe}; {FOUND}")).await).iter().any(|f| f.starts_with("image-alt"))
    );
    assert_eq!(elsewhere(&tab, &demo.base), ["http://example.com/x.png"]);
    assert!(!said(&tab).is_empty(), "the policy of the page forbids it");
}

/// What the page complains of in the console.
fn said(tab: &Tab) -> Vec<String> {
    let grave = |of: &Value| of["level"] == "error" || of["level"] == "warning";
    let logged = tab.events("Log.entryAdded").into_iter().map(|of| of["entry"].clone());
    let logged = logged.filter(grave).map(|of| of["text"].to_string());
    let thrown = tab.events("Runtime.exceptionThrown").into_iter();
    let thrown = thrown.map(|of| of["exceptionDetails"].to_string());
    let called = tab.events("Runtime.consoleAPICalled").into_iter().map(|of| of.to_string());
    logged.chain(thrown).chain(called).collect()
}

/// What the page asks of others than its own host.
fn elsewhere(tab: &Tab, base: &str) -> Vec<String> {
    let asked = tab.events("Network.requestWillBeSent").into_iter();
    let asked = asked.map(|of| of["request"]["url"].as_str().unwrap().to_owned());
    asked.filter(|url| !url.starts_with(&format!("{base}/")) && !url.starts_with("data:")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_told_on_a_page_that_is_accessible() {
    let demo = Demo::shared().await;
    let tab = Tab::open().await;
    for path in ["/nothing", "/site/nowhere", "/site/default/trends?from=soon"] {
        tab.go(&format!("{}{path}", demo.base)).await;
        for scheme in ["light", "dark"] {
            tab.shown(390, scheme).await;
            let found = texts(tab.js(&format!("{}; {FOUND}", axe())).await);
            assert!(found.is_empty(), "{path}: {found:?}");
        }
        tab.click("main a[href='/']").await;
        tab.until("location.pathname === '/' && document.querySelector('nav') !== null").await;
    }
}

/// Where a table is wider than a telephone, its edge says that there is more, and whose row it is stays in sight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wide_table_says_that_there_is_more_and_keeps_the_name_of_the_row() {
    let demo = Demo::shared().await;
    let tab = Tab::open().await;
    tab.shown(390, "light").await;
    tab.go(&format!("{}/site/default/seats", demo.base)).await;
    let look = "(() => { const wide = document.querySelector('.wide'); wide.scrollLeft = 200; \
        const left = (e) => Math.round(e.getBoundingClientRect().left); \
        const name = wide.querySelector('tbody th'), shades = getComputedStyle(wide).backgroundImage; \
        return [wide.scrollLeft, left(name) - left(wide), shades.split('linear-gradient').length - 1] })()";
    assert_eq!(tab.js(look).await, serde_json::json!([200, 0, 4]));
}
