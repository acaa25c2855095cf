//! What a run carries out: its own plan, or of a plan that a person has read what still holds.

use std::collections::HashMap;

use uuid::Uuid;

use super::apply::{self, SeatOutcome};
use super::plan::{self, Decision, Keep, Outcome, Snapshot};
use super::run::{Engine, Skipped};
use super::session::{Session, Tally, planned};
use super::{Plan, TypePlan, guard, read, sharing, spelling};
use crate::event::{Body, ReleaseRefused};
use crate::ledger::past::Past;
use crate::ledger::{Entry, digest};
use crate::license::{Moment, SeatType, SiteIdentity};
use crate::policy::{Guard, Policy, Refusal};
use crate::qrs::Patience;
use crate::store::{AppendError, StoreError, TakenSeat};

/// A plan that a person has read.
pub(super) struct Reviewed {
    pub(super) plan: Plan,
    /// The guards that the person overrules.
    pub(super) accepted: Vec<Guard>,
}

impl Engine {
    /// Reads the site, plans and asks the guards.
    pub(super) async fn look(
        &self,
        run: &str,
        policy: &Policy,
        past: &Past,
        patience: Patience,
    ) -> Result<(Plan, Snapshot), StoreError> {
        let site = &self.site.name;
        let now = self.clock.now();
        let (snapshot, sharing, identity, asked) = tokio::join!(
            read::snapshot(&self.client, policy, past, &self.clock, now, patience),
            sharing::sharing(self, patience),
            self.client.identity(patience),
            spelling::ask(self, policy, patience),
        );
        let now = snapshot.earlier(now);
        let identity = Some(identity.map_err(|error| error.what()));
        let rules = spelling::look(policy, &snapshot, asked, now);
        let mut snapshot = Snapshot { sharing, identity, rules, ..snapshot };
        let mut plan = plan::plan(run, site, &snapshot, past, policy, now);
        if spelling::look_at_the_due(self, &mut snapshot.rules, &plan).await? {
            plan = plan::plan(run, site, &snapshot, past, policy, now);
        }
        plan.refusals = self.guards(&plan, &snapshot, past).await?;
        Ok((plan, snapshot))
    }

    /// Other names under which the store has a pause or releases of this site.
    pub async fn known_as(&self, now: &SiteIdentity) -> Result<Vec<String>, StoreError> {
        let others = self.site.others().into_iter().map(|other| other.name);
        let names: Vec<_> = others.chain([self.site.name.clone()]).collect();
        self.store.known_as(&self.site.name, now, &names).await
    }

    async fn guards(
        &self,
        plan: &Plan,
        snapshot: &Snapshot,
        past: &Past,
    ) -> Result<Vec<Refusal>, StoreError> {
        if plan.types.is_empty() {
            // Nothing was read and nothing will be done.
            return Ok(Vec::new());
        }
        let paused = self.store.pause(&self.site.name).await?;
        let known_as = match &snapshot.identity {
            Some(Ok(now)) if !now.is_empty() => self.known_as(now).await?,
            _ => Vec::new(),
        };
        let known_as = (!known_as.is_empty()).then(|| known_as.join(" and "));
        Ok(guard::check(plan, snapshot, past, paused.as_ref(), known_as.as_deref()))
    }
}

