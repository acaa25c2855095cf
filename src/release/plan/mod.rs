//! A decision with its reasons for every seat. Pure: no I/O, no clock, no randomness.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`keep`] | the reasons to keep a seat, and their words |
//! | `dates` | how long a seat has been idle |
//! | `judge` | the reasons that come from a seat and its user |
//! | `announce` | which due seats have to be announced first, and which announcements no longer hold |
//! | `order` | who goes first, `keepFree` and `maxReleases` |

mod announce;
pub(super) mod dates;
mod judge;
pub mod keep;
mod order;
#[cfg(test)]
pub(super) mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::judge::Judge;
pub use self::keep::{DateField, Keep};
use super::rules::names::Finding;
use crate::ledger::digest;
use crate::ledger::past::{Accepted, Announcement, Past, standing};
use crate::license::{
    Holder, Moment, PersonRead, Pools, Seat, SeatType, SiteIdentity, write_some_time,
};
use crate::policy::{Guard, Policy, Refusal, TypeRule};

/// The format of a plan's JSON that this program writes.
pub const FORMAT: u32 = 1;

/// What a site said, as far as a plan needs it.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Every type that was asked for, enabled or not, in the order of [`SeatType::ALL`].
    pub seats: Vec<TypeSeats>,
    /// The users that were asked for. One that isn't here was not asked for.
    pub people: HashMap<Uuid, PersonRead>,
    pub pools: Option<Pools>,
    /// Types that the site doesn't have: it answers 404 for their list, and its overview lacks them.
    /// Their lists are here, empty.
    pub absent: Vec<SeatType>,
    /// The site's clock and ours when its first list was answered.
    pub clocks: Option<Clocks>,
    /// Which site answered, or why that can't be told.
    pub identity: Option<Result<SiteIdentity, String>>,
    /// Other configured sites that have the same license, or of which it can't be told.
    pub sharing: Vec<Sharing>,
    /// Rules of `neverRelease` that name nobody.
    pub rules: Vec<Finding>,
}

/// The seats of one type, or why there is no complete list of them.
#[derive(Debug, Clone)]
pub struct TypeSeats {
    pub seat_type: SeatType,
    pub list: Result<Vec<Seat>, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    pub site: DateTime<Utc>,
    pub here: DateTime<Utc>,
}

impl Clocks {
    /// A time of ours as the earlier of the two has it. The site tells whole seconds: within one the
    /// two are the same.
    pub fn earlier(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let off = self.site.signed_duration_since(self.here);
        if off > -TimeDelta::seconds(1) {
            return now;
        }
        now.checked_add_signed(off).unwrap_or(now)
    }
}

/// Another site of the settings, compared by its license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    pub site: String,
    /// `Ok` = the same license; `Err` = it could not be read: why.
    pub same: Result<(), String>,
}

/// What a run would do, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Format of this text; a newer one is refused.
    pub format: u32,
    /// The run it was made for.
    pub run: String,
    pub site: String,
    /// The time that "idle" refers to.
    pub now: DateTime<Utc>,
    pub policy: Policy,
    pub types: Vec<TypePlan>,
    /// Announcements to take back: the seat was used, or is protected or gone now.
    pub withdrawn: Vec<Withdrawal>,
    /// What stops it from being applied unattended.
    pub refusals: Vec<Refusal>,
    /// Remarks for the reader.
    pub notes: Vec<String>,
    /// What a person has accepted until a day, as far as it concerns these types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
    /// Which site it was made of, by digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<SiteIdentity>,
}

/// The part of a plan for one type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypePlan {
    pub seat_type: SeatType,
    pub rule: TypeRule,
    /// Free seats, as the site counts them.
    pub free: Option<u32>,
    /// Why there are no decisions: the list could not be read.
    pub problem: Option<String>,
    /// Seats of this type that runs of the last 22 hours took.
    #[serde(default)]
    pub taken: u32,
    /// How many may still go: `maxReleases` less those; absent without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
    /// One for each seat: releases in their order, then announcements, then the rest by account.
    pub decisions: Vec<Decision>,
}

/// What is to become of one seat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub seat: Uuid,
    pub outcome: Outcome,
    pub holder: Option<Arc<Holder>>,
    pub created: Moment,
    pub last_used: Moment,
    /// The later of last use and allocation.
    #[serde(serialize_with = "write_some_time")]
    pub idle_since: Option<DateTime<Utc>>,
    pub excess: bool,
    pub removed_externally: bool,
    /// Why it is kept, the one that is shown first in front; empty for a release.
    pub keep: Vec<Keep>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Release,
    /// Due, and announced by this run; released by a later one.
    Announce,
    Keep,
}

