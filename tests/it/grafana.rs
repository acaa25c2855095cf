//! The dashboards for Grafana that `deploy/grafana/generate.py` writes: every query of every panel finds data in a
//! real server that holds what Bursar writes and tells.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use bursar::destination::influxdb::points::points;
use bursar::destination::template::samples;
use bursar::event::{Body, Event, SeatActivity, TypeActivity, UserTag};
use bursar::insight::reclaim::ByRules;
use bursar::ledger::{Mode, RunStatus, SeatResult};
use bursar::license::SeatType;
use chrono::{TimeDelta, Utc};
use serde_json::Value;

use crate::dashboard;
use crate::metrics::metrics_in;
use crate::support::guarded::Guarded;
use crate::support::influxd::{self, ADMIN, PASSWORD};
use crate::support::process::until;
use crate::support::releases;

const BOARDS: [&str; 6] = ["overview", "server-license", "trends", "releases", "seats", "bursar"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn board(source: &str, name: &str) -> Value {
    let file = root().join(format!("deploy/grafana/dashboards/{source}/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// Board, panel and query of all that a source is asked; `key` is where the query stands.
fn queries(source: &str, key: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for name in BOARDS {
        let board = board(source, name);
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let title = format!("{name}: {}", panel["title"].as_str().unwrap());
                all.push((title, target[key].as_str().unwrap().to_owned()));
            }
        }
    }
    assert!(all.len() > 30, "{} queries of {source}", all.len());
    all
}

#[test]
fn the_dashboards_are_those_of_the_generator() {
    let mut command = Command::new("python3");
    let checked = command.arg(root().join("deploy/grafana/generate.py")).arg("--check").output();
    let checked = checked.expect("python3 is not installed: apt-get install python3");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    for source in ["influxql", "flux", "prometheus"] {
        for name in BOARDS {
            dashboard::assert_apart(&board(source, name));
        }
    }
}

/// One of each kind, and those that panels look at with all their figures.
fn events() -> Vec<Event> {
    let rules = ByRules { enabled: true, threshold_days: 60, release: 4, announce: 1, unknown: 2 };
    let activity =
        |seat_type| TypeActivity { seat_type, by_rules: Some(rules), ..TypeActivity::nothing() };
    let types = vec![activity(SeatType::Professional), activity(SeatType::Analyzer)];
    let activity = SeatActivity { types, ..SeatActivity::default() };
    let bodies = dashboard::events().into_iter().chain([Body::SeatActivity(activity)]);
    let mut events: Vec<_> = bodies.map(|body| Event::new("prod", Utc::now(), body)).collect();
    events.extend(samples::all());
    let types =
        vec![releases::counts(SeatType::Professional), releases::counts(SeatType::Analyzer)];
    events.push(releases::run(Mode::Real, RunStatus::Done, types));
    events.push(releases::released(releases::seat(), SeatResult::Freed));
    events.push(releases::released(releases::rehearsed(), SeatResult::Freed));
    events
}

/// The same on three days.
fn lines(tags: &[(String, String)]) -> String {
    let mut lines = Vec::new();
    for hours in [1, 2, 26, 50] {
        for event in events() {
            let event = Event { time: Utc::now() - TimeDelta::hours(hours), ..event };
            let points = points(&event, tags.to_vec(), UserTag::Name);
            lines.extend(points.iter().filter_map(|point| point.to_line()));
        }
    }
    lines.join("\n")
}

#[tokio::test]
async fn every_panel_of_influxql_finds_data() {
    let influxd = influxd::shared().await;
    let named = [("site".to_owned(), "prod".to_owned())];
    for (database, tags, site) in
        [("boards_one_site", &[][..], ".*"), ("boards_this_site", &named, "(prod|test)")]
    {
        influxd.query("", &format!("CREATE DATABASE {database}")).await;
        let written = reqwest::Client::new()
            .post(format!("http://127.0.0.1:{}/write?db={database}", influxd.port))
            .basic_auth(ADMIN, Some(PASSWORD))
            .body(lines(tags))
            .send()
            .await
            .unwrap();
        assert_eq!(written.status(), 204, "{:?}", written.text().await);
        for (title, query) in queries("influxql", "query") {
            let query = query
                .replace("$timeFilter", "time >= now() - 4d AND time <= now()")
                .replace("$__interval", "10m")
                .replace("$site", site);
            assert!(!query.replace("$/", "/").contains('$'), "{query}");
            let rows = influxd.rows(database, &query).await;
            assert!(!rows.is_empty(), "{database}, {title} is empty: {query}");
            // Of a type or a site that has no such figure there is none; each column is there of one.
            let mut columns: BTreeMap<String, bool> = BTreeMap::new();
            for row in &rows {
                for (name, value) in row.as_object().unwrap() {
                    *columns.entry(name.clone()).or_default() |= !value.is_null();
                }
            }
            let empty: Vec<_> = columns.iter().filter(|(_, has)| !**has).collect();
            assert!(empty.is_empty(), "{database}, {title} lacks {empty:?}: {query}");
        }
    }
    let variable = board("influxql", "overview")["templating"]["list"][0]["query"].clone();
    let sites = influxd.rows("boards_this_site", variable.as_str().unwrap()).await;
    assert_eq!(sites[0]["value"], "prod");
}

/// No server that runs Flux is at hand here: its queries ask for the same measurements, fields and tags as those of
/// InfluxQL, which the test above runs, and are made of these steps only.
#[test]
fn the_panels_of_flux_ask_for_what_those_of_influxql_do() {
    let words = |query: &str, name: &str, other: char| -> Vec<String> {
        let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let parts = query.split(name).skip(1).map(|rest| rest.trim_start_matches(other));
        parts.map(|rest| rest.chars().take_while(|c| of_name(*c)).collect()).collect()
    };
    let influxql = queries("influxql", "query");
    let flux = queries("flux", "query");
    assert_eq!(influxql.len(), flux.len());
    for ((title, influxql), (of, flux)) in influxql.iter().zip(&flux) {
        assert_eq!(title, of);
        assert_eq!(words(influxql, "FROM ", '"'), words(flux, "_measurement == ", '"'), "{title}");
        for field in words(flux, "_field == ", '"') {
            assert!(influxql.contains(&format!("\"{field}\"")), "{title}: {field}");
        }
        for kind in words(flux, "r.license_type == ", '"') {
            assert!(influxql.contains(&format!("\"license_type\" = '{kind}'")), "{title}: {kind}");
        }
        let mut steps = flux.lines();
        assert_eq!(steps.next(), Some("from(bucket: \"bursar\")"), "{title}");
        for step in steps {
            let known = [
                "range",
                "filter",
                "last",
                "aggregateWindow",
                "difference",
                "keep",
                "pivot",
                "group",
                "sort",
                "limit",
            ];
            let is = |name: &&str| step.starts_with(&format!("  |> {name}("));
            assert!(known.iter().any(is), "{title}: {step}");
            for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
                assert_eq!(
                    step.matches(open).count(),
                    step.matches(close).count(),
                    "{title}: {step}"
                );
            }
            assert_eq!(step.matches('"').count() % 2, 0, "{title}: {step}");
        }
    }
}

/// Every query of PromQL, asked of a Prometheus that scrapes the pages at `base` by the rules that are shipped. What
/// they have no value of now (`absent`, as text) comes from a second place.
pub async fn prometheus_finds_data(base: &str, absent: String) {
    let app = axum::Router::new().route("/metrics", axum::routing::get(move || async { absent }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rest = listener.local_addr().unwrap();
    let served = tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    let page = base.trim_start_matches("http://").to_owned();
    let rules = root().join("deploy/prometheus/rules/*.yml").display().to_string();
    let arguments = |dir: &Path, port: u16| {
        let config = format!(
            "global: {{scrape_interval: 5s, scrape_timeout: 5s, evaluation_interval: 5s}}\nrule_files: ['{rules}']\nscrape_configs:\n\
             - {{job_name: bursar, static_configs: [{{targets: ['{page}']}}]}}\n\
             - {{job_name: rest, static_configs: [{{targets: ['{rest}']}}]}}\n"
        );
        let file = format!("{}/prometheus.yml", dir.display());
        std::fs::write(&file, config).unwrap();
        vec![
            format!("--config.file={file}"),
            format!("--storage.tsdb.path={}/data", dir.display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ]
    };
    let ready = |port| async move {
        let answer = reqwest::get(format!("http://127.0.0.1:{port}/-/ready")).await;
        answer.is_ok_and(|answer| answer.status() == 200)
    };
    let (_server, port) = Guarded::start("prometheus", "prometheus", arguments, ready).await;
    let found = async |query: &str| -> usize {
        let mut url: url::Url = format!("http://127.0.0.1:{port}/api/v1/query").parse().unwrap();
        url.query_pairs_mut().append_pair("query", query);
        let answer: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().unwrap().len()
    };
    // The demo was read as OpenMetrics, whole.
    until("Prometheus scrapes the pages", async || {
        (found("up{job=\"bursar\"} == 1").await == 1).then_some(())
    })
    .await;
    for (title, query) in queries("prometheus", "expr") {
        let query = query.replace("$site", ".*").replace("[1h]", "[10m]").replace("[1d]", "[10m]");
        let what = format!("{title} has data: {query}");
        until(&what, async || (found(&query).await > 0).then_some(())).await;
    }
    let rules =
        std::fs::read_to_string(root().join("deploy/prometheus/rules/recording.yml")).unwrap();
    for name in rules.lines().filter_map(|line| line.trim().strip_prefix("- record: ")) {
        until(name, async || (found(name).await > 0).then_some(())).await;
    }
    assert_eq!(found("ALERTS{alertname=\"BursarAbsent\"}").await, 0);
    served.abort();
}

#[test]
fn panels_of_prometheus_ask_for_metrics_that_there_are() {
    let mut asked = 0;
    for (title, query) in queries("prometheus", "expr") {
        for name in metrics_in(&query) {
            assert!(crate::metrics::names().contains(&name), "{title}: {name}");
            asked += 1;
        }
    }
    assert!(asked > 50, "{asked}");
}
