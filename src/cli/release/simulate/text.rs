//! What the rules would have done, for people.

use std::fmt::Write;

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;

use crate::cli::text::{self, Paint};
use crate::license::SeatType;
use crate::plain::one_line;
use crate::planning::replay::{Bounds, Day, Named, OfType, Simulation, Threshold};
use crate::policy::Policy;
use crate::release::replay::RECORDED_DAYS;
use crate::words;

/// How it is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) daily: bool,
    pub(super) limit: usize,
    pub(super) zone: Tz,
    pub(super) paint: Paint,
}

pub(super) fn render(answer: &Simulation, policy: &Policy, shown: Shown) -> String {
    let (mut out, paint) = (String::new(), shown.paint);
    let title = format!(
        "Site {}: what the rules would have done, {} to {}",
        one_line(&answer.site),
        answer.span.first,
        answer.span.last
    );
    let _ = writeln!(out, "{}", paint.strong(&title));
    let _ = writeln!(out, "  one run a day, {}; nothing was changed", answer.by);
    for of_type in &answer.types {
        out.push('\n');
        heading(&mut out, of_type, shown);
        table(&mut out, of_type, policy, paint);
        remarks(&mut out, of_type);
        if let [only] = &of_type.thresholds[..] {
            out.push('\n');
            days(&mut out, only, shown);
        }
        for threshold in &of_type.thresholds {
            if let Some(returns) = &threshold.returns {
                names(&mut out, threshold, returns, shown);
            }
        }
    }
    if answer.types.is_empty() {
        out.push_str("  there are no seats of a type that the rules release\n");
    }
    out
}

fn heading(out: &mut String, of_type: &OfType, shown: Shown) {
    let name = match of_type.seat_type {
        SeatType::User => "User access".to_owned(),
        other => format!("{} seats", other.title()),
    };
    let off = if of_type.enabled { "" } else { "; not released by the settings: default rules" };
    let _ = writeln!(out, "{}: {} now{off}", shown.paint.strong(&name), of_type.seats);
    let recorded = of_type.recorded(|time| words::local(time, shown.zone));
    let _ = writeln!(out, "  {recorded}");
}

fn table(out: &mut String, of_type: &OfType, policy: &Policy, paint: Paint) {
    let own = policy.rule(of_type.seat_type).map(|rule| rule.release_threshold_days);
    let head = ["DAYS", "GONE", "BACK 14 D", "30 D", "90 D", "OUT NOW", "SAVED"];
    let mut rows = vec![head.map(|cell| paint.faint(cell)).to_vec()];
    for threshold in &of_type.thresholds {
        let days = threshold.threshold_days;
        let mark = if own == Some(days) && of_type.thresholds.len() > 1 { " *" } else { "" };
        let [within_14, within_30, within_90] = threshold.back(|bounds| bounds.to_string());
        let saved = threshold.saved.map(|saved| saved.to_string());
        rows.push(vec![
            format!("{days}{mark}"),
            threshold.released.to_string(),
            within_14,
            within_30,
            within_90,
            threshold.out.to_string(),
            saved.unwrap_or_else(|| threshold.no_amount("no price")),
        ]);
    }
    indented(out, &rows);
}

fn indented(out: &mut String, rows: &[Vec<String>]) {
    for line in text::columns(rows).lines() {
        let _ = writeln!(out, "  {line}");
    }
}

fn remarks(out: &mut String, of_type: &OfType) {
    let mut remark = |text: &str| {
        let _ = writeln!(out, "  {text}");
    };
    of_type.remarks(|day| day.to_string()).iter().for_each(|text| remark(text));
    if !of_type.is_shorter {
        remark("OUT NOW: by runs since the first day, and not who is due now (the plan)");
    }
    if of_type.undecided > 0 {
        let of = of_type.undecided;
        remark(&format!(
            "undecided: {of} seats, whose people's tags and properties were not read:"
        ));
        remark("  they count in the upper bounds only");
    }
    let short = |threshold: &&Threshold| {
        let rule = &threshold.rule;
        rule.release_threshold_days.min(rule.never_used_grace_days) < RECORDED_DAYS
    };
    if of_type.thresholds.iter().any(|threshold| short(&threshold)) {
        remark("shorter gaps than 14 days are not recorded: bounds for what asks for less");
    }
    for threshold in &of_type.thresholds {
        let (days, percent) = (threshold.threshold_days, threshold.rule.max_release_percent);
        if let Some(accept) = threshold.to_accept {
            let up_to = match threshold.days.first().is_some_and(|day| day.exact) {
                true => "",
                false => "up to ",
            };
            remark(&format!(
                "{}: {up_to}{} of {} due on the first day, more than {percent} %: taken as accepted",
                words::days(days),
                accept.due,
                accept.seats
            ));
        }
        if threshold.stopped_days > 0 {
            let stopped = threshold.stopped_days;
            remark(&format!(
                "{}: maxReleasePercent stops the run on {}",
                words::days(days),
                words::days(stopped)
            ));
        }
    }
}

