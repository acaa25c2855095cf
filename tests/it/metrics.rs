//! `/metrics` through the daemon, and what is shipped for Prometheus.

mod openmetrics;
mod rules;

use std::path::Path;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::simulator::Scenario;
use bursar::web::metrics;
use serde_json::Value;

use self::openmetrics::Exposition;
pub(crate) use self::rules::metrics_in;
use crate::pages::demo::{demo, json};
use crate::pages::{get, get_with};
use crate::support;
use crate::support::process::until;
use crate::support::receiver::{Mood, Receiver};
use crate::support::setup::{Setup, webhook_section};

const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[test]
fn the_page_of_metrics_is_up_to_date() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    support::generated(&page, "metrics", &metrics::reference());
}

/// The names of the table.
pub(crate) fn names() -> Vec<String> {
    let table = metrics::reference();
    table
        .lines()
        .filter_map(|row| Some(row.strip_prefix("| `")?.split('`').next()?.to_owned()))
        .collect()
}

/// Metrics that the demo has none of, or has one moment and not the next: tokens, support dates, trouble, what waits.
const NOT_ALWAYS: [&str; 9] = [
    "tokens",
    "support_end",
    "dropped",
    "oldest",
    "by_rule",
    "lag",
    "release_",
    "run_out",
    "capacity_",
];

fn is_not_always(name: &str) -> bool {
    NOT_ALWAYS.iter().any(|part| name.contains(part))
}

/// A value of each metric of the table that isn't there all the time, as plain text.
fn rest(known: &[String]) -> String {
    let mut text = String::new();
    for row in metrics::reference().lines().skip(2) {
        let cells: Vec<_> = row.split(" | ").collect();
        let name = cells[0].trim_start_matches("| ").trim_matches('`');
        if known.iter().any(|of| of == name) && !is_not_always(name) {
            continue;
        }
        let labels = cells[2].split(", ").filter(|label| !label.is_empty()).map(|label| {
            let label = label.trim().trim_matches('`');
            let value = if label == "type" { "analyzer" } else { "default" };
            format!("{label}=\"{value}\"")
        });
        text += &format!("{name}{{{}}} 1\n", labels.collect::<Vec<_>>().join(","));
    }
    text
}

