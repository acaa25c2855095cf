//! Alerts from end to end: simulated site, daemon, webhook receiver. Time runs fast.

use std::time::Duration;

use bursar::alert::state::{Occurrence, Phase};
use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::event::{Monitor, Rule};
use bursar::ledger::{Entry, RunStatus};
use bursar::license::SeatType;
use bursar::policy::Guard;
use bursar::simulator::{LicenseVariant, Scenario, When};
use bursar::store::{Addition, AlertHistoryEntry, NewSilence, RunState};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::support::generated;
use crate::support::process::{LIMIT, output};
use crate::support::receiver::{Call, Mood, Receiver};
use crate::support::setup::{Setup, webhook_section};

fn ending_in(days: i64) -> Scenario {
    Scenario { license: LicenseVariant::signed(When::in_days(days)), ..Scenario::default() }
}

/// Starts at a time of its own: a later start goes on from there.
async fn start(setup: &Setup, yaml: &str, from: DateTime<Utc>, speed: f64) -> Daemon {
    Daemon::start(setup.load(yaml), Clock::fast(from, speed)).await.expect("the daemon starts")
}

fn json(body: &str) -> Value {
    serde_json::from_str(body).expect("JSON")
}

fn at<'a>(calls: &'a [Call], path: &str) -> Vec<&'a Call> {
    calls.iter().filter(|call| call.path == path).collect()
}

fn time(message: &Value) -> DateTime<Utc> {
    message["time"].as_str().expect("a time").parse().expect("RFC 3339")
}

