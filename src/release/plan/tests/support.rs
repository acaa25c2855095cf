//! Small sites to plan for.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use uuid::Uuid;

use crate::ledger::past::{Announcement, Past};
use crate::license::pools::SeatPool;
use crate::license::{Holder, Moment, Person, PersonRead, Pools, Seat, SeatType, SiteIdentity};
use crate::policy::{Limits, NeverRelease, Policy, TypeRule};
use crate::release::plan::{Clocks, Decision, Plan, Snapshot, TypeSeats, plan};

pub(crate) use SeatType::{Analyzer, Professional};

/// Everything a plan is made of. Every holder is read whole unless a test says otherwise.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub snapshot: Snapshot,
    pub past: Past,
    pub policy: Policy,
    pub now: DateTime<Utc>,
}

impl World {
    /// A site without seats on 2026-11-24 08:00, with the default rules for Professional and
    /// Analyzer.
    pub(crate) fn new() -> Self {
        let now = time("2026-11-24 08:00");
        let list = |seat_type| TypeSeats { seat_type, list: Ok(Vec::new()) };
        Self {
            snapshot: Snapshot {
                seats: SeatType::ALL.map(list).into(),
                people: HashMap::new(),
                pools: None,
                absent: Vec::new(),
                identity: Some(Ok(site("node", "license"))),
                clocks: Some(Clocks { site: now, here: now }),
                sharing: Vec::new(),
                rules: Vec::new(),
            },
            past: Past::default(),
            policy: Policy {
                never_release: NeverRelease::default(),
                types: vec![TypeRule::new(Professional), TypeRule::new(Analyzer)],
                judge_per_user: true,
                limits: Limits::default(),
                calendar: Default::default(),
            },
            now,
        }
    }

    /// Adds a seat and reads its holder.
    pub(crate) fn seat(&mut self, seat: Seat) {
        if let Some(holder) = &seat.holder {
            self.snapshot
                .people
                .entry(holder.id)
                .or_insert_with(|| PersonRead::Whole(person(&holder.account())));
        }
        self.seats(seat.seat_type).push(seat);
    }

    /// Adds a seat that was allocated long ago.
    pub(crate) fn idle(&mut self, number: u128, account: &str, last_used: &str) {
        self.seat(seat(Professional, number, account, "2020-01-01", last_used));
    }

    pub(crate) fn seats(&mut self, seat_type: SeatType) -> &mut Vec<Seat> {
        let list = self.snapshot.seats.iter_mut().find(|seats| seats.seat_type == seat_type);
        list.unwrap().list.as_mut().unwrap()
    }

    pub(crate) fn unreadable_list(&mut self, seat_type: SeatType, why: &str) {
        let list = self.snapshot.seats.iter_mut().find(|seats| seats.seat_type == seat_type);
        list.unwrap().list = Err(why.to_owned());
    }

    /// The user as it was read.
    pub(crate) fn person(&mut self, account: &str) -> &mut Person {
        match self.snapshot.people.get_mut(&holder(account).id) {
            Some(PersonRead::Whole(person)) => person,
            other => panic!("{account}: {other:?}"),
        }
    }

    pub(crate) fn read(&mut self, account: &str, read: PersonRead) {
        self.snapshot.people.insert(holder(account).id, read);
    }

    pub(crate) fn rule(&mut self, seat_type: SeatType) -> &mut TypeRule {
        self.policy.types.iter_mut().find(|rule| rule.seat_type == seat_type).unwrap()
    }

    pub(crate) fn free(&mut self, professional: f64, analyzer: f64) {
        let pool = |available| {
            Some(SeatPool {
                enabled: true,
                total: 100.0,
                allocated: 100.0 - available,
                available,
                used: 0.0,
                quarantined: 0.0,
                excess: 0.0,
            })
        };
        self.snapshot.pools = Some(Pools {
            professional: pool(professional),
            analyzer: pool(analyzer),
            ..Pools::default()
        });
    }

