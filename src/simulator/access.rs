//! Giving seats, taking them, and using them: the rules of the server.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::license::LicenseKind;
use super::people::{Seat, SeatKind, User};
use super::pools::{AvailableFormula, SeatCounts};
use super::scenario::{LicenseRule, QuarantineFrom};
use super::site::Site;

/// How long a seat stays blocked after its deallocation.
pub(super) const QUARANTINE: TimeDelta = TimeDelta::days(7);

/// What became of a seat that was to be deallocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deallocated {
    Freed,
    Quarantined,
    Refused,
    NotFound,
}

/// Why no seat was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAllocated {
    NoUser,
    HasOne,
    NoneFree,
}

/// A deallocation that was answered and doesn't show yet.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    kind: SeatKind,
    seat: Uuid,
    by: String,
    due: DateTime<Utc>,
    reads: u32,
}

impl Site {
    /// Takes a seat from its user, now or as soon as the quirks have it.
    pub(crate) fn deallocate(&mut self, kind: SeatKind, id: Uuid, by: &str) -> Deallocated {
        let (seconds, reads) =
            (self.quirks.delete_shows_after_seconds, self.quirks.delete_shows_after_reads);
        if seconds == 0 && reads == 0 {
            return self.deallocate_now(kind, id, by);
        }
        if !self.seats.get(id).is_some_and(|seat| seat.kind == kind) {
            return Deallocated::NotFound;
        }
        let due = self.now() + TimeDelta::seconds(seconds.into());
        self.pending.push(Pending { kind, seat: id, by: by.to_owned(), due, reads });
        Deallocated::Freed
    }

    /// A seat is about to be read by its id: deallocations that are due show from then on.
    pub(crate) fn show_deallocations(&mut self, read: Option<Uuid>) {
        let now = self.now();
        let mut due = Vec::new();
        self.pending.retain_mut(|pending| {
            let is_due = pending.due <= now && pending.reads == 0;
            if is_due {
                due.push(pending.clone());
            } else if read == Some(pending.seat) {
                pending.reads = pending.reads.saturating_sub(1);
            }
            !is_due
        });
        for pending in due {
            self.deallocate_now(pending.kind, pending.seat, &pending.by);
        }
    }

    fn deallocate_now(&mut self, kind: SeatKind, id: Uuid, by: &str) -> Deallocated {
        let now = self.now();
        let keeps_recent =
            self.license.kind == LicenseKind::Lef || self.quirks.quarantine_signed_keys;
        let from = self.quirks.quarantine_from;
        let refuses = self.quirks.refuse_delete_in_quarantine;
        let place = self.seats.place(id);
        let Some(place) = place.filter(|p| self.seats.at(*p).is_some_and(|s| s.kind == kind))
        else {
            return Deallocated::NotFound;
        };
        let seat = self.seats.at_mut(place).expect("the place was just found");
        if seat.quarantined_until.is_some() {
            return if refuses { Deallocated::Refused } else { Deallocated::Quarantined };
        }
        let recent = seat.last_used.is_some_and(|used| now - used < QUARANTINE);
        if recent && keeps_recent {
            let begin = match from {
                QuarantineFrom::Deallocation => now,
                QuarantineFrom::LastUse => seat.last_used.unwrap_or(now),
            };
            seat.quarantined_until = Some(begin + QUARANTINE);
            seat.modified = now;
            seat.modified_by = by.to_owned();
            self.quarantine_ends.push(Reverse((begin + QUARANTINE, id)));
            return Deallocated::Quarantined;
        }
        self.remove_seat(id);
        Deallocated::Freed
    }

    pub(crate) fn remove_seat(&mut self, id: Uuid) -> bool {
        let Some(seat) = self.seats.remove(id) else { return false };
        if let Some(place) = seat.user_place {
            self.former.insert((place, seat.kind), id);
        }
        if let Some(ids) = seat.user_place.and_then(|place| self.seats_of.get_mut(&place)) {
            ids.retain(|other| *other != id);
        }
        true
    }

