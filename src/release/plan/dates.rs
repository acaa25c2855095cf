//! How long a seat has been idle. A day is 24 hours here: no time zone, no change of clocks.

use chrono::{DateTime, Datelike, TimeDelta, Utc};

use super::keep::{DateField, Keep};
use crate::license::{Moment, Seat};
use crate::policy::TypeRule;

/// The last year that means "never": SQL Server's smallest.
const NEVER: i32 = 1753;

/// The time of a moment, where it has one.
pub(in crate::release) fn known(moment: &Moment) -> Option<DateTime<Utc>> {
    moment.at().filter(|at| at.year() > NEVER)
}

/// No site is older. Zeros of other systems (1899, 1900, 1970) are no time of an allocation.
const OLDEST: i32 = 2000;

/// When a seat was allocated, where that is known.
pub(in crate::release) fn allocated(moment: &Moment) -> Option<DateTime<Utc>> {
    known(moment).filter(|at| at.year() >= OLDEST)
}

/// The later of last use and allocation. `None` when one can't be read or the allocation is not
/// known: it may have been yesterday.
pub(in crate::release) fn idle_since(seat: &Seat) -> Option<DateTime<Utc>> {
    let unreadable = |moment: &Moment| matches!(moment, Moment::Unreadable(_));
    if unreadable(&seat.created) || unreadable(&seat.last_used) {
        return None;
    }
    let created = allocated(&seat.created)?;
    Some(known(&seat.last_used).map_or(created, |used| used.max(created)))
}

/// So many days later; the end of time if that is beyond it.
pub(super) fn later(at: DateTime<Utc>, days: u32) -> DateTime<Utc> {
    at.checked_add_signed(TimeDelta::days(days.into())).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Whether `at` is less than so many days ago.
pub(in crate::release) fn within(at: DateTime<Utc>, days: u32, now: DateTime<Utc>) -> bool {
    now.signed_duration_since(at) < TimeDelta::days(days.into())
}

/// What the dates say for keeping a seat.
pub(super) fn reasons(rule: &TypeRule, seat: &Seat, now: DateTime<Utc>, keep: &mut Vec<Keep>) {
    let fields = [(DateField::LastUsed, &seat.last_used), (DateField::Created, &seat.created)];
    for (field, moment) in fields {
        if let Moment::Unreadable(text) = moment {
            keep.push(Keep::UnreadableDate { field, text: text.clone() });
        }
    }
    let (used, created) = (known(&seat.last_used), allocated(&seat.created));
    if created.is_none() && !matches!(seat.created, Moment::Unreadable(_)) {
        keep.push(Keep::NoDate);
    }
    for (field, moment) in fields {
        if let Some(at) = known(moment)
            && at > now
        {
            keep.push(Keep::FutureDate { field, at });
        }
    }
    let past = |at: &DateTime<Utc>| *at <= now;
    let created = created.filter(past);
    if let Some(used) = used.filter(past) {
        // The later one decides.
        let created = created.filter(|created| *created > used);
        let at = created.unwrap_or(used);
        if within(at, rule.release_threshold_days, now) {
            let due = later(at, rule.release_threshold_days);
            keep.push(match created {
                Some(_) => Keep::Allocated { at, due },
                None => Keep::Used { at, due },
            });
        }
    } else if let Some(allocated) = created
        && used.is_none()
        && !matches!(seat.last_used, Moment::Unreadable(_))
        && within(allocated, rule.never_used_grace_days, now)
    {
        let due = later(allocated, rule.never_used_grace_days);
        keep.push(Keep::NeverUsed { allocated, due });
    }
}
