//! When the schedule next starts a run, and what will keep it from taking seats. Pure.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::config::settings::Release;
use crate::store::Pause;

/// The next run of a schedule, as it is shown everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// `None`: never.
    pub at: Option<DateTime<Utc>>,
    /// What keeps it from taking seats, or keeps seats now: a pause, a freeze.
    pub held: Option<String>,
}

impl Next {
    /// The next run after `now` on the schedule of `release`.
    pub fn of(release: &Release, zone: Tz, pause: Option<&Pause>, now: DateTime<Utc>) -> Self {
        let tick = |after| release.schedule.next_after(after, zone);
        Self::at(release, next_start(release, tick, now), pause, now)
    }

    /// The same, of a run at a time that is known.
    pub fn at(
        release: &Release,
        at: Option<DateTime<Utc>>,
        pause: Option<&Pause>,
        now: DateTime<Utc>,
    ) -> Self {
        let calendar = &release.policy.calendar;
        let mut held = Vec::new();
        // A pause that is over by then is worth knowing, too: it keeps seats until then.
        if let Some(pause) = pause {
            let until = pause.until.with_timezone(&calendar.time_zone).format("%Y-%m-%d %H:%M %Z");
            held.push(format!("paused until {until} by {}: {}", pause.by, pause.why));
        }
        let frozen = [at, Some(now)].into_iter().flatten().find_map(|time| calendar.frozen(time));
        held.extend(frozen.map(|frozen| frozen.to_string()));
        if at.is_none() && !calendar.allowed_hours.is_empty() {
            let hours = calendar.hours_text();
            held.push(format!("no time of the schedule lies in the allowed hours ({hours})"));
        }
        Self { at, held: (!held.is_empty()).then(|| held.join("; ")) }
    }

    /// `2026-12-15 05:00:00 CET, frozen until 2027-01-10: year end`.
    pub fn text(&self, zone: Tz) -> String {
        let at =
            self.at.map_or_else(|| "never".to_owned(), |time| crate::cli::text::local(time, zone));
        match &self.held {
            Some(held) => format!("{at}, {held}"),
            None => at,
        }
    }
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
