//! `qlikSenseLicense.licenseRelease`.

mod calendar;

use chrono::NaiveDate;

use super::{NOBODY_PROTECTED, PROTECT, Release, raw};
use crate::destination::switches::raw::{Destinations, FIGURES};
use crate::destination::switches::validate::{Available, switches_for_one_list, usable};
use crate::destination::webhook::settings::WebhookPurpose;
use crate::event::{Channel, UserTag};
use crate::license::SeatType;
use crate::policy::calendar::Day;
use crate::policy::{Limits, NeverRelease, Policy, Property, ThreeWay, TypeRule, UserPattern};
use crate::schedule::Schedule;
use crate::settings::{At, Check, list, schedule};

/// Below this a threshold is a warning.
const WEEK: i64 = 7;

/// There even when it is off, so that a plan can be made before it is switched on. Rules that can't
/// be right are errors then, too; what only matters to runs is not said.
pub(crate) fn settings(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &raw::LicenseRelease,
    available: &Available,
) -> Release {
    let never_release = never_release(check, &at.get("neverRelease"), &raw.never_release);
    let types = types(check, &at.get("licenseType"), &raw.license_type);
    if raw.enable {
        switched_on(check, at, raw, &never_release, &types);
    }
    let schedule = schedule(check, &at.get("frequency"), &raw.frequency, raw.enable);
    let calendar = calendar::settings(check, at, raw);
    if raw.enable
        && !raw.dry_run
        && let Some(schedule) = &schedule
    {
        calendar::reachable(check, &at.get("allowedHours"), &calendar, schedule);
    }
    let destination_at = at.get("destination");
    let destination = if raw.enable {
        unheard(check, &at.get("licenseType"), &types, &raw.destination);
        let list = WebhookPurpose::Release;
        switches_for_one_list(check, &destination_at, &raw.destination, available, list)
    } else {
        usable(check, &destination_at, &raw.destination, available)
    };
    Release {
        enable: raw.enable,
        dry_run: raw.dry_run,
        // A schedule that can't be read is an error when it is on; when off it never runs.
        schedule: schedule.unwrap_or_else(|| {
            Schedule::parse("every 24 hours").expect("the default schedule is one")
        }),
        policy: Policy {
            never_release,
            types,
            judge_per_user: raw.judge_per_user,
            limits: Limits {
                stale_signal_days: count(raw.stale_signal_days),
                clock_tolerance_seconds: count(raw.clock_tolerance_seconds),
                max_unread_percent: count(raw.max_unread_percent),
                max_unsettled: raw.max_unsettled.map(count),
                license_key_shared: raw.license_key_shared,
                stop_after_failures: count(raw.stop_after_failures),
            },
            calendar,
        },
        concurrency: usize::try_from(raw.concurrency).unwrap_or(1),
        destination,
        user_tag: match raw.destination.figures.user_tag {
            raw::UserTag::Name => UserTag::Name,
            raw::UserTag::Hash => UserTag::Hash,
            raw::UserTag::Off => UserTag::Off,
        },
    }
}

/// The schema has checked the range.
fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// What somebody should know before runs start.
fn switched_on(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &raw::LicenseRelease,
    never_release: &NeverRelease,
    types: &[TypeRule],
) {
    if types.is_empty() {
        check.warn(
            &at.get("enable"),
            "nothing is released: no type of seat is enabled in licenseType",
            "set licenseType.analyzer.enable: true or the like, or this to false",
        );
    }
    if *never_release == NeverRelease::default() {
        check.warn(&at.get("neverRelease"), NOBODY_PROTECTED, PROTECT);
    }
    if at.get("dryRun").node.is_none() {
        check.warn(
            &at.get("dryRun"),
            "not written, as in files of Butler 11.1 and 12.0: this is a rehearsal, no seat is released",
            "write dryRun: true, or false to release seats",
        );
    }
    if !raw.dry_run && raw.license_key_shared.is_none() {
        check.warn(
            &at.get("licenseKeyShared"),
            "it isn't said whether other Qlik sites use the same license key: a seat that is taken here is taken there, too",
            "write licenseKeyShared: false if this site is the only one, or true if there are others and seats may be taken all the same",
        );
    }
}

