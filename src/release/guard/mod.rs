//! What stops a run before it takes the first seat.

#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::plan::dates::{known, within};
use super::plan::keep::utc;
use super::plan::{Clocks, Keep, Outcome, Plan, Sharing, Snapshot, TypePlan};
use crate::ledger::past::{Accepted, Past, Pause};
use crate::license::{PersonRead, Sameness};
use crate::policy::calendar::Closed;
use crate::policy::{Guard, Refusal, TypeRule};
use crate::words;

/// Where the settings of releases are.
const SETTINGS: &str = "Butler.qlikSenseLicense.licenseRelease";

/// Everything that speaks against applying a plan unattended. `paused` is a person's pause that
/// holds now: until when and why. `known_as`: under which other name the site was known before.
pub fn check(
    plan: &Plan,
    snapshot: &Snapshot,
    past: &Past,
    paused: Option<&Pause>,
    known_as: Option<&str>,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if plan.types.is_empty() {
        // Nothing is released, so nothing was read, and there is nothing to stop.
        return refusals;
    }
    refusals.extend(paused.map(is_paused));
    refusals.extend(other_site(snapshot, past));
    refusals.extend(known_as.map(is_known_as));
    // The hours are those of this machine; the plan goes by the earlier of two clocks.
    let here = snapshot.clocks.map_or(plan.now, |clocks| clocks.here);
    refusals.extend(plan.policy.calendar.closed(here).map(is_closed));
    refusals.extend(clock(plan, snapshot));
    refusals.extend(stale_signal(plan, snapshot));
    refusals.extend(unread_people(plan, snapshot));
    refusals.extend(shared_license(plan, snapshot));
    refusals.extend(misspelt(snapshot));
    for part in &plan.types {
        // An edited plan is measured by the policy, not by what it says of itself.
        let rule = plan.policy.rule(part.seat_type).unwrap_or(&part.rule);
        refusals.extend(unsettled(plan, part, past));
        refusals.extend(unread_list(part));
        refusals.extend(too_many(rule, part, past));
        refusals.extend(too_large_a_share(plan, rule, part, past));
    }
    refusals
}

pub(super) fn is_paused(pause: &Pause) -> Refusal {
    if pause.begun_anew {
        return Refusal {
            guard: Guard::StoreBegunAnew,
            seat_type: None,
            saw: pause.told(&utc(&pause.until)),
            fix: "put a copy of the store back (`bursar store restore`), or let releases go on without \
                  what it knew: `bursar store accept --why 'no copy is left'`"
                .to_owned(),
        };
    }
    Refusal {
        guard: Guard::Paused,
        seat_type: None,
        saw: pause.told(&utc(&pause.until)),
        fix: "wait until then, or end it with `bursar release unlock`".to_owned(),
    }
}

fn is_known_as(name: &str) -> Refusal {
    Refusal {
        guard: Guard::OtherSite,
        seat_type: None,
        saw: format!(
            "the site that answers is known here as {name}, too: its pause, its releases of the last \
             hours and those that can be undone are kept under that name"
        ),
        fix: "give it that name in the settings; if it is another site, or is to begin anew under its \
              new name, say so: `bursar release accept site --why 'it is another site'`"
            .to_owned(),
    }
}

/// Who answers is not who was known, or not to be told.
fn other_site(snapshot: &Snapshot, past: &Past) -> Option<Refusal> {
    let found = match &snapshot.identity {
        None => Err("nobody asked"),
        Some(Err(why)) => Err(why.as_str()),
        Some(Ok(now)) if now.is_empty() => {
            Err("the account may read neither the site's nodes nor its license")
        }
        Some(Ok(now)) => {
            Ok(past.identity.as_ref().map_or(Sameness::Same, |known| known.compare(now)))
        }
    };
    let saw = match found {
        Ok(Sameness::Same) => return None,
        Ok(Sameness::Other) => {
            "another site answers at this address than before: none of its nodes is known, or, where nodes can't be read, its license is another".to_owned()
        }
        Ok(Sameness::Renewed) => {
            "the site has another license than before, on nodes that are known".to_owned()
        }
        Ok(Sameness::Unknown) => {
            "it can't be told whether the same site answers: what it was known by can't be read any more".to_owned()
        }
        Err(why) => format!("it can't be told which site answers: {why}"),
    };
    let (fix, why) = match found {
        Ok(Sameness::Renewed) => ("if the license was renewed, say so", "license renewed"),
        Ok(_) => (
            "look at the address in the settings; if the site was set up anew, say so",
            "site set up anew",
        ),
        Err(_) => {
            return Some(Refusal {
                guard: Guard::OtherSite,
                seat_type: None,
                saw,
                fix: "see whether the site answers (`bursar check`), and let the account read `ServerNodeConfiguration*` or `License*`".to_owned(),
            });
        }
    };
    Some(Refusal {
        guard: Guard::OtherSite,
        seat_type: None,
        saw,
        fix: format!("{fix}: `bursar release accept site --why '{why}'`"),
    })
}

