//! Rules of how a site, its monitors, releases and Qlik's License Monitor fare.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::{condition, known, level_of, seats_text};
use crate::alert::facts::{AppState, Fact, Facts, MonitorFacts, ReleaseFacts};
use crate::alert::{Condition, Judged, Unknown};
use crate::event::{Monitor, ReleaseRun, Rule, Severity};
use crate::ledger::past::AcceptedSince;
use crate::ledger::{Mode, RunStatus};
use crate::license::Support;
use crate::plain::{one_line, shortened};

pub(super) fn judge(facts: &Facts) -> Vec<Judged> {
    vec![
        stopped(facts),
        failed(facts),
        unsettled(facts),
        overdue(facts),
        app(facts),
        version_changed(facts),
        unsupported(facts),
        unreachable(facts),
        other_site(facts),
        stale(facts),
    ]
}

/// Whether the last run gave seats back.
fn is_undo(of: &ReleaseFacts) -> bool {
    of.run.as_ref().is_some_and(|run| run.mode == Mode::Undo)
}

fn stopped(facts: &Facts) -> Judged {
    let rule = Rule::ReleaseStopped;
    // An undo takes nothing, so no guard has let anything go on.
    if facts.release.known().is_some_and(|seen| is_undo(&seen.value)) {
        return Judged::unknown(rule);
    }
    known(rule, &facts.release, |seen| {
        let of = |run: &ReleaseRun| {
            let rehearsal = run.mode == Mode::Rehearsal;
            let (kind, title) = match rehearsal {
                true => ("rehearsal of releases", "A rehearsal of releases was stopped"),
                false => ("real release run", "Release of seats was stopped"),
            };
            let guards: BTreeSet<&str> =
                run.unwanted_refusals().map(|refusal| refusal.guard.as_str()).collect();
            let accepted = seen.value.accepted.as_ref();
            let holds = run.is_stopped_by_guards() && accepted.is_none();
            let text = if let Some(AcceptedSince { by, .. }) = accepted {
                let by = one_line(by);
                format!("what stopped the last {kind} was accepted by {by}: the next one goes on")
            } else if holds {
                let why = run.guards_reasons();
                let why = if why.is_empty() { "guards refused it".to_owned() } else { why };
                let whole = run.status == RunStatus::Refused;
                let what = if whole { "was stopped" } else { "was stopped in part" };
                format!("the last {kind} {what} by guards: {why}")
            } else if run.is_stopped_deliberately() {
                format!("nothing but a pause or a freeze stopped the last {kind}")
            } else {
                format!("guards let the last {kind} go on")
            };
            let hint = "bursar release plan shows what it would do and why it is refused";
            condition(rule, "", seen.time, title, text, hint)
                .with("run", run.run.as_str())
                .with("mode", run.mode.as_str())
                .with("guards", guards.into_iter().collect::<Vec<_>>())
                .level(level_of(holds, false))
        };
        seen.value.run.as_ref().map(of).into_iter().collect()
    })
}

fn failed(facts: &Facts) -> Judged {
    let rule = Rule::ReleaseFailed;
    known(rule, &facts.release, |seen| {
        let run = seen.value.run.as_ref();
        // What guards kept a run from has an alert of its own.
        let by_guards = |run: &ReleaseRun| {
            run.status == RunStatus::Partly && run.why.is_none() && !run.refusals.is_empty()
        };
        let bad = run.filter(|run| {
            matches!(run.status, RunStatus::Partly | RunStatus::Broken | RunStatus::Failed)
                && !by_guards(run)
        });
        // A refused run has an alert of its own.
        let problem = seen.value.problem.as_ref().filter(|_| !seen.value.is_refused);
        let (why, run) = match (problem, bad) {
            (Some(problem), _) => (one_line(problem), run.map(|run| run.run.clone())),
            (None, Some(run)) => {
                let status = match run.status {
                    RunStatus::Partly => "it could not do everything",
                    RunStatus::Broken => "it stopped after too many failures",
                    _ => "it could not read or write what it needs",
                };
                let why = run.why.as_deref().map(one_line);
                (why.unwrap_or_else(|| status.to_owned()), Some(run.run.clone()))
            }
            (None, None) => {
                let text = "no release run has failed since";
                return vec![condition(rule, "", seen.time, "", text, "").well()];
            }
        };
        let text = format!("the last release run failed: {why}");
        let hint = "bursar release history shows the seats concerned";
        vec![
            condition(rule, "", seen.time, "Release of seats failed", text, hint)
                .with("run", run)
                .with("why", why),
        ]
    })
}

/// A slow site and a killed process are settled before this.
const UNSETTLED_FOR: TimeDelta = TimeDelta::hours(1);

