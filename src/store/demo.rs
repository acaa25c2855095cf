//! The mark of a demo's store, and the clock that its daemon and the commands beside it share.
//!
//! A clock that runs ahead shifts the idle days of people, so it is kept nowhere but in a store that
//! was marked when it was made, beside the certificate of the one simulated site it is of.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Store, StoreError, file, time_of};

/// The clock of a demo.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoClock {
    /// What it showed at `since`.
    pub start: DateTime<Utc>,
    /// By the system's clock.
    pub since: DateTime<Utc>,
    pub speed: f64,
    /// Until when it runs so fast, by the system's clock: the demo puts this off as long as it lasts.
    pub until: DateTime<Utc>,
    /// Digest of the certificate of the simulated site's own authority.
    pub authority: String,
}

/// In no other store.
pub(super) const TABLE: &str = "CREATE TABLE demo (
    start INTEGER NOT NULL, since INTEGER NOT NULL, speed REAL NOT NULL, until INTEGER NOT NULL,
    authority TEXT NOT NULL) STRICT";

impl DemoClock {
    /// What it shows at a time of the system's clock: after the demo's end it goes on at the usual pace.
    pub fn at(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        let seconds = |time: TimeDelta| time.to_std().unwrap_or_default().as_secs_f64();
        let fast = seconds(time.min(self.until) - self.since) * self.speed;
        let millis = ((fast + seconds(time - self.until)) * 1_000.0) as i64;
        self.start.checked_add_signed(TimeDelta::milliseconds(millis)).unwrap_or(self.start)
    }

    /// Whether the demo lasts.
    pub fn runs(&self, time: DateTime<Utc>) -> bool {
        time < self.until
    }
}

/// The clock of the store in a file, if a demo made it. A file that can't be read has none: whoever opens
/// it is told why.
pub fn clock_of(path: &Path) -> Option<DemoClock> {
    let db = path.exists().then(|| file::open_to_read(path).ok())??;
    clock(&db).ok().flatten()
}

/// Keeps the clock in the file of a demo's store that nobody has opened.
pub fn keep(path: &Path, clock: &DemoClock) -> Result<(), StoreError> {
    let db = file::open(path)?;
    update(&db, clock).map_err(|error| StoreError::from_sql(path, "keep the demo's clock", &error))
}

impl Store {
    /// Marks a store as a demo's. Only for one that was just made.
    pub async fn become_demo(&self, clock: DemoClock) -> Result<(), StoreError> {
        let change = move |db: &Connection| {
            let sql = TABLE;
            db.execute_batch(sql)?;
            db.execute(
                "INSERT INTO demo (start, since, speed, until, authority) VALUES (?1, ?2, ?3, ?4, ?5)",
                values(&clock),
            )
            .map(drop)
        };
        self.shared.gate.write("mark the store as a demo's", change).await
    }

    /// Keeps the clock of a demo's store as it is now; any other store stays as it is.
    pub async fn keep_demo_clock(&self, clock: DemoClock) -> Result<(), StoreError> {
        let change = move |db: &Connection| update(db, &clock);
        self.shared.gate.write("keep the clock of the demo", change).await
    }
}

fn update(db: &Connection, to: &DemoClock) -> rusqlite::Result<()> {
    if clock(db)?.is_none() {
        return Ok(());
    }
    db.execute(
        "UPDATE demo SET start = ?1, since = ?2, speed = ?3, until = ?4, authority = ?5",
        values(to),
    )
    .map(drop)
}

fn values(clock: &DemoClock) -> impl rusqlite::Params + '_ {
    let millis = [clock.start, clock.since, clock.until].map(|time| time.timestamp_millis());
    (millis[0], millis[1], clock.speed, millis[2], clock.authority.as_str())
}

fn clock(db: &Connection) -> rusqlite::Result<Option<DemoClock>> {
    let known = db
        .prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'demo'")?
        .exists(params![])?;
    if !known {
        return Ok(None);
    }
    db.query_row("SELECT start, since, speed, until, authority FROM demo", [], clock_from)
        .optional()
}

fn clock_from(row: &Row<'_>) -> rusqlite::Result<DemoClock> {
    Ok(DemoClock {
        start: time_of(row.get(0)?),
        since: time_of(row.get(1)?),
        speed: row.get(2)?,
        until: time_of(row.get(3)?),
        authority: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::opened;
    use crate::store::settings::OutboxLimits;

    const LIMITS: OutboxLimits =
        OutboxLimits { max_events: 100, max_age: std::time::Duration::from_secs(86_400) };

    fn at(time: &str) -> DateTime<Utc> {
        format!("2026-11-30T{time}Z").parse().unwrap()
    }

    fn demo() -> DemoClock {
        DemoClock {
            start: at("12:00:00"),
            since: at("05:00:00"),
            speed: 60.0,
            until: at("05:10:00"),
            authority: "abc".to_owned(),
        }
    }

    #[test]
    fn the_clock_runs_at_its_speed_until_the_end() {
        let clock = demo();
        assert_eq!(clock.at(at("04:00:00")), at("12:00:00"));
        assert_eq!(clock.at(at("05:00:01")), at("12:01:00"));
        assert_eq!(clock.at(at("05:10:00")), at("22:00:00"));
        assert_eq!(clock.at(at("05:40:00")), at("22:30:00"));
        assert!(clock.runs(at("05:09:59")) && !clock.runs(at("05:10:00")));
    }

    #[tokio::test]
    async fn only_a_marked_store_has_a_clock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bursar.db");
        assert_eq!(clock_of(&path), None);
        let store = opened::open(&path, LIMITS, Utc::now).await.unwrap();
        assert_eq!(clock_of(&path), None);
        store.keep_demo_clock(demo()).await.unwrap();
        assert_eq!(clock_of(&path), None, "it was not marked when it was made");
        store.become_demo(demo()).await.unwrap();
        assert_eq!(clock_of(&path), Some(demo()));
        let later = DemoClock { until: at("06:00:00"), ..demo() };
        store.keep_demo_clock(later.clone()).await.unwrap();
        assert_eq!(clock_of(&path), Some(later));
    }
}
