//! Events as large as they get: 200 changes, names of 200 characters, 10,000 rehearsed seats.

use std::collections::BTreeMap;

use bursar::destination::template::samples;
use bursar::event::{Body, Event, ReleaseRefused, SeatActivity, SeatChanges, TypeActivity};
use bursar::ledger::{Trigger, TypeCounts};
use bursar::license::{Change, Holder, SeatType, SenseVersion};
use bursar::policy::{Guard, Refusal};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Characters of each name. Two bytes each, so that no size is short by the letters.
pub const NAME: usize = 200;
/// Changes that one event lists.
pub const LISTED: usize = 200;
/// Seats that a rehearsal would release.
pub const SEATS: u64 = 10_000;

fn name() -> String {
    "Ö".repeat(NAME)
}

fn holder(n: u64) -> Holder {
    let user_id = format!("{}{n}", "ö".repeat(NAME - n.to_string().len()));
    Holder {
        id: Uuid::from_u128(n.into()),
        directory: name().into(),
        user_id: user_id.into(),
        name: name().into(),
    }
}

fn counts(seat_type: SeatType) -> TypeCounts {
    let reasons = [
        "custom-property",
        "excluded-tag",
        "excluded-role",
        "excluded-user",
        "last-use-unknown",
        "never-used",
        "new",
        "used",
    ];
    TypeCounts {
        seat_type,
        seats: SEATS,
        planned: SEATS,
        released: SEATS,
        quarantined: SEATS,
        announced: SEATS,
        kept: SEATS,
        changed: SEATS,
        refused: SEATS,
        gone: SEATS,
        taken_before: SEATS,
        unclear: SEATS,
        kept_by_reason: reasons.map(|reason| (reason.to_owned(), SEATS)).into(),
    }
}

fn all_types() -> Vec<TypeCounts> {
    [SeatType::Professional, SeatType::Analyzer, SeatType::User].map(counts).into()
}

/// A change of the samples, of somebody else.
fn change(n: u64) -> Change {
    let sample = samples::all().into_iter().find_map(|event| match event.body {
        Body::SeatChanges(changes) => changes.changes.into_iter().next(),
        _ => None,
    });
    let sample = sample.expect("the samples have changes");
    Change { holder: Some(holder(n)), seat: Uuid::from_u128(n.into()), ..sample }
}

fn grown(body: Body) -> Body {
    match body {
        Body::SeatChanges(_) => {
            let all: Vec<Change> = (0..SEATS).map(change).collect();
            let changes = SeatChanges::of(&all);
            assert_eq!(changes.changes.len(), LISTED);
            Body::SeatChanges(changes)
        }
        Body::SeatActivity(activity) => {
            let types = [SeatType::Professional, SeatType::Analyzer, SeatType::User];
            let types =
                types.map(|seat_type| TypeActivity { seat_type, ..TypeActivity::nothing() }).into();
            Body::SeatActivity(SeatActivity { types, ..activity })
        }
        Body::SeatReleased(mut it) => {
            it.seat.holder = holder(SEATS);
            it.seat.rehearsal = true;
            Body::SeatReleased(it)
        }
        Body::SeatAnnounced(mut it) => {
            it.seat.holder = holder(SEATS);
            Body::SeatAnnounced(it)
        }
        Body::SeatWithdrawn(mut it) => {
            it.seat.holder = holder(SEATS);
            it.why = name();
            Body::SeatWithdrawn(it)
        }
        Body::SeatRestored(mut it) => {
            it.seat.holder = holder(SEATS);
            Body::SeatRestored(it)
        }
        Body::ReleaseRefused(it) => {
            let refusal = |_| Refusal {
                guard: Guard::Percent,
                seat_type: Some(SeatType::Analyzer),
                saw: name(),
                fix: name(),
            };
            Body::ReleaseRefused(ReleaseRefused { refusals: (0..16).map(refusal).collect(), ..it })
        }
        Body::SeatsKept(mut it) => {
            it.types = all_types();
            Body::SeatsKept(it)
        }
        Body::ReleaseRun(mut it) => {
            it.types = all_types();
            it.trigger = Trigger::Command { user: name(), process: None };
            it.why = Some(name());
            Body::ReleaseRun(it)
        }
        Body::MonitorApp(mut it) => {
            it.text = name();
            it.errors = vec![name(); 20];
            it.hint = Some(name());
            it.notes = vec![name(); 20];
            Body::MonitorApp(it)
        }
        Body::QlikSenseVersion(it) => {
            // Each of 1,024 bytes, the most that is read of one.
            let text = || Some("ü".repeat(512));
            Body::QlikSenseVersion(SenseVersion {
                content_hash: text(),
                sense_id: text(),
                version: text(),
                deployment_type: text(),
                release_label: text(),
                deprecated_product_version: text(),
                product_name: text(),
                copyright_year_range: text(),
                ..it
            })
        }
        Body::Alert(mut it) => {
            (it.subject, it.title) = (name(), name());
            (it.text, it.hint) = (name(), name());
            let facts = (0..20).map(|n| (format!("fact{n}"), Value::from(name())));
            it.facts = facts.collect::<Map<_, _>>();
            Body::Alert(it)
        }
        small => small,
    }
}

/// Every kind, at its largest. With ids and times of their own.
pub fn all() -> Vec<Event> {
    let mut by_kind = BTreeMap::new();
    for event in samples::all() {
        let kind = event.kind().as_str();
        by_kind.entry(kind).or_insert(event);
    }
    let events = by_kind.into_values();
    events.map(|event| Event::new(&event.site, event.time, grown(event.body))).collect()
}

/// The 200 changes that a first reading of a large site lists.
pub fn seat_changes() -> Event {
    let changes = |event: &Event| matches!(event.body, Body::SeatChanges(_));
    all().into_iter().find(changes).expect("there is one of each kind")
}
