//! The shipped Grafana dashboard: every panel's query against a real InfluxDB that holds what
//! Bursar writes.

#![expect(clippy::unwrap_used, reason = "in the helpers too, a panic is the failed test")]

use bursar::destination::influxdb::points::points;
use bursar::event::{Body, Event, UserTag};
use bursar::ledger::SeatResult;
use bursar::license::pools::{MinutePool, SeatPool, TokenLoginPool, TokenTotals, TokenUserPool};
use bursar::license::server::Kind;
use bursar::license::{Expiry, LicenseState, Pools, ServerLicense, ServerLicenseStatus};
use chrono::{TimeDelta, Utc};
use serde_json::Value;

use crate::support::influxd::{self, ADMIN, PASSWORD};
use crate::support::releases;

const DASHBOARD: &str = include_str!("../../deploy/grafana/dashboards/licenses.json");

pub(crate) fn events() -> [Body; 2] {
    let date = Utc::now().date_naive() + TimeDelta::days(30);
    let license = ServerLicense::new(Kind::SignedKey, Expiry::On(date));
    let status = ServerLicenseStatus {
        license,
        state: LicenseState::Expiring,
        expired: false,
        expiry_date: Some(date),
        days_until_expiry: Some(30),
        days_until_start: None,
        threshold_days: 60,
    };
    let seats = SeatPool {
        enabled: true,
        total: 10.0,
        allocated: 5.0,
        available: 5.0,
        used: 4.0,
        quarantined: 1.0,
        excess: 0.0,
    };
    let pools = Pools {
        professional: Some(seats),
        analyzer: Some(seats),
        analyzer_capacity: Some(MinutePool {
            enabled: true,
            allocated_minutes: 100.0,
            used_minutes: 40.0,
            unavailable_minutes: 0.0,
        }),
        token_user: Some(TokenUserPool {
            enabled: true,
            token_cost: 1.0,
            allocated_tokens: 2.0,
            used_tokens: 1.0,
            quarantined_tokens: 0.0,
        }),
        token_login: Some(TokenLoginPool {
            enabled: true,
            token_cost: 0.1,
            allocated_tokens: 3.0,
            used_tokens: 1.0,
            unavailable_tokens: 0.0,
        }),
        tokens: Some(TokenTotals { enabled: true, total_tokens: 20.0, available_tokens: 15.0 }),
    };
    [Body::ServerLicenseStatus(status), Body::AccessLicenseStatus(pools)]
}

/// Two polls of a site, and a release.
fn lines(tags: &[(String, String)]) -> String {
    let mut lines = Vec::new();
    for hours in [1, 2] {
        let time = Utc::now() - TimeDelta::hours(hours);
        for body in events() {
            let event = Event::new("prod", time, body);
            lines.extend(
                points(&event, tags.to_vec(), UserTag::Name)
                    .iter()
                    .filter_map(|point| point.to_line()),
            );
        }
    }
    let release = releases::released(releases::seat(), SeatResult::Freed);
    let release = Event { time: Utc::now(), ..release };
    lines.extend(points(&release, tags.to_vec(), UserTag::Name)[0].to_line());
    lines.join("\n")
}

/// What Grafana puts in place of its own words.
fn interpolated(query: &str, site: &str) -> String {
    let query = query
        .replace("$timeFilter", "time >= now() - 1d AND time <= now()")
        .replace("$__interval", "10m")
        .replace("$site", site);
    // What is left may be the end of a regular expression only.
    assert!(!query.replace("$/", "/").contains('$'), "{query}");
    query
}

fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "bursar-influxdb");
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            queries.push((text(&panel["title"]), text(&target["query"])));
        }
    }
    queries
}

#[tokio::test]
async fn every_panel_finds_data() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let queries = queries(&dashboard);
    assert!(queries.len() >= 10, "{} queries", queries.len());
    let influxd = influxd::shared().await;

    let named = [("site".to_owned(), "prod".to_owned())];
    for (database, tags, site) in [
        ("dashboard_one_site", &[][..], ".*"),
        ("dashboard_all_sites", &named, ".*"),
        ("dashboard_this_site", &named, "(prod|test)"),
    ] {
        influxd.query("", &format!("CREATE DATABASE {database}")).await;
        let written = reqwest::Client::new()
            .post(format!("http://127.0.0.1:{}/write?db={database}", influxd.port))
            .basic_auth(ADMIN, Some(PASSWORD))
            .body(lines(tags))
            .send()
            .await
            .unwrap();
        assert_eq!(written.status(), 204, "{:?}", written.text().await);
        for (title, query) in &queries {
            let rows = influxd.rows(database, &interpolated(query, site)).await;
            assert!(!rows.is_empty(), "{database}, panel {title} is empty: {query}");
            for row in rows {
                let columns = row.as_object().unwrap();
                let empty: Vec<_> = columns.iter().filter(|(_, v)| v.is_null()).collect();
                assert!(empty.is_empty(), "{database}, panel {title} lacks {empty:?}: {query}");
            }
        }
    }

    let variable = dashboard["templating"]["list"][0]["query"].as_str().unwrap();
    let sites = influxd.rows("dashboard_all_sites", variable).await;
    assert_eq!(sites.len(), 1);
    assert_eq!(sites[0]["value"], "prod");
}

#[test]
fn panels_do_not_overlap() {
    assert_apart(&serde_json::from_str(DASHBOARD).unwrap());
}

/// No panel of a dashboard lies over another.
pub(crate) fn assert_apart(dashboard: &Value) {
    let mut taken = std::collections::HashSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{}", panel["title"]);
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{} overlaps another panel", panel["title"]);
            }
        }
    }
}
