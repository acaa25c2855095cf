//! The runs of the License Monitor app's task, each once.

use chrono::TimeDelta;
use rusqlite::{Connection, Row, params};

use super::release::{from_json, to_json};
use super::{Store, StoreError};
use crate::event::Event;
use crate::license::monitor_app::KeptRun;

/// Of so many failed runs the script log is kept.
const KEPT_LOGS: i64 = 20;

impl Store {
    /// Keeps runs and queues the events that tell of the app, all or nothing. A run that is known
    /// already is brought up to date; a log that was kept stays. Runs older than `keep_days` go.
    pub async fn keep_app_runs(
        &self,
        site: &str,
        runs: Vec<KeptRun>,
        keep_days: u32,
        events: Vec<(Event, Vec<String>)>,
    ) -> Result<(), StoreError> {
        let (site, now) = (site.to_owned(), self.now_ms());
        self.record_with(events, move |db| {
            for run in &runs {
                keep(db, &site, run, now)?;
            }
            let oldest = now - TimeDelta::days(keep_days.into()).num_milliseconds();
            db.prepare_cached("DELETE FROM app_run WHERE site = ?1 AND time < ?2")?
                .execute(params![site, oldest])?;
            db.prepare_cached(
                "UPDATE app_run SET log = NULL WHERE site = ?1 AND log IS NOT NULL AND time <
                     (SELECT time FROM app_run WHERE site = ?1 AND log IS NOT NULL
                       ORDER BY time DESC LIMIT 1 OFFSET ?2)",
            )?
            .execute(params![site, KEPT_LOGS - 1])
            .map(drop)
        })
        .await
    }

    /// The newest runs of a site, newest first.
    pub async fn app_runs(&self, site: &str, limit: usize) -> Result<Vec<KeptRun>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT run, task, facts, log FROM app_run WHERE site = ?1
                  ORDER BY time DESC, run LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            query.query_map(params![site, limit], run_of)?.collect()
        };
        self.shared.gate.read("read the runs of the License Monitor app", query).await
    }
}

fn keep(db: &Connection, site: &str, kept: &KeptRun, now: i64) -> rusqlite::Result<()> {
    let time = kept.run.start.or(kept.run.stop).map_or(now, |time| time.timestamp_millis());
    db.prepare_cached(
        "INSERT INTO app_run (site, run, task, time, facts, log) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (site, run) DO UPDATE SET
             facts = excluded.facts, log = ifnull(excluded.log, log)",
    )?
    .execute(params![
        site,
        kept.id.to_string(),
        kept.task.to_string(),
        time,
        to_json(&kept.run)?,
        kept.log.as_ref().map(to_json).transpose()?,
    ])
    .map(drop)
}

fn run_of(row: &Row<'_>) -> rusqlite::Result<KeptRun> {
    let id = |column: usize| -> rusqlite::Result<uuid::Uuid> {
        let text: String = row.get(column)?;
        text.parse().map_err(|error: uuid::Error| super::release::unreadable(column, error.into()))
    };
    let log: Option<String> = row.get(3)?;
    let log = log.map(|_| from_json(row, 3)).transpose()?;
    Ok(KeptRun { id: id(0)?, task: id(1)?, run: from_json(row, 2)?, log })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use super::*;
    use crate::license::monitor_app::{AppRun, ScriptLog};
    use crate::store::settings::OutboxLimits;

    const NOW: &str = "2026-01-31T12:00:00Z";

    async fn store(folder: &tempfile::TempDir) -> Store {
        let limits = OutboxLimits { max_events: 10, max_age: std::time::Duration::from_secs(60) };
        let now: DateTime<Utc> = NOW.parse().unwrap();
        crate::store::opened::open(&folder.path().join("s.db"), limits, move || now).await.unwrap()
    }

    fn run(id: u128, status: i64, start: &str, log: Option<&str>) -> KeptRun {
        let start = start.parse().ok();
        let run = AppRun {
            id: Some(Uuid::from_u128(id)),
            status,
            status_name: "x".into(),
            start,
            stop: start,
            seconds: Some(1.5),
            node: None,
        };
        let log = log.map(|text| ScriptLog::read(text.as_bytes(), false));
        KeptRun { id: Uuid::from_u128(id), task: Uuid::from_u128(7), run, log }
    }

    #[tokio::test]
    async fn each_run_once_and_its_log_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let running = run(1, 2, "2026-01-31T11:00:00Z", None);
        let failed = run(1, 8, "2026-01-31T11:00:00Z", Some("Error: a"));
        let earlier = run(2, 7, "2026-01-31T10:00:00Z", None);
        let keep = async |runs: Vec<KeptRun>| {
            store.keep_app_runs("a", runs, 30, Vec::new()).await.unwrap();
        };
        keep(vec![running]).await;
        keep(vec![earlier.clone(), failed.clone()]).await;
        keep(vec![run(1, 8, "2026-01-31T11:00:00Z", None)]).await;
        assert_eq!(store.app_runs("a", 10).await.unwrap(), [failed.clone(), earlier]);
        assert_eq!(store.app_runs("a", 1).await.unwrap(), [failed]);
        assert_eq!(store.app_runs("b", 10).await.unwrap(), []);
    }

    #[tokio::test]
    async fn old_runs_go_and_old_logs_before_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let mut runs: Vec<_> = (0..24_u128)
            .map(|n| run(n + 1, 8, &format!("2026-01-30T{n:02}:00:00Z"), Some("Error: a")))
            .collect();
        runs.push(run(100, 7, "2026-01-01T11:59:59Z", None));
        runs.push(run(101, 7, "2026-01-01T12:00:00Z", None));
        store.keep_app_runs("a", runs, 30, Vec::new()).await.unwrap();
        let runs = store.app_runs("a", 100).await.unwrap();
        assert_eq!(runs.len(), 25);
        assert_eq!(runs[24].id, Uuid::from_u128(101));
        assert_eq!(runs.iter().filter(|run| run.log.is_some()).count(), KEPT_LOGS as usize);
        assert!(runs[19].log.is_some() && runs[20].log.is_none());
    }

    #[tokio::test]
    async fn a_run_without_a_time_is_kept_as_seen_now() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let odd = run(1, 3, "", None);
        store.keep_app_runs("a", vec![odd.clone()], 30, Vec::new()).await.unwrap();
        assert_eq!(store.app_runs("a", 10).await.unwrap(), [odd]);
    }
}