    /// Gives a user a seat, or the one in quarantine back.
    pub(crate) fn allocate(
        &mut self,
        kind: SeatKind,
        user_place: usize,
        by: &str,
    ) -> Result<Uuid, NotAllocated> {
        let now = self.now();
        let user = self.users.at(user_place).ok_or(NotAllocated::NoUser)?.id;
        if let Some(id) = self.seat_of(user_place, kind) {
            let second = self.quirks.second_seat;
            let seat = self.seats.place(id).and_then(|p| self.seats.at_mut(p));
            let seat = seat.ok_or(NotAllocated::NoUser)?;
            if seat.quarantined_until.take().is_some() {
                seat.modified = now;
                seat.modified_by = by.to_owned();
                return Ok(id);
            }
            if !second {
                return Err(NotAllocated::HasOne);
            }
        }
        if self.free_seats(kind) <= 0 {
            return Err(NotAllocated::NoneFree);
        }
        let former = self.former.get(&(user_place, kind)).copied();
        let id = former
            .filter(|id| self.quirks.same_seat_id_again && self.seats.get(*id).is_none())
            .unwrap_or_else(|| self.fresh_id());
        Ok(self.add_seat(Seat {
            id,
            kind,
            user: Some(user),
            created: now,
            modified: now,
            modified_by: by.to_owned(),
            last_used: None,
            excess: false,
            quarantined_until: None,
            deleted_user: None,
            user_place: Some(user_place),
        }))
    }

    /// A user logs in: uses a seat, or gets one by a rule. Whether access was given.
    pub(crate) fn log_in(&mut self, user_place: usize) -> bool {
        let now = self.now();
        self.log_in_at(user_place, now)
    }

    pub(crate) fn log_in_at(&mut self, user_place: usize, now: DateTime<Utc>) -> bool {
        let Some(user) = self.users.at(user_place) else { return false };
        let (name, inactive) = (user.full_name(), user.inactive);
        if inactive {
            return false;
        }
        let kinds = SeatKind::ALL.into_iter();
        let held = kinds.filter_map(|kind| self.seat_of(user_place, kind)).find(|id| {
            self.seats.get(*id).is_some_and(|s| s.quarantined_until.is_none() && !s.excess)
        });
        let id = match held.or_else(|| self.allocate_by_rule(user_place)) {
            Some(id) => id,
            None => return false,
        };
        let Some(place) = self.seats.place(id) else { return false };
        let Some(seat) = self.seats.at_mut(place) else { return false };
        seat.last_used = Some(now);
        seat.modified = now + TimeDelta::milliseconds(16);
        seat.modified_by = name;
        let kind = seat.kind;
        self.life.session_begins(kind, now, self.generator.rng());
        true
    }

    fn allocate_by_rule(&mut self, user_place: usize) -> Option<Uuid> {
        let user = self.users.at(user_place)?;
        let kinds: Vec<SeatKind> =
            self.rules.iter().filter(|rule| rule.covers(user)).map(|rule| rule.kind).collect();
        kinds
            .into_iter()
            .find_map(|kind| self.allocate(kind, user_place, "INTERNAL\\sa_repository").ok())
    }

    pub(crate) fn seat_of(&self, user_place: usize, kind: SeatKind) -> Option<Uuid> {
        let ids = self.seats_of.get(&user_place)?;
        ids.iter().copied().find(|id| self.seats.get(*id).is_some_and(|s| s.kind == kind))
    }

    /// Seats of a kind that could be given now.
    pub(crate) fn free_seats(&mut self, kind: SeatKind) -> i64 {
        let counts = self.counts()[kind.index()];
        let pool = match kind {
            SeatKind::Professional => &self.pools.professional,
            SeatKind::Analyzer => &self.pools.analyzer,
            SeatKind::User => {
                let tokens = &self.pools.tokens;
                return tokens.available.unwrap_or(tokens.total - tokens.user_allocated);
            }
        };
        let blocked = match self.pools.available {
            AvailableFormula::LessQuarantined => counts.quarantined,
            AvailableFormula::LessAllocated => 0,
        };
        pool.available.unwrap_or(pool.total - counts.allocated - blocked)
    }

