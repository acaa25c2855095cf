//! Years of history whose truth is known, written to a store without waiting for them.

use std::path::Path;
use std::time::Duration;

use bursar::ledger::{Action, Entry, Intent, Outcome, SeatResult};
use bursar::license::{Holder, Moment, SeatType};
use bursar::store::history::Sample;
use bursar::store::settings::{HistoryRetention, OutboxLimits};
use bursar::store::{Addition, Store};
use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use uuid::Uuid;

/// All days are kept.
pub const RETENTION: HistoryRetention =
    HistoryRetention { raw_days: 4000, hourly_days: 4000, daily_days: 4000 };

/// A store whose clock stands at `now`.
pub async fn open(path: &Path, now: DateTime<Utc>) -> Store {
    let limits = OutboxLimits { max_events: 1_000, max_age: Duration::from_secs(86_400) };
    super::store::open(path, limits, move || now).await.expect("open the store")
}

/// Noon of a day.
pub fn noon(day: NaiveDate) -> DateTime<Utc> {
    Utc.from_utc_datetime(&day.and_hms_opt(12, 0, 0).expect("noon is a time"))
}

/// One poll of a type's seats.
pub fn seats(pool: &'static str, time: DateTime<Utc>, allocated: f64, total: f64) -> Vec<Sample> {
    let figures = [
        ("allocated", allocated),
        ("available", (total - allocated).max(0.0)),
        ("excess", (allocated - total).max(0.0)),
        ("quarantined", 0.0),
        ("total", total),
        ("used", (allocated * 0.8).round()),
    ];
    let sample = |(field, value): (&'static str, f64)| Sample {
        time,
        pool: pool.into(),
        field: field.into(),
        value,
    };
    figures.into_iter().map(sample).collect()
}

/// One poll of the minutes.
pub fn minutes(time: DateTime<Utc>, used: f64, allocated: f64) -> Vec<Sample> {
    let figures =
        [("used_minutes", used), ("allocated_minutes", allocated), ("unavailable_minutes", 0.0)];
    let sample = |(field, value): (&'static str, f64)| Sample {
        time,
        pool: "analyzer_capacity".into(),
        field: field.into(),
        value,
    };
    figures.into_iter().map(sample).collect()
}

/// Keeps a type's seats, one poll at noon of each of so many days that end with `last`. `seats_of`
/// gets the number of the day, from 0, and says allocated and total; `None` is a day without a poll.
pub async fn keep_days(
    store: &Store,
    site: &str,
    pool: &'static str,
    (last, days): (NaiveDate, i64),
    seats_of: impl Fn(i64) -> Option<(f64, f64)>,
) {
    let samples = (0..days).filter_map(|n| {
        let (allocated, total) = seats_of(n)?;
        let day = last - TimeDelta::days(days - 1 - n);
        Some(seats(pool, noon(day), allocated, total))
    });
    let samples: Vec<Sample> = samples.flatten().collect();
    store.keep_samples(site, samples).await.expect("keep the history");
}

/// Rolls up what was kept.
pub async fn roll_up(store: &Store, zone: chrono_tz::Tz) {
    while store.maintain_history(RETENTION, zone).await.expect("maintain") != Default::default() {}
}

/// A person by number.
pub fn person(n: u128, user_id: &str) -> Holder {
    Holder {
        id: Uuid::from_u128(n),
        directory: "CORP".into(),
        user_id: user_id.into(),
        name: "".into(),
    }
}

/// A release of a seat in the ledger, at the store's time; or an undo.
pub async fn attempt(
    store: &Store,
    site: &str,
    seat_type: SeatType,
    holder: Holder,
    result: SeatResult,
) {
    let action = if result == SeatResult::Allocated { Action::Allocate } else { Action::Release };
    let seat = Uuid::from_u128(1_000 + holder.id.as_u128());
    let intent = Entry::Intent(Intent {
        action,
        seat_type,
        seat,
        holder: holder.clone(),
        created: Moment::Never,
        last_used: Moment::Never,
        because: "idle for 43 days (threshold 30)".into(),
        has: 0,
    });
    let add = |entry| Addition { site: site.to_owned(), run: Some("run-1".to_owned()), entry };
    let (numbers, _) = store.append(None, vec![add(intent)], |_| vec![]).await.expect("append");
    let outcome = Outcome {
        intent: numbers[0],
        action,
        seat_type,
        seat,
        holder,
        result,
        settled_later: false,
        evidence: Default::default(),
    };
    store.append(None, vec![add(Entry::Outcome(outcome))], |_| vec![]).await.expect("append");
}

/// Settings with so many sites (`default` when none is named) and `more` sections of `Butler:`.
pub fn settings_yaml(folder: &Path, sites: &[&str], more: &str) -> String {
    let store = folder.join("bursar.db");
    let store = store.display();
    // No site is asked: any certificate will do.
    let made = rcgen::generate_simple_self_signed(["client".to_owned()]).expect("a certificate");
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    for (name, pem) in
        [("client.pem", &certificate), ("client_key.pem", &key), ("root.pem", &certificate)]
    {
        std::fs::write(folder.join(name), pem).expect("a file");
    }
    let qrs = |host: &str| {
        let user = "UserDirectory=Internal; UserId=sa_repository";
        format!(
            "{{host: {host}.example.com, headers: {{static: [{{name: X-Qlik-User, value: '{user}'}}]}}}}"
        )
    };
    let mut yaml = format!(
        "Butler:\n  storage: {{path: '{store}'}}\n  cert:\n    clientCert: client.pem\n    \
         clientCertKey: client_key.pem\n    clientCertCA: root.pem\n"
    );
    if sites.is_empty() {
        yaml.push_str(&format!("  configQRS: {}\n", qrs("qlik")));
    } else {
        yaml.push_str("  sites:\n");
        for site in sites {
            yaml.push_str(&format!("    - {{name: {site}, configQRS: {}}}\n", qrs(site)));
        }
    }
    yaml.push_str(
        "  qlikSenseLicense:\n    licenseMonitor: {enable: true, frequency: every 6 hours}\n",
    );
    yaml + more
}