/// What speaks against a plan that a person has read: it was made of another site than answers now.
/// One that doesn't say which it was made of is compared with what is known of the site, as all are.
pub(super) fn plan_of_another_site(read: &Plan, now: &Plan) -> Option<Refusal> {
    let (then, now) = (read.identity.as_ref()?, now.identity.as_ref()?);
    let saw = match then.compare(now) {
        Sameness::Same => return None,
        Sameness::Other => "the plan was made of another site than the one that answers now",
        Sameness::Renewed => "the site has another license now than when the plan was made",
        Sameness::Unknown => "it can't be told whether the plan was made of the site that answers",
    };
    Some(Refusal {
        guard: Guard::OtherSite,
        seat_type: None,
        saw: saw.to_owned(),
        fix: "make a new plan with `bursar release plan`".to_owned(),
    })
}

pub(super) fn is_closed(closed: Closed) -> Refusal {
    let (saw, setting) = match &closed {
        Closed::Frozen { .. } => (format!("releases are {closed}"), "freeze"),
        Closed::Hours { .. } => (format!("it is {closed}"), "allowedHours"),
    };
    Refusal {
        guard: Guard::Frozen,
        seat_type: None,
        saw,
        fix: format!("wait until then, or change `{SETTINGS}.{setting}`"),
    }
}

/// Seats whose fate is unknown are a matter of this long before they stop a run: a site that is
/// slow, or a process that was killed, is settled by then.
const UNSETTLED_FOR: TimeDelta = TimeDelta::hours(24);

/// How many of a type may be so: by the setting, else 20 or 1 % of its seats, whichever is less.
fn most_unsettled(setting: Option<u32>, seats: usize) -> usize {
    setting.map_or(20.min(seats.div_ceil(100).max(1)), |max| max as usize)
}

fn unsettled(plan: &Plan, part: &TypePlan, past: &Past) -> Option<Refusal> {
    let title = part.seat_type.title();
    let old = past.open.iter().filter(|open| {
        open.seat_type == part.seat_type
            && plan.now.signed_duration_since(open.since) > UNSETTLED_FOR
    });
    let (count, oldest) = (old.clone().count(), old.map(|open| open.since).min()?);
    let max = most_unsettled(plan.policy.limits.max_unsettled, part.decisions.len());
    (count > max).then(|| Refusal {
        guard: Guard::Unsettled,
        seat_type: Some(part.seat_type),
        saw: format!(
            "for more than a day it has not been known what became of {} of type {title}, the \
             oldest since {} (allowed: {max})",
            seats(count),
            utc(&oldest),
        ),
        fix: format!(
            "`bursar release settle` lists them and closes them by your word once you have looked \
             at the site, or raise `{SETTINGS}.maxUnsettled`"
        ),
    })
}

fn clock(plan: &Plan, snapshot: &Snapshot) -> Option<Refusal> {
    let tolerance = plan.policy.limits.clock_tolerance_seconds;
    let saw = match snapshot.clocks {
        // What is wrong then is not the clock.
        None if let Some(why) = nothing_read(snapshot) => {
            return Some(Refusal {
                guard: Guard::Clock,
                seat_type: None,
                saw: format!(
                    "the site's clock could not be compared with this machine's, because no list of \
                     seats could be read: {why}"
                ),
                fix: "see what the account may read (`bursar check`)".to_owned(),
            });
        }
        None => {
            return Some(Refusal {
                guard: Guard::Clock,
                seat_type: None,
                saw: "the site's clock could not be compared with this machine's: the answer had no \
                      readable `Date`"
                    .to_owned(),
                fix: "see what stands between here and the site (a proxy that removes the header); by \
                      hand, `bursar release apply --accept clock --real` once you have compared the clocks"
                    .to_owned(),
            });
        }
        Some(Clocks { site, here }) => {
            let off = site.signed_duration_since(here);
            if off.abs() <= TimeDelta::seconds(tolerance.into()) {
                return None;
            }
            let side = if off > TimeDelta::zero() { "ahead of" } else { "behind" };
            format!(
                "the site's clock ({}) is {} s {side} this machine's (allowed: {tolerance} s), so \"idle\" can't be told",
                site.format("%Y-%m-%d %H:%M:%S UTC"),
                off.num_milliseconds().unsigned_abs().div_ceil(1_000),
            )
        }
    };
    Some(Refusal {
        guard: Guard::Clock,
        seat_type: None,
        saw,
        fix: format!("set both clocks, or raise `{SETTINGS}.clockToleranceSeconds`"),
    })
}