    /// What the site's own rows say about each kind of seats.
    pub(crate) fn counts(&mut self) -> [SeatCounts; 3] {
        let version = self.seats.version();
        let mut counts = match self.counts {
            Some((at, counts)) if at == version => counts,
            _ => {
                let mut counts = [SeatCounts::default(); 3];
                for seat in self.seats.iter() {
                    let count = &mut counts[seat.kind.index()];
                    match seat.quarantined_until {
                        Some(_) => count.quarantined += 1,
                        None => count.allocated += 1,
                    }
                    count.excess += i64::from(seat.excess);
                }
                self.counts = Some((version, counts));
                counts
            }
        };
        for kind in SeatKind::ALL {
            counts[kind.index()].used = self.life.sessions(kind);
        }
        counts
    }

    /// Ends quarantines that are over.
    pub(crate) fn end_quarantines(&mut self, now: DateTime<Utc>) {
        while let Some(Reverse((end, id))) = self.quarantine_ends.peek().copied() {
            if end > now {
                break;
            }
            self.quarantine_ends.pop();
            if self.seats.get(id).is_some_and(|seat| seat.quarantined_until == Some(end)) {
                self.remove_seat(id);
            }
        }
    }
}

impl Seat {
    /// Whether its user is one of those who come again and again.
    pub(super) fn is_regular(&self, now: DateTime<Utc>) -> bool {
        self.last_used.is_some_and(|used| now - used < TimeDelta::days(30))
            && self.quarantined_until.is_none()
            && !self.excess
    }
}

