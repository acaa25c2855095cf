//! The demo's alerts of the past: what the rules would have said of each poll, as far as the history of
//! alerts goes back.

use chrono::{DateTime, TimeDelta, Utc};

use super::past::poll_every;
use crate::alert::facts::{Dated, Fact, Facts};
use crate::alert::rules;
use crate::alert::state::{self, Occurrence, States, Step};
use crate::config::settings::{Settings, Site};
use crate::event::AlertStatus;
use crate::license::Pools;
use crate::simulator::past::{Past, Polls};
use crate::store::{AlertChanges, AlertHistoryEntry, Store};

/// So long the history of alerts is kept.
const KEPT: TimeDelta = TimeDelta::days(729);
/// How much of the past before that is looked at, so that what began there is known.
const BEFORE: TimeDelta = TimeDelta::days(60);

pub(super) async fn write(
    store: &Store,
    settings: &Settings,
    site: &Site,
    past: &Past,
) -> anyhow::Result<()> {
    let happened = happened(site, past, poll_every(settings, site, past.end));
    store.record_alerts(AlertChanges { happened, ..AlertChanges::default() }).await?;
    Ok(())
}

/// What happened to the alerts on seats, oldest first. Between two changes of the seats polls say the
/// same, and what holds for long enough fires without a further one.
fn happened(site: &Site, past: &Past, every: TimeDelta) -> Vec<AlertHistoryEntry> {
    let from = past.end - KEPT - BEFORE;
    let mut times: Vec<DateTime<Utc>> = Vec::new();
    let lives = past.stories().into_iter().flat_map(|story| &story.lives);
    let ends = lives.flat_map(|life| {
        let quarantine = life.quarantine().map(|(_, to)| to);
        [Some(life.given), life.end.map(|end| end.time), quarantine]
    });
    let purchase = past.purchase.and_time(chrono::NaiveTime::MIN).and_utc();
    for time in ends.flatten().chain([from, purchase]) {
        let look = past.noticed(time, every);
        // And once more when what was pending would fire.
        times.extend([look, past.noticed(look + TimeDelta::hours(1), every)]);
    }
    times.retain(|time| *time >= from && *time < past.end);
    times.sort_unstable();
    times.dedup();
    let (mut polls, mut states, mut entries) = (Polls::new(past), States::new(), Vec::new());
    for time in times {
        let facts = of_seats(site, time, polls.at(time));
        let judged = [(site.name.clone(), rules::of_site(&facts, &site.alert))];
        let step = state::step(&states, &judged, &[], |_| &site.alert, time);
        entries.extend(entries_of(&states, &step, time));
        states = step.states;
    }
    entries.retain(|entry| entry.time >= past.end - KEPT);
    entries
}

/// Facts of the seats alone.
fn of_seats(site: &Site, now: DateTime<Utc>, value: Pools) -> Facts {
    Facts {
        site: site.name.clone(),
        now,
        server_license: Fact::Off,
        pools: Fact::Known(Dated { time: now, value }),
        quarantined_before: Fact::Unknown,
        capacity: Fact::Off,
        run_out: Fact::Off,
        budget: Fact::Off,
        release: Fact::Off,
        unsettled: Fact::Off,
        overdue: Fact::Off,
        churn: Fact::Off,
        app: Fact::Off,
        version: Fact::Off,
        monitors: Fact::Off,
    }
}

/// What a look brought that the history tells: the daily repetitions of what goes on are left out.
fn entries_of(before: &States, step: &Step, time: DateTime<Utc>) -> Vec<AlertHistoryEntry> {
    let told = step.happened.iter().filter(|(_, what)| *what != Occurrence::Repeated);
    let entry = |(key, what): &(crate::event::Key, Occurrence)| {
        let over = |n: &&state::Notice| n.alert.key == *key && n.status == AlertStatus::Resolved;
        let over = step.notices.iter().find(over).map(|notice| &notice.alert);
        let alert = over.or_else(|| step.states.get(key)).or_else(|| before.get(key))?;
        let is_told = !matches!(what, Occurrence::Silenced | Occurrence::Inhibited);
        Some(AlertHistoryEntry {
            time,
            key: key.clone(),
            what: *what,
            severity: alert.severity,
            text: alert.text.clone(),
            // The demo has one receiver of alerts.
            sent: u32::from(is_told),
        })
    };
    told.filter_map(entry).collect()
}
