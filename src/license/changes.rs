//! What changed between two readings of the seats. Pure: no I/O, no clock.
//!
//! Only complete lists are compared. What a row can't tell is not made up: once a row is gone, nobody
//! knows who removed it, unless Bursar did.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Holder, Moment, Seat, SeatType};

mod change;
#[cfg(test)]
mod tests;

pub use self::change::{After, By, Change, ChangeKind, MovedFrom, TimeFrom};

/// Whoever gets a seat again within so many days of losing one: churn.
pub const CHURN_DAYS: i64 = 14;

/// The first reading tells of seats that were allocated within so many days.
pub const INITIAL_DAYS: i64 = 90;

/// By how much the site's times may be off ours before they are not believed.
const SLACK: TimeDelta = TimeDelta::minutes(10);

/// A row that nobody touched since it was made has both dates within this.
const UNTOUCHED: TimeDelta = TimeDelta::seconds(1);

/// A seat as its row has it, with who changed the row last. Using a seat changes its row, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatRow {
    pub seat: Seat,
    pub modified: Moment,
    /// `CORP\admin`, as the site writes it.
    pub modified_by: Option<Box<str>>,
}

/// The lists of one type: as they were known, and as they are.
#[derive(Debug, Clone, Copy)]
pub struct Lists<'a> {
    pub seat_type: SeatType,
    /// `None` when this type is read for the first time.
    pub old: Option<Old<'a>>,
    pub new: &'a [SeatRow],
}

#[derive(Debug, Clone, Copy)]
pub struct Old<'a> {
    pub seats: &'a [Seat],
    /// When this list was read.
    pub read: DateTime<Utc>,
}

/// What Bursar itself did to seats, from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAction {
    pub seat_type: SeatType,
    /// The seat that was taken; of one that was allocated again, the one that had been taken.
    pub seat: Uuid,
    pub user: Uuid,
    /// Allocated again by an undo; else taken.
    pub restored: bool,
    pub time: DateTime<Utc>,
    pub run: String,
}

/// What is known beside the lists.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Of the time since the lists were read before.
    pub own_actions: Vec<OwnAction>,
    /// When a user last lost a seat of a type, whoever took it.
    pub lost: HashMap<(SeatType, Uuid), DateTime<Utc>>,
    /// Users whom the site no longer has.
    pub gone: HashSet<Uuid>,
}

