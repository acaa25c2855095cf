//! The demo's releases of the past, as the ledger has them: clean-ups by hand under the rules of their
//! time, and a run in a freeze.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::config::settings::Site;
use crate::ledger::{
    Action, Entry, Intent, Mode, Outcome, RunStatus, SeatResult, Trigger, TypeCounts,
};
use crate::license::{Holder, Moment, SeatType};
use crate::policy::{Guard, Policy, TypeRule};
use crate::simulator::past::{CleanUp, Life, Loss, Past, Person};
use crate::simulator::{SeatKind, named_id};
use crate::store::{Addition, Store};

/// The rule of then.
pub(super) const THRESHOLD_DAYS: u32 = 90;

/// Appends what was done, oldest first. `at` sets the clock of the store.
pub(super) async fn write(
    store: &Store,
    site: &Site,
    past: &Past,
    at: &(dyn Fn(DateTime<Utc>) + Sync),
) -> anyhow::Result<()> {
    let mut frozen = Some(past.frozen.run);
    for (number, clean_up) in past.clean_ups.iter().enumerate() {
        if let Some(time) = frozen.take_if(|time| *time < clean_up.time) {
            rest(store, site, time, at).await?;
        }
        release(store, site, past, (number, clean_up), at).await?;
    }
    Ok(())
}

/// The settings of then: whoever was idle for longer lost the seat, without a limit of number.
fn policy(site: &Site) -> Policy {
    let types = SeatType::counted().map(|seat_type| TypeRule {
        release_threshold_days: THRESHOLD_DAYS,
        never_used_grace_days: THRESHOLD_DAYS,
        ..TypeRule::new(seat_type)
    });
    Policy { types: types.collect(), ..site.release.policy.clone() }
}

/// A run that took seats.
async fn release(
    store: &Store,
    site: &Site,
    past: &Past,
    (number, clean_up): (usize, &CleanUp),
    at: &(dyn Fn(DateTime<Utc>) + Sync),
) -> anyhow::Result<()> {
    at(clean_up.time);
    let run = run_of(clean_up.time);
    let add = |entry| Addition { site: site.name.clone(), run: Some(run.clone()), entry };
    store.append(None, vec![add(begin(site))], |_| Vec::new()).await?;
    let released =
        |life: &&Life| life.end.is_some_and(|end| end.why == Loss::Released { clean_up: number });
    let lives = past.stories().into_iter().flat_map(|story| &story.lives);
    let seats: Vec<&Life> = lives.filter(released).collect();
    let intents = seats.iter().map(|life| add(intent(life, clean_up.time)));
    let (numbers, _) = store.append(None, intents.collect(), |_| Vec::new()).await?;
    let outcomes = seats.iter().zip(numbers).map(|(life, number)| {
        add(Entry::Outcome(Outcome {
            intent: number,
            action: Action::Release,
            seat_type: seat_type(life.kind),
            seat: life.seat,
            holder: holder(&life.person),
            result: SeatResult::Freed,
            settled_later: false,
            evidence: Default::default(),
        }))
    });
    store.append(None, outcomes.collect(), |_| Vec::new()).await?;
    let counts = past.stories().into_iter().map(|story| {
        let seats = seats_at(past, story.kind, clean_up.time - TimeDelta::minutes(1));
        let released = u64::from(clean_up.of(story.kind));
        let kept = seats - released;
        let counts = TypeCounts::new(seat_type(story.kind));
        TypeCounts { seats, planned: released, released, kept, ..counts }
    });
    at(clean_up.time + TimeDelta::minutes(4));
    let ended = Entry::RunEnded { status: RunStatus::Done, counts: counts.collect(), why: None };
    store.append(None, vec![add(ended)], |_| Vec::new()).await?;
    Ok(())
}

/// A run that took none, because of the freeze of the settings.
async fn rest(
    store: &Store,
    site: &Site,
    time: DateTime<Utc>,
    at: &(dyn Fn(DateTime<Utc>) + Sync),
) -> anyhow::Result<()> {
    at(time);
    let closed = site.release.policy.calendar.closed(time);
    let why = closed.map(|closed| format!("{}: releases are {closed}", Guard::Frozen));
    let run = run_of(time);
    let add = |entry| Addition { site: site.name.clone(), run: Some(run.clone()), entry };
    let counts = SeatType::counted().map(TypeCounts::new).collect();
    let ended = Entry::RunEnded { status: RunStatus::Refused, counts, why };
    store.append(None, vec![add(begin(site)), add(ended)], |_| Vec::new()).await?;
    Ok(())
}

fn begin(site: &Site) -> Entry {
    Entry::RunStarted {
        mode: Mode::Real,
        trigger: Trigger::Command { user: "anna@qlik-admin1".to_owned(), process: None },
        version: env!("CARGO_PKG_VERSION").to_owned(),
        policy: policy(site),
    }
}

fn intent(life: &Life, time: DateTime<Utc>) -> Entry {
    let last_used = life.last_used.unwrap_or(life.given);
    let idle = (time - last_used).num_days();
    Entry::Intent(Intent {
        action: Action::Release,
        seat_type: seat_type(life.kind),
        seat: life.seat,
        holder: holder(&life.person),
        created: Moment::At(life.given),
        last_used: Moment::At(last_used),
        because: format!("idle for {idle} days (threshold {THRESHOLD_DAYS})"),
        has: 0,
    })
}

/// Rows of a kind at a time, those in quarantine included.
fn seats_at(past: &Past, kind: SeatKind, time: DateTime<Utc>) -> u64 {
    let (held, quarantined) = past.story(kind).map_or((0, 0), |story| story.counts(time));
    u64::from(held) + u64::from(quarantined)
}

pub(super) fn holder(person: &Person) -> Holder {
    Holder {
        id: person.id,
        directory: person.directory.as_str().into(),
        user_id: person.user_id.as_str().into(),
        name: person.name.as_str().into(),
    }
}

pub(super) fn seat_type(kind: SeatKind) -> SeatType {
    match kind {
        SeatKind::Professional => SeatType::Professional,
        SeatKind::Analyzer => SeatType::Analyzer,
        SeatKind::User => SeatType::User,
    }
}

/// The run of a time: the same for the same past.
pub(super) fn run_of(time: DateTime<Utc>) -> String {
    let id: Uuid = named_id("run", &time.to_rfc3339());
    id.to_string()
}