impl Session<'_> {
    /// Plans, records the plan, and carries it out.
    pub(super) async fn release(
        &self,
        reviewed: Option<Reviewed>,
        tally: &mut Tally,
    ) -> Result<(), AppendError> {
        let engine = self.engine;
        let mut policy = engine.site.release.policy.clone();
        if let Some(reviewed) = &reviewed {
            let planned = |seat_type| reviewed.plan.types.iter().any(|p| p.seat_type == seat_type);
            policy.types.retain(|rule| planned(rule.seat_type));
        }
        let past = engine.store.release_past(self.site()).await?;
        let looked = tokio::select! {
            looked = engine.look(&self.run, &policy, &past, self.order.patience) => looked,
            () = self.order.stop.cancelled() => {
                tally.ended = Some(apply::stopped());
                return Ok(());
            }
        };
        let (mut plan, snapshot) = looked?;
        if let Some(identity) = plan.identity.clone() {
            engine.store.meet_site(self.site(), identity).await?;
        }
        tally.notes = plan.notes.clone();
        match reviewed {
            None => {
                self.tell_as_it_is(&mut plan);
                self.record(&plan, &plan, &[], tally).await?;
            }
            Some(Reviewed { plan: read, accepted }) => {
                let taken = engine.store.taken_since(self.site(), read.now).await?;
                let dropped = confine(&mut plan, &read, &past, &taken);
                plan.refusals = engine.guards(&plan, &snapshot, &past).await?;
                plan.refusals.extend(guard::plan_of_another_site(&read, &plan));
                let stands = |r: &&Refusal| !r.guard.is_of_the_moment() && !plan.has(r);
                let known = read.refusals.iter().filter(stands);
                let known: Vec<_> = known.cloned().collect();
                plan.refusals.extend(known);
                self.tell_as_it_is(&mut plan);
                self.record(&read, &plan, &accepted, tally).await?;
                for done in dropped {
                    apply::count(tally, done);
                }
                plan.refusals.retain(|refusal| !is_accepted(refusal, &accepted));
            }
        }
        let announcements = of_outcome(&plan, Outcome::Announce);
        let announcements = apply::due(announcements.into_iter(), &Snapshot::default());
        let due = apply::due(of_outcome(&plan, Outcome::Release).into_iter(), &snapshot);
        let absent = snapshot.absent.clone();
        let looked: Vec<_> = snapshot.seats.iter().map(|seats| seats.seat_type).collect();
        drop(snapshot);
        apply::announce(self, &plan, &announcements, tally).await?;
        let types = apply::Types { looked: &looked, absent: &absent };
        apply::release(self, due, types, &past, &policy, tally).await
    }

    /// A rehearsal proposes no command that takes seats.
    fn tell_as_it_is(&self, plan: &mut Plan) {
        if self.rehearsal() {
            let refusals = std::mem::take(&mut plan.refusals);
            plan.refusals = refusals.into_iter().map(Refusal::of_rehearsal).collect();
        }
    }

    /// The plan (the one that a person has read, if there is one), what the site and the guards say
    /// now, and which guards were overruled.
    async fn record(
        &self,
        plan: &Plan,
        now: &Plan,
        accepted: &[Guard],
        tally: &mut Tally,
    ) -> Result<(), AppendError> {
        // As `Plan::digest`, of the text that is stored: that of many seats is written once.
        let json = serde_json::to_vec(plan).expect("a plan has only text keys");
        let digest = digest(&json);
        self.engine.store.save_plan(self.site(), &self.run, json).await?;
        tally.counts = planned(plan);
        tally.plan_digest = Some(digest.clone());
        let stopping = now.refusals.iter().filter(|refusal| !is_accepted(refusal, accepted));
        tally.refusals = stopping.cloned().collect();
        let stops = |seat_type| {
            tally.refusals.iter().any(|r| r.seat_type.is_none_or(|stopped| stopped == seat_type))
        };
        let types = || plan.types.iter().map(|part| part.seat_type);
        tally.stopped = types().filter(|seat_type| stops(*seat_type)).collect();
        let parts = now.types.iter();
        tally.unread = parts
            .filter_map(|part| Some((part.seat_type, part.problem.clone()?)))
            .map(|(t, why)| (t, format!("the {} seats could not be read: {why}", t.title())))
            .collect();
        for part in now.types.iter().filter(|part| part.problem.is_none()) {
            if let Some(unread) = part.unread_others() {
                let why = format!(
                    "the {} seats are kept: {}",
                    part.seat_type.title(),
                    Keep::OtherSeatsUnread { seat_type: unread }.text()
                );
                tally.unread.push((part.seat_type, why));
            }
        }
        let entry = Entry::Planned {
            digest,
            counts: tally.counts.clone(),
            refusals: now.refusals.clone(),
            accepted: accepted.iter().map(|guard| guard.as_str().to_owned()).collect(),
            standing: now.accepted.clone(),
            site: now.identity.clone(),
        };
        let refused = ReleaseRefused {
            run: self.run.clone(),
            rehearsal: self.rehearsal(),
            refusals: tally.refusals.clone(),
        };
        let any = !refused.refusals.is_empty();
        let body = any.then_some(Body::ReleaseRefused(refused));
        self.append(vec![entry], body.into_iter().collect()).await.map(drop)
    }
}

fn is_accepted(refusal: &Refusal, accepted: &[Guard]) -> bool {
    refusal.guard.can_be_accepted() && accepted.contains(&refusal.guard)
}

/// The decisions of an outcome, without the types that are stopped.
fn of_outcome(plan: &Plan, outcome: Outcome) -> Vec<(SeatType, &Decision)> {
    let stops = |seat_type| {
        plan.refusals.iter().any(|r| r.seat_type.is_none_or(|stopped| stopped == seat_type))
    };
    let parts = plan.types.iter().filter(|part| !stops(part.seat_type));
    let all = parts.flat_map(|part| part.decisions.iter().map(move |d| (part.seat_type, d)));
    all.filter(|(_, decision)| decision.outcome == outcome).collect()
}

impl Plan {
    /// Whether a guard says so already.
    fn has(&self, refusal: &Refusal) -> bool {
        let same =
            |other: &Refusal| (other.guard, other.seat_type) == (refusal.guard, refusal.seat_type);
        self.refusals.iter().any(same)
    }
}

