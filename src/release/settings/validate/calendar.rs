//! `freeze` and `allowedHours`.

use chrono::{Days, Weekday};

use super::super::raw;
use crate::policy::calendar::{Calendar, Day, Freeze, Hours, Minute, days_of, minutes_of};
use crate::schedule::Schedule;
use crate::settings::{At, Check};

pub(super) fn settings(check: &Check<'_>, at: &At<'_>, raw: &raw::LicenseRelease) -> Calendar {
    let freeze_at = at.get("freeze");
    let windows = raw.freeze.iter().zip(freeze_at.items());
    let freeze: Vec<_> = windows.filter_map(|(raw, at)| window(check, &at, raw)).collect();
    let hours = raw.allowed_hours.iter().zip(at.get("allowedHours").items());
    let calendar = Calendar {
        time_zone: check.zone,
        freeze,
        allowed_hours: hours.filter_map(|(raw, at)| allowed(check, &at, raw)).collect(),
    };
    if always_frozen(check, &calendar) {
        check.warn(
            &freeze_at,
            "every day lies in these windows: nothing is ever released",
            "write windows that end, or enable: false",
        );
    }
    calendar
}

/// Hours that hold none of the schedule's times would be a release that never runs.
pub(super) fn reachable(check: &Check<'_>, at: &At<'_>, calendar: &Calendar, schedule: &Schedule) {
    let next = |after| schedule.next_after(after, check.zone);
    if !calendar.allowed_hours.is_empty()
        && calendar.first_in_hours(next, check.env.now()).is_none()
    {
        check.warn(
            at,
            format!(
                "no real run ever starts: \"{}\" names no time in these hours ({})",
                schedule.text(),
                calendar.hours_text()
            ),
            "write hours that hold the times of licenseRelease.frequency",
        );
    }
}

fn window(check: &Check<'_>, at: &At<'_>, raw: &raw::FreezeWindow) -> Option<Freeze> {
    let ends = [("from", &raw.from), ("to", &raw.to)].map(|(key, text)| {
        let at = at.get(key);
        let what = match Day::parse(text) {
            Ok(day) => return Some(day),
            Err(_) if text.trim().is_empty() => "this is missing".to_owned(),
            Err(why) => format!("{} can't be used: {why}", at.quoted(text.trim())),
        };
        check.error(&at, what, "write a date such as 2026-12-15, or 12-15 for every year");
        None
    });
    let [Some(from), Some(to)] = ends else { return None };
    match (from, to) {
        (Day::On(first), Day::On(last)) if last < first => {
            let what = format!("the window ends on {to}, before it begins");
            check.error(&at.get("to"), what, "write the later day in to");
        }
        (Day::On(_), Day::Yearly { .. }) | (Day::Yearly { .. }, Day::On(_)) => {
            check.error(
                &at.get("to"),
                format!("{from} and {to} are a day of one year and a day of every year"),
                "write both with their year, or both without",
            );
            return None;
        }
        (Day::Yearly { month: 2, day: 29 }, Day::Yearly { month: 2, day: 29 }) => {
            check.warn(
                at,
                "this window is there in leap years only",
                "write from: 02-28 or to: 03-01 if it is meant for every year",
            );
        }
        _ => {}
    }
    Some(Freeze { from, to, why: raw.why.trim().to_owned() })
}

fn always_frozen(check: &Check<'_>, calendar: &Calendar) -> bool {
    let today = calendar.date(check.env.now());
    // Longer than any year.
    let mut days = (0..=366).filter_map(|n| today.checked_add_days(Days::new(n)));
    let frozen = |day| calendar.freeze.iter().any(|window| window.holds_on(day));
    !calendar.freeze.is_empty() && days.all(frozen)
}

fn allowed(check: &Check<'_>, at: &At<'_>, raw: &raw::AllowedHours) -> Option<Hours> {
    let days_at = at.get("days");
    let mut days: Vec<Weekday> = Vec::new();
    let mut broken = false;
    for (text, at) in raw.days.iter().zip(days_at.items()) {
        match days_of(text) {
            Some(named) => days.extend(named),
            None => {
                broken = true;
                let what = format!("{} is no day of the week", at.quoted(text.trim()));
                check.error(
                    &at,
                    what,
                    "write mon, tue, wed, thu, fri, sat, sun, weekdays or weekend",
                );
            }
        }
    }
    days.sort_by_key(Weekday::num_days_from_monday);
    days.dedup();
    let (from_at, to_at) = (at.get("from"), at.get("to"));
    let from = time(check, &from_at, &raw.from);
    let to = time(check, &to_at, &raw.to);
    let (from, to) = (from?, to?);
    if from == to {
        check.error(
            &to_at,
            "these hours end when they begin",
            "write from: 00:00 and to: 24:00 for the whole day",
        );
        return None;
    }
    if from.0 == 24 * 60 {
        check.error(&from_at, "hours can't begin at 24:00", "write 00:00 of the next day");
        return None;
    }
    (!broken).then_some(Hours { days, from, to })
}

fn time(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<Minute> {
    let time = minutes_of(text);
    if time.is_none() {
        let what = match text.trim() {
            "" => "this is missing".to_owned(),
            text => format!("{} is no time of day", at.quoted(text)),
        };
        check.error(at, what, "write hours and minutes, such as 20:00, in quotes");
    }
    time
}
