//! When the schedule next starts a run that can take seats, and what keeps them until then. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::ledger::past::Pause;
use crate::policy::calendar::Closed;
use crate::release::settings::Release;

/// The next run of a schedule, as it is shown everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The first rehearsal, or the first real run that neither a pause nor a freeze stops; those
    /// before it record that they were stopped. `None`: never.
    pub at: Option<DateTime<Utc>>,
    /// What keeps seats until then: a pause, a freeze.
    pub held: Option<String>,
}

/// So many pauses and freezes are gone past in search of a run that nothing stops.
const MOST: usize = 64;

impl Next {
    /// The next run after `now` on the schedule of `release`.
    pub fn of(release: &Release, zone: Tz, pause: Option<&Pause>, now: DateTime<Utc>) -> Self {
        Self::after(release, |after| release.schedule.next_after(after, zone), pause, now)
    }

    /// The same, where `tick` names the times of the schedule one after another.
    pub fn after(
        release: &Release,
        tick: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
        pause: Option<&Pause>,
        now: DateTime<Utc>,
    ) -> Self {
        let first = next_start(release, &tick, now);
        let at = if release.dry_run { first } else { first_open(release, &tick, pause, now) };
        // A pause or a freeze that is over by then is worth knowing, too: it keeps seats until then.
        Self { at, held: holding(release, pause, &[Some(now), first], first) }
    }

    /// `2027-01-11 05:00:00 CET, frozen through 2027-01-10: year end`.
    pub fn text(&self, zone: Tz) -> String {
        let at = self.at.map_or_else(|| "never".to_owned(), |time| crate::words::local(time, zone));
        match &self.held {
            Some(held) => format!("{at}, {held}"),
            None => at,
        }
    }
}

/// What keeps seats at this time: a pause, a freeze, hours in which no tick lies.
pub fn held_at(
    release: &Release,
    zone: Tz,
    pause: Option<&Pause>,
    now: DateTime<Utc>,
) -> Option<String> {
    let first = next_start(release, |after| release.schedule.next_after(after, zone), now);
    holding(release, pause, &[Some(now)], first)
}

/// The pause, the first freeze of these times, and hours in which no tick lies. `first`: when a run
/// next starts.
fn holding(
    release: &Release,
    pause: Option<&Pause>,
    times: &[Option<DateTime<Utc>>],
    first: Option<DateTime<Utc>>,
) -> Option<String> {
    let calendar = &release.policy.calendar;
    let frozen = times.iter().flatten().find_map(|time| calendar.frozen(*time));
    let held = [
        pause.map(|pause| paused(release, pause)),
        frozen.map(|frozen| frozen.to_string()),
        never_in_hours(release, first),
    ];
    let held: Vec<_> = held.into_iter().flatten().collect();
    (!held.is_empty()).then(|| held.join("; "))
}

fn paused(release: &Release, pause: &Pause) -> String {
    let zone = release.policy.calendar.time_zone;
    let until = pause.until.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z");
    pause.text(&until.to_string())
}

fn never_in_hours(release: &Release, first: Option<DateTime<Utc>>) -> Option<String> {
    let calendar = &release.policy.calendar;
    (first.is_none() && !calendar.allowed_hours.is_empty()).then(|| {
        format!("no time of the schedule lies in the allowed hours ({})", calendar.hours_text())
    })
}

/// The first run after `after` that starts, and that neither the pause nor a freeze stops.
fn first_open(
    release: &Release,
    tick: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
    pause: Option<&Pause>,
    after: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if pause.is_some_and(|pause| pause.begun_anew) {
        return None;
    }
    let calendar = &release.policy.calendar;
    let mut after = after;
    for _ in 0..MOST {
        let at = next_start(release, &tick, after)?;
        let open = match (pause, calendar.frozen(at)) {
            (Some(pause), _) if at < pause.until => pause.until,
            (_, None) => return Some(at),
            (_, Some(Closed::Frozen { until: Some(last), .. })) => calendar.day_after(last)?,
            (_, Some(_)) => return None,
        };
        // The time itself counts.
        after = at.max(open - TimeDelta::milliseconds(1));
    }
    None
}

/// Whether a run that is due may start at this time: by the allowed hours, if it is a real one.
pub fn may_start(release: &Release, at: DateTime<Utc>) -> bool {
    release.dry_run || release.policy.calendar.in_hours(at)
}

/// The first time after `after` at which a run starts: `tick` names the times of the schedule one
/// after another. Real runs start in the allowed hours only; rehearsals go on.
pub fn next_start(
    release: &Release,
    tick: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
    after: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if release.dry_run {
        return tick(after);
    }
    let calendar = &release.policy.calendar;
    if calendar.allowed_hours.is_empty() {
        tick(after)
    } else {
        calendar.first_in_hours(tick, after)
    }
}
