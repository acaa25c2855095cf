//! Rules of what is ahead: minutes, seats, money.

use std::collections::BTreeSet;

use super::{condition, known, level_of, number, step_of};
use crate::alert::facts::{CapacityEnd, Fact, Facts, RunOutFacts};
use crate::alert::policy::Limits;
use crate::alert::{Condition, Judged, Level, Unknown};
use crate::event::{Rule, Severity};

pub(super) fn judge(facts: &Facts, limits: &Limits) -> Vec<Judged> {
    vec![capacity(facts), run_out(facts, limits), budget(facts)]
}

fn capacity(facts: &Facts) -> Judged {
    let rule = Rule::CapacityShort;
    known(rule, &facts.capacity, |capacity| {
        let used = format!("{} of {} minutes", number(capacity.used), number(capacity.usable));
        let needed = format!("{:.0} would be needed by the end of the month", capacity.projected);
        let (text, level) = match capacity.end {
            CapacityEnd::NoneLeft => {
                let text = format!("{used} of Analyzer Capacity are used: none is left this month");
                (text, Level::Holds)
            }
            CapacityEnd::Short { day, sure } => {
                let text = format!(
                    "{used} of Analyzer Capacity are used; at this pace they are gone on {day}, and \
                     {needed}"
                );
                (text, level_of(sure, true))
            }
            CapacityEnd::Lasts => {
                let text = format!(
                    "{used} of Analyzer Capacity are used; at this pace they last, {needed}"
                );
                (text, Level::Well)
            }
        };
        let runs_out = match capacity.end {
            CapacityEnd::Short { day, .. } => Some(day.to_string()),
            CapacityEnd::NoneLeft | CapacityEnd::Lasts => None,
        };
        let hint = "give people who use many minutes an Analyzer seat of their own, or buy minutes";
        let title = "Minutes of Analyzer Capacity will not last";
        let short_of = condition(rule, "", facts.now, title, text, hint)
            .with("usedMinutes", capacity.used)
            .with("usableMinutes", capacity.usable)
            .with("projectedMinutes", capacity.projected.round())
            .with("runsOut", runs_out)
            .level(level);
        let none_left = capacity.end == CapacityEnd::NoneLeft;
        vec![if none_left { short_of.severity(Severity::Critical) } else { short_of }]
    })
}

/// Days beyond the first step at which seats that may run out are well again: a forecast moves by
/// some days with each look.
const RUN_OUT_BAND: i64 = 7;

fn run_out(facts: &Facts, limits: &Limits) -> Judged {
    let rule = Rule::SeatsRunOut;
    let Fact::Known(types) = &facts.run_out else {
        return known(rule, &facts.run_out, |_| Vec::new());
    };
    let steps = &limits.run_out_steps;
    let soon = |of: &RunOutFacts| -> Option<Condition> {
        let days = of.days.ok()?;
        let title = of.seat_type.title();
        let text = match (days, of.when.as_str()) {
            (Some(_), when) => format!("the free {title} seats run out {when}"),
            (None, "") => format!("the {title} seats don't run out in sight"),
            (None, when) => format!("when the {title} seats run out: {when}"),
        };
        let told = condition(
            rule,
            of.seat_type.as_str(),
            facts.now,
            format!("{title} seats may run out"),
            text,
            "bursar insight forecast shows how this is worked out, and what a release would \
             change",
        )
        .with("earliestInDays", days)
        .with("when", of.when.as_str());
        let near = |within: i64| days.is_some_and(|days| days <= within);
        Some(match days.and_then(|days| step_of(days, steps)) {
            Some(step) => told.step(step, steps),
            None => {
                let first = steps.iter().copied().max().unwrap_or(0);
                told.level(level_of(false, near(first + RUN_OUT_BAND)))
            }
        })
    };
    let unknown: BTreeSet<String> = types
        .iter()
        .filter(|of| of.days.is_err())
        .map(|of| of.seat_type.as_str().to_owned())
        .collect();
    Judged { unknown: Unknown::These(unknown), ..Judged::of(rule, types.iter().filter_map(soon)) }
}

fn budget(facts: &Facts) -> Judged {
    let rule = Rule::OverBudget;
    known(rule, &facts.budget, |budget| {
        let Some(found) = budget else { return Vec::new() };
        let text = format!("{} {}, the budget is {}", found.what, found.cost, found.budget);
        let hint = "bursar insight cost shows what is paid for and what is idle";
        vec![
            condition(rule, "", facts.now, "Licenses cost more than the budget", text, hint)
                .with("cost", found.cost.as_str())
                .with("budget", found.budget.as_str())
                .level(level_of(found.is_over, found.is_near)),
        ]
    })
}