/// An announcement that goes nowhere helps nobody.
fn unheard(
    check: &Check<'_>,
    at: &At<'_>,
    types: &[TypeRule],
    destination: &Destinations<raw::ReleaseForm>,
) {
    let mut channels = Channel::ALL.to_vec();
    channels.retain(|channel| *channel != FIGURES);
    if channels.iter().any(|channel| destination.sends(*channel).alert) {
        return;
    }
    let titles: Vec<_> = channels.iter().map(|channel| channel.title()).collect();
    let keys: Vec<_> = channels.iter().map(|channel| format!(".{}", channel.key())).collect();
    for rule in types.iter().filter(|rule| rule.grace_days > 0) {
        check.warn(
            &at.get(rule.seat_type.as_str()).get("graceDays"),
            format!(
                "nobody hears of the announcements: they are sent to {} only",
                list(&titles, "and")
            ),
            format!(
                "set licenseRelease.destination{} to enable: true and sendAlert.enable: true",
                list(&keys, "or")
            ),
        );
    }
}

/// The enabled types, in the order of [`SeatType::ALL`].
fn types(check: &Check<'_>, at: &At<'_>, raw: &raw::LicenseType) -> Vec<TypeRule> {
    let of = |seat_type| match seat_type {
        SeatType::Professional => &raw.professional,
        SeatType::Analyzer => &raw.analyzer,
        SeatType::User => &raw.user,
    };
    SeatType::ALL
        .into_iter()
        .map(|seat_type| (seat_type, of(seat_type)))
        .filter(|(_, raw)| raw.enable)
        .map(|(seat_type, raw)| rule(check, &at.get(seat_type.as_str()), seat_type, raw))
        .collect()
}

fn rule(check: &Check<'_>, at: &At<'_>, seat_type: SeatType, raw: &raw::ReleaseRule) -> TypeRule {
    let days = raw.release_threshold_days;
    if days < WEEK {
        check.warn(
            &at.get("releaseThresholdDays"),
            format!(
                "{} is less than a week: people lose their seat over a holiday, and a seat used within 7 days may be blocked in quarantine instead of becoming free",
                plural(days)
            ),
            "write 7 or more",
        );
    }
    if let Some(days) = raw.never_used_grace_days
        && days < WEEK
    {
        check.warn(
            &at.get("neverUsedGraceDays"),
            format!(
                "{} is less than a week: people lose their seat before they could use it",
                plural(days)
            ),
            "write 7 or more",
        );
    }
    if raw.keep_free == Some(0) {
        check.warn(
            &at.get("keepFree"),
            "0 releases nothing: no seat has to be released for none to be free",
            "write how many seats are to be free, or remove it to release all that are due",
        );
    }
    TypeRule {
        seat_type,
        release_threshold_days: count(days),
        never_used_grace_days: count(raw.never_used_grace_days.unwrap_or(days)),
        keep_free: raw.keep_free.map(count),
        grace_days: count(raw.grace_days),
        max_releases: raw.max_releases.map(count),
        max_release_percent: count(raw.max_release_percent),
        reallocated_grace_days: count(raw.reallocated_grace_days),
    }
}

fn plural(days: i64) -> String {
    format!("{days} day{}", if days == 1 { "" } else { "s" })
}

fn never_release(check: &Check<'_>, at: &At<'_>, raw: &raw::NeverRelease) -> NeverRelease {
    let three_way = |raw| match raw {
        raw::ThreeWay::Ignore => ThreeWay::Ignore,
        raw::ThreeWay::Yes => ThreeWay::Yes,
        raw::ThreeWay::No => ThreeWay::No,
    };
    let directories_at = at.get("userDirectory");
    let directories = texts(check, &directories_at, &raw.user_directory, "user directory");
    for (directory, at) in raw.user_directory.iter().zip(directories_at.items()) {
        if is_everything(directory.trim()) {
            keeps_everybody(check, &at);
        }
    }
    NeverRelease {
        users: users(check, &at.get("user"), &raw.user),
        directories,
        tags: texts(check, &at.get("tag"), &raw.tag, "tag"),
        custom_properties: properties(check, &at.get("customProperty"), &raw.custom_property),
        roles: texts(check, &at.get("role"), &raw.role, "role"),
        groups: texts(check, &at.get("userGroup"), &raw.user_group, "group"),
        inactive: three_way(raw.inactive),
        blocked: three_way(raw.blocked),
        removed_externally: three_way(raw.removed_externally),
    }
}

