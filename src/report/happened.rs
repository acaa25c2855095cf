//! What happened in a period: changes of seats, alerts, and since when each is recorded.

use chrono::{DateTime, TimeDelta, Utc};

use super::names::Names;
use super::{Alert, ChangeCount, ChangeLine, Changes};
use crate::config::settings::Site;
use crate::event::count_changes;
use crate::license::changes::{By, Change};
use crate::planning;
use crate::store::{AlertHistoryEntry, Attempt, DoneSeat, SeatList, Seats, Store, StoreError};

/// Who got and lost seats from one time to another. What no reading has shown is taken from the ledger, as far
/// as it knows. `None` when nothing is known of it.
pub(super) async fn changes(
    store: &Store,
    site: &Site,
    known: &Seats,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    attempts: &[Attempt],
    names: &Names,
) -> Result<Option<Changes>, StoreError> {
    let recorded_from = known.lists.iter().map(|list| recorded_from(site, list)).min();
    let unrecorded = |time: DateTime<Utc>| {
        time >= from && time < to && recorded_from.is_none_or(|recorded| time < recorded)
    };
    let deeds = planning::changes::deeds(store, &site.name, (from, to), attempts).await?;
    // Those whose records were archived have no names here.
    let done = store.done_seats(&site.name).await?;
    let done: Vec<&DoneSeat> = done.iter().filter(|done| unrecorded(done.time)).collect();
    if recorded_from.is_none() && done.is_empty() {
        return Ok(None);
    }
    let named = attempts.iter().filter(|attempt| unrecorded(attempt.time));
    let named = named.filter(|attempt| attempt.is_release() || attempt.is_return()).count();
    let archived = u32::try_from(done.len().saturating_sub(named)).unwrap_or(u32::MAX);
    let initial = deeds.iter().filter(|deed| deed.change.initial).count();
    let records: Vec<Option<u64>> = deeds.iter().map(|deed| deed.record).collect();
    let changes: Vec<Change> = deeds.into_iter().map(|deed| deed.change).collect();
    let counts = count_changes(&changes).into_iter().map(|of| ChangeCount {
        seat_type: of.seat_type,
        kind: of.kind,
        what: of.kind.title().to_owned(),
        count: of.count,
        by_bursar: of.by_bursar,
    });
    let initial = u32::try_from(initial).unwrap_or(u32::MAX);
    let list = changes.iter().zip(records).map(|(change, record)| line(change, record, names));
    let list = list.collect();
    Ok(Some(Changes { recorded_from, archived, initial, counts: counts.collect(), list }))
}

/// From when on the changes of a list are recorded: what is older was never seen, or is forgotten.
pub(super) fn recorded_from(site: &Site, list: &SeatList) -> DateTime<Utc> {
    let kept = site.seats.as_ref().map(|seats| TimeDelta::days(seats.keep_changes_days.into()));
    kept.map_or(list.first_read, |kept| list.first_read.max(list.last_read - kept))
}

fn line(change: &Change, record: Option<u64>, names: &Names) -> ChangeLine {
    ChangeLine {
        time: change.time,
        seat_type: change.seat_type,
        kind: change.kind,
        what: change.kind.title().to_owned(),
        user: names.account(change),
        by: names.by(&change.by),
        run: match &change.by {
            By::Bursar { run } => Some(run.to_string()),
            By::Unknown | By::Someone { .. } => None,
        },
        record,
        again: change.is_churn(),
    }
}

/// What happened to alerts, by site.
pub(super) struct AlertLog {
    /// When the oldest was noted; `None` when there is none.
    pub(super) recorded_from: Option<DateTime<Utc>>,
    /// Newest first.
    all: Vec<AlertHistoryEntry>,
}

impl AlertLog {
    pub(super) async fn read(store: &Store) -> Result<Self, StoreError> {
        let all = store.alert_history(usize::MAX).await?;
        Ok(Self { recorded_from: all.iter().map(|entry| entry.time).min(), all })
    }

    /// Of a site, or of Bursar itself, oldest first. `None` when no alert was ever recorded: that says
    /// nothing of the period.
    pub(super) fn of(
        &self,
        site: &str,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        names: &Names,
    ) -> Option<Vec<Alert>> {
        self.recorded_from?;
        let of_period = self.all.iter().rev().filter(|happened| {
            happened.key.site == site && happened.time >= from && happened.time < to
        });
        let alert = |happened: &AlertHistoryEntry| Alert {
            time: happened.time,
            severity: happened.severity.as_str().to_owned(),
            rule: happened.key.rule.to_string(),
            state: happened.what.as_str().to_owned(),
            text: names.text(&happened.text),
        };
        Some(of_period.map(alert).collect())
    }
}
