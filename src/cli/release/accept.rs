//! `bursar release accept`: what a person takes responsibility for, once.

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use clap::Subcommand;

use super::super::limit::{Reading, TimeLimit};
use super::pause::until_text;
use super::plan::seat_type;
use super::{Exit, Target, day_or_time, refused, who};
use crate::ledger::Entry;
use crate::ledger::past::Accepted;
use crate::license::{Sameness, SeatType};
use crate::plain::one_line;
use crate::policy::Guard;
use crate::qrs::Patience;
use crate::release::plan::{Plan, TypePlan};
use crate::release::run::Engine;
use crate::store::Addition;

/// Accept what a guard says, with a name and a reason in the ledger
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release accept percent -c bursar.yaml --type analyzer --until 2027-01-31 --why 'backlog'\n  bursar release accept site -c bursar.yaml --why 'license renewed'"
)]
pub(crate) struct Accept {
    #[command(subcommand)]
    what: Acceptance,
}

#[derive(Debug, Subcommand)]
enum Acceptance {
    Percent(Percent),
    Site(Site),
}

/// Say that the site which answers now is the right one: its license was renewed, or it was set up
/// anew
///
/// Bursar tells sites apart by their nodes and their license. While another one answers than before,
/// nothing is released and nothing of it is stored.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release accept site -c bursar.yaml --why 'license renewed'"
)]
struct Site {
    #[command(flatten)]
    target: Target,
    /// Why it is another one, for those who read the ledger
    #[arg(long, value_name = "TEXT")]
    why: String,
}

/// Let today's backlog go although it is more than maxReleasePercent of a type's seats
///
/// Reads the site and notes how many seats are due. Until the date, runs go on as long as no more
/// are due than those and a tenth; what went within the last 22 hours counts as due. All other
/// guards and limits hold.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release accept percent -c bursar.yaml --type analyzer --until 2027-01-31 --why 'backlog'"
)]
struct Percent {
    #[command(flatten)]
    target: Target,
    /// Only this type: professional, analyzer, user. Absent: every type that the guard stops
    #[arg(long = "type", value_name = "TYPE", value_parser = seat_type)]
    only: Option<SeatType>,
    /// Until when: 2027-01-31 (that day included), or with a time as in `release lock`; within 90
    /// days
    #[arg(long, value_name = "DATE")]
    until: String,
    /// Why these people may lose their seat, for those who read the ledger
    #[arg(long, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    limit: TimeLimit,
}

/// Beyond it, it is no backlog any more: then the setting is wrong.
const LONGEST: TimeDelta = TimeDelta::days(90);

impl Accept {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        match self.what {
            Acceptance::Percent(percent) => {
                let target = percent.target.clone();
                target.with_engine(|engine| async move { percent.run(engine).await })
            }
            Acceptance::Site(site) => {
                let target = site.target.clone();
                target.with_engine(|engine| async move { site.run(engine).await })
            }
        }
    }
}

impl Site {
    async fn run(self, engine: Engine) -> anyhow::Result<Exit> {
        let why = one_line(&self.why);
        if why.is_empty() {
            errln!("bursar: --why must say why");
            return Ok(Exit::Unusable);
        }
        let site = &engine.site.name;
        let is = engine.client.identity(Patience::ONCE).await;
        let is = is.context("it can't be told which site answers")?;
        anyhow::ensure!(
            !is.is_empty(),
            "it can't be told which site answers: the account may read neither its nodes nor its \
             license"
        );
        let was = engine.store.site_identity(site).await?;
        let known_as = engine.known_as(&is).await?;
        let same = was.as_ref().is_some_and(|was| was.compare(&is) == Sameness::Same);
        if same && known_as.is_empty() {
            outln!("nothing is to be accepted: it is the site that is known");
            return Ok(Exit::NotInOrder);
        }
        // One for each other name that is meant to be another site, or given up.
        let names = known_as.into_iter().map(Some).collect::<Vec<_>>();
        let names = if names.is_empty() { vec![None] } else { names };
        let additions = names.into_iter().map(|known_as| {
            let (was, is, why) = (was.clone(), is.clone(), why.clone());
            let entry = Entry::SiteAccepted { was, is, known_as, why, by: who() };
            Addition { site: site.clone(), run: None, entry }
        });
        let recorded = engine.store.append(None, additions.collect(), |_| Vec::new()).await;
        recorded.context("the acceptance could not be recorded")?;
        outln!("accepted: the site that answers on {} is {site} now", engine.client.address());
        Ok(Exit::Ok)
    }
}