/// The changes of all types whose lists are complete, oldest first.
pub fn changes(lists: &[Lists<'_>], known: &Known, now: DateTime<Utc>) -> Vec<Change> {
    let mut changes = Vec::new();
    for list in lists {
        let new = by_id(list.new);
        match list.old {
            None => initial(&new, now, &mut changes),
            Some(old) => {
                Type { old, seat_type: list.seat_type, known, now }.compare(&new, &mut changes)
            }
        }
    }
    join_moves(&mut changes);
    mark_churn(&mut changes, known);
    // Of equal times, a loss comes before what was gained; and what happened to the new seat after.
    changes.sort_by_key(|change| (change.time, change.kind, change.seat_type, change.seat));
    changes
}

/// Who lost a seat: the row is gone, and the user may be, too.
pub fn vanished(lists: &[Lists<'_>]) -> Vec<Uuid> {
    let mut users = Vec::new();
    for list in lists {
        let there: HashSet<Uuid> = list.new.iter().map(|row| row.seat.id).collect();
        let old = list.old.map_or(&[][..], |old| old.seats);
        let lost =
            old.iter().filter(|seat| !there.contains(&seat.id) && seat.quarantined.is_none());
        users.extend(lost.filter_map(|seat| Some(seat.holder.as_ref()?.id)));
    }
    users.sort_unstable();
    users.dedup();
    users
}

/// Each row once. Of a seat that is listed twice with different facts, always the same one.
fn by_id(rows: &[SeatRow]) -> BTreeMap<Uuid, &SeatRow> {
    let mut map: BTreeMap<Uuid, &SeatRow> = BTreeMap::new();
    for row in rows {
        let known = map.entry(row.seat.id).or_insert(row);
        if *known != row && format!("{row:?}") > format!("{known:?}") {
            *known = row;
        }
    }
    map
}

/// At the first reading only the dates of the rows tell of the past: nothing counts as released.
fn initial(rows: &BTreeMap<Uuid, &SeatRow>, now: DateTime<Utc>, changes: &mut Vec<Change>) {
    for row in rows.values() {
        let Some(created) = row.seat.created.at() else { continue };
        if now - created >= TimeDelta::days(INITIAL_DAYS) || created > now + SLACK {
            continue;
        }
        changes.push(Change {
            kind: ChangeKind::Allocated,
            time: created,
            time_from: TimeFrom::CreatedDate,
            by: creator(row),
            initial: true,
            ..plain(&row.seat, state(&row.seat), now)
        });
    }
}

/// The comparison of one type.
struct Type<'a> {
    old: Old<'a>,
    seat_type: SeatType,
    known: &'a Known,
    now: DateTime<Utc>,
}

impl Type<'_> {
    fn compare(&self, new: &BTreeMap<Uuid, &SeatRow>, changes: &mut Vec<Change>) {
        let old: BTreeMap<Uuid, &Seat> =
            self.old.seats.iter().map(|seat| (seat.id, seat)).collect();
        for (id, row) in new {
            match old.get(id) {
                None => self.added(row, changes),
                Some(before) => self.touched(before, row, changes),
            }
        }
        for seat in old.values().filter(|seat| !new.contains_key(&seat.id)) {
            changes.push(self.removed(seat));
        }
    }

    fn added(&self, row: &SeatRow, changes: &mut Vec<Change>) {
        let seat = &row.seat;
        if is_deleted(seat) {
            changes.push(self.row_changed(ChangeKind::UserDeleted, row));
            return;
        }
        let allocated = self.allocated(row);
        let time = allocated.time;
        changes.push(allocated);
        if seat.quarantined.is_some() {
            let mut change = self.row_changed(ChangeKind::Quarantined, row);
            change.time = change.time.max(time);
            changes.push(change);
        }
    }

    fn touched(&self, before: &Seat, row: &SeatRow, changes: &mut Vec<Change>) {
        let seat = &row.seat;
        if is_deleted(seat) && !is_deleted(before) {
            let mut change = self.row_changed(ChangeKind::UserDeleted, row);
            change.holder = before.holder.as_deref().cloned();
            changes.push(change);
            return;
        }
        let users = (before.holder.as_ref(), seat.holder.as_ref());
        if let (Some(one), Some(other)) = users
            && one.id != other.id
        {
            // No server is known to do this; if one does, one lost the seat and the other got it.
            let mut released = self.removed(before);
            released.time = self.allocated(row).time;
            changes.push(released);
            self.added(row, changes);
            return;
        }
        match (before.quarantined.is_some(), seat.quarantined.is_some()) {
            (false, true) => changes.push(self.row_changed(ChangeKind::Quarantined, row)),
            (true, false) => changes.push(self.row_changed(ChangeKind::Restored, row)),
            _ => {}
        }
    }

    fn allocated(&self, row: &SeatRow) -> Change {
        let given = row.seat.holder.as_ref().and_then(|holder| {
            let mut own_actions = self.known.own_actions.iter();
            own_actions.find(|d| d.restored && d.seat_type == self.seat_type && d.user == holder.id)
        });
        let created = row.seat.created.at().filter(|at| self.is_recent(*at));
        let (time, time_from) = created
            .map_or((self.now, TimeFrom::Noticed), |created| (created, TimeFrom::CreatedDate));
        let by =
            given.map_or_else(|| creator(row), |action| By::Bursar { run: action.run.clone() });
        let kind = ChangeKind::Allocated;
        Change { kind, time, time_from, by, ..plain(&row.seat, After::Held, self.now) }
    }

    /// A change that the row itself shows.
    fn row_changed(&self, kind: ChangeKind, row: &SeatRow) -> Change {
        // Each use changes the row in its user's name: then it doesn't tell of anything else.
        let used = is_own(row);
        let modified = row.modified.at().filter(|at| !used && self.is_recent(*at));
        let action = self.action(kind, &row.seat);
        let (time, time_from) = match (action, modified) {
            (Some(action), _) => (action.time, TimeFrom::Ledger),
            (None, Some(modified)) => (modified, TimeFrom::ModifiedDate),
            (None, None) => (self.now, TimeFrom::Noticed),
        };
        let by = match (action, modified.and(row.modified_by.clone())) {
            (Some(action), _) => By::Bursar { run: action.run.clone() },
            (None, Some(user)) => By::Someone { user },
            (None, None) => By::Unknown,
        };
        Change { kind, time, time_from, by, ..plain(&row.seat, state(&row.seat), self.now) }
    }

    /// The row is gone, and with it who removed it.
    fn removed(&self, seat: &Seat) -> Change {
        let gone = seat.holder.as_ref().is_some_and(|user| self.known.gone.contains(&user.id));
        let kind = match (seat.quarantined.is_some(), gone) {
            (true, _) => ChangeKind::QuarantineEnded,
            (false, true) => ChangeKind::UserDeleted,
            (false, false) => ChangeKind::Released,
        };
        let plain = plain(seat, After::Gone, self.now);
        match self.action(kind, seat) {
            Some(action) => Change {
                // Whoever was deleted afterwards: it was Bursar that took the seat.
                kind: ChangeKind::Released,
                time: action.time,
                time_from: TimeFrom::Ledger,
                by: By::Bursar { run: action.run.clone() },
                ..plain
            },
            None => Change { kind, ..plain },
        }
    }

    /// What Bursar did, if it did this.
    fn action(&self, kind: ChangeKind, seat: &Seat) -> Option<&OwnAction> {
        let restored = match kind {
            ChangeKind::Released | ChangeKind::Quarantined | ChangeKind::UserDeleted => false,
            ChangeKind::Restored => true,
            _ => return None,
        };
        let mut own_actions = self.known.own_actions.iter();
        own_actions.find(|action| action.restored == restored && action.seat == seat.id)
    }

    fn is_recent(&self, at: DateTime<Utc>) -> bool {
        self.old.read - SLACK <= at && at <= self.now + SLACK
    }
}