/// Why no list of seats could be read, if none could.
fn nothing_read(snapshot: &Snapshot) -> Option<&str> {
    let mut lists = snapshot.seats.iter().map(|seats| seats.list.as_ref());
    let first = lists.next()?.err()?;
    lists.all(|list| list.is_err()).then_some(first)
}

fn stale_signal(plan: &Plan, snapshot: &Snapshot) -> Option<Refusal> {
    let limits = &plan.policy.limits;
    let days = limits.stale_signal_days;
    if days == 0 {
        return None;
    }
    // A time ahead of the clocks says nothing about the signal.
    let ahead = TimeDelta::seconds(limits.clock_tolerance_seconds.into());
    let is_credible = |at: &DateTime<Utc>| at.signed_duration_since(plan.now) <= ahead;
    let all = || snapshot.seats.iter().filter_map(|seats| seats.list.as_ref().ok()).flatten();
    let count = all().count();
    let newest = all().filter_map(|seat| known(&seat.last_used)).filter(is_credible).max();
    let saw = match newest {
        _ if count == 0 => return None,
        Some(at) if within(at, days, plan.now) => return None,
        Some(at) => format!(
            "none of {} was used within {}: the newest use was on {}",
            seats(count),
            words::days(days),
            utc(&at),
        ),
        None => format!("none of {} was ever used, as far as the site says", seats(count)),
    };
    Some(Refusal {
        guard: Guard::StaleSignal,
        seat_type: None,
        saw,
        fix: format!(
            "find out whether the site still records use (`lastUsed`); if really nobody worked, apply the plan by hand with `bursar release apply --accept stale-signal --real`, or change `{SETTINGS}.staleSignalDays`"
        ),
    })
}

fn unread_people(plan: &Plan, snapshot: &Snapshot) -> Option<Refusal> {
    let max = plan.policy.limits.max_unread_percent;
    let is_unread = |(id, read): (&Uuid, &PersonRead)| match read {
        PersonRead::Whole(person) => person.id != *id,
        PersonRead::Gone => false,
        PersonRead::Unreadable(_) => true,
    };
    let mut unread = snapshot.people.iter().filter(|entry| is_unread(*entry)).count();
    // Those whose seats are due and who were not even asked for.
    let mut forgotten: Vec<_> = plan
        .types
        .iter()
        .flat_map(|part| &part.decisions)
        .filter(|d| d.keep.iter().any(|keep| matches!(keep, Keep::UserUnread { .. })))
        .filter_map(|d| Some(d.holder.as_ref()?.id))
        .filter(|id| !snapshot.people.contains_key(id))
        .collect();
    forgotten.sort_unstable();
    forgotten.dedup();
    unread += forgotten.len();
    let asked = snapshot.people.len() + forgotten.len();
    if unread * 100 <= asked * max as usize {
        return None;
    }
    let why = snapshot.people.iter().filter_map(|(id, read)| match read {
        PersonRead::Unreadable(why) => Some((id, why)),
        _ => None,
    });
    let example = why.min().map_or(String::new(), |(id, why)| format!("; user {id}: {why}"));
    Some(Refusal {
        guard: Guard::Incomplete,
        seat_type: None,
        saw: format!(
            "{unread} of {asked} users in question could not be read (allowed: {max} %){example}"
        ),
        fix: format!(
            "find out why the site doesn't answer for them (`bursar check`), or raise `{SETTINGS}.maxUnreadPercent`"
        ),
    })
}

fn shared_license(plan: &Plan, snapshot: &Snapshot) -> Option<Refusal> {
    let same = |sharing: &&Sharing| sharing.same.is_ok();
    let (others, declared): (Vec<_>, _) = match plan.policy.limits.license_key_shared {
        Some(true) => return None,
        // What was said stands until it turns out to be wrong.
        Some(false) => (snapshot.sharing.iter().filter(same).collect(), true),
        None => (snapshot.sharing.iter().collect(), false),
    };
    if others.is_empty() {
        return None;
    }
    let names: Vec<_> = others
        .iter()
        .map(|other| match &other.same {
            Ok(()) => format!("{} has the same license", other.site),
            Err(why) => format!("whether {} has it can't be told: {why}", other.site),
        })
        .collect();
    let but = if declared { "licenseKeyShared is false, but " } else { "" };
    Some(Refusal {
        guard: Guard::SharedLicense,
        seat_type: None,
        saw: format!(
            "{but}{}; a seat that is taken here may be taken there, and use there doesn't show here",
            names.join(", ")
        ),
        fix: format!("say in `{SETTINGS}.licenseKeyShared` whether the license is shared"),
    })
}