impl Percent {
    async fn run(self, engine: Engine) -> anyhow::Result<Exit> {
        let zone = engine.site.time_zone();
        let until = match until(&self.until, zone, engine.clock.now()) {
            Ok(until) => until,
            Err(why) => {
                errln!("bursar: {why}");
                return Ok(Exit::Unusable);
            }
        };
        let why = one_line(&self.why);
        if why.is_empty() {
            errln!("bursar: --why must say why");
            return Ok(Exit::Unusable);
        }
        let reading = Reading::of(&engine.client);
        let planned = self.limit.hold(engine.plan(None, Patience::ONCE)).await?;
        drop(reading);
        let plan = match planned {
            Ok(plan) => plan,
            Err(error) => return refused(error),
        };
        let wanted = |part: &&TypePlan| self.only.is_none_or(|only| only == part.seat_type);
        if !plan.types.iter().any(|part| wanted(&part)) {
            let of =
                self.only.map_or("any type".to_owned(), |only| format!("{} seats", only.title()));
            let setting = self.only.map_or("<type>", SeatType::as_str);
            errln!(
                "bursar: there is nothing to accept while releasing {of} is off: set \
                 Butler.qlikSenseLicense.licenseRelease.licenseType.{setting}.enable first"
            );
            return Ok(Exit::Unusable);
        }
        let mut accepted = Vec::new();
        for part in plan.types.iter().filter(wanted) {
            match accept(&plan, part, until, &why) {
                Ok(entry) => accepted.push(entry),
                Err(why) => outln!("{why}"),
            }
        }
        if accepted.is_empty() {
            return Ok(Exit::NotInOrder);
        }
        let of_site = |accepted: &Accepted| {
            let Accepted { guard, seat_type, due, seats, until, by, why, .. } = accepted.clone();
            let entry = Entry::Accepted { guard, seat_type, due, seats, until, why, by };
            Addition { site: engine.site.name.clone(), run: None, entry }
        };
        let additions = accepted.iter().map(of_site).collect();
        let recorded = engine.store.append(None, additions, |_| Vec::new()).await;
        recorded.context("the acceptance could not be recorded")?;
        for accepted in accepted {
            outln!(
                "accepted: {} of {} {} seats may go {}, as long as no more than {} are due",
                accepted.due,
                accepted.seats,
                accepted.seat_type.title(),
                until_text(&self.until, until, zone),
                accepted.most()
            );
        }
        Ok(Exit::Ok)
    }
}

/// What is accepted of a type, or why there is nothing.
fn accept(
    plan: &Plan,
    part: &TypePlan,
    until: DateTime<Utc>,
    why: &str,
) -> Result<Accepted, String> {
    let title = part.seat_type.title();
    if let Some(problem) = &part.problem {
        return Err(format!("nothing was accepted for {title}: the list can't be read: {problem}"));
    }
    let (due, seats) = (part.due(), part.decisions.len());
    let stops = |guard| {
        plan.refusals.iter().any(|r| r.guard == guard && r.seat_type == Some(part.seat_type))
    };
    if !stops(Guard::Percent) {
        return Err(format!(
            "nothing is to be accepted for {title}: {due} of {seats} seats are due, and the guard \
             has nothing against it"
        ));
    }
    Ok(Accepted {
        guard: Guard::Percent,
        seat_type: part.seat_type,
        due: due as u64 + u64::from(part.taken),
        seats: seats as u64 + u64::from(part.taken),
        since: plan.now,
        until,
        by: who(),
        why: why.to_owned(),
    })
}

fn until(text: &str, zone: Tz, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    match day_or_time(text, zone) {
        Some(until) if until <= now => Err(format!("{text} is over already")),
        Some(until) if until - now > LONGEST => Err(format!(
            "{text} is more than 90 days ahead; what is to hold for longer is a setting: \
             maxReleasePercent"
        )),
        Some(until) => Ok(until),
        None => Err(format!(
            "{text:?} is no date; write 2027-01-07, '2027-01-07 18:00' or 2027-01-07T18:00:00Z"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acceptance_ends_within_90_days() {
        let now: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
        let said = |text: &str| until(text, chrono_tz::Europe::Berlin, now);
        assert_eq!(said("2026-11-24").unwrap().to_rfc3339(), "2026-11-24T23:00:00+00:00");
        assert!(said("2027-02-21").is_ok());
        assert!(said("2027-02-22").unwrap_err().contains("90 days"));
        assert!(said("2026-11-23").unwrap_err().contains("over already"));
        assert!(said("soon").unwrap_err().contains("is no date"));
    }
}
