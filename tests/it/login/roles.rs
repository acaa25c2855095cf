//! Who sees which site and which names, and who changes what.

use bursar::ledger::Entry;
use bursar::store::{NewSilence, Role};
use chrono::{TimeDelta, Utc};
use reqwest::StatusCode;

use super::{CHANGES, Pages, setup};

const TWO_SITES: &str = "  sites: [{name: oslo}, {name: bergen}]\n";

/// The pages of a site.
const OF_SITE: [&str; 8] = [
    "",
    "/trends",
    "/trends.csv",
    "/seats",
    "/seats.csv",
    "/releases",
    "/changes",
    "/person/00000000-0000-0000-0000-000000000001",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_operator_changes_nothing() {
    let setup = setup().await;
    let pages = Pages::with(&setup, "", "").await;
    pages.user("bert", Role::Viewer, None).await;
    let viewer = pages.log_in("bert").await;
    for cookie in ["", &viewer] {
        for (path, fields) in CHANGES.iter().filter(|(path, _)| *path != "/logout") {
            let got = pages.post(path, cookie, fields).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{path}: {}", got.text);
            assert!(got.text.contains("Only operators do this"), "{path}: {}", got.text);
        }
    }
    for page in ["/alerts", "/destinations", "/site/default/releases"] {
        let got = pages.get(page, &viewer).await;
        let forms = got.text.matches("method=\"post\"").count();
        assert_eq!(forms, 1, "{page}: only that to log out");
    }
    let store = pages.daemon.store();
    assert_eq!(store.pause("default").await.unwrap(), None);
    assert!(store.silences(true).await.unwrap().is_empty());
    assert!(store.orders("default", 10).await.unwrap().is_empty());
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_of_others_is_not_there() {
    let setup = setup().await;
    let pages = Pages::with(&setup, "", TWO_SITES).await;
    pages.user("bert", Role::Viewer, Some(&["oslo"])).await;
    pages.user("olga", Role::Operator, Some(&["oslo"])).await;
    for name in ["bert", "olga"] {
        let cookie = pages.log_in(name).await;
        for below in OF_SITE {
            let got = pages.get(&format!("/site/bergen{below}"), &cookie).await;
            assert_eq!(got.status, StatusCode::NOT_FOUND, "{name} {below}: {}", got.text);
            let unknown = pages.get(&format!("/site/nowhere{below}"), &cookie).await;
            assert_eq!(
                (unknown.status, unknown.text),
                (got.status, got.text),
                "{below}: as if there were none"
            );
        }
        for path in
            ["/", "/alerts", "/destinations", "/settings", "/daemon", "/api/status", "/site/oslo"]
                .into_iter()
                .chain(["/reports", "/site/oslo/releases", "/site/oslo/trends", "/site/oslo/cost"])
        {
            let got = pages.get(path, &cookie).await;
            assert_eq!(got.status, 200, "{name} {path}: {}", got.text);
            assert!(!got.text.contains("bergen"), "{name} {path} names it");
            assert!(
                pages.get(path, "").await.text.contains("bergen") || path.starts_with("/site/oslo"),
                "{path}"
            );
        }
    }
    let cookie = pages.log_in("olga").await;
    let orders = |site: &str| {
        CHANGES.map(|(path, fields)| (path.replace("/default/", &format!("/{site}/")), fields))
    };
    for (path, fields) in orders("bergen").iter().filter(|(path, _)| path.starts_with("/site/")) {
        let got = pages.post(path, &cookie, fields).await;
        assert_eq!(got.status, StatusCode::NOT_FOUND, "{path}: {}", got.text);
    }
    let why = [("rule", "seatsLow"), ("days", "1"), ("why", "x")];
    for (site, status) in [("bergen", 404), ("", 403), ("(bursar)", 403), ("oslo", 303)] {
        let fields: Vec<_> = why.into_iter().chain([("site", site)]).collect();
        let got = pages.post("/alerts/silence", &cookie, &fields).await;
        assert_eq!(got.status.as_u16(), status, "{site}: {}", got.text);
    }
    assert_eq!(pages.post("/alerts/test", &cookie, &[]).await.status, StatusCode::FORBIDDEN);
    let all = [("destination", "webhook")];
    assert_eq!(pages.post("/destinations/drop", &cookie, &all).await.status, StatusCode::FORBIDDEN);
    assert_eq!(pages.daemon.store().pause("bergen").await.unwrap(), None);
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_of_one_site_is_offered_what_works_and_reports_of_that_site() {
    let setup = setup().await;
    let pages = Pages::with(&setup, "", TWO_SITES).await;
    pages.user("olga", Role::Operator, Some(&["oslo"])).await;
    pages.user("anna", Role::Operator, None).await;
    let (one, all) = (pages.log_in("olga").await, pages.log_in("anna").await);
    let store = pages.daemon.store();
    let silence = |site: &str, why: &str| NewSilence {
        site: Some(site.to_owned()).filter(|site| !site.is_empty()),
        rule: None,
        subject: None,
        until: Utc::now() + TimeDelta::days(1),
        why: why.to_owned(),
        by: "somebody".to_owned(),
    };
    for (site, why) in [("oslo", "own"), ("bergen", "other"), ("(bursar)", "daemon"), ("", "any")] {
        store.add_silence(silence(site, why)).await.unwrap();
    }
    // Whatever is offered to end works; what doesn't is not offered.
    let ends = |page: &str| -> Vec<String> {
        let forms = page.split("action=\"/alerts/unsilence\"").skip(1);
        let id = |form: &str| form.split("value=\"").nth(1)?.split('"').next().map(str::to_owned);
        forms.filter_map(id).collect()
    };
    let page = pages.get("/alerts", &one).await.text;
    assert!(page.contains(">daemon</td>") && page.contains(">any</td>"), "{page}");
    let offered = ends(&page);
    assert_eq!(offered.len(), 1, "{page}");
    for id in &offered {
        let got = pages.post("/alerts/unsilence", &one, &[("id", id)]).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
    }
    let left = store.silences(false).await.unwrap();
    assert!(left.iter().all(|of| of.why != "own") && left.len() == 3, "{left:?}");
    assert_eq!(ends(&pages.get("/alerts", &all).await.text).len(), 3);

    // Reports are of their sites, also without a word of which; those of the schedule are of all.
    let reports = pages.get("/reports", &one).await.text;
    assert!(reports.contains("Make one") && !reports.contains("bergen"), "{reports}");
    let path = "/report?period=last-month&format=json";
    let (own, whole) = (pages.get(path, &one).await, pages.get(path, &all).await);
    assert_eq!((own.status, whole.status), (StatusCode::OK, StatusCode::OK), "{}", own.text);
    assert!(own.text.contains("oslo") && !own.text.contains("bergen"), "{}", own.text);
    assert!(whole.text.contains("oslo") && whole.text.contains("bergen"), "{}", whole.text);
    let other = pages.get(&format!("{path}&site=bergen"), &one).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND, "{}", other.text);
    let made = pages.get("/reports/bursar-2026-10.html", &one).await;
    assert_eq!(made.status, StatusCode::FORBIDDEN, "{}", made.text);
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_names_and_viewers_do_not() {
    let setup = setup().await;
    let more = "  email: {to: [anna@example.com]}\n";
    let pages = Pages::with(&setup, "", more).await;
    pages.user("bert", Role::Viewer, None).await;
    pages.user("olga", Role::Operator, None).await;
    let (viewer, operator) = (pages.log_in("bert").await, pages.log_in("olga").await);
    for (cookie, named) in [("", false), (&viewer, false), (&operator, true)] {
        let settings = pages.get("/settings", cookie).await.text;
        assert_eq!(settings.contains("anna@example.com"), named, "{cookie}");
        let by_person = pages.get("/site/default/seats?sort=person", cookie).await;
        assert_eq!(by_person.status.is_success(), named, "{cookie}: {}", by_person.text);
    }
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_pause_silence_and_test_and_it_is_told_who_did() {
    let setup = setup().await;
    let receiver = crate::support::receiver::Receiver::start().await;
    let more = format!(
        "  webhookNotification:
    enable: true
    qlikSenseAlert:
      rateLimit: 0
      webhooks:
        - {{description: alerts, webhookURL: '{}', httpMethod: POST}}
  alert: {{destination: {{webhook: {{enable: true}}}}}}
",
        receiver.url("/alerts")
    );
    let pages = Pages::with(&setup, "", &more).await;
    pages.user("olga", Role::Operator, None).await;
    let cookie = pages.log_in("olga").await;
    let by = "page user olga, logged in, from 127.0.0.1";
    let store = pages.daemon.store();

    let release = "/site/default/releases";
    let pause = format!("{release}/pause");
    for wrong in [
        &[("days", "0"), ("why", "x")],
        &[("days", "7"), ("why", " \n")],
        &[("days", "x"), ("why", "x")],
    ] {
        assert_eq!(pages.post(&pause, &cookie, wrong).await.status, StatusCode::BAD_REQUEST);
    }
    assert!(pages.get(release, &cookie).await.text.contains("Pause releases"));
    let done = pages.post(&pause, &cookie, &[("days", "7"), ("why", "year end")]).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, release));
    let paused = store.pause("default").await.unwrap().unwrap();
    assert_eq!((paused.by.as_str(), paused.why.as_str()), (by, "year end"));
    assert!(pages.get(release, &cookie).await.text.contains("End the pause"));
    for _ in 0..2 {
        let done = pages.post(&format!("{release}/unpause"), &cookie, &[]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    }
    let records = store.records(1, 100).await.unwrap();
    let resumed =
        records.iter().filter(|of| matches!(&of.entry, Entry::Resumed { by: of } if of == by));
    assert_eq!(resumed.count(), 1, "what is not paused is not resumed");

    let fields = [("rule", "seatsLow"), ("site", "default"), ("days", "2"), ("why", "a known dip")];
    assert_eq!(pages.post("/alerts/silence", &cookie, &fields).await.status, StatusCode::SEE_OTHER);
    let silence = store.silences(false).await.unwrap().remove(0);
    assert_eq!((silence.by.as_str(), silence.site.as_deref()), (by, Some("default")));
    assert!(pages.get("/alerts", &cookie).await.text.contains("a known dip"));
    let id = silence.id.to_string();
    assert_eq!(
        pages.post("/alerts/unsilence", &cookie, &[("id", &id)]).await.status,
        StatusCode::SEE_OTHER
    );
    assert!(store.silences(false).await.unwrap().is_empty());
    assert_eq!(
        pages.post("/alerts/unsilence", &cookie, &[("id", &id)]).await.status,
        StatusCode::NOT_FOUND
    );

    assert_eq!(pages.post("/alerts/test", &cookie, &[]).await.status, StatusCode::SEE_OTHER);
    let is_there = async || {
        let bodies = receiver.taken("/alerts").into_iter();
        bodies.into_iter().find(|body| body.contains("this is a test by page user olga"))
    };
    crate::support::process::until("the test message", is_there).await;
    pages.stop().await;
}

/// Where the store began anew only the machine's own command helps: no button says that it would.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_holds_releases_back_after_a_damage_has_no_button_and_says_what_helps() {
    let setup = setup().await;
    Pages::with(&setup, "", "").await.stop().await;
    let db = crate::support::store::database(setup.store());
    let now = Utc::now().timestamp_millis();
    let begun = "INSERT INTO begun_anew (id, time, file, why) VALUES (1, ?1, NULL, 'it was gone')";
    db.execute(begun, [now]).unwrap();
    drop(db);
    let pages = Pages::with(&setup, "", "").await;
    pages.user("olga", Role::Operator, None).await;
    let cookie = pages.log_in("olga").await;
    let page = pages.get("/site/default/releases", &cookie).await.text;
    assert!(page.contains("bursar store accept --why") && page.contains("store restore"), "{page}");
    assert!(!page.contains("End the pause") && !page.contains("Pause releases"), "{page}");
    pages.stop().await;
}