/// A change that nothing more is known of than that it was noticed now.
fn plain(seat: &Seat, after: After, now: DateTime<Utc>) -> Change {
    Change {
        kind: ChangeKind::Released,
        seat_type: seat.seat_type,
        seat: seat.id,
        holder: seat.holder.as_deref().cloned(),
        deleted_user: seat.deleted_user.clone(),
        after,
        from: None,
        time: now,
        time_from: TimeFrom::Noticed,
        by: By::Unknown,
        released_before: None,
        initial: false,
    }
}

fn state(seat: &Seat) -> After {
    if seat.quarantined.is_some() { After::Quarantined } else { After::Held }
}

fn is_deleted(seat: &Seat) -> bool {
    seat.holder.is_none() && seat.deleted_user.is_some()
}

/// The user of the seat changed its row last.
fn is_own(row: &SeatRow) -> bool {
    let holder = row.seat.holder.as_deref().map(Holder::account);
    let account = holder.or_else(|| row.seat.deleted_user.as_deref().map(str::to_owned));
    let (Some(account), Some(by)) = (account, &row.modified_by) else { return false };
    account.to_lowercase() == by.to_lowercase()
}

/// Who made the row: known as long as nobody touched it since, and each use does.
fn creator(row: &SeatRow) -> By {
    match (row.seat.created.at(), row.modified.at(), &row.modified_by) {
        (Some(created), Some(modified), Some(user)) if (modified - created).abs() <= UNTOUCHED => {
            By::Someone { user: user.clone() }
        }
        _ => By::Unknown,
    }
}

/// A seat of one type lost and one of the other gained by the same user, in the same time: a move.
/// What Bursar took stays a release, whatever the user got instead.
fn join_moves(changes: &mut Vec<Change>) {
    // A seat that is new itself, or somebody else's now, is nothing that was moved from.
    let allocated = changes.iter().filter(|change| change.kind == ChangeKind::Allocated);
    let new: HashSet<(SeatType, Uuid)> =
        allocated.map(|change| (change.seat_type, change.seat)).collect();
    let mut losses: HashMap<Uuid, Vec<usize>> = HashMap::new();
    for (n, change) in changes.iter().enumerate() {
        let by_hand = !matches!(change.by, By::Bursar { .. });
        if change.kind.is_loss()
            && by_hand
            && !new.contains(&(change.seat_type, change.seat))
            && change.seat_type.is_counted()
            && let Some(holder) = &change.holder
        {
            losses.entry(holder.id).or_default().push(n);
        }
    }
    if losses.is_empty() {
        return;
    }
    let mut joined = HashSet::new();
    for n in 0..changes.len() {
        let gain = &changes[n];
        if gain.kind != ChangeKind::Allocated || gain.initial || !gain.seat_type.is_counted() {
            continue;
        }
        let Some(holder) = &gain.holder else { continue };
        let lost = losses.get(&holder.id).into_iter().flatten().copied();
        let of_other_type =
            |m: &usize| changes[*m].seat_type != gain.seat_type && !joined.contains(m);
        let Some(m) = lost.filter(of_other_type).min_by_key(|m| changes[*m].seat) else { continue };
        joined.insert(m);
        let loss = &changes[m];
        let from = MovedFrom { seat_type: loss.seat_type, seat: loss.seat, after: loss.after };
        let by = if loss.by == By::Unknown { gain.by.clone() } else { loss.by.clone() };
        let gain = &mut changes[n];
        gain.kind = ChangeKind::Moved;
        gain.from = Some(from);
        gain.by = by;
    }
    let mut n = 0;
    changes.retain(|_| {
        n += 1;
        !joined.contains(&(n - 1))
    });
}

/// Marks who got a seat of the type that they lost not long before. An undo allocates a seat again on
/// request: no churn.
fn mark_churn(changes: &mut [Change], known: &Known) {
    let mut lost = known.lost.clone();
    let mut just_lost = HashMap::new();
    for change in changes.iter().filter(|change| change.kind.is_loss()) {
        if let Some(holder) = &change.holder {
            just_lost.insert((change.seat_type, holder.id), (change.seat, change.time));
        }
    }
    for change in changes.iter_mut() {
        if change.kind != ChangeKind::Allocated
            || change.initial
            || matches!(change.by, By::Bursar { .. })
        {
            continue;
        }
        let Some(holder) = &change.holder else { continue };
        let key = (change.seat_type, holder.id);
        // Both between two readings. The same seat is one that was allocated and taken.
        if let Some((seat, at)) = just_lost.get(&key)
            && *seat != change.seat
        {
            lost.insert(key, (*at).min(change.time));
        }
        change.released_before = lost.get(&key).copied().filter(|at| {
            let since = change.time - *at;
            -SLACK <= since && since <= TimeDelta::days(CHURN_DAYS)
        });
    }
}