/// So many misspelt rules are named.
const NAMED: usize = 5;

fn misspelt(snapshot: &Snapshot) -> Option<Refusal> {
    let all: Vec<_> = snapshot.rules.iter().filter(|finding| finding.is_misspelt()).collect();
    if all.is_empty() {
        return None;
    }
    let mut saw: Vec<_> = all.iter().take(NAMED).map(ToString::to_string).collect();
    if all.len() > NAMED {
        saw.push(format!("and {} more rules", all.len() - NAMED));
    }
    Some(Refusal {
        guard: Guard::RuleMisspelt,
        seat_type: None,
        saw: saw.join("; "),
        fix: format!(
            "write it as the site has it in `{SETTINGS}.neverRelease`, or make what it names in the \
             management console, or remove the rule"
        ),
    })
}

fn unread_list(part: &TypePlan) -> Option<Refusal> {
    let problem = part.problem.as_ref()?;
    Some(Refusal {
        guard: Guard::Incomplete,
        seat_type: Some(part.seat_type),
        saw: format!("there is no complete list of {} seats: {problem}", part.seat_type.title()),
        fix: "see whether the site answers (`bursar check`); the next run tries again".to_owned(),
    })
}

fn too_many(rule: &TypeRule, part: &TypePlan, past: &Past) -> Option<Refusal> {
    let max = rule.max_releases?;
    let taken = past.taken(part.seat_type);
    let planned = part.count(Outcome::Release);
    let before = match taken {
        0 => String::new(),
        taken => format!(", {taken} went within the last 22 hours, given back since or not"),
    };
    (planned > max.saturating_sub(taken) as usize).then(|| Refusal {
        guard: Guard::MaxReleases,
        seat_type: Some(part.seat_type),
        saw: format!(
            "{} of type {} are to be released{before}, and maxReleases is {max}",
            seats(planned),
            part.seat_type.title()
        ),
        fix: format!(
            "make a new plan with `bursar release plan`, which keeps to it; go beyond it once with the plan that a person has read: `bursar release apply plan.json --accept max-releases --real`; or raise `{SETTINGS}.licenseType.{}.maxReleases`",
            part.seat_type
        ),
    })
}

/// Of all that are due, before anything trims the plan, together with what went within the window.
pub(super) fn too_large_a_share(
    plan: &Plan,
    rule: &TypeRule,
    part: &TypePlan,
    past: &Past,
) -> Option<Refusal> {
    let taken = past.taken(part.seat_type) as usize;
    let (due, total) = (part.due() + taken, part.decisions.len() + taken);
    let percent = rule.max_release_percent as usize;
    let allowed = (total * percent).div_ceil(100).max(1);
    // Where nothing is due there is nothing to stop.
    if due <= allowed || part.due() == 0 {
        return None;
    }
    let accepted = past.accepted(Guard::Percent, part.seat_type, plan.now);
    if accepted.is_some_and(|accepted| due as u64 <= accepted.most()) {
        return None;
    }
    let title = part.seat_type.title();
    let what = match taken {
        0 => "are due".to_owned(),
        taken => format!(
            "are due or went within the last 22 hours ({} and {taken}, given back since or not)",
            part.due()
        ),
    };
    let mut saw = format!("{due} of {total} {title} seats {what}; {percent} % are {allowed}");
    if let Some(Accepted { by, due, .. }) = accepted {
        saw.push_str(&format!(
            "; {by} accepted {due}, and the backlog has grown by more than a tenth since"
        ));
    }
    Some(Refusal {
        guard: Guard::Percent,
        seat_type: Some(part.seat_type),
        saw,
        fix: format!(
            "read the plan; if these people may all lose their seat, accept it for this type: `bursar release accept percent --type {0} --until {1} --why 'read and agreed'`; or for one run by hand, of this type alone: `bursar release plan --type {0} -o plan.json` and then `bursar release apply plan.json --accept percent --real`; or change `{SETTINGS}.licenseType.{0}.maxReleasePercent`",
            part.seat_type,
            tomorrow(plan)
        ),
    })
}

/// A day that can be typed as it is printed, in the zone of the settings.
fn tomorrow(plan: &Plan) -> chrono::NaiveDate {
    let today = plan.policy.calendar.date(plan.now);
    today.succ_opt().unwrap_or(today)
}

fn seats(count: usize) -> String {
    if count == 1 { "1 seat".to_owned() } else { format!("{count} seats") }
}