async fn scrape(base: &str) -> Exposition {
    let answer = get(base, "/metrics").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, OPEN));
    Exposition::parse(&answer.text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_say_what_the_commands_say() {
    let folder = tempfile::tempdir().unwrap();
    let (_demo, base) = demo(folder.path());
    let known = until("everything is read, and told", async || {
        let known = scrape(&base).await;
        let told = known.value("bursar_queue_sent_events_total", &[]).unwrap_or_default();
        let read = ["serverLicense", "accessLicense", "seats", "app", "version"].map(|monitor| {
            known.value("bursar_monitor_last_success_timestamp_seconds", &[("monitor", monitor)])
        });
        (told > 0.0 && read.iter().all(Option::is_some)).then_some(())
    });
    known.await;
    until("commands and metrics agree", async || {
        let before = json(folder.path(), &["status"]);
        let known = scrape(&base).await;
        let of = ["forecast", "cost", "capacity"].map(|of| json(folder.path(), &["insight", of]));
        let after = json(folder.path(), &["status"]);
        let read = |status: &Value| {
            let site = &status["sites"][0];
            let times = ["accessLicenses", "serverLicense"].map(|of| site[of]["time"].clone());
            // An hour that ends in between moves what comes next.
            (times, site["monitors"].clone(), status["queues"].clone())
        };
        (read(&before) == read(&after)).then(|| assert_agree(&known, &before, &of))
    })
    .await;
    let known = scrape(&base).await;
    let table = names();
    for name in known.names() {
        assert!(table.contains(&name), "{name} is not in the table");
    }
    let absent: Vec<_> = table.iter().filter(|name| !known.names().contains(name)).collect();
    for name in &absent {
        assert!(is_not_always(name), "{name} has no value");
    }
    assert!(absent.len() < table.len() / 3, "{absent:?}");
    rules::promtool_finds_no_fault_with(
        &get_with(&base, "/metrics", &[("accept", "text/plain")]).await.text,
    );
    crate::grafana::prometheus_finds_data(&base, rest(&known.names())).await;
    assert!(known.text.len() < 64_000, "{} bytes of one site", known.text.len());
}

fn assert_agree(known: &Exposition, status: &Value, [forecast, cost, capacity]: &[Value; 3]) {
    let site = &status["sites"][0];
    let value = |name: &str, labels: &[(&str, &str)]| {
        let found = known.value(name, labels);
        found.unwrap_or_else(|| panic!("{name} {labels:?} is not told:\n{}", known.text))
    };
    for of in ["professional", "analyzer"] {
        let pool = &site["accessLicenses"][of];
        let of = [("site", "default"), ("type", of)];
        for (name, key) in [
            ("bursar_seats_entitled", "total"),
            ("bursar_seats_allocated", "allocated"),
            ("bursar_seats_free", "available"),
            ("bursar_seats_quarantined", "quarantined"),
            ("bursar_seats_excess", "excess"),
        ] {
            assert_eq!(value(name, &of), pool[key].as_f64().unwrap(), "{name} {of:?}");
        }
    }
    let license = &site["serverLicense"];
    let left = value("bursar_server_license_end_timestamp_seconds", &[]) - seconds(&status["time"]);
    let days = license["daysUntilExpiry"].as_f64().unwrap();
    assert!((left / 86_400.0 - days - 0.5).abs() <= 0.55, "{left} s, {days} days");
    let state = license["state"].as_str().unwrap();
    assert_eq!(value("bursar_server_license_state", &[("state", state)]), 1.0);
    assert_eq!(value("bursar_server_license_state", &[("state", "perpetual")]), 0.0);
    let version = site["qlikSenseVersion"]["version"].as_str().unwrap();
    assert_eq!(value("bursar_qlik_sense_info", &[("version", version)]), 1.0);
    let firing = status["alerts"].as_array().unwrap().len();
    assert_eq!(value("bursar_alerts", &[("site", "default"), ("state", "firing")]), firing as f64);
    let health = site["monitorApp"]["health"].as_str().unwrap();
    assert_eq!(value("bursar_monitor_app_state", &[("state", health)]), 1.0);

    let of_type = |answer: &Value, of: &str| {
        let types = answer["sites"][0]["types"].as_array().unwrap();
        types.iter().find(|t| t["seatType"] == of).unwrap().clone()
    };
    for of in ["professional", "analyzer"] {
        let runs_out = &of_type(forecast, of)["forecast"]["runsOut"];
        let name = "bursar_seats_run_out_earliest_timestamp_seconds";
        let told = known.value(name, &[("type", of)]);
        match runs_out["earliest"].as_str() {
            Some(day) => assert_eq!(day_of(told.unwrap()), day, "{of}"),
            None => assert!(told.is_none() || runs_out["kind"] == "already", "{of}: {runs_out}"),
        }
    }
    let cost = &cost["sites"][0]["cost"];
    let amount = |value: &Value| -> f64 {
        let amount = &value["amount"];
        amount.as_f64().unwrap_or_else(|| amount.as_str().unwrap().parse().unwrap())
    };
    let euro = [("site", "default"), ("currency", "EUR")];
    assert_eq!(value("bursar_cost_entitled", &euro), amount(&cost["entitled"]));
    assert_eq!(value("bursar_cost_reclaimable", &euro), amount(&cost["reclaimable"]));
    let month = &capacity["sites"][0]["capacity"];
    if let Some(used) = month["used"].as_f64() {
        assert_eq!(value("bursar_capacity_used_seconds", &[]), used * 60.0);
    }
    assert_eq!(value("bursar_healthy", &[]), 1.0);
    assert!(value("bursar_monitor_polls_total", &[("monitor", "seats"), ("result", "ok")]) >= 1.0);
    assert!(value("bursar_store_size_bytes", &[]) > 0.0);
    if cfg!(target_os = "linux") {
        assert!(value("process_resident_memory_bytes", &[]) > 1e6);
        assert!(value("process_open_fds", &[]) >= 3.0);
    }
}

fn seconds(time: &Value) -> f64 {
    let time: chrono::DateTime<chrono::Utc> = time.as_str().unwrap().parse().unwrap();
    time.timestamp_millis() as f64 / 1000.0
}

fn day_of(seconds: f64) -> String {
    let time = chrono::DateTime::from_timestamp(seconds as i64, 0).unwrap();
    time.format("%Y-%m-%d").to_string()
}

/// A site that does not answer: nothing of it is known, and nothing of it is told as zero.
#[tokio::test]
async fn what_is_not_known_has_no_value() {
    let setup = Setup::new(Scenario::default()).await;
    let receiver = Receiver::start().await;
    let more = format!("  web: {{enable: true, port: 0}}\n{}", webhook_section(&receiver.url("")));
    let yaml = setup.yaml("every 6 hours", &more);
    // Nobody listens at a port below which nothing is given out.
    let port = format!("port: {}", setup.site.addr().port());
    let yaml = yaml.replacen(&port, "port: 1", 1);
    let daemon = Daemon::start(setup.load(&yaml), Clock::System).await.unwrap();
    let base = format!("http://{}", daemon.page().unwrap());
    let failed = [("monitor", "accessLicense"), ("result", "failed")];
    let known = until("a poll fails", async || {
        let known = scrape(&base).await;
        // Counted at once, and written down a moment later.
        let counted = known.value("bursar_monitor_polls_total", &failed).is_some_and(|n| n > 0.0);
        let written = known.value("bursar_monitor_failed_polls", &failed[..1]);
        (counted && written.is_some_and(|n| n >= 1.0)).then_some(known)
    })
    .await;
    for name in known.names() {
        let of_site = [
            "bursar_seats_",
            "bursar_server_license_",
            "bursar_capacity_",
            "bursar_cost_",
            "bursar_qlik_",
            "bursar_monitor_app_",
            "bursar_tokens_",
        ];
        assert!(!of_site.iter().any(|part| name.starts_with(part)), "{name}");
    }
    let monitor = [("monitor", "accessLicense")];
    assert_eq!(known.value("bursar_monitor_last_success_timestamp_seconds", &monitor), None);
    assert!(known.value("bursar_monitor_failed_polls", &monitor).unwrap() >= 1.0);
    assert_eq!(known.value("bursar_release_last_run_timestamp_seconds", &[]), None);
    assert_eq!(
        known.value("bursar_alerts", &[("site", "default"), ("state", "silenced")]),
        Some(0.0)
    );
    daemon.stop().await;
}

/// A receiver that fails, works, and refuses: what waits, was tried again, sent and refused.
#[tokio::test]
async fn deliveries_are_counted_as_they_go() {
    let setup = Setup::new(Scenario::default()).await;
    let receiver = Receiver::start().await;
    receiver.set(Mood::Status(500));
    let more = format!("  web: {{enable: true, port: 0}}\n{}", webhook_section(&receiver.url("")));
    let yaml = setup.yaml("every 1 minute", &more);
    let clock = Clock::fast(chrono::Utc::now(), 600.0);
    let daemon = Daemon::start(setup.load(&yaml), clock).await.unwrap();
    let base = format!("http://{}", daemon.page().unwrap());
    let sum = |known: &Exposition, name: &str| known.values(name).iter().sum::<f64>();
    until("what waits is told, and tried again", async || {
        let known = scrape(&base).await;
        let told =
            ["bursar_queue_events", "bursar_queue_retries_total", "bursar_queue_failed_attempts"];
        let oldest = !known.values("bursar_queue_oldest_event_timestamp_seconds").is_empty();
        (oldest && told.iter().all(|name| sum(&known, name) > 0.0)).then(|| {
            assert_eq!(sum(&known, "bursar_queue_sent_events_total"), 0.0);
        })
    })
    .await;
    receiver.set(Mood::Well);
    until("what is sent is told", async || {
        let known = scrape(&base).await;
        let seen = receiver.calls().iter().filter(|call| call.taken).count() as f64;
        let sent = sum(&known, "bursar_queue_sent_events_total");
        (sent > 0.0).then(|| assert!(sent <= seen + 1.0, "{sent} of {seen}"))
    })
    .await;
    receiver.set(Mood::Status(400));
    until("what is refused is told", async || {
        let known = scrape(&base).await;
        let told = ["bursar_queue_refused_events_total", "bursar_queue_dead_letters"];
        told.iter().all(|name| sum(&known, name) > 0.0).then_some(())
    })
    .await;
    daemon.stop().await;
}