/// Some days together.
struct Period {
    first: NaiveDate,
    released: Bounds<u64>,
    came_back: Bounds<u64>,
    last: Day,
}

/// Days, weeks or months, by how many there are.
fn periods(threshold: &Threshold, daily: bool) -> Vec<Period> {
    let count = threshold.days.len();
    let begins = |day: NaiveDate| match count {
        _ if daily => true,
        ..=31 => true,
        32..=183 => day.weekday() == chrono::Weekday::Mon,
        _ => day.day() == 1,
    };
    let mut periods: Vec<Period> = Vec::new();
    for day in &threshold.days {
        let wide = |bounds: Bounds<u32>| Bounds {
            at_least: u64::from(bounds.at_least),
            at_most: u64::from(bounds.at_most),
        };
        let (released, came_back) = (wide(day.released), wide(day.came_back));
        match periods.last_mut() {
            Some(period) if !begins(day.day) => {
                period.released = plus(period.released, released, threshold.released.at_most);
                let most = threshold.came_back.so_far.at_most;
                period.came_back = plus(period.came_back, came_back, most);
                period.last = *day;
            }
            _ => periods.push(Period { first: day.day, released, came_back, last: *day }),
        }
    }
    periods
}

/// The sum, which is never more than `most`, what all days have together.
fn plus(one: Bounds<u64>, other: Bounds<u64>, most: u64) -> Bounds<u64> {
    let at_most = one.at_most.saturating_add(other.at_most).min(most);
    Bounds::new(one.at_least + other.at_least, at_most)
}

/// `52+` where the most is that of all days together, which says nothing of these.
fn most_or_open(bounds: Bounds<u64>, most: u64) -> String {
    match bounds.at_most >= most && !bounds.is_exact() {
        true => format!("{}+", bounds.at_least),
        false => bounds.to_string(),
    }
}

fn days(out: &mut String, threshold: &Threshold, shown: Shown) {
    let head = ["FROM", "GONE", "BACK", "OUT", "FREE", "FREE THEN", ""];
    let mut rows = vec![head.map(|cell| shown.paint.faint(cell)).to_vec()];
    for period in periods(threshold, shown.daily) {
        let day = period.last;
        let unknown = || "-".to_owned();
        rows.push(vec![
            period.first.to_string(),
            most_or_open(period.released, threshold.released.at_most),
            most_or_open(period.came_back, threshold.came_back.so_far.at_most),
            day.out.to_string(),
            day.free.map_or_else(unknown, |free| free.to_string()),
            day.free_then.map_or_else(unknown, |free| free.to_string()),
            if day.stopped { "stopped".to_owned() } else { String::new() },
        ]);
    }
    indented(out, &rows);
}

fn names(out: &mut String, threshold: &Threshold, returns: &[Named], shown: Shown) {
    let days = words::days(threshold.threshold_days);
    // That of some nobody could come back yet is no answer.
    let count = match threshold.came_back.within_14_days {
        None if returns.is_empty() => "nobody can be named yet".to_owned(),
        None => format!("{} so far", returns.len()),
        Some(_) => returns.len().to_string(),
    };
    let _ = writeln!(out, "\n  Back after a release at {days}: {count}");
    let mut rows = Vec::new();
    for back in returns.iter().take(shown.limit) {
        rows.push(vec![
            one_line(&back.user),
            format!("went {}", back.released),
            format!("back {}", words::local(back.back, shown.zone)),
            words::days(back.after_days),
            if back.certain { String::new() } else { "possibly".to_owned() },
        ]);
    }
    for line in text::columns(&rows).lines() {
        let _ = writeln!(out, "    {line}");
    }
    let more = returns.len().saturating_sub(shown.limit);
    if more > 0 {
        let _ = writeln!(out, "    {more} more (--limit, or --json)");
    }
}
