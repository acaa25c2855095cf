//! The state of a simulated site, and everything that can happen to it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use hyper::body::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{Pending, QUARANTINE};
use super::clock::Clock;
use super::generate::Generator;
use super::license::{LicenseVariant, Moment};
use super::life::Life;
use super::operations::Operations;
use super::people::{Seat, SeatKind, User, name_key, split_name};
use super::pools::{PoolSettings, SeatCounts};
use super::rights::{self, SecurityRule};
use super::routes::acting_user;
use super::scenario::{LicenseRule, Population, Quirks, Scenario, SeatSpec, UserSpec};
use super::table::Table;
use super::wire::{id_from, named_id};

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
    /// What `/v1/systeminfo` answers.
    pub system_info: Value,
    pub population: Population,
    pub seed: u64,
    pub generator: Generator,
    pub life: Life,
    /// Selections by id: type and ids of the objects.
    pub selections: HashMap<Uuid, (String, Vec<Uuid>)>,
    /// System rules that were posted, as they are listed. They have no effect.
    pub posted_rules: Vec<Value>,
    /// Long lists, rendered once for each state they are in.
    pub cache: HashMap<String, (u64, Bytes)>,
    version: String,
    admins: Vec<String>,
    /// What others may do.
    pub security_rules: Vec<SecurityRule>,
    by_name: HashMap<String, usize>,
    /// The seats of a user, by the user's place.
    pub seats_of: HashMap<usize, Vec<Uuid>>,
    pub quarantine_ends: BinaryHeap<Reverse<(DateTime<Utc>, Uuid)>>,
    /// Deallocations that were answered and don't show yet.
    pub pending: Vec<Pending>,
    /// The ids of rows that users had, by place and kind.
    pub former: HashMap<(usize, SeatKind), Uuid>,
    /// Valid for this version of the seats.
    pub counts: Option<(u64, [SeatCounts; 3])>,
    next_id: u128,
}

impl Site {
    pub(crate) fn new(scenario: &Scenario) -> Self {
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
            seed: scenario.seed,
            generator: Generator::new(scenario.seed),
            life: Life::new(start),
            selections: HashMap::new(),
            posted_rules: Vec::new(),
            cache: HashMap::new(),
            version: scenario.version.clone(),
            system_info: scenario.system_info.clone().into(),
            admins: scenario.admins.iter().map(|a| a.to_lowercase()).collect(),
            security_rules: Vec::new(),
            by_name: HashMap::new(),
            seats_of: HashMap::new(),
            quarantine_ends: BinaryHeap::new(),
            pending: Vec::new(),
            former: HashMap::new(),
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

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// An id that was never given out before.
    pub(crate) fn fresh_id(&mut self) -> Uuid {
        self.next_id += 1;
        // Spread, so that it looks like the others.
        named_id("fresh", &self.next_id.to_string())
    }

    pub(crate) fn add_user(&mut self, user: User) -> usize {
        let key = name_key(&user.directory, &user.user_id);
        let place = self.users.add(user.id, user);
        self.by_name.insert(key, place);
        place
    }

    pub(crate) fn add_user_spec(&mut self, spec: &UserSpec) -> Uuid {
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

    pub(crate) fn add_seat(&mut self, seat: Seat) -> Uuid {
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

    pub(crate) fn add_seat_spec(&mut self, spec: &SeatSpec) -> Uuid {
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

    pub(crate) fn user_place(&self, directory: &str, id: &str) -> Option<usize> {
        self.by_name.get(&name_key(directory, id)).copied()
    }

    /// Deletes a user; the seats go to quarantine under the name of the deleted one.
    pub(crate) fn remove_user(&mut self, directory: &str, id: &str) -> bool {
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

    pub(crate) fn may_act(&self, header: Option<&str>) -> bool {
        let Some((directory, id)) = header.and_then(acting_user) else { return false };
        if self.admins.contains(&name_key(&directory, &id)) {
            return true;
        }
        let user = self.user_place(&directory, &id).and_then(|place| self.users.at(place));
        user.is_some_and(|user| {
            !user.inactive && user.roles.iter().any(|r| r.eq_ignore_ascii_case("RootAdmin"))
        })
    }

    /// Whether a security rule grants the request to the acting user.
    pub(crate) fn is_granted(&self, header: Option<&str>, method: &str, route: &str) -> bool {
        let Some((directory, id)) = header.and_then(acting_user) else { return false };
        let acting = name_key(&directory, &id);
        let segments: Vec<&str> = route.trim_start_matches("/qrs/").split('/').collect();
        let mut rules = self.security_rules.iter().filter(|rule| {
            split_name(&rule.user).is_some_and(|(dir, id)| name_key(dir, id) == acting)
        });
        match rights::needed(method, &segments) {
            None => rules.next().is_some(),
            Some((resource, action)) => rules.any(|rule| rule.grants(&resource, action)),
        }
    }

    pub(crate) fn about(&self) -> Value {
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

    pub(crate) fn license_answer(&self) -> Value {
        let clock = Moment { start: self.clock.start, now: self.now() };
        self.license.answer(clock, &self.pools.allotments(), self.pools.tokens.total)
    }

    pub(crate) fn overview(&mut self) -> Value {
        let [professional, analyzer, _] = self.counts();
        self.pools.overview([professional, analyzer], self.life.used_minutes())
    }

    pub(crate) fn info(&self) -> Value {
        self.pools.info()
    }
}