fn users(check: &Check<'_>, at: &At<'_>, raw: &[raw::User]) -> Vec<UserPattern> {
    let mut users = Vec::new();
    for (user, at) in raw.iter().zip(at.items()) {
        let pattern = UserPattern {
            directory: user.user_dir.trim().to_owned(),
            user_id: user.user_id.trim().to_owned(),
            until: until(check, &at.get("until"), &user.until),
            why: Some(user.why.trim().to_owned()).filter(|why| !why.is_empty()),
        };
        if pattern.directory.is_empty() || pattern.user_id.is_empty() {
            check.error(&at, "a user needs userDir and userId", "write both, or remove the entry");
        } else if is_everything(&pattern.directory) && is_everything(&pattern.user_id) {
            keeps_everybody(check, &at);
        } else if pattern.directory.contains('\\') {
            let at = at.get("userDir");
            check.warn(
                &at,
                format!(
                    "{} keeps nobody: a directory has no backslash",
                    at.quoted(&pattern.directory)
                ),
                "write the directory here and the id in userId",
            );
        }
        users.push(pattern);
    }
    users
}

/// From so many days before the end of an entry on there is a warning.
const ENDS_SOON: i64 = 14;

/// The last day of an entry, with a warning when it is near or over.
fn until(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<NaiveDate> {
    if text.trim().is_empty() {
        return None;
    }
    let Ok(Day::On(until)) = Day::parse(text) else {
        let what = format!("{} is no date", at.quoted(text.trim()));
        check.error(at, what, "write year, month and day, such as 2027-03-31");
        return None;
    };
    let today = check.env.now().with_timezone(&check.zone).date_naive();
    let fix = "write a later day, or remove the entry";
    match (until - today).num_days() {
        ..0 => check.warn(at, format!("this ended on {until} and protects nobody any more"), fix),
        left @ 0..=ENDS_SOON => {
            let left = if left == 0 { "today".to_owned() } else { format!("in {}", plural(left)) };
            check.warn(at, format!("this ends {left} and protects nobody after {until}"), fix);
        }
        _ => {}
    }
    Some(until)
}

/// Whether a pattern fits every text.
fn is_everything(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|b| b == b'*')
}

fn keeps_everybody(check: &Check<'_>, at: &At<'_>) {
    check.warn(
        at,
        "this keeps everybody's seat: nothing is ever released",
        "write a pattern that fits only those whom you mean",
    );
}

/// An empty text would protect nobody while it looks like a rule.
fn texts(check: &Check<'_>, at: &At<'_>, raw: &[String], what: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for (text, at) in raw.iter().zip(at.items()) {
        if text.trim().is_empty() {
            let what = format!("an empty {what} keeps nobody's seat");
            check.error(&at, what, "write its name, or remove the entry");
        }
        texts.push(text.trim().to_owned());
    }
    texts
}

fn properties(check: &Check<'_>, at: &At<'_>, raw: &[raw::PropertyValue]) -> Vec<Property> {
    let mut properties = Vec::new();
    for (property, at) in raw.iter().zip(at.items()) {
        let property = Property {
            name: property.name.trim().to_owned(),
            value: property.value.trim().to_owned(),
        };
        if property.name.is_empty() || property.value.is_empty() {
            let key = if property.name.is_empty() { "name" } else { "value" };
            check.error(
                &at,
                format!("a custom property without a {key} keeps nobody's seat"),
                "write both name and value, or remove the entry",
            );
        }
        properties.push(property);
    }
    properties
}
