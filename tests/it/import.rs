//! `bursar import influxdb`: from a real InfluxDB 1.x, and from stand-ins of the newer ones.

mod v1;
mod v2;
mod v3;

use std::path::Path;

use bursar::config::{FixedEnvironment, Settings, load_text};
use bursar::destination::influxdb::settings::{InfluxDb, InfluxVersion};
use bursar::event::Tag;
use bursar::import::influxdb::{ImportError, Order, Selection, Summary, run};
use bursar::store::Store;
use bursar::store::history::{Resolution, Rollup};
use bursar::store::settings::OutboxLimits;
use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

/// When all imports are made.
const NOW: &str = "2026-11-24T12:00:00Z";

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Settings that import from this InfluxDB, in Stockholm; with named sites if any are named.
fn settings(url: url::Url, version: InfluxVersion, sites: &[&str]) -> Settings {
    let list =
        |name: &&str| format!("    - {{name: {name}, configQRS: {{host: {name}.example.com}}}}\n");
    let sites: String = sites.iter().map(list).collect();
    let sites = if sites.is_empty() { String::new() } else { format!("  sites:\n{sites}") };
    let yaml = format!(
        "\
Butler:
  timeZone: Europe/Stockholm
  configQRS:
    host: qlik.example.com
    headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_repository}}]}}
  cert: {{clientCert: c.pem, clientCertKey: k.pem, clientCertCA: r.pem}}
  qlikSenseLicense: {{licenseMonitor: {{enable: true}}}}
{sites}"
    );
    let environment = FixedEnvironment { now: time(NOW), ..Default::default() };
    let loaded = load_text(&yaml, Path::new("bursar.yaml"), &environment);
    let mut settings = loaded.unwrap_or_else(|problems| panic!("{problems}\n{yaml}")).settings;
    settings.destinations.influxdb = Some(InfluxDb {
        url,
        ca_cert: None,
        reject_unauthorized: true,
        version,
        tags: Vec::<Tag>::new(),
        timeout: std::time::Duration::from_secs(20),
    });
    settings
}

/// An empty store, and what imports into it.
struct Target {
    folder: TempDir,
    store: Store,
    settings: Settings,
}

impl Target {
    async fn new(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits =
            OutboxLimits { max_events: 10, max_age: std::time::Duration::from_secs(86_400) };
        let path = folder.path().join("bursar.db");
        let store = crate::support::store::open(&path, limits, || time(NOW)).await.unwrap();
        Self { folder, store, settings }
    }

    async fn import(&self, order: Order) -> Result<Summary, ImportError> {
        let mut seen = (0, 0);
        let mut progress = |done, all| {
            assert!(done > seen.0 && done <= all, "{done} of {all} after {seen:?}");
            seen = (done, all);
        };
        let result = run(&self.settings, Some(&self.store), time(NOW), &order, &mut progress).await;
        assert!(result.is_err() || seen.0 == seen.1 && seen.0 > 0, "{seen:?}");
        result
    }

    async fn daily(&self, site: &str, pool: &str, field: &str) -> Vec<Rollup> {
        let (from, to) = (DateTime::UNIX_EPOCH, time("2030-01-01T00:00:00Z"));
        self.store.history(site, pool, field, Resolution::Day, from, to).await.unwrap()
    }

    /// Everything of the history in the file.
    fn dump(&self) -> Vec<String> {
        let db = crate::support::store::database(self.folder.path().join("bursar.db"));
        let mut lines = Vec::new();
        for table in ["raw", "hour", "day", "dirty", "series", "source"] {
            let mut query = db.prepare(&format!("SELECT * FROM history_{table}")).unwrap();
            let columns = query.column_count();
            let mut rows = query.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let value = |c| row.get::<_, rusqlite::types::Value>(c).unwrap();
                let cells: Vec<_> = (0..columns).map(|c| format!("{:?}", value(c))).collect();
                lines.push(format!("{table} {}", cells.join(" ")));
            }
        }
        lines
    }
}

fn everything() -> Order {
    Order {
        from: None,
        to: None,
        selection: Selection::default(),
        retention_policy: None,
        dry_run: false,
    }
}

fn select(site: Option<&str>, tags: &[(&str, &str)]) -> Order {
    let tags = tags.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Order { selection: Selection { site: site.map(str::to_owned), tags }, ..everything() }
}

/// One point as Butler writes it: seats of a kind, `allocated` as given.
fn seats(kind: &str, tags: &str, time: DateTime<Utc>, allocated: f64) -> String {
    format!(
        "qlik_sense_license,license_type={kind}{tags} allocated={allocated},available={},\
         excess=0,quarantined=1,total=100,used=7 {}",
        100.0 - allocated,
        time.timestamp_millis()
    )
}

/// Times from one to before another, every so many minutes.
fn every(minutes: i64, from: &str, to: &str) -> impl Iterator<Item = DateTime<Utc>> {
    let (from, to) = (time(from), time(to));
    let count = (to - from).num_minutes() / minutes;
    (0..count).map(move |n| from + TimeDelta::minutes(n * minutes))
}

/// Sites, figures new and known, first and last, then what was skipped.
fn told(summary: &Summary) -> String {
    let mut text = String::new();
    for site in &summary.sites {
        text.push_str(&format!(
            "{}: {} figures, {} new, {} known, {} to {}\n",
            site.site,
            site.series.len(),
            site.new,
            site.known,
            site.first.format("%Y-%m-%dT%H:%M"),
            site.last.format("%Y-%m-%dT%H:%M"),
        ));
    }
    for (reason, count) in &summary.skipped {
        text.push_str(&format!("skipped {count}: {reason}\n"));
    }
    text
}