/// An announcement that no longer holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Withdrawal {
    pub announcement: Announcement,
    pub why: String,
}

/// The users that have to be read: those whose seats would go if nothing about the user speaks
/// against it, and those who were told that their seat will go. Sorted, each once.
pub fn people_in_question(
    snapshot: &Snapshot,
    past: &Past,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Vec<Uuid> {
    let judge = Judge::new(policy, past, now).with_uses(snapshot);
    let mut people = Vec::new();
    for rule in &policy.types {
        for seat in snapshot.list(rule.seat_type).into_iter().flatten() {
            if let Some(holder) = &seat.holder
                && (past.announced.contains_key(&seat.id) || judge.is_due(rule, seat))
            {
                people.push(holder.id);
            }
        }
    }
    people.sort_unstable();
    people.dedup();
    people
}

/// Decides about every seat of the enabled types. Guards are not asked here: see
/// [`super::guard::check`].
pub fn plan(
    run: &str,
    site: &str,
    snapshot: &Snapshot,
    past: &Past,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Plan {
    let judge = Judge::new(policy, past, now).with_uses(snapshot);
    let mut withdrawn = Vec::new();
    let types = policy
        .types
        .iter()
        .map(|rule| plan_type(&judge, rule, snapshot, past, &mut withdrawn))
        .collect();
    withdrawn.sort_by_key(|w: &Withdrawal| (w.announcement.seat_type, w.announcement.seat));
    Plan {
        format: FORMAT,
        run: run.to_owned(),
        site: site.to_owned(),
        now,
        policy: policy.clone(),
        types,
        withdrawn,
        refusals: Vec::new(),
        notes: notes(snapshot, policy, now),
        accepted: standing(&past.accepted, now)
            .filter(|accepted| policy.rule(accepted.seat_type).is_some())
            .cloned()
            .collect(),
        identity: snapshot.identity.clone().and_then(Result::ok),
    }
}

fn plan_type(
    judge: &Judge<'_>,
    rule: &TypeRule,
    snapshot: &Snapshot,
    past: &Past,
    withdrawn: &mut Vec<Withdrawal>,
) -> TypePlan {
    let free = snapshot.pools.as_ref().and_then(|pools| pools.free(rule.seat_type));
    let taken = past.taken(rule.seat_type);
    let left = rule.max_releases.map(|max| max.saturating_sub(taken));
    let seats = match snapshot.list(rule.seat_type) {
        Ok(seats) => seats,
        Err(problem) => {
            return TypePlan {
                seat_type: rule.seat_type,
                rule: rule.clone(),
                free,
                problem: Some(problem.to_owned()),
                taken,
                left,
                decisions: Vec::new(),
            };
        }
    };
    let seats = order::by_account(each_once(seats));
    let mut reasons = Vec::new();
    let mut decisions: Vec<_> = seats
        .into_iter()
        .map(|(seat, twice)| decide(judge, rule, snapshot, seat, twice, &mut reasons))
        .collect();
    announce::weigh(rule, past, judge.now, &mut decisions, withdrawn);
    let decisions = order::limit(rule, taken, free, decisions);
    TypePlan {
        seat_type: rule.seat_type,
        rule: rule.clone(),
        free,
        problem: None,
        taken,
        left,
        decisions,
    }
}

/// The seats by their id, each once, and whether the site listed it twice with different facts. Of
/// those the one that was used last stands for both.
fn each_once(seats: &[Seat]) -> Vec<(&Seat, bool)> {
    let mut sorted: Vec<_> = seats.iter().map(|seat| (seat.id, seat)).collect();
    sorted.sort_unstable_by_key(|(id, _)| *id);
    let mut each: Vec<(&Seat, bool)> = Vec::with_capacity(sorted.len());
    for (id, seat) in sorted {
        match each.last_mut() {
            Some((known, twice)) if known.id == id => {
                if *known != seat {
                    *twice = true;
                    let later = |seat: &Seat| (dates::known(&seat.last_used), format!("{seat:?}"));
                    if later(seat) > later(known) {
                        *known = seat;
                    }
                }
            }
            _ => each.push((seat, false)),
        }
    }
    each
}

/// What the seat and its user say: released unless there is a reason to keep it. `reasons` is empty
/// before and after.
fn decide(
    judge: &Judge<'_>,
    rule: &TypeRule,
    snapshot: &Snapshot,
    seat: &Seat,
    twice: bool,
    reasons: &mut Vec<Keep>,
) -> Decision {
    let person = seat.holder.as_ref().and_then(|holder| snapshot.people.get(&holder.id));
    judge.reasons(rule, seat, person, reasons);
    if twice {
        reasons.insert(0, Keep::ListedTwice);
    }
    #[expect(
        clippy::drain_collect,
        reason = "a list of exactly its size, of which there is one for every seat; `reasons` keeps its room for the next"
    )]
    let keep: Vec<_> = reasons.drain(..).collect();
    Decision {
        seat: seat.id,
        outcome: if keep.is_empty() { Outcome::Release } else { Outcome::Keep },
        holder: seat.holder.clone(),
        created: seat.created.clone(),
        last_used: seat.last_used.clone(),
        idle_since: dates::idle_since(seat),
        excess: seat.excess,
        removed_externally: matches!(person, Some(PersonRead::Whole(p)) if p.removed_externally),
        keep,
    }
}

