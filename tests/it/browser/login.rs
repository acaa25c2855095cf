//! Who logs in by the form, what they find then, and what is left when they log out.

use bursar::clock::Clock;
use bursar::simulator::Scenario;
use bursar::store::Role;

use super::sound::{FOUND, axe};
use super::{seen, texts};
use crate::login::{PASSWORD, Pages};
use crate::support::chromium::Tab;
use crate::support::process::until;
use crate::support::setup::Setup;

/// Two sites whose seats are read, and somebody of each kind.
async fn pages() -> (Setup, Pages) {
    let setup = Setup::new(Scenario::default()).await;
    let more = "  web: {port: 0}\n  sites: [{name: oslo}, {name: bergen}]\n";
    let yaml = setup.yaml("every 24 hours", more);
    let yaml = yaml.replace("seatMonitor: {enable: false}", "seatMonitor: {enable: true}");
    let pages = Pages::start(setup.load(&yaml), Clock::System).await;
    pages.user("bert", Role::Viewer, None).await;
    pages.user("olga", Role::Operator, None).await;
    pages.user("otto", Role::Operator, Some(&["oslo"])).await;
    until("the seats of both are read", async || {
        let read = async |site| pages.get(&format!("/site/{site}/seats"), "").await.text;
        let both = [read("oslo").await, read("bergen").await];
        both.iter().all(|page| page.contains("<tbody>")).then_some(())
    })
    .await;
    (setup, pages)
}

/// Fills in the form and sends it.
async fn log_in(tab: &Tab, name: &str, password: &str) {
    for (field, text) in [("#user", name), ("#password", password)] {
        tab.click(field).await;
        tab.js("document.activeElement.select()").await;
        tab.write(text).await;
    }
    tab.js("document.querySelector('main').dataset.before = 'this'").await;
    tab.press("Enter").await;
    tab.until(
        "document.readyState === 'complete' && !document.querySelector('main').dataset.before",
    )
    .await;
}

/// As somebody who was turned to the form, and from there to the page that was asked for.
async fn logged_in(pages: &Pages, name: &str) -> Tab {
    let tab = Tab::open().await;
    tab.go(&format!("{}/login?to=/alerts", pages.base)).await;
    log_in(&tab, name, PASSWORD).await;
    assert_eq!(tab.text("location.pathname").await, "/alerts", "where it was to go");
    tab
}

async fn shown(tab: &Tab, pages: &Pages, path: &str) -> String {
    tab.go(&format!("{}{path}", pages.base)).await;
    seen(tab).await
}

/// The buttons of a page, without that to log out.
async fn buttons(tab: &Tab) -> Vec<String> {
    let all = "[...document.querySelectorAll('form[method=post] button')].map(b => b.innerText)";
    texts(tab.js(all).await).into_iter().filter(|button| button != "Log out").collect()
}

const PEOPLE: &str = "[...document.querySelectorAll('main tbody th')].map(th => th.innerText)";

