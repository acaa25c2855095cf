//! What happened in a period: changes of seats, alerts, and since when each is recorded.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Alert, ChangeCount, ChangeLine, Changes};
use crate::config::settings::Site;
use crate::ledger::{Action, SeatResult};
use crate::license::SeatType;
use crate::license::changes::{By, Change, ChangeKind};
use crate::store::{AlertHistoryEntry, Attempt, DoneSeat, SeatList, Seats, Store, StoreError};

/// A first reading of the lists tells of an allocation by its own time, and so does the ledger.
const SAME: TimeDelta = TimeDelta::days(1);

/// Who got and lost seats from one time to another. What was not recorded yet is taken from the ledger,
/// as far as it knows. `None` when nothing is known of it.
pub(super) async fn changes(
    store: &Store,
    site: &Site,
    known: &Seats,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    attempts: &[Attempt],
) -> Result<Option<Changes>, StoreError> {
    let recorded_from = known.lists.iter().map(|list| recorded_from(site, list)).min();
    let unrecorded = |time: DateTime<Utc>| {
        time >= from && time < to && recorded_from.is_none_or(|recorded| time < recorded)
    };
    let mut list: Vec<ChangeLine> =
        store.seat_changes(&site.name, from, to).await?.iter().map(line).collect();
    let told = |line: &ChangeLine, time: DateTime<Utc>, seat_type: SeatType, kind: ChangeKind| {
        (line.time - time).abs() < SAME && line.seat_type == seat_type && line.kind == kind
    };
    let mut by_ledger = Vec::new();
    for attempt in attempts.iter().filter(|attempt| unrecorded(attempt.time)) {
        let Some(line) = of_attempt(attempt) else { continue };
        let same = |other: &ChangeLine| {
            told(other, line.time, line.seat_type, line.kind) && other.user == line.user
        };
        if !list.iter().any(same) {
            by_ledger.push(line);
        }
    }
    // Those whose records were archived have no names here.
    let done = store.done_seats(&site.name).await?;
    let done: Vec<&DoneSeat> = done.iter().filter(|done| unrecorded(done.time)).collect();
    if recorded_from.is_none() && done.is_empty() {
        return Ok(None);
    }
    let named = attempts.iter().filter(|attempt| unrecorded(attempt.time));
    let named = named.filter(|attempt| attempt.is_release() || attempt.is_return()).count();
    let archived = u32::try_from(done.len().saturating_sub(named)).unwrap_or(u32::MAX);
    list.extend(by_ledger);
    list.sort_by_key(|line| line.time);
    let mut counts: BTreeMap<(SeatType, ChangeKind), (u32, u32)> = BTreeMap::new();
    for line in &list {
        let count = counts.entry((line.seat_type, line.kind)).or_default();
        count.0 += 1;
        count.1 += u32::from(line.by_bursar);
    }
    let counts = counts.into_iter().map(|((seat_type, kind), (count, by_bursar))| ChangeCount {
        seat_type,
        kind,
        what: kind.title().to_owned(),
        count,
        by_bursar,
    });
    Ok(Some(Changes { recorded_from, archived, counts: counts.collect(), list }))
}

/// From when on the changes of a list are recorded: what is older was never seen, or is forgotten.
pub(super) fn recorded_from(site: &Site, list: &SeatList) -> DateTime<Utc> {
    let kept = site.seats.as_ref().map(|seats| TimeDelta::days(seats.keep_changes_days.into()));
    kept.map_or(list.first_read, |kept| list.first_read.max(list.last_read - kept))
}

fn line(change: &Change) -> ChangeLine {
    ChangeLine {
        time: change.time,
        seat_type: change.seat_type,
        kind: change.kind,
        what: change.kind.title().to_owned(),
        user: change.account(),
        by: match &change.by {
            By::Unknown => "not known".to_owned(),
            By::Bursar { run } => format!("Bursar, run {run}"),
            By::Someone { user } => user.to_string(),
        },
        by_bursar: change.is_by_bursar(),
        again: change.is_churn(),
    }
}

/// A seat that was taken or given back, as the ledger tells it.
fn of_attempt(attempt: &Attempt) -> Option<ChangeLine> {
    let outcome = &attempt.outcome;
    if !attempt.is_release() && !attempt.is_return() {
        return None;
    }
    let kind = match (outcome.action, &outcome.result) {
        (Action::Allocate, _) => ChangeKind::Allocated,
        (Action::Release, SeatResult::Quarantined { .. }) => ChangeKind::Quarantined,
        (Action::Release, _) => ChangeKind::Released,
    };
    Some(ChangeLine {
        time: attempt.time,
        seat_type: outcome.seat_type,
        kind,
        what: kind.title().to_owned(),
        user: outcome.holder.account(),
        by: format!("Bursar, run {}", attempt.run),
        by_bursar: true,
        again: false,
    })
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
            text: happened.text.clone(),
        };
        Some(of_period.map(alert).collect())
    }
}
