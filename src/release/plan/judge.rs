//! The reasons to keep a seat that come from the seat and its user.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::keep::Keep;
use super::{Snapshot, dates};
use crate::ledger::Action;
use crate::ledger::past::Past;
use crate::license::{Holder, Moment, PersonRead, Seat, SeatType};
use crate::policy::{Policy, TypeRule};
use crate::release::rules::Rules;

/// Everything that seats are judged by.
pub(super) struct Judge<'a> {
    pub(super) now: DateTime<Utc>,
    past: &'a Past,
    rules: Rules,
    policy: &'a Policy,
    /// Seats of which it is not known what became of them, and since when.
    open: HashMap<Uuid, DateTime<Utc>>,
    uses: HashMap<Uuid, [Option<DateTime<Utc>>; SeatType::ALL.len()]>,
    /// Types that count for the same person and whose list could not be read.
    unread: Vec<SeatType>,
    /// Types of seats whose last use can't be read, by user.
    unclear: HashMap<Uuid, Vec<SeatType>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(policy: &'a Policy, past: &'a Past, now: DateTime<Utc>) -> Self {
        let rules = Rules::new(&policy.never_release, policy.calendar.date(now));
        let releases = past.open.iter().filter(|open| open.action == Action::Release);
        let open = releases.map(|open| (open.seat, open.since)).collect();
        Self {
            now,
            past,
            rules,
            policy,
            open,
            uses: HashMap::new(),
            unread: Vec::new(),
            unclear: HashMap::new(),
        }
    }

    /// Looks at the other seats of the same person, too, if the policy says so.
    pub(super) fn with_uses(mut self, snapshot: &Snapshot) -> Self {
        if !self.policy.judge_per_user {
            return self;
        }
        let thresholds = self.policy.types.iter().map(|rule| rule.release_threshold_days);
        let longest = thresholds.max().unwrap_or(0);
        let mut lists: Vec<_> =
            snapshot.seats.iter().filter_map(|seats| seats.list.as_ref().ok()).collect();
        let unread = snapshot.seats.iter().filter(|seats| seats.list.is_err());
        self.unread = unread.map(|seats| seats.seat_type).collect();
        lists.sort_by_key(|seats| seats.len());
        // Who has seats of two types is in one of the shorter lists.
        let shorter = lists.iter().rev().skip(1).copied().flatten();
        for holder in shorter.filter_map(|seat| seat.holder.as_ref()) {
            self.uses.entry(holder.id).or_default();
        }
        for seat in lists.into_iter().flatten() {
            if let (Moment::Unreadable(_), Some(holder)) = (&seat.last_used, &seat.holder) {
                self.unclear.entry(holder.id).or_default().push(seat.seat_type);
            }
            if let Some(at) = dates::known(&seat.last_used)
                && dates::within(at, longest, self.now)
                && let Some(holder) = &seat.holder
                && let Some(uses) = self.uses.get_mut(&holder.id)
            {
                let last = &mut uses[seat.seat_type as usize];
                *last = (*last).max(Some(at));
            }
        }
        self
    }

    /// Whether the seat goes if nothing about its user speaks against it.
    pub(super) fn is_due(&self, rule: &TypeRule, seat: &Seat) -> bool {
        let mut keep = Vec::new();
        self.state(seat, &mut keep);
        if keep.is_empty() {
            self.idleness(rule, seat, &mut keep);
        }
        keep.is_empty()
    }

    /// Adds all reasons, in the order of [`Keep`]. Who was not read is asked for nothing as long as
    /// the seat is kept without; of a seat that is due, the person has to be known.
    pub(super) fn reasons(
        &self,
        rule: &TypeRule,
        seat: &Seat,
        person: Option<&PersonRead>,
        keep: &mut Vec<Keep>,
    ) {
        let start = keep.len();
        self.state(seat, keep);
        let after_state = keep.len();
        self.idleness(rule, seat, keep);
        let after_idleness = keep.len();
        let Some(holder) = &seat.holder else { return };
        match person {
            Some(person) => self.user(holder, person, keep),
            None if after_idleness == start => self.unread(holder, "it was not asked for", keep),
            None => {}
        }
        // The user's come before those of idleness, which had to be known first.
        keep[after_state..].rotate_left(after_idleness - after_state);
    }

    /// What keeps a seat before anybody is asked.
    fn state(&self, seat: &Seat, keep: &mut Vec<Keep>) {
        if let Some(since) = self.open.get(&seat.id) {
            keep.push(Keep::Unsettled { since: *since });
        }
        if let Some(until) = &seat.quarantined {
            keep.push(Keep::Quarantined { until: until.clone() });
        }
        if seat.holder.is_none() {
            keep.push(Keep::NoUser { deleted: seat.deleted_user.clone() });
        }
    }

    fn user(&self, holder: &Holder, person: &PersonRead, keep: &mut Vec<Keep>) {
        match person {
            PersonRead::Whole(person) if person.id == holder.id => {
                self.rules.keeping_holder(holder, person, keep);
            }
            PersonRead::Whole(person) => {
                self.unread(holder, &format!("the answer is another user, {}", person.id), keep);
            }
            PersonRead::Gone => {
                keep.push(Keep::UserGone);
                self.rules.keeping_account(holder, keep);
            }
            PersonRead::Unreadable(why) => self.unread(holder, why, keep),
        }
    }

    fn unread(&self, holder: &Holder, why: &str, keep: &mut Vec<Keep>) {
        keep.push(Keep::UserUnread { why: why.into() });
        self.rules.keeping_account(holder, keep);
    }

    /// What the use of the seat and its history say.
    fn idleness(&self, rule: &TypeRule, seat: &Seat, keep: &mut Vec<Keep>) {
        dates::reasons(rule, seat, self.now, keep);
        let Some(holder) = &seat.holder else { return };
        if let Some(uses) = self.uses.get(&holder.id) {
            let others = SeatType::ALL.into_iter().filter(|other| *other != rule.seat_type);
            let newest = others.filter_map(|other| Some((uses[other as usize]?, other))).max();
            let threshold = rule.release_threshold_days;
            if let Some((at, seat_type)) = newest
                && Some(at) > dates::idle_since(seat)
                && dates::within(at, threshold, self.now)
            {
                let due = dates::later(at, threshold);
                keep.push(Keep::UsedOtherSeat { seat_type, at, due });
            }
        }
        let unclear = self.unclear.get(&holder.id).into_iter().flatten();
        if let Some(other) = self.unread.iter().chain(unclear).find(|t| **t != rule.seat_type) {
            keep.push(Keep::OtherSeatsUnread { seat_type: *other });
        }
        if let Some(released) = self.past.released.get(&(rule.seat_type, holder.id)).copied()
            && seat.quarantined.is_none()
        {
            let grace = rule.reallocated_grace_days;
            let from = dates::known(&seat.created).map_or(released, |at| at.max(released));
            if dates::within(from, grace, self.now) {
                let until = dates::later(from, grace);
                keep.push(Keep::Reallocated { released, until });
            }
        }
    }
}
