//! Forecasts and what else is expensive: made once for all who look, again when the store knows more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Source;
use crate::ledger::Head;
use crate::planning::Planning;
use crate::store::StoreError;

/// What only depends on the time of the question (who is idle) is as old as this at most.
const AGE: Duration = Duration::from_secs(60);

/// Sites that nobody looked at for so long are forgotten.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// The history of each site that is looked at.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// One at a time: however many look, one processor is left to the daemon.
    by_site: Mutex<HashMap<String, Made>>,
}

#[derive(Debug)]
struct Made {
    of: State,
    at: Instant,
    asked: Instant,
    planning: Arc<Planning>,
}

/// What the store knows, as far as figures come from it.
#[derive(Debug, Clone, PartialEq)]
struct State {
    /// The newest events of the site.
    read: Vec<DateTime<Utc>>,
    ledger: Option<Head>,
    today: NaiveDate,
}

impl Known {
    /// What is known of a site now.
    pub(super) async fn planning(
        &self,
        source: &Source,
        site: &str,
    ) -> Result<Arc<Planning>, StoreError> {
        let now = source.clock.now();
        let mut by_site = self.by_site.lock().await;
        by_site.retain(|_, made| made.asked.elapsed() < FORGOTTEN);
        let state = state(source, site, now).await?;
        if let Some(made) = by_site.get_mut(site)
            && made.of == state
            && made.at.elapsed() < AGE
        {
            made.asked = Instant::now();
            return Ok(made.planning.clone());
        }
        let (source, name) = (source.clone(), site.to_owned());
        // On a thread of its own: polls go on meanwhile.
        let runtime = tokio::runtime::Handle::current();
        let made = tokio::task::spawn_blocking(move || {
            let load = Planning::load(&source.store, &source.settings, &name, now);
            let planning = runtime.block_on(load)?;
            for seat_type in planning.seat_types() {
                planning.forecast(seat_type);
            }
            Ok::<_, StoreError>(planning)
        });
        let planning = Arc::new(made.await.unwrap_or(Err(StoreError::Closed))?);
        let (at, planning_too) = (Instant::now(), planning.clone());
        let made = Made { of: state, at, asked: at, planning: planning_too };
        by_site.insert(site.to_owned(), made);
        Ok(planning)
    }
}

async fn state(source: &Source, site: &str, now: DateTime<Utc>) -> Result<State, StoreError> {
    let latest = source.store.latest().await?;
    let read = latest.iter().filter(|event| event.site == site).map(|event| event.time);
    Ok(State {
        read: read.collect(),
        ledger: source.store.head().await?,
        today: now.with_timezone(&source.settings.time_zone).date_naive(),
    })
}
