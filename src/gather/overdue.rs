//! Whether real runs of a release have not been done for long, and why.

use chrono::{DateTime, Utc};

use crate::alert::facts::OverdueFacts;
use crate::config::Settings;
use crate::config::settings::Site;
use crate::gather::STALE_GRACE;
use crate::release::next::{held_at, next_start};
use crate::store::{Store, StoreError};

/// `None`: a run was done, or its time has not come. `since` is when this process began to look:
/// a release that was switched on just now gets its first tick.
pub(super) async fn overdue(
    settings: &Settings,
    store: &Store,
    site: &Site,
    problem: Option<String>,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<OverdueFacts>, StoreError> {
    let (release, zone) = (&site.release, settings.time_zone);
    let tick = |after| release.schedule.next_after(after, zone);
    // Where no tick lies in the allowed hours, all of them count.
    let next = |after| next_start(release, tick, after).or_else(|| tick(after));
    let last = store.last_done_run(&site.name).await?;
    let from = last.map_or(since, |last| last.time);
    let ticks = site.alert.limits.release_ticks.max(1) as usize;
    let due = std::iter::successors(next(from), |time| next(*time)).nth(ticks - 1);
    let passed = |tick: Option<DateTime<Utc>>| tick.is_some_and(|tick| tick + STALE_GRACE <= now);
    if !passed(due) || !passed(next(since)) {
        return Ok(None);
    }
    let pause = store.pause(&site.name).await?;
    let held = held_at(release, zone, pause.as_ref(), now);
    let by_plan = pause.is_none() && release.policy.calendar.frozen(now).is_some();
    let reason = held.or(problem).unwrap_or_else(|| {
        "no run ended with its work done; the log and `bursar release history` say why".to_owned()
    });
    let last = last.filter(|last| last.real).map(|last| last.time);
    Ok(Some(OverdueFacts { last, ticks: site.alert.limits.release_ticks, reason, by_plan }))
}
