//! One person: seats, what happened to them, and why they are kept or due.

use std::sync::Arc;

use askama::Template;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::Served;
use super::answer::{self, Answer, Failure, age};
use super::changes::by;
use super::frame::{Frame, Part, site_address};
use super::plan::LastPlan;
use super::seats::{day, named, state};
use super::wording::local;
use crate::insight::groups::spelling;
use crate::insight::idle::Use;
use crate::license::{Change, Holder, Moment};
use crate::plain::one_line;
use crate::planning;
use crate::planning::changes::Deed;
use crate::store::{Attempt, KnownSeat};

/// So much of a history is shown.
const HISTORY: usize = 200;

#[derive(Template)]
#[template(path = "person.html")]
struct Page {
    frame: Frame,
    site: String,
    seats_address: String,
    name: String,
    names: bool,
    directory: String,
    plan_seen: Option<String>,
    seats: Vec<SeatView>,
    history: Vec<(String, String)>,
}

struct SeatView {
    seat_type: &'static str,
    facts: Vec<(&'static str, String)>,
    decision: String,
    reasons: Vec<String>,
}

/// What is known of somebody.
pub(super) struct Facts {
    pub(super) holder: Holder,
    pub(super) seats: Vec<KnownSeat>,
    pub(super) plan: Option<Arc<LastPlan>>,
    changes: Vec<Change>,
    attempts: Vec<Attempt>,
}

/// What is known of the user with an id.
pub(super) async fn facts(served: &Served, site: &str, user: &str) -> Result<Facts, Failure> {
    let nobody = || Failure::NotFound("Nobody with this id has or had a seat.".to_owned());
    let user: Uuid = user.parse().map_err(|_| nobody())?;
    let (seats, changes) = {
        let _turn = served.turn().await;
        served.source.store.person(site, user, HISTORY).await?
    };
    let attempts = served.source.store.attempts(site).await?;
    let attempts: Vec<_> = attempts.into_iter().filter(|of| of.outcome.holder.id == user).collect();
    let holder = seats
        .iter()
        .find_map(|known| known.seat.holder.as_deref().cloned())
        .or_else(|| changes.iter().find_map(|change| change.holder.clone()))
        .or_else(|| attempts.first().map(|attempt| attempt.outcome.holder.clone()));
    let holder = holder.ok_or_else(nobody)?;
    let plan = served.known.plan(&served.source, site).await?;
    Ok(Facts { holder, seats, plan, changes, attempts })
}

impl Facts {
    /// What happened, newest first.
    pub(super) fn history(&self, names: bool) -> Vec<(DateTime<Utc>, String)> {
        let mut history: Vec<(DateTime<Utc>, String)> = Vec::new();
        let numbered = self.changes.iter().map(|change| (0, change.clone()));
        for Deed { change, record, .. } in planning::changes::merge(numbered, &self.attempts) {
            let of = change.seat_type.title();
            let proof =
                record.map(|seq| format!(", record {seq} of the ledger")).unwrap_or_default();
            let text = format!("{of}: {}{}{proof}", change.kind.title(), by(&change.by, names));
            history.push((change.time, text));
        }
        // What came to nothing is no change.
        let tried = self.attempts.iter().filter(|of| !of.is_release() && !of.is_return());
        history.extend(tried.map(|attempt| (attempt.time, tried_in_vain(attempt))));
        history.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        history.truncate(HISTORY);
        history
    }
}

pub(super) async fn page(served: &Served, headers: &HeaderMap, site: &str, user: &str) -> Answer {
    served.site(site)?;
    let known = facts(served, site, user).await?;
    let status = served.status().await?;
    let (now, zone, names) = (status.time, served.source.settings.time_zone, served.names());
    let history = known.history(names);
    let Facts { holder, seats, plan, .. } = &known;
    let plan = plan.as_deref();
    let page = Page {
        frame: Frame::new(served, &status, Part::Seats, Some(site)),
        site: site.to_owned(),
        seats_address: site_address(site, "/seats"),
        name: named(holder, names),
        names,
        directory: one_line(&spelling(&holder.directory)),
        plan_seen: plan.map(|plan| age(plan.time, now)),
        seats: seats.iter().map(|known| view(known, plan, names, now, zone)).collect(),
        history: history.into_iter().map(|(time, what)| (local(time, zone), what)).collect(),
    };
    Ok(answer::page(headers, now, &page))
}

/// What Bursar tried, by its ledger.
fn tried_in_vain(attempt: &Attempt) -> String {
    let of = attempt.outcome.seat_type.title();
    format!("{of}: an attempt of Bursar's, without effect, record {} of the ledger", attempt.seq)
}

fn view(
    known: &KnownSeat,
    plan: Option<&LastPlan>,
    names: bool,
    now: DateTime<Utc>,
    zone: Tz,
) -> SeatView {
    let seat = &known.seat;
    let mut facts = vec![("Allocated", day(&seat.created, zone))];
    facts.push((
        "Last used",
        match &seat.last_used {
            Moment::At(at) => local(*at, zone),
            other => day(other, zone),
        },
    ));
    if let Some(days) = Use::of(seat).idle_days(now) {
        facts.push(("Idle", super::wording::days(days)));
    }
    if let Some(first) = known.first_used {
        facts.push(("First use seen", local(first, zone)));
    }
    let state = state(seat);
    if !state.is_empty() {
        facts.push(("State", state));
    }
    if let Some(until) = &seat.quarantined {
        facts.push(("In quarantine until", day(until, zone)));
    }
    let decided = plan.map(|plan| plan.seats.get(&seat.id));
    let (decision, reasons) = match decided {
        None => {
            ("No plan of releases was stored yet: a rehearsal or a run stores one.", Vec::new())
        }
        Some(None) => ("The last plan does not know this seat.", Vec::new()),
        Some(Some(decided)) => match decided.word() {
            "release" => ("By the last plan this seat would be released.", Vec::new()),
            "announce" => {
                ("By the last plan this seat is announced, and released later.", Vec::new())
            }
            _ => ("By the last plan this seat is kept:", decided.reasons(names)),
        },
    };
    SeatView { seat_type: seat.seat_type.title(), facts, decision: decision.to_owned(), reasons }
}