/// Nothing that axe finds wrong, in either theme.
async fn assert_accessible(tab: &Tab, what: &str) {
    tab.js(&format!("{}; 0", axe())).await;
    for (width, scheme) in [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")] {
        tab.shown(width, scheme).await;
        let found = texts(tab.js(FOUND).await);
        assert!(found.is_empty(), "{what} {width} {scheme}: {found:?}");
    }
    tab.shown(1440, "light").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_and_the_right_one_opens_until_the_logout() {
    let (_setup, pages) = pages().await;
    let tab = Tab::open().await;
    tab.go(&format!("{}/alerts", pages.base)).await;
    tab.click(".who").await;
    tab.until("document.querySelector('h1')?.innerText === 'Log in'").await;
    assert_accessible(&tab, "the form").await;
    for (name, password) in [("olga", "not her password"), ("nobody", PASSWORD)] {
        log_in(&tab, name, password).await;
        let alert = "document.querySelector('[role=alert]').innerText";
        assert_eq!(tab.text(alert).await, "User or password is wrong.", "{name}");
        assert!(!seen(&tab).await.contains(password), "what was written is not repeated");
    }
    assert_accessible(&tab, "the form, after a mistake").await;
    log_in(&tab, "olga", PASSWORD).await;
    let who = "document.querySelector('form.who span').innerText";
    assert_eq!(tab.text(who).await, "olga (operator)");
    for path in ["/", "/alerts", "/reports", "/site/oslo/releases", "/site/oslo/seats"] {
        shown(&tab, &pages, path).await;
        assert_accessible(&tab, path).await;
    }
    let named = texts(tab.js(PEOPLE).await);
    assert!(named.iter().all(|name| !name.starts_with("person ")), "{named:?}");

    // The end of it: the page that was looked at names nobody any more, also not for who goes back to it.
    tab.js("document.querySelector('main').dataset.before = 'this'").await;
    tab.click("form.who button").await;
    tab.until(
        "location.pathname === '/' && document.querySelector('a.who')?.innerText === 'Log in'",
    )
    .await;
    tab.js("history.back()").await;
    tab.until(
        "location.pathname === '/site/oslo/seats' && document.querySelector('a.who') !== null",
    )
    .await;
    let hidden = texts(tab.js(PEOPLE).await);
    assert!(hidden.iter().all(|name| name.starts_with("person ")), "{hidden:?}");
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_sees_no_names_and_no_buttons_and_an_operator_both() {
    let (_setup, pages) = pages().await;
    let (bert, olga) = (logged_in(&pages, "bert").await, logged_in(&pages, "olga").await);
    let seats = "/site/oslo/seats";
    let (hidden, named) = (shown(&bert, &pages, seats).await, shown(&olga, &pages, seats).await);
    let of = async |tab: &Tab| texts(tab.js(PEOPLE).await);
    let (ids, names) = (of(&bert).await, of(&olga).await);
    assert!(ids.len() == names.len() && ids.len() > 5, "{ids:?} {names:?}");
    assert!(hidden.contains("People are not named") && !named.contains("People are not named"));
    for name in &names {
        assert!(!hidden.contains(name.as_str()), "{name}: {hidden}");
    }
    for path in ["/alerts", "/destinations", "/site/oslo/releases"] {
        shown(&bert, &pages, path).await;
        assert_eq!(buttons(&bert).await, Vec::<String>::new(), "{path}");
    }
    shown(&olga, &pages, "/alerts").await;
    assert!(buttons(&olga).await.iter().any(|button| button.starts_with("Send a test message")));

    // Paused, as everybody sees, and no more.
    let releases = "/site/oslo/releases";
    shown(&olga, &pages, releases).await;
    olga.click("input[name=why]").await;
    olga.write("year end").await;
    olga.js("document.querySelector('main').dataset.before = 'this'").await;
    olga.press("Enter").await;
    olga.until("!document.querySelector('main').dataset.before").await;
    assert_eq!(buttons(&olga).await, ["End the pause"]);
    let paused = pages.daemon.store().pause("oslo").await.unwrap().unwrap();
    assert_eq!(paused.by, "page user olga, logged in, from 127.0.0.1");
    olga.js("document.querySelector('main').dataset.before = 'this'").await;
    olga.click("form[action$=unpause] button").await;
    olga.until("!document.querySelector('main').dataset.before").await;
    assert_eq!(buttons(&olga).await, ["Pause releases"]);
    assert_eq!(pages.daemon.store().pause("oslo").await.unwrap(), None);
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_of_one_site_finds_no_other() {
    let (_setup, pages) = pages().await;
    let (otto, olga) = (logged_in(&pages, "otto").await, logged_in(&pages, "olga").await);
    assert!(shown(&olga, &pages, "/").await.contains("bergen"));
    for path in ["/", "/alerts", "/daemon", "/reports", "/site/oslo/seats", "/site/oslo/releases"] {
        let page = shown(&otto, &pages, path).await;
        assert!(!page.contains("bergen") && page.contains("otto (operator)"), "{path}: {page}");
        assert!(
            !otto.text("document.documentElement.outerHTML").await.contains("bergen"),
            "{path}"
        );
    }
    let page = shown(&otto, &pages, "/site/bergen/seats").await;
    assert!(page.contains("Not found"), "{page}");
    let page = shown(&otto, &pages, "/site/oslo/releases").await;
    assert!(page.contains("Pause releases"), "{page}");
    shown(&otto, &pages, "/alerts").await;
    assert!(buttons(&otto).await.iter().all(|button| !button.contains("test message")));
    pages.stop().await;
}