fn unsettled(facts: &Facts) -> Judged {
    let rule = Rule::ReleaseUnsettled;
    known(rule, &facts.unsettled, |open| {
        let old = open.oldest.filter(|oldest| facts.now - *oldest >= UNSETTLED_FOR);
        let Some(oldest) = old else {
            let text = "it is known what became of all seats at releases";
            return vec![condition(rule, "", facts.now, "", text, "").well()];
        };
        let text = format!(
            "it has not been known since {} what became of {} at a release",
            oldest.format("%Y-%m-%d %H:%M UTC"),
            seats_text(open.seats as f64)
        );
        let hint = "bursar release settle asks the site, lists them, and closes one by your word";
        let title = "What became of seats is not known";
        vec![
            condition(rule, "", facts.now, title, text, hint)
                .with("seats", open.seats)
                .with("since", oldest.to_rfc3339()),
        ]
    })
}

fn overdue(facts: &Facts) -> Judged {
    let rule = Rule::ReleaseOverdue;
    known(rule, &facts.overdue, |overdue| {
        let Some(overdue) = overdue else {
            let text = "release runs are done as their schedule says";
            return vec![condition(rule, "", facts.now, "", text, "").well()];
        };
        let last = overdue.last.map_or("none was done so far".to_owned(), |time| {
            format!("the last one was done {}", time.format("%Y-%m-%d %H:%M UTC"))
        });
        let text = format!(
            "no release run was done at {} times of its schedule ({last}): {}",
            overdue.ticks,
            one_line(&overdue.reason)
        );
        let hint = "bursar release unlock ends a pause; bursar check shows what else keeps seats";
        let found = condition(rule, "", facts.now, "Seats are not released", text, hint)
            .with("lastRun", overdue.last.map(|time| time.to_rfc3339()))
            .with("reason", overdue.reason.as_str());
        vec![if overdue.by_plan { found.severity(Severity::Info) } else { found }]
    })
}

fn app(facts: &Facts) -> Judged {
    let rule = Rule::MonitorAppUnhealthy;
    let Fact::Known(seen) = &facts.app else {
        return known(rule, &facts.app, |_| Vec::new());
    };
    let title = match seen.value.state {
        AppState::Unknown => return Judged::unknown(rule),
        AppState::Healthy => {
            let text = "Qlik's License Monitor is well";
            return Judged::of(rule, [condition(rule, "", seen.time, "", text, "").well()]);
        }
        AppState::RunningLong => "Qlik's License Monitor runs long",
        AppState::Failed => "Qlik's License Monitor failed",
        AppState::Stale => "Qlik's License Monitor is stale",
        AppState::Missing => "Qlik's License Monitor is missing",
        AppState::Disabled => "Qlik's License Monitor is not reloaded",
    };
    let (text, hint) = (seen.value.text.as_str(), seen.value.hint.as_str());
    let unhealthy = condition(rule, "", seen.time, title, text, hint);
    let long = seen.value.state == AppState::RunningLong;
    Judged::of(rule, [if long { unhealthy.severity(Severity::Info) } else { unhealthy }])
}

/// A change is told of for so long.
const CHANGED_FOR: TimeDelta = TimeDelta::hours(24);

fn version_changed(facts: &Facts) -> Judged {
    let rule = Rule::VersionChanged;
    known(rule, &facts.version, |seen| {
        let change = seen.value.change.as_ref();
        let fresh = change.filter(|change| facts.now - change.seen < CHANGED_FOR);
        let of = |change: &crate::license::version::VersionChange| {
            let (from, to) = (shortened(&change.from, 100), shortened(&change.to, 100));
            let name = shortened(&seen.value.name, 200);
            let text = format!("Qlik Sense was {from} and is {to}: {name}");
            let hint = "nothing has to be done if this was planned";
            let mut told = condition(
                rule,
                to.as_str(),
                seen.time,
                "Qlik Sense has another version",
                text,
                hint,
            );
            told.repeats = false;
            told.with("from", from).with("to", to).with("seen", change.seen.to_rfc3339())
        };
        fresh.map(of).into_iter().collect()
    })
}

fn unsupported(facts: &Facts) -> Judged {
    let rule = Rule::VersionUnsupported;
    let Fact::Known(seen) = &facts.version else {
        return known(rule, &facts.version, |_| Vec::new());
    };
    let ends = match seen.value.support {
        Support::NotWatched => return Judged::of(rule, []),
        Support::Unknown => return Judged::unknown(rule),
        Support::Until(date) => date,
    };
    let name = shortened(&seen.value.name, 200);
    if seen.value.today <= ends {
        let text = format!("support of Qlik Sense {name} lasts until {ends}");
        return Judged::of(rule, [condition(rule, "", seen.time, "", text, "").well()]);
    }
    let text = format!("support of Qlik Sense {name} ended on {ends}");
    let hint = "update it; the day is the one in versionMonitor.endOfSupport";
    let title = "Qlik Sense is out of support";
    let told = condition(rule, "", seen.time, title, text, hint);
    Judged::of(rule, [told.with("release", name).with("supportEnds", ends.to_string())])
}