    /// An announcement of a seat as it is now.
    pub(crate) fn announced(&mut self, number: u128, due: &str) -> &mut Announcement {
        let id = Uuid::from_u128(number);
        let lists = self.snapshot.seats.iter().filter_map(|seats| seats.list.as_ref().ok());
        let seat = lists.flatten().find(|seat| seat.id == id).unwrap();
        let announcement = Announcement {
            seat_type: seat.seat_type,
            seat: id,
            holder: seat.holder.as_deref().cloned().unwrap(),
            last_used: seat.last_used.clone(),
            announced: time("2026-11-01"),
            due: time(due),
        };
        self.past.announced.entry(id).or_insert(announcement)
    }

    pub(crate) fn plan(&self) -> Plan {
        plan("run", "site", &self.snapshot, &self.past, &self.policy, self.now)
    }

    /// What the plan says of a seat.
    pub(crate) fn decision(&self, number: u128) -> Decision {
        decision(&self.plan(), number).clone()
    }

    /// `keep used allocated`, `release`: what the plan says of a seat, with all reasons.
    pub(crate) fn verdict(&self, number: u128) -> String {
        verdict(decision(&self.plan(), number))
    }

    /// The numbers of the seats of a type that are released, in their order.
    pub(crate) fn released(&self) -> Vec<u128> {
        self.plan().releases(&[]).iter().map(|(_, decision)| decision.seat.as_u128()).collect()
    }
}

pub(crate) fn decision(plan: &Plan, number: u128) -> &Decision {
    let id = Uuid::from_u128(number);
    plan.types.iter().flat_map(|part| &part.decisions).find(|d| d.seat == id).unwrap()
}

pub(crate) fn verdict(decision: &Decision) -> String {
    let mut verdict = format!("{:?}", decision.outcome).to_lowercase();
    for keep in &decision.keep {
        verdict.push(' ');
        verdict.push_str(keep.code());
    }
    verdict
}

/// `2026-11-24`, `2026-11-24 08:00`, `... 08:00:00`, `... 08:00:00.001`: UTC.
pub(crate) fn time(text: &str) -> DateTime<Utc> {
    let full = match text.len() {
        10 => format!("{text} 00:00:00"),
        16 => format!("{text}:00"),
        _ => text.to_owned(),
    };
    NaiveDateTime::parse_from_str(&full, "%Y-%m-%d %H:%M:%S%.f")
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .and_utc()
}

/// A time, `never`, or, after a `?`, something that is no time.
pub(crate) fn moment(text: &str) -> Moment {
    match text.strip_prefix('?') {
        Some(unreadable) => Moment::Unreadable(unreadable.into()),
        None if text == "never" => Moment::Never,
        None => Moment::At(time(text)),
    }
}

/// A site of one node.
pub(crate) fn site(node: &str, license: &str) -> SiteIdentity {
    SiteIdentity::new([node.to_owned()].into_iter(), Some(Some(license)))
}

/// The same id for the same account.
pub(crate) fn holder(account: &str) -> Holder {
    let (directory, user_id) = account.split_once('\\').unwrap();
    let id = account
        .bytes()
        .fold(7, |hash: u128, b| hash.wrapping_mul(1_099_511_628_211) ^ u128::from(b));
    Holder {
        id: Uuid::from_u128(id),
        directory: directory.into(),
        user_id: user_id.into(),
        name: user_id.into(),
    }
}

/// A user without any marks.
pub(crate) fn person(account: &str) -> Person {
    let Holder { id, directory, user_id, name } = holder(account);
    Person {
        id,
        directory: (*directory).into(),
        user_id: (*user_id).into(),
        name: (*name).into(),
        roles: Some(Vec::new()),
        groups: Some(Vec::new()),
        tags: Vec::new(),
        properties: Vec::new(),
        inactive: false,
        blocked: false,
        removed_externally: false,
    }
}

pub(crate) fn seat(
    seat_type: SeatType,
    number: u128,
    account: &str,
    created: &str,
    used: &str,
) -> Seat {
    Seat {
        id: Uuid::from_u128(number),
        seat_type,
        holder: Some(holder(account).into()),
        deleted_user: None,
        created: moment(created),
        last_used: moment(used),
        excess: false,
        quarantined: None,
    }
}
