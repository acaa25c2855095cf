//! What is told of releases, one event of each kind.

use std::collections::BTreeMap;

use bursar::event::{
    Body, Event, ReleaseRefused, ReleaseRun, SeatAnnounced, SeatFacts, SeatReleased, SeatRestored,
    SeatWithdrawn, SeatsKept,
};
use bursar::ledger::{Head, Mode, RunStatus, SeatResult, Trigger, TypeCounts};
use bursar::license::{Holder, Moment, SeatType};
use bursar::policy::{Guard, Refusal};
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub const RUN: &str = "0199b1c2-0000-7000-8000-000000000001";

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// 2026-11-24 06:00 UTC and 5 ms.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_500_000, 5_000_000).unwrap()
}

pub fn event(body: Body) -> Event {
    Event { id: "0199-id".into(), site: "default".into(), time: now(), body, notice: None }
}

pub fn holder(directory: &str, user_id: &str) -> Holder {
    Holder {
        id: Uuid::from_u128(0xa),
        directory: directory.into(),
        user_id: user_id.into(),
        name: "Anna Ödman".into(),
    }
}

/// The Analyzer seat of `CORP\anna`, idle for 43 days.
pub fn seat() -> SeatFacts {
    SeatFacts {
        run: RUN.into(),
        rehearsal: false,
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(0x5ea7),
        holder: holder("CORP", "anna"),
        created: Moment::At(at("2025-03-01T08:00:00Z")),
        last_used: Moment::At(at("2026-10-12T06:00:00.123Z")),
        idle_days: 43,
    }
}

pub fn rehearsed() -> SeatFacts {
    SeatFacts { rehearsal: true, ..seat() }
}

pub fn released(seat: SeatFacts, result: SeatResult) -> Event {
    event(Body::SeatReleased(SeatReleased { seat, result, late: false }))
}

pub fn announced(seat: SeatFacts) -> Event {
    let due = at("2026-12-04T06:00:00Z");
    event(Body::SeatAnnounced(SeatAnnounced { seat, due }))
}

pub fn withdrawn(seat: SeatFacts) -> Event {
    let why = "used on 2026-11-23".to_owned();
    event(Body::SeatWithdrawn(SeatWithdrawn { seat, why }))
}

pub fn restored(seat: SeatFacts) -> Event {
    event(Body::SeatRestored(SeatRestored { seat }))
}

pub fn refused(rehearsal: bool) -> Event {
    let refusals = vec![
        Refusal {
            guard: Guard::Percent,
            seat_type: Some(SeatType::Analyzer),
            saw: "60 of 100 seats would go, more than maxReleasePercent (25)".into(),
            fix: "see whether the directory sync works".into(),
        },
        Refusal {
            guard: Guard::Clock,
            seat_type: None,
            saw: "the clocks differ by 7 minutes".into(),
            fix: "synchronise them".into(),
        },
    ];
    event(Body::ReleaseRefused(ReleaseRefused { run: RUN.into(), rehearsal, refusals }))
}

pub fn counts(seat_type: SeatType) -> TypeCounts {
    TypeCounts {
        seat_type,
        seats: 100,
        planned: 12,
        released: 9,
        quarantined: 2,
        announced: 1,
        kept: 87,
        changed: 1,
        refused: 1,
        gone: 1,
        taken_before: 0,
        unclear: 0,
        kept_by_reason: BTreeMap::from([
            ("custom-property".into(), 7),
            ("never-used".into(), 10),
            ("used".into(), 70),
        ]),
    }
}

pub fn kept(rehearsal: bool) -> Event {
    let types = vec![counts(SeatType::Professional), counts(SeatType::Analyzer)];
    event(Body::SeatsKept(SeatsKept { run: RUN.into(), rehearsal, types }))
}

pub fn run(mode: Mode, status: RunStatus, types: Vec<TypeCounts>) -> Event {
    event(Body::ReleaseRun(ReleaseRun {
        run: RUN.into(),
        mode,
        trigger: Trigger::Schedule,
        status,
        started: at("2026-11-24T05:59:58.250Z"),
        ended: now(),
        types,
        plan_digest: Some("ab".repeat(32)),
        ledger: Head { seq: 77, hash: "cd".repeat(32) },
        why: None,
        refusals: Vec::new(),
    }))
}

/// Every kind, in its variations.
pub fn all() -> Vec<Event> {
    let until = |until| SeatResult::Quarantined { until };
    let never = SeatFacts { last_used: Moment::Never, idle_days: 1, ..rehearsed() };
    let odd = SeatFacts {
        last_used: Moment::Unreadable("yesterday".into()),
        created: Moment::Never,
        seat_type: SeatType::User,
        ..seat()
    };
    let mut by_hand = run(Mode::Undo, RunStatus::Broken, vec![]);
    if let Body::ReleaseRun(run) = &mut by_hand.body {
        run.trigger = Trigger::Command { user: "anna@qlik-admin1".into(), process: None };
        run.plan_digest = None;
        run.why = Some("5 failures in a row".into());
    }
    vec![
        released(seat(), SeatResult::Freed),
        released(never, SeatResult::Freed),
        released(seat(), until(Moment::At(at("2026-12-01T06:00:00Z")))),
        released(seat(), until(Moment::Never)),
        announced(seat()),
        announced(rehearsed()),
        withdrawn(odd),
        withdrawn(rehearsed()),
        restored(seat()),
        restored(rehearsed()),
        refused(false),
        refused(true),
        kept(false),
        kept(true),
        run(Mode::Real, RunStatus::Partly, vec![counts(SeatType::Analyzer)]),
        run(
            Mode::Rehearsal,
            RunStatus::Done,
            vec![counts(SeatType::Professional), counts(SeatType::User)],
        ),
        by_hand,
    ]
}