/// Reduces a plan to what a person has read and what still holds of it, in the order of that, and
/// returns what does not. All facts are the plan's own; the other one only selects. Who goes first
/// and how many, a person has decided: `keepFree` and `maxReleases` don't take out any.
fn confine(
    plan: &mut Plan,
    read: &Plan,
    past: &Past,
    taken: &HashMap<Uuid, TakenSeat>,
) -> Vec<SeatOutcome> {
    let mut dropped = Vec::new();
    for part in &mut plan.types {
        let wanted: Vec<_> = read
            .types
            .iter()
            .filter(|wanted| wanted.seat_type == part.seat_type)
            .flat_map(|wanted| &wanted.decisions)
            .filter(|decision| decision.outcome != Outcome::Keep)
            .collect();
        if part.problem.is_none() {
            confine_type(part, &wanted, (past, taken), &mut dropped);
        }
    }
    dropped
}

fn confine_type(
    part: &mut TypePlan,
    wanted: &[&Decision],
    (past, taken): (&Past, &HashMap<Uuid, TakenSeat>),
    dropped: &mut Vec<SeatOutcome>,
) {
    let mut known: HashMap<Uuid, Decision> =
        part.decisions.drain(..).map(|decision| (decision.seat, decision)).collect();
    let mut chosen = Vec::new();
    for wanted in wanted {
        let Some(holder) = wanted.holder.as_deref().cloned() else { continue };
        let seat_type = part.seat_type;
        let skipped =
            |why: String| Skipped { seat_type, seat: wanted.seat, holder, why, taken_by: None };
        let Some(now) = known.remove(&wanted.seat) else {
            // Also when the plan names a seat twice.
            if !chosen.iter().any(|other: &Decision| other.seat == wanted.seat) {
                dropped.push(no_more(wanted.seat, taken, past, skipped));
            }
            continue;
        };
        let announced = part.rule.grace_days == 0 || past.announced.contains_key(&now.seat);
        match against(wanted, &now, announced) {
            Some(why) => {
                dropped.push(SeatOutcome::Kept(skipped(why)));
                known.insert(now.seat, now);
            }
            None => chosen.push(Decision { outcome: wanted.outcome, keep: Vec::new(), ..now }),
        }
    }
    let mut rest: Vec<_> = known.into_values().collect();
    rest.sort_unstable_by_key(|decision| decision.seat);
    for decision in &mut rest {
        decision.outcome = Outcome::Keep;
    }
    part.decisions = chosen;
    part.decisions.append(&mut rest);
}

/// A seat that the plan names and the site does not have any more: by the ledger it may be Bursar's
/// own doing.
fn no_more(
    seat: Uuid,
    taken: &HashMap<Uuid, TakenSeat>,
    past: &Past,
    skipped: impl FnOnce(String) -> Skipped,
) -> SeatOutcome {
    if let Some(TakenSeat { run, time, stated_by }) = taken.get(&seat) {
        let time = plan::keep::utc(time);
        let why = match stated_by {
            None => format!("released by run {run} on {time}"),
            Some(by) => format!(
                "not the person's any more, as {by} stated on {time} of an attempt of run {run}"
            ),
        };
        return SeatOutcome::TakenBefore(Skipped { taken_by: Some(run.clone()), ..skipped(why) });
    }
    if let Some(open) = past.open.iter().find(|open| open.seat == seat) {
        return SeatOutcome::Gone(skipped(format!(
            "the seat is gone, and what became of Bursar's own attempt at it is still open \
             (record {}): bursar release settle",
            open.record
        )));
    }
    SeatOutcome::Gone(skipped("the seat is gone".to_owned()))
}

/// Why a decision that a person has read is not carried out.
fn against(wanted: &Decision, now: &Decision, announced: bool) -> Option<String> {
    let holder = |decision: &Decision| decision.holder.as_ref().map(|holder| holder.id);
    if holder(wanted) != holder(now) {
        return Some("the seat belongs to somebody else now".to_owned());
    }
    if wanted.last_used != now.last_used {
        return Some(match &now.last_used {
            Moment::At(at) => format!("used on {}", plan::keep::utc(at)),
            Moment::Never | Moment::Unreadable(_) => "its last use changed".to_owned(),
        });
    }
    if wanted.created != now.created {
        return Some("the time of its allocation changed".to_owned());
    }
    let is_cap = |keep: &&Keep| matches!(keep, Keep::EnoughFree { .. } | Keep::OverCap { .. });
    if let Some(keep) = now.keep.iter().find(|keep| !is_cap(keep)) {
        return Some(keep.text());
    }
    match (wanted.outcome, now.outcome) {
        (Outcome::Release, Outcome::Announce) => Some("it has to be announced first".to_owned()),
        (Outcome::Release, Outcome::Keep) if !announced => {
            Some("it has to be announced first".to_owned())
        }
        (Outcome::Announce, Outcome::Release) => Some("it was announced before".to_owned()),
        _ => None,
    }
}
