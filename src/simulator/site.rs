//! The state of a simulated site, and everything that can happen to it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use hyper::body::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::clock::Clock;
use super::generate::Generator;
use super::license::{LicenseKind, LicenseVariant, Moment};
use super::life::Life;
use super::operations::Operations;
use super::people::{Seat, SeatKind, User, name_key, split_name};
use super::pools::{AvailableFormula, PoolSettings, SeatCounts};
use super::routes::acting_user;
use super::scenario::{
    LicenseRule, Population, QuarantineFrom, Quirks, Scenario, SeatSpec, UserSpec,
};
use super::table::Table;
use super::wire::{id_from, named_id};

/// How long a seat stays blocked after its deallocation.
pub(super) const QUARANTINE: TimeDelta = TimeDelta::days(7);

#[derive(Debug)]
pub(super) struct Site {
    pub clock: Clock,
    pub license: LicenseVariant,
    pub pools: PoolSettings,
    pub quirks: Quirks,
    pub rules: Vec<LicenseRule>,
    pub users: Table<User>,
    pub seats: Table<Seat>,
    pub operations: Operations,
    pub population: Population,
    pub generator: Generator,
    pub life: Life,
    /// Selections by id: type and ids of the objects.
    pub selections: HashMap<Uuid, (String, Vec<Uuid>)>,
    /// Long lists, rendered once for each state they are in.
    pub cache: HashMap<String, (u64, Bytes)>,
    version: String,
    admins: Vec<String>,
    by_name: HashMap<String, usize>,
    /// The seats of a user, by the user's place.
    seats_of: HashMap<usize, Vec<Uuid>>,
    quarantine_ends: BinaryHeap<Reverse<(DateTime<Utc>, Uuid)>>,
    /// Valid for this version of the seats.
    counts: Option<(u64, [SeatCounts; 3])>,
    next_id: u128,
}

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

impl Site {
    pub fn new(scenario: &Scenario) -> Self {
        let clock = Clock::new(&scenario.clock);
        let start = clock.start;
        let mut site = Self {
            license: scenario.license.clone(),
            pools: scenario.pools.clone(),
            quirks: scenario.quirks.clone(),
            rules: scenario.license_rules.clone(),
            users: Table::default(),
            seats: Table::default(),
            operations: Operations::new(&scenario.license_monitor, start),
            population: scenario.population.clone(),
            generator: Generator::new(scenario.seed),
            life: Life::new(start),
            selections: HashMap::new(),
            cache: HashMap::new(),
            version: scenario.version.clone(),
            admins: scenario.admins.iter().map(|a| a.to_lowercase()).collect(),
            by_name: HashMap::new(),
            seats_of: HashMap::new(),
            quarantine_ends: BinaryHeap::new(),
            counts: None,
            next_id: u128::from(scenario.seed) << 64,
            clock,
        };
        for account in site.generator.service_accounts(start) {
            site.add_user(account);
        }
        site.populate(&scenario.population, start);
        for spec in &scenario.users {
            site.add_user_spec(spec);
        }
        for spec in &scenario.seats {
            site.add_seat_spec(spec);
        }
        site.warm_up();
        site
    }