/// Only when every monitor fails: one that works shows that the site can be reached.
fn unreachable(facts: &Facts) -> Judged {
    let rule = Rule::SiteUnreachable;
    let Fact::Known(monitors) = &facts.monitors else {
        return known(rule, &facts.monitors, |_| Vec::new());
    };
    // Another service says the version: it shows nothing of the repository.
    let watched = || monitors.iter().filter(|m| m.monitor != Monitor::Version);
    let polled: Vec<&MonitorFacts> = watched().filter(|m| m.last_poll.is_some()).collect();
    let Some(last) = polled.iter().filter_map(|m| m.last_poll).max() else {
        let nothing_watched = watched().next().is_none();
        return if nothing_watched { Judged::of(rule, []) } else { Judged::unknown(rule) };
    };
    // Another site can be reached.
    let failing = polled.iter().filter(|m| !m.other_site);
    let problems: Vec<&str> = failing.filter_map(|m| m.problem.as_deref()).collect();
    let since = polled.iter().filter_map(|m| m.last_success).max();
    let read = since.map_or("never read".to_owned(), |time| {
        format!("last read {}", time.format("%Y-%m-%d %H:%M UTC"))
    });
    if problems.len() < polled.len() {
        let text = format!("site {} can be read, {read}", facts.site);
        return Judged::of(rule, [condition(rule, "", last, "", text, "").well()]);
    }
    let why = problems.first().map(|text| one_line(text)).unwrap_or_default();
    let text = format!("site {} can't be read: {why} ({read})", facts.site);
    let hint = "bursar check names what is wrong; while the site can't be read, nothing else is \
                told of it";
    let title = format!("Site {} can't be read", facts.site);
    Judged::of(
        rule,
        [condition(rule, "", last, title, text, hint)
            .with("error", why)
            .with("lastRead", since.map(|time| time.to_rfc3339()))],
    )
}

fn other_site(facts: &Facts) -> Judged {
    let rule = Rule::OtherSite;
    known(rule, &facts.monitors, |monitors| {
        let met = monitors.iter().find(|m| m.other_site);
        let text = met.and_then(|m| m.problem.as_deref()).map(one_line);
        let of = |text: String| {
            let seen = monitors.iter().filter_map(|m| m.last_poll).max().unwrap_or(facts.now);
            let title = format!("Another site answers in place of {}", facts.site);
            let hint = "look at the address in the settings; if the site was set up anew: bursar \
                        release accept site";
            condition(rule, "", seen, title, text, hint)
        };
        text.map(of).into_iter().collect()
    })
}

fn stale(facts: &Facts) -> Judged {
    let rule = Rule::DataStale;
    let Fact::Known(monitors) = &facts.monitors else {
        return known(rule, &facts.monitors, |_| Vec::new());
    };
    let old = |m: &MonitorFacts| -> Option<Condition> {
        // Told by a rule of its own.
        let last_poll = m.last_poll.filter(|_| !m.other_site)?;
        let name = m.monitor.as_str();
        let text = match (m.last_success, m.stale_from) {
            (Some(time), Some(from)) if facts.now >= from => {
                format!("{name}: last read {}", time.format("%Y-%m-%d %H:%M UTC"))
            }
            (None, _) if m.problem.is_some() => format!("{name}: never read successfully"),
            (Some(time), _) => {
                let text = format!("{name}: read {}", time.format("%Y-%m-%d %H:%M UTC"));
                return Some(condition(rule, name, last_poll, "", text, "").well());
            }
            _ => return None,
        };
        let why = m.problem.as_deref().map(one_line);
        let text = why.as_ref().map_or(text.clone(), |why| format!("{text}: {why}"));
        let title = format!("Data on {name} is stale");
        Some(
            condition(rule, name, last_poll, title, text, "bursar check names what is wrong")
                .with("lastRead", m.last_success.map(|time| time.to_rfc3339()))
                .with("error", why),
        )
    };
    let unpolled: BTreeSet<String> = monitors
        .iter()
        .filter(|m| m.last_poll.is_none())
        .map(|m| m.monitor.as_str().to_owned())
        .collect();
    Judged {
        unknown: Unknown::These(unpolled),
        ..Judged::of(rule, monitors.iter().filter_map(old))
    }
}
