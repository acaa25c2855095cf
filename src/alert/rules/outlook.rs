//! Rules of what is ahead: minutes, seats, money.

use std::collections::BTreeSet;

use super::{condition, known, number, step_of};
use crate::alert::facts::{Fact, Facts, RunOutFacts};
use crate::alert::policy::Limits;
use crate::alert::{Condition, Judged, Unknown};
use crate::event::{Rule, Severity};

pub(super) fn judge(facts: &Facts, limits: &Limits) -> Vec<Judged> {
    vec![capacity(facts), run_out(facts, limits), budget(facts)]
}

fn capacity(facts: &Facts) -> Judged {
    let rule = Rule::CapacityShort;
    known(rule, &facts.capacity, |short| {
        let Some(short) = short else { return Vec::new() };
        let used = format!("{} of {} minutes", number(short.used), number(short.usable));
        let text = match short.runs_out {
            None => format!("{used} of Analyzer Capacity are used: none is left this month"),
            Some(day) => format!(
                "{used} of Analyzer Capacity are used; at this pace they are gone on {day}, and \
                 {:.0} would be needed by the end of the month",
                short.projected
            ),
        };
        let hint = "give people who use many minutes an Analyzer seat of their own, or buy minutes";
        let title = "Minutes of Analyzer Capacity will not last";
        let short_of = condition(rule, "", facts.now, title, text, hint)
            .with("usedMinutes", short.used)
            .with("usableMinutes", short.usable)
            .with("projectedMinutes", short.projected.round())
            .with("runsOut", short.runs_out.map(|day| day.to_string()));
        let none_left = short.runs_out.is_none();
        vec![if none_left { short_of.severity(Severity::Critical) } else { short_of }]
    })
}

fn run_out(facts: &Facts, limits: &Limits) -> Judged {
    let rule = Rule::SeatsRunOut;
    let Fact::Known(types) = &facts.run_out else {
        return known(rule, &facts.run_out, |_| Vec::new());
    };
    let soon = |of: &RunOutFacts| -> Option<Condition> {
        let days = of.days.ok()??;
        let step = step_of(days, &limits.run_out_steps)?;
        let title = of.seat_type.title();
        Some(
            condition(
                rule,
                of.seat_type.as_str(),
                facts.now,
                format!("{title} seats may run out"),
                format!("the free {title} seats run out {}", of.when),
                "bursar insight forecast shows how this is worked out, and what a release would \
                 change",
            )
            .with("earliestInDays", days)
            .with("when", of.when.as_str())
            .step(step, &limits.run_out_steps),
        )
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
    known(rule, &facts.budget, |over| {
        let Some(over) = over else { return Vec::new() };
        let text = format!("{} {}, the budget is {}", over.what, over.cost, over.budget);
        let hint = "bursar insight cost shows what is paid for and what is idle";
        vec![
            condition(rule, "", facts.now, "Licenses cost more than the budget", text, hint)
                .with("cost", over.cost.as_str())
                .with("budget", over.budget.as_str()),
        ]
    })
}