    fn populate(&mut self, population: &Population, now: DateTime<Utc>) {
        let kinds = [
            (SeatKind::Professional, population.professional),
            (SeatKind::Analyzer, population.analyzer),
            (SeatKind::User, population.user_access),
        ];
        let mut kinds =
            kinds.into_iter().flat_map(|(kind, count)| std::iter::repeat_n(kind, count));
        for _ in 0..population.users {
            let user = self.generator.user(population, now);
            let place = self.add_user(user);
            if let Some(kind) = kinds.next() {
                let user = self.users.at(place).expect("the user was just added");
                let seat = self.generator.seat(population, kind, (place, user), now);
                self.add_seat(seat);
            }
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// An id that was never given out before.
    pub fn fresh_id(&mut self) -> Uuid {
        self.next_id += 1;
        // Spread, so that it looks like the others.
        named_id("fresh", &self.next_id.to_string())
    }

    pub fn add_user(&mut self, user: User) -> usize {
        let key = name_key(&user.directory, &user.user_id);
        let place = self.users.add(user.id, user);
        self.by_name.insert(key, place);
        place
    }

    pub fn add_user_spec(&mut self, spec: &UserSpec) -> Uuid {
        let full_name = format!("{}\\{}", spec.directory, spec.user_id);
        let id = spec.id.as_deref().and_then(|id| Uuid::try_parse(id).ok());
        let created = spec.created.unwrap_or(super::When::days_ago(400)).resolve(self.clock.start);
        let created = created.unwrap_or(self.clock.start);
        let user = User {
            id: id.unwrap_or_else(|| named_id("user", &full_name)),
            directory: spec.directory.clone(),
            user_id: spec.user_id.clone(),
            name: if spec.name.is_empty() { spec.user_id.clone() } else { spec.name.clone() },
            created,
            modified: created,
            roles: spec.roles.clone(),
            inactive: spec.inactive,
            removed_externally: spec.removed_externally,
            blacklisted: spec.blacklisted,
            tags: spec.tags.clone(),
            custom_properties: spec
                .custom_properties
                .iter()
                .map(|p| (p.name.clone(), p.value.clone()))
                .collect(),
            groups: spec.groups.clone(),
        };
        let id = user.id;
        self.add_user(user);
        id
    }

    pub fn add_seat(&mut self, seat: Seat) -> Uuid {
        let id = seat.id;
        if let Some(place) = seat.user_place {
            self.seats_of.entry(place).or_default().push(id);
        }
        if let Some(end) = seat.quarantined_until {
            self.quarantine_ends.push(Reverse((end, id)));
        }
        let regular = seat.is_regular(self.clock.start);
        let place = self.seats.add(id, seat);
        if regular {
            self.life.regulars.push(place);
        }
        id
    }

    pub fn add_seat_spec(&mut self, spec: &SeatSpec) -> Uuid {
        let start = self.clock.start;
        let (directory, user_id) = split_name(&spec.user).unwrap_or(("", &spec.user));
        let place = self.user_place(directory, user_id);
        let user = place.and_then(|place| self.users.at(place));
        let created = spec.created.resolve(start).unwrap_or(start);
        let last_used = spec.last_used.resolve(start);
        let id = spec.id.as_deref().and_then(|id| Uuid::try_parse(id).ok());
        let id = id.unwrap_or_else(|| named_id(spec.kind.route(), &spec.user));
        let seat = Seat {
            id: if self.seats.get(id).is_some() { self.fresh_id_for(id) } else { id },
            kind: spec.kind,
            user: user.map(|user| user.id),
            created,
            modified: last_used.map_or(created, |used| used + TimeDelta::milliseconds(16)),
            modified_by: user.map_or("INTERNAL\\sa_repository".to_owned(), User::full_name),
            last_used,
            excess: spec.excess,
            quarantined_until: spec.quarantined_until.resolve(start),
            deleted_user: match place {
                None => Some((directory.to_owned(), user_id.to_owned())),
                Some(_) => None,
            },
            user_place: place,
        };
        self.add_seat(seat)
    }

    fn fresh_id_for(&self, id: Uuid) -> Uuid {
        let taken = |n: &u128| self.seats.get(id_from(id.as_u128().wrapping_add(*n))).is_some();
        let n = (1..).find(|n| !taken(n)).expect("there are more ids than seats");
        id_from(id.as_u128().wrapping_add(n))
    }

    pub fn user_place(&self, directory: &str, id: &str) -> Option<usize> {
        self.by_name.get(&name_key(directory, id)).copied()
    }

    /// Deletes a user; the seats go to quarantine under the name of the deleted one.
    pub fn remove_user(&mut self, directory: &str, id: &str) -> bool {
        let now = self.now();
        let Some(place) = self.by_name.remove(&name_key(directory, id)) else { return false };
        let Some(user) = self.users.at(place).cloned() else { return false };
        self.users.remove(user.id);
        for seat_id in self.seats_of.remove(&place).unwrap_or_default() {
            if let Some(seat) = self.seats.place(seat_id).and_then(|p| self.seats.at_mut(p)) {
                seat.user = None;
                seat.user_place = None;
                seat.deleted_user = Some((user.directory.clone(), user.user_id.clone()));
                seat.modified = now;
                let end = *seat.quarantined_until.get_or_insert(now + QUARANTINE);
                self.quarantine_ends.push(Reverse((end, seat_id)));
            }
        }
        true
    }

    pub fn may_act(&self, header: Option<&str>) -> bool {
        let Some((directory, id)) = header.and_then(acting_user) else { return false };
        if self.admins.contains(&name_key(&directory, &id)) {
            return true;
        }
        let user = self.user_place(&directory, &id).and_then(|place| self.users.at(place));
        user.is_some_and(|user| {
            !user.inactive && user.roles.iter().any(|r| r.eq_ignore_ascii_case("RootAdmin"))
        })
    }

    /// Takes a seat from its user.
    pub fn deallocate(&mut self, kind: SeatKind, id: Uuid, by: &str) -> Deallocated {
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

    pub fn remove_seat(&mut self, id: Uuid) -> bool {
        let Some(seat) = self.seats.remove(id) else { return false };
        if let Some(ids) = seat.user_place.and_then(|place| self.seats_of.get_mut(&place)) {
            ids.retain(|other| *other != id);
        }
        true
    }

    /// Gives a user a seat, or the one in quarantine back.
    pub fn allocate(
        &mut self,
        kind: SeatKind,
        user_place: usize,
        by: &str,
    ) -> Result<Uuid, NotAllocated> {
        let now = self.now();
        let user = self.users.at(user_place).ok_or(NotAllocated::NoUser)?.id;
        if let Some(id) = self.seat_of(user_place, kind) {
            let seat = self.seats.place(id).and_then(|p| self.seats.at_mut(p));
            let seat = seat.ok_or(NotAllocated::NoUser)?;
            if seat.quarantined_until.take().is_none() {
                return Err(NotAllocated::HasOne);
            }
            seat.modified = now;
            seat.modified_by = by.to_owned();
            return Ok(id);
        }
        if self.free_seats(kind) <= 0 {
            return Err(NotAllocated::NoneFree);
        }
        let id = self.fresh_id();
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
    pub fn log_in(&mut self, user_place: usize) -> bool {
        let now = self.now();
        self.log_in_at(user_place, now)
    }

    pub fn log_in_at(&mut self, user_place: usize, now: DateTime<Utc>) -> bool {
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

    pub fn seat_of(&self, user_place: usize, kind: SeatKind) -> Option<Uuid> {
        let ids = self.seats_of.get(&user_place)?;
        ids.iter().copied().find(|id| self.seats.get(*id).is_some_and(|s| s.kind == kind))
    }

    /// Seats of a kind that could be given now.
    pub fn free_seats(&mut self, kind: SeatKind) -> i64 {
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
    pub fn counts(&mut self) -> [SeatCounts; 3] {
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
    pub fn end_quarantines(&mut self, now: DateTime<Utc>) {
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

    pub fn about(&self) -> Value {
        json!({
            "buildVersion": self.version,
            "buildDate": "9/20/2013 10:09:00 AM",
            "databaseProvider": "Devart.Data.PostgreSql",
            "nodeType": 1,
            "sharedPersistence": true,
            "requiresBootstrap": false,
            "singleNodeOnly": false,
            "schemaPath": "About",
        })
    }

    pub fn license_answer(&self) -> Value {
        let clock = Moment { start: self.clock.start, now: self.now() };
        self.license.answer(clock, &self.pools.allotments(), self.pools.tokens.total)
    }

    pub fn overview(&mut self) -> Value {
        let [professional, analyzer, _] = self.counts();
        self.pools.overview([professional, analyzer], self.life.used_minutes())
    }

    pub fn info(&self) -> Value {
        self.pools.info()
    }
}

impl Seat {
    /// Whether its user is one of those who come again and again.
    fn is_regular(&self, now: DateTime<Utc>) -> bool {
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
    use super::super::scenario::ClockSettings;
    use super::super::{SeatPool, When};
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