/// From so many days before its end on, an entry of `neverRelease.user` is remarked on.
const ENDS_SOON: i64 = 14;

/// So many remarks on rules are made.
const REMARKS: usize = 50;

fn few(mut remarks: Vec<String>) -> Vec<String> {
    let more = remarks.len().saturating_sub(REMARKS);
    if more > 0 {
        remarks.truncate(REMARKS);
        remarks.push(format!("{more} more rules of neverRelease name nobody that is known"));
    }
    remarks
}

fn notes(snapshot: &Snapshot, policy: &Policy, now: DateTime<Utc>) -> Vec<String> {
    let mut notes = Vec::new();
    let today = policy.calendar.date(now);
    for rule in &policy.never_release.users {
        let Some(until) = rule.until else { continue };
        let left = (until - today).num_days();
        if rule.is_over(today) {
            notes.push(format!("neverRelease.user {rule} has ended: it protects nobody any more"));
        } else if left <= ENDS_SOON {
            notes.push(format!(
                "neverRelease.user {rule} ends soon: it protects nobody after that day"
            ));
        }
    }
    let about_rules = snapshot.rules.iter().filter(|finding| !finding.is_misspelt());
    notes.extend(few(about_rules.map(Finding::to_string).collect()));
    for rule in &policy.types {
        let others = snapshot.seats.iter().filter(|other| other.seat_type != rule.seat_type);
        for other in others {
            if let Err(problem) = &other.list
                && policy.judge_per_user
            {
                notes.push(format!(
                    "{} seats are kept, because the {} seats of the same people could not be read: {problem}",
                    rule.seat_type.title(),
                    other.seat_type.title(),
                ));
            }
        }
    }
    notes
}

/// Whether a seat that was read again may still be taken: the reasons to keep it that come from
/// the seat and its user alone. Empty = it may.
pub fn keeping(
    seat: &Seat,
    person: &PersonRead,
    past: &Past,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Vec<Keep> {
    let Some(rule) = policy.rule(seat.seat_type) else { return vec![Keep::TypeOff] };
    let mut keep = Vec::new();
    Judge::new(policy, past, now).reasons(rule, seat, Some(person), &mut keep);
    keep
}

impl Snapshot {
    /// A time of ours as the clock has it that makes seats less idle: ours or the site's.
    pub fn earlier(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.clocks.map_or(now, |clocks| clocks.earlier(now))
    }

    /// The seats of a type, or why there is no complete list of them.
    pub fn list(&self, seat_type: SeatType) -> Result<&[Seat], &str> {
        match self.seats.iter().find(|seats| seats.seat_type == seat_type) {
            Some(TypeSeats { list: Ok(seats), .. }) => Ok(seats),
            Some(TypeSeats { list: Err(problem), .. }) => Err(problem),
            None => Err("the seats were not read"),
        }
    }
}

impl Plan {
    /// SHA-256 of its JSON, as hexadecimal text: what the ledger and events refer to.
    pub fn digest(&self) -> String {
        digest(&serde_json::to_vec(self).expect("a plan has only text keys"))
    }

    /// The seats to release, in the order in which they go, without the types that are stopped by
    /// a guard that is not in `accepted`. A guard that can't be accepted stops in any case.
    pub fn releases(&self, accepted: &[Guard]) -> Vec<(SeatType, &Decision)> {
        let stops = |refusal: &&Refusal| {
            !(refusal.guard.can_be_accepted() && accepted.contains(&refusal.guard))
        };
        let stopped: Vec<_> = self.refusals.iter().filter(stops).map(|r| r.seat_type).collect();
        self.types
            .iter()
            .filter(|part| !stopped.iter().any(|s| s.is_none_or(|s| s == part.seat_type)))
            .flat_map(|part| part.decisions.iter().map(move |d| (part.seat_type, d)))
            .filter(|(_, decision)| decision.outcome == Outcome::Release)
            .collect()
    }
}