impl LicenseRule {
    fn covers(&self, user: &User) -> bool {
        let directory_fits =
            self.directory.as_ref().is_none_or(|d| d.eq_ignore_ascii_case(&user.directory));
        let group_fits = self
            .group
            .as_ref()
            .is_none_or(|group| user.groups.iter().any(|g| g.eq_ignore_ascii_case(group)));
        !self.disabled && directory_fits && group_fits
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::{ClockSettings, Population, Quirks, Scenario, SeatSpec, UserSpec};
    use super::super::{LicenseVariant, PoolSettings, SeatPool, When};
    use super::*;

    /// Users a, b and c; a used a seat 3 days ago, b 30 days ago, c never.
    fn site(license: LicenseVariant, quirks: Quirks) -> Site {
        let seat = |user: &str, last_used| SeatSpec::of(SeatKind::Analyzer, user, last_used);
        let pools = PoolSettings { analyzer: SeatPool::of(3), ..PoolSettings::default() };
        Site::new(&Scenario {
            clock: ClockSettings { speed: 0.0, ..ClockSettings::default() },
            license,
            pools,
            quirks,
            population: Population::none(),
            users: ["a", "b", "c", "d"].map(|id| UserSpec::of("CORP", id)).into(),
            seats: vec![
                seat("CORP\\a", When::days_ago(3)),
                seat("corp\\B", When::days_ago(30)),
                seat("CORP\\c", When::Never),
            ],
            ..Scenario::default()
        })
    }

    fn seat_id(site: &Site, user: &str) -> Uuid {
        let place = site.user_place("CORP", user).unwrap();
        site.seat_of(place, SeatKind::Analyzer).unwrap()
    }

    fn deallocate(site: &mut Site, user: &str) -> Deallocated {
        let id = seat_id(site, user);
        site.deallocate(SeatKind::Analyzer, id, "INTERNAL\\sa_api")
    }

    fn pass(site: &mut Site, days: i64) {
        let now = site.now() + TimeDelta::days(days);
        site.clock.set(now);
        site.catch_up();
    }

    #[test]
    fn a_recently_used_seat_goes_to_quarantine_on_a_lef() {
        let mut site = site(LicenseVariant::lef(When::in_days(99)), Quirks::default());
        assert_eq!(deallocate(&mut site, "a"), Deallocated::Quarantined);
        assert_eq!(deallocate(&mut site, "b"), Deallocated::Freed);
        assert_eq!(deallocate(&mut site, "c"), Deallocated::Freed);
        let end = site.seats.get(seat_id(&site, "a")).unwrap().quarantined_until;
        assert_eq!(end, Some(site.now() + QUARANTINE));
        let counts = site.counts()[SeatKind::Analyzer.index()];
        assert_eq!((counts.allocated, counts.quarantined), (0, 1));
        assert_eq!(site.free_seats(SeatKind::Analyzer), 2);
        let place = site.user_place("CORP", "a").unwrap();
        assert!(!site.log_in(place), "the user is locked out");
        pass(&mut site, 6);
        assert_eq!(site.seats.len(), 1);
        pass(&mut site, 1);
        assert_eq!(site.seats.len(), 0);
    }

    #[test]
    fn with_a_signed_key_it_is_freed_unless_the_switch_says_otherwise() {
        let mut freed = site(LicenseVariant::default(), Quirks::default());
        assert_eq!(deallocate(&mut freed, "a"), Deallocated::Freed);
        let quirks = Quirks {
            quarantine_signed_keys: true,
            quarantine_from: QuarantineFrom::LastUse,
            refuse_delete_in_quarantine: true,
            ..Quirks::default()
        };
        let mut kept = site(LicenseVariant::default(), quirks);
        assert_eq!(deallocate(&mut kept, "a"), Deallocated::Quarantined);
        let seat = kept.seats.get(seat_id(&kept, "a")).unwrap();
        assert_eq!(seat.quarantined_until, seat.last_used.map(|used| used + QUARANTINE));
        assert_eq!(deallocate(&mut kept, "a"), Deallocated::Refused);
        let unknown = kept.deallocate(SeatKind::Analyzer, Uuid::nil(), "x");
        assert_eq!(unknown, Deallocated::NotFound);
        let id = seat_id(&kept, "b");
        let other_kind = kept.deallocate(SeatKind::Professional, id, "x");
        assert_eq!(other_kind, Deallocated::NotFound);
    }

    #[test]
    fn the_same_user_gets_a_seat_in_quarantine_back() {
        let mut site = site(LicenseVariant::lef(When::in_days(99)), Quirks::default());
        deallocate(&mut site, "a");
        let place = site.user_place("CORP", "a").unwrap();
        site.allocate(SeatKind::Analyzer, place, "CORP\\admin").unwrap();
        let again = site.allocate(SeatKind::Analyzer, place, "CORP\\admin");
        assert_eq!(again, Err(NotAllocated::HasOne));
        pass(&mut site, 8);
        assert_eq!(site.seats.len(), 3, "it doesn't end with the old quarantine");
    }

    #[test]
    fn a_rule_gives_a_released_user_a_seat_at_the_next_login() {
        let mut site = site(LicenseVariant::default(), Quirks::default());
        let (b, d) = (site.user_place("CORP", "b").unwrap(), site.user_place("CORP", "d").unwrap());
        deallocate(&mut site, "b");
        assert!(!site.log_in(b), "without a rule");
        let corp = LicenseRule { directory: Some("corp".to_owned()), ..LicenseRule::default() };
        let lab = LicenseRule { directory: Some("LAB".to_owned()), ..LicenseRule::default() };
        let off = LicenseRule { disabled: true, ..corp.clone() };
        site.rules = vec![lab, off];
        assert!(!site.log_in(b));
        site.rules.push(corp);
        assert!(site.log_in(b));
        assert_eq!(site.seats.get(seat_id(&site, "b")).unwrap().last_used, Some(site.now()));
        assert!(!site.log_in(d), "all three are taken");
    }

    #[test]
    fn a_deleted_user_leaves_the_seat_in_quarantine() {
        let mut site = site(LicenseVariant::default(), Quirks::default());
        let id = seat_id(&site, "a");
        assert!(site.remove_user("corp", "A"));
        assert!(!site.remove_user("corp", "A"));
        let seat = site.seats.get(id).unwrap();
        assert_eq!(seat.deleted_user, Some(("CORP".to_owned(), "a".to_owned())));
        assert_eq!(seat.user, None);
        pass(&mut site, 7);
        assert!(site.seats.get(id).is_none());
    }

    #[test]
    fn a_second_seat_of_the_same_user_gets_an_id_of_its_own() {
        let mut site = site(LicenseVariant::default(), Quirks::default());
        let again = SeatSpec::of(SeatKind::Analyzer, "CORP\\a", When::Never);
        site.add_seat_spec(&again);
        site.add_seat_spec(&again);
        assert_eq!(site.seats.len(), 5);
    }
}