/// Waits until the history says so.
async fn until(
    daemon: &Daemon,
    enough: impl Fn(&[AlertHistoryEntry]) -> bool,
) -> Vec<AlertHistoryEntry> {
    let wait = async {
        loop {
            let history = daemon.store().alert_history(1_000).await.expect("it is readable");
            if enough(&history) {
                return history;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(LIMIT, wait).await {
        Ok(history) => history,
        Err(_) => panic!("{:#?}", daemon.store().alert_history(1_000).await),
    }
}

fn has(history: &[AlertHistoryEntry], rule: Rule, what: Occurrence) -> bool {
    history.iter().any(|one| one.key.rule == rule && one.what == what)
}

/// Alerts of all rules to `/all`, sure to fire on seats.
fn own_section(url: &str, seats: u32, more: &str) -> String {
    format!(
        "  webhookNotification:
    enable: true
    qlikSenseAlert:
      webhooks:
        - {{description: all, webhookURL: '{url}', httpMethod: POST}}
  alert:
    destination: {{webhook: {{enable: true}}}}
    rules:
      seatsLow: {{seats: {seats}}}
{more}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_butler_file_gets_butlers_messages_at_once_and_then_each_day() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(ending_in(30)).await;
    let yaml = setup.yaml("every 1 hours", &webhook_section(&receiver.url("")));
    // Half a day a second.
    let daemon = start(&setup, &yaml, Utc::now(), 43_200.0).await;
    let calls = receiver.wait(|calls| at(calls, "/alert").len() >= 3).await;
    daemon.stop().await;

    let alerts: Vec<Value> = at(&calls, "/alert").iter().map(|c| json(&c.body)).collect();
    for alert in &alerts {
        assert_eq!(alert["event"], "server license about to expire alert");
        assert_eq!(alert["thresholdDays"], 60, "as written");
        let keys: Vec<&String> = alert.as_object().unwrap().keys().collect();
        assert_eq!(keys[..3], ["licenseExpired", "expiryDateStr", "daysUntilExpiry"]);
        let end: chrono::NaiveDate = alert["expiryDateStr"].as_str().unwrap().parse().unwrap();
        let days = (end - time(alert).date_naive()).num_days();
        assert_eq!(alert["daysUntilExpiry"], days, "counted on the day it is told: {alert}");
    }
    let day = chrono::TimeDelta::hours(24);
    assert!(alerts.windows(2).all(|pair| time(&pair[1]) - time(&pair[0]) >= day), "{alerts:?}");
    assert!(calls.iter().all(|c| ["/status", "/alert"].contains(&c.path.as_str())));
}

/// The rule is the only author: what the settings say of its severity, what it says to do, and how
/// often it was told reach a template of the server license's alerts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_of_a_license_alert_sees_what_its_rule_says() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(ending_in(20)).await;
    let fields = ["rule", "severity", "title", "hint", "repeats", "since", "facts"];
    let fields = fields.map(|name| format!("\"{name}\": {{{{json alert.{name}}}}}")).join(", ");
    let more = format!(
        "  webhookNotification:
    enable: true
    qlikSenseServerLicenseExpiryAlert:
      rateLimit: 0
      webhooks:
        - description: alert
          webhookURL: '{}'
          httpMethod: POST
          template: '{{{fields}}}'
  alert:
    rules:
      serverLicenseExpiring: {{severity: critical}}
",
        receiver.url("/alert")
    );
    let yaml = setup.yaml("every 1 hours", &more);
    let daemon = start(&setup, &yaml, Utc::now(), 43_200.0).await;
    let calls = receiver.wait(|calls| at(calls, "/alert").len() >= 2).await;
    daemon.stop().await;
    let [first, second] = [0, 1].map(|n| json(&at(&calls, "/alert")[n].body));
    assert_eq!(first["rule"], "serverLicenseExpiring");
    assert_eq!(first["severity"], "critical", "as the settings say: {first}");
    assert!(first["title"].as_str().unwrap().starts_with("Server license ends in "), "{first}");
    assert!(first["hint"].as_str().unwrap().starts_with("order the renewal"), "{first}");
    assert!(first["facts"]["daysUntilExpiry"].is_number(), "{first}");
    assert_eq!([&first["repeats"], &second["repeats"]], [0, 1], "how often it was sent before");
    assert_eq!(first["since"], second["since"], "since it fires, not since it was told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_tells_nothing_twice_and_an_end_is_told() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(Scenario::default()).await;
    let firing = setup.yaml("every 1 minute", &own_section(&receiver.url("/all"), 1_000_000, ""));
    let seats_low = |calls: &[Call], status: &str| {
        let all = at(calls, "/all").into_iter().map(|c| json(&c.body));
        all.filter(|m| m["rule"] == "seatsLow" && m["status"] == status).collect::<Vec<_>>()
    };
    let mut from = Utc::now();
    for _ in 0..3 {
        let daemon = start(&setup, &firing, from, 600.0).await;
        // Several polls and looks each time.
        let polled = daemon.store().health().await.unwrap().len();
        let begun = from;
        let wait = async {
            loop {
                let health = daemon.store().health().await.unwrap();
                let passed =
                    |h: &bursar::store::Health| h.last_poll > begun + chrono::TimeDelta::minutes(5);
                if health.len() >= polled.max(1) && health.iter().all(passed) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LIMIT, wait).await.expect("polls go on");
        receiver.wait(|calls| seats_low(calls, "firing").len() >= 2).await;
        daemon.stop().await;
        from += chrono::TimeDelta::minutes(30);
    }
    let sent = seats_low(&receiver.calls(), "firing");
    let mut subjects: Vec<&str> = sent.iter().map(|m| m["subject"].as_str().unwrap()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["analyzer", "professional"], "each once, over three starts");
    assert_eq!(sent[0]["event"], "alert");
    assert_eq!(sent[0]["severity"], "warning");

    let well = setup.yaml("every 1 minute", &own_section(&receiver.url("/all"), 0, ""));
    let daemon = start(&setup, &well, from, 600.0).await;
    let calls = receiver.wait(|calls| seats_low(calls, "resolved").len() >= 2).await;
    daemon.stop().await;
    let over = seats_low(&calls, "resolved");
    assert_eq!(over.len(), 2);
    for end in over {
        let begin = sent.iter().find(|m| m["fingerprint"] == end["fingerprint"]).unwrap();
        assert_eq!(end["since"], begin["since"]);
        assert!(end["resolved"].is_string());
        // How it is now, and how it was.
        let text = end["text"].as_str().unwrap();
        let (now, was) = text.split_once(" (it was: ").unwrap_or_else(|| panic!("{end}"));
        assert!(
            now.starts_with("over: ") && now.ends_with("seats are free, the limit is 0"),
            "{text}"
        );
        assert!(was.contains("the limit is 1000000"), "{text}");
        assert_eq!(end["facts"]["limit"], 0.0, "the figures, too");
    }
    assert_eq!(seats_low(&calls, "firing").len(), 2, "and nothing else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_is_down_is_told_of_elsewhere() {
    let down = Receiver::start().await;
    down.set(Mood::Status(503));
    let well = Receiver::start().await;
    let setup = Setup::new(Scenario::default()).await;
    let more = own_section(&well.url("/all"), 0, "      queueGrowing: {minutes: 10}\n").replace(
        "    qlikSenseAlert:",
        &format!(
            "    qlikSenseServerLicenseMonitor:
      webhooks:
        - {{description: down, webhookURL: '{}', httpMethod: POST}}
    qlikSenseAlert:",
            down.url("/down")
        ),
    );
    let daemon = start(&setup, &setup.yaml("every 1 minute", &more), Utc::now(), 600.0).await;
    let growing = |calls: &[Call], status: &str| {
        let all = at(calls, "/all").into_iter().map(|c| json(&c.body));
        all.filter(|m| m["rule"] == "queueGrowing" && m["status"] == status).collect::<Vec<_>>()
    };
    let calls = well.wait(|calls| !growing(calls, "firing").is_empty()).await;
    let alert = growing(&calls, "firing").remove(0);
    assert!(alert["text"].as_str().unwrap().contains("webhook down"), "{alert}");
    assert!(alert["subject"].as_str().unwrap().starts_with("webhook/"));
    down.set(Mood::Well);
    let calls = well.wait(|calls| !growing(calls, "resolved").is_empty()).await;
    daemon.stop().await;
    assert_eq!(growing(&calls, "firing").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_holds_back_and_its_end_lets_go() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(ending_in(400)).await;
    let yaml = setup.yaml("every 1 minute", &own_section(&receiver.url("/all"), 1_000_000, ""));
    let from = Utc::now();
    {
        let settings = setup.load(&yaml);
        let store =
            crate::support::store::open(&setup.store(), settings.storage.outbox, move || from)
                .await
                .unwrap();
        let silence = NewSilence {
            rule: Some(Rule::SeatsLow),
            until: from + chrono::TimeDelta::hours(1),
            why: "order is placed".into(),
            by: "anna".into(),
            ..NewSilence::default()
        };
        store.add_silence(silence).await.unwrap();
        store.close().await;
    }
    let daemon = start(&setup, &yaml, from, 600.0).await;
    let history = until(&daemon, |all| has(all, Rule::SeatsLow, Occurrence::Fired)).await;
    let first = |what| {
        let of = |one: &&AlertHistoryEntry| one.key.rule == Rule::SeatsLow && one.what == what;
        history.iter().rfind(of).map(|one| one.time)
    };
    let (held, fired) = (first(Occurrence::Silenced).unwrap(), first(Occurrence::Fired).unwrap());
    assert!(held < from + chrono::TimeDelta::minutes(55), "it fired while the silence held");
    assert!(fired >= from + chrono::TimeDelta::hours(1), "and was told when it had ended");
    let alerts = daemon.store().alerts().await.unwrap();
    assert!(alerts.values().any(|a| a.key.rule == Rule::SeatsLow && a.phase == Phase::Firing));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn takers_of_all_alerts_hear_of_the_server_license_too() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(ending_in(20)).await;
    let url = receiver.url("/all");
    let yaml = setup.yaml("every 1 minute", &own_section(&url, 0, ""));
    let daemon = start(&setup, &yaml, Utc::now(), 60.0).await;
    let of = |calls: &[Call]| {
        let all = at(calls, "/all").into_iter().map(|c| json(&c.body));
        all.filter(|m| m["rule"] == "serverLicenseExpiring").collect::<Vec<_>>()
    };
    let calls = receiver.wait(|calls| !of(calls).is_empty()).await;
    daemon.stop().await;
    let alert = of(&calls).remove(0);
    assert_eq!(alert["facts"]["daysUntilExpiry"], 20);
    assert_eq!(alert["status"], "firing");
}

/// Somebody paused releases and forgot it: the third time that nothing happens is told, with who and
/// why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_pause_is_told_of() {
    let setup = Setup::new(Scenario::default()).await;
    let release = "    licenseRelease:
      enable: true
      dryRun: false
      licenseKeyShared: false
      frequency: at 05:00
      licenseType: {analyzer: {enable: true}}
";
    let yaml = setup.yaml("every 6 hours", release);
    let from: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().unwrap();
    // A quarter of a day in a second: a look comes between the third time and the fourth, on a busy
    // machine, too.
    let daemon = start(&setup, &yaml, from, 21_600.0).await;
    let entry = Entry::Paused {
        until: from + chrono::TimeDelta::days(6),
        why: "new directory".into(),
        by: "anna@qlik".into(),
    };
    let addition = Addition { site: "default".into(), run: None, entry };
    daemon.store().append(None, vec![addition], |_| Vec::new()).await.unwrap();
    let rule = Rule::ReleaseOverdue;
    let history = until(&daemon, |history| has(history, rule, Occurrence::Fired)).await;
    daemon.stop().await;
    // Who paused releases wanted them stopped: that is what it is called only once it seems forgotten. What else would
    // stop a run is told meanwhile: the site has another time than this clock.
    let paused = |one: &&AlertHistoryEntry| one.text.contains("paused");
    let wrong = history.iter().filter(|one| match one.key.rule {
        Rule::ReleaseStopped => paused(one) || !one.text.contains("the site's clock"),
        rule => rule == Rule::ReleaseFailed,
    });
    assert_eq!(wrong.count(), 0, "{history:#?}");
    let fired =
        history.iter().find(|one| one.key.rule == rule && one.what == Occurrence::Fired).unwrap();
    let text = &fired.text;
    assert!(
        text.contains("paused until 2026-11-30 12:00 UTC by anna@qlik: new directory"),
        "{text}"
    );
    assert!(text.contains("at 3 times of its schedule"), "{text}");
    // The ticks are those of the 25th, 26th and 27th.
    let third: DateTime<Utc> = "2026-11-27T05:00:00Z".parse().unwrap();
    assert!(fired.time >= third && fired.time < third + chrono::TimeDelta::days(1), "{fired:?}");
}

/// A guard stops a rehearsal: one alert, which says why and that it was one; and no run has failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_guard_stops_is_one_alert_with_its_reason_and_kind() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(Scenario::demo()).await;
    let release = "    licenseRelease:
      enable: true
      dryRun: true
      licenseKeyShared: false
      clockToleranceSeconds: 86400
      frequency: every 24 hours
      licenseType: {analyzer: {enable: true, releaseThresholdDays: 30, maxReleasePercent: 1}}
";
    let more = format!("{release}{}", own_section(&receiver.url("/all"), 0, ""));
    let yaml = setup.yaml("every 6 hours", &more);
    let daemon = start(&setup, &yaml, Utc::now(), 600.0).await;
    let of_release = |calls: &[Call]| {
        let all = at(calls, "/all").into_iter().map(|call| json(&call.body));
        let is_of = |m: &Value| m["rule"].as_str().is_some_and(|rule| rule.starts_with("release"));
        all.filter(is_of).collect::<Vec<_>>()
    };
    receiver.wait(|calls| !of_release(calls).is_empty()).await;
    let history =
        until(&daemon, |history| has(history, Rule::ReleaseStopped, Occurrence::Fired)).await;
    // It ends when a person accepts what stopped it, as `status` says, and not with the next run.
    let store = daemon.store();
    let entry = Entry::Accepted {
        guard: Guard::Percent,
        seat_type: SeatType::Analyzer,
        due: 1000,
        seats: 1000,
        until: Utc::now() + chrono::TimeDelta::days(60),
        why: "backlog".into(),
        by: "anna@qlik".into(),
    };
    let accepted = Addition { site: "default".into(), run: None, entry };
    store.append(None, vec![accepted], |_| Vec::new()).await.unwrap();
    let ended = |one: &AlertHistoryEntry| {
        one.key.rule == Rule::ReleaseStopped && one.what == Occurrence::Resolved
    };
    let after = until(&daemon, |history| history.iter().any(ended)).await;
    let ended = after.iter().find(|one| ended(one)).unwrap();
    let said = "what stopped the last rehearsal of releases was accepted by anna@qlik: the next one goes on";
    assert!(ended.text.starts_with(&format!("over: {said}")), "{}", ended.text);
    assert_eq!(store.runs("default", 10).await.unwrap().len(), 1, "no run came between");
    daemon.stop().await;
    assert!(!has(&history, Rule::ReleaseFailed, Occurrence::Fired), "{history:#?}");
    let told = of_release(&receiver.calls());
    assert!(told.iter().all(|m| m["rule"] == "releaseStopped"), "{told:#?}");
    let text = told[0]["text"].as_str().unwrap();
    assert!(text.starts_with("the last rehearsal of releases was stopped by guards: "), "{text}");
    // What it proposes rehearses, too.
    assert!(text.contains("--accept percent`") && !text.contains("--real"), "{text}");
    assert_eq!(told[0]["facts"]["mode"], "rehearsal");
    assert!(!told[0]["facts"]["guards"].as_array().unwrap().is_empty(), "{told:#?}");
}

/// A pause is no alert, and what commands and pages say of it follows the pause at once, not with the next run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_is_told_for_as_long_as_it_holds() {
    let setup = Setup::new(Scenario::demo()).await;
    let more = "    licenseRelease:
      enable: true
      dryRun: true
      licenseKeyShared: false
      frequency: every 24 hours
      licenseType: {analyzer: {enable: true, releaseThresholdDays: 30, maxReleasePercent: 90}}
  web: {enable: true, host: 127.0.0.1, port: 0}
";
    let yaml = setup.yaml("every 6 hours", more);
    let file = setup.write(&yaml);
    let file = file.to_str().unwrap();
    let command = |args: &[&str]| {
        let run = output(&[args, &["-c", file]].concat(), setup.folder.path());
        String::from_utf8([run.stdout, run.stderr].concat()).unwrap()
    };
    command(&["release", "lock", "--until", "2099-01-07", "--why", "new directory"]);
    // The first rehearsal comes at once, and the next one a day later.
    let daemon = start(&setup, &yaml, Utc::now(), 1.0).await;
    let address = daemon.page().unwrap();
    let page = async |path: &str| {
        let page = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        page.text().await.unwrap()
    };
    let run = async || daemon.store().runs("default", 1).await.unwrap().pop();
    let ended = crate::support::process::until("the rehearsal", async || {
        run().await.filter(|run| matches!(run.state, RunState::Ended(_)))
    });
    assert_eq!(ended.await.state, RunState::Ended(RunStatus::Refused));
    let health = async || {
        let health = daemon.store().health().await.unwrap();
        health.into_iter().find(|health| health.monitor == Monitor::Release)
    };
    let health = crate::support::process::until("how it went", health).await;
    assert_eq!(health.problem(), None);
    let pages = ["/", "/site/default", "/site/default/releases"];
    for path in pages {
        let shown = page(path).await;
        assert!(!shown.contains("releaseStopped"), "{path}: {shown}");
        assert!(!shown.contains("a guard stops them"), "{path}: {shown}");
    }
    // The next run, the plan, and the run that was stopped.
    let releases = page("/site/default/releases").await;
    assert!(releases.matches("new directory").count() >= 3, "{releases}");
    assert!(command(&["status"]).contains(": new directory"));
    assert!(!command(&["alert", "list"]).contains("releaseStopped"));

    command(&["release", "unlock"]);
    for path in pages {
        let shown = page(path).await;
        assert!(!shown.contains("paused until"), "{path}: {shown}");
        // That it stopped a run stays true, and is told of that run alone.
        assert!(shown.matches("new directory").count() <= 1, "{path}: {shown}");
    }
    assert!(!command(&["status"]).contains("new directory"));
    // Another pause is told with its own reason, though the plan was made under the one before.
    command(&["release", "lock", "--until", "2099-01-07", "--why", "year end"]);
    let releases = page("/site/default/releases").await;
    assert!(releases.matches("year end").count() >= 2, "{releases}");
    daemon.stop().await;
}

/// What the history says is known with the first poll, not an hour later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_store_waits_no_hour_for_what_its_history_says() {
    let setup = Setup::new(Scenario::default()).await;
    let more = "  cost: {currency: EUR, budgetPerYear: 1, analyzer: {perSeatPerYear: 100}, \
                professional: {perSeatPerYear: 100}}\n";
    let yaml = setup.yaml("every 6 hours", more);
    let from = Utc::now();
    // A minute in a second.
    let daemon = start(&setup, &yaml, from, 60.0).await;
    let history = until(&daemon, |history| has(history, Rule::OverBudget, Occurrence::Fired)).await;
    daemon.stop().await;
    let fired = history.iter().find(|one| one.key.rule == Rule::OverBudget).unwrap();
    assert!(fired.time - from < chrono::TimeDelta::minutes(30), "{fired:?}");
}

/// Status, page and list name the rule of an alert, its site, since when, how often it was told, and who
/// silenced it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_shown_with_its_rule_site_and_silence() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(Scenario::default()).await;
    let sites = "  sites: [{name: oslo}]\n  web: {enable: true, host: 127.0.0.1, port: 0}\n";
    let more = format!("{}{sites}", own_section(&receiver.url("/all"), 1_000_000, ""));
    let yaml = setup.yaml("every 1 minute", &more);
    let daemon = start(&setup, &yaml, Utc::now(), 60.0).await;
    let rule = Rule::SeatsLow;
    until(&daemon, |history| has(history, rule, Occurrence::Fired)).await;
    let silence = NewSilence {
        rule: Some(rule),
        until: Utc::now() + chrono::TimeDelta::days(30),
        why: "order is placed".into(),
        by: "anna@qlik".into(),
        ..NewSilence::default()
    };
    daemon.store().add_silence(silence).await.unwrap();
    until(&daemon, |history| has(history, rule, Occurrence::Silenced)).await;
    let address = daemon.page().unwrap();
    let page = reqwest::get(format!("http://{address}/")).await.unwrap().text().await.unwrap();
    let file = setup.folder.path().join("bursar.yaml");
    let file = file.to_str().unwrap();
    let folder = setup.folder.path();
    let text = |args: &[&str]| String::from_utf8(output(args, folder).stdout).unwrap();
    let status = text(&["status", "-c", file]);
    let list = text(&["alert", "list", "-c", file]);
    daemon.stop().await;
    for shown in [&page, &status] {
        assert!(shown.contains("seatsLow, oslo, analyzer, since "), "{shown}");
        assert!(shown.contains("told once, silenced by anna@qlik until "), "{shown}");
        assert!(shown.contains("(order is placed)"), "{shown}");
    }
    assert!(list.contains("told once, silenced by anna@qlik until "), "{list}");
}

/// The tables of docs/alerts.md, made of the catalogue. `UPDATE_GENERATED=1` writes them.
#[test]
fn the_table_of_rules_is_complete() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.md");
    let mut expected = String::from(
        "| rule | severity | after | about | fires when |\n| --- | --- | --- | --- | --- |\n",
    );
    for entry in bursar::alert::catalogue::ALL {
        let severity = match entry.severity_note {
            "" => entry.severity.as_str().to_owned(),
            note => format!("{}; {note}", entry.severity.as_str()),
        };
        let after = match entry.hold_minutes {
            0 => "at once".to_owned(),
            minutes => format!("{minutes} min"),
        };
        expected.push_str(&format!(
            "| `{}` | {severity} | {after} | {} | {} |\n",
            entry.key, entry.subject, entry.when
        ));
    }
    generated(&file, "rules", &expected);
    let mut bands = String::from("| rule | goes on until |\n| --- | --- |\n");
    for entry in bursar::alert::catalogue::ALL {
        bands.push_str(&format!("| `{}` | {} |\n", entry.key, entry.over()));
    }
    generated(&file, "bands", &bands);
}

/// The defaults that the table names are those of the settings.
#[test]
fn the_settings_defaults_are_those_of_the_catalogue() {
    let environment = bursar::config::FixedEnvironment::default();
    let text = "Butler: {configQRS: {host: x, headers: {static: [{name: X-Qlik-User, value: UserDirectory=A; UserId=b}]}}, cert: {clientCert: a, clientCertKey: b, clientCertCA: c}}";
    let loaded = bursar::config::load_text(text, std::path::Path::new("x.yaml"), &environment);
    let settings = loaded.unwrap_or_else(|problems| panic!("{problems}")).settings;
    assert_eq!(settings.alert, bursar::alert::Policy::default());
    assert_eq!(settings.sites[0].alert, bursar::alert::Policy::default());
}
