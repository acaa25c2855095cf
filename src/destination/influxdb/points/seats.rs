//! Seats as points: how they are used and how many changed, and single changes where that is wanted.

use chrono::{DateTime, TimeDelta, Utc};

use super::LICENSE_TYPE;
use super::release::{USER, apart, hash};
use crate::destination::influxdb::line::{Field, Point};
use crate::event::{Event, SeatActivity, SeatChanges, TypeActivity, UserTag};
use crate::insight::activity::Active;
use crate::license::Change;

/// One point for each type, and one of all people.
const ACTIVITY: &str = "bursar_seat_activity";
/// One point for each type and kind of change.
const CHANGE: &str = "bursar_seat_change";
/// One point for each change, with its user.
const USER_CHANGE: &str = "bursar_seat_user_change";

/// `license_type` of the point with the figures of all people.
const ALL: &str = "all";
const KIND: &str = "change";
const TWO_SEATS: &str = "two_seats";
const COUNT: &str = "count";
const CHURN: &str = "churn";
const BY_BURSAR: &str = "by_bursar";
const RULES: [&str; 3] = ["reclaimable_rules", "announceable_rules", "undecided_rules"];

/// Names of tags and fields of these measurements.
pub(super) fn is_reserved(name: &str) -> bool {
    let nothing = TypeActivity::nothing();
    [LICENSE_TYPE, USER, KIND, TWO_SEATS, COUNT, CHURN, BY_BURSAR].contains(&name)
        || RULES.contains(&name)
        || figures(&nothing).iter().any(|(figure, _)| *figure == name)
        || active(&Active::default()).iter().any(|(figure, _)| *figure == name)
}

pub(super) fn activity(
    event: &Event,
    activity: &SeatActivity,
    tags: &[(String, String)],
) -> Vec<Point> {
    let point = |license_type: &str, figures: Vec<(&'static str, u32)>| {
        let mut tags = tags.to_vec();
        tags.push((LICENSE_TYPE.into(), license_type.into()));
        Point { measurement: ACTIVITY, tags, fields: floats(figures), time: event.time }
    };
    let mut points: Vec<_> = activity
        .types
        .iter()
        .map(|of| {
            let mut all = figures(of);
            all.extend(active(&of.active));
            if let Some(rules) = of.by_rules {
                all.extend(RULES.into_iter().zip([
                    rules.reclaimable(),
                    rules.announce,
                    rules.unknown,
                ]));
            }
            point(of.seat_type.as_str(), all)
        })
        .collect();
    if !activity.types.is_empty() {
        let mut people = active(&activity.people).to_vec();
        people.push((TWO_SEATS, activity.two_seats));
        points.push(point(ALL, people));
    }
    points
}

pub(super) fn changes(
    event: &Event,
    changes: &SeatChanges,
    tags: &[(String, String)],
    user_tag: UserTag,
) -> Vec<Point> {
    let counts = changes.counts.iter().map(|counted| {
        let mut tags = tags.to_vec();
        tags.push((LICENSE_TYPE.into(), counted.seat_type.as_str().into()));
        tags.push((KIND.into(), counted.kind.as_str().into()));
        let figures =
            vec![(COUNT, counted.count), (CHURN, counted.churn), (BY_BURSAR, counted.by_bursar)];
        Point { measurement: CHANGE, tags, fields: floats(figures), time: event.time }
    });
    let name = |change: &Change| -> Option<String> {
        let holder = change.holder.as_ref()?;
        match user_tag {
            UserTag::Off => None,
            UserTag::Name => Some(holder.account()),
            UserTag::Hash => Some(hash(holder)),
        }
    };
    let single = changes.changes.iter().filter(|change| !change.initial).filter_map(|change| {
        let mut tags = tags.to_vec();
        tags.push((LICENSE_TYPE.into(), change.seat_type.as_str().into()));
        tags.push((KIND.into(), change.kind.as_str().into()));
        tags.push((USER.into(), name(change)?));
        let figures = vec![(COUNT, 1), (CHURN, u32::from(change.is_churn()))];
        let time = at(change, event.time);
        Some(Point { measurement: USER_CHANGE, tags, fields: floats(figures), time })
    });
    counts.chain(single).collect()
}

/// When it happened, a little apart from other seats of the same user.
fn at(change: &Change, noticed: DateTime<Utc>) -> DateTime<Utc> {
    // The site's clock may run ahead.
    let time = change.time.min(noticed + TimeDelta::minutes(10));
    apart(time, change.seat)
}

fn floats(figures: Vec<(&'static str, u32)>) -> Vec<(std::borrow::Cow<'static, str>, Field)> {
    figures.into_iter().map(|(name, n)| (name.into(), Field::Float(n.into()))).collect()
}

fn active(active: &Active) -> [(&'static str, u32); 4] {
    [
        ("active_1d", active.last_day),
        ("active_7d", active.last_7_days),
        ("active_28d", active.last_28_days),
        ("active_90d", active.last_90_days),
    ]
}

fn figures(of: &TypeActivity) -> Vec<(&'static str, u32)> {
    let (usage, idle, first) = (&of.usage, &of.usage.idle, &of.first_time);
    vec![
        ("seats", usage.seats),
        ("excess", usage.excess),
        ("quarantined", usage.quarantined),
        ("without_user", usage.without_user),
        ("idle_0_7d", idle.days_0_7),
        ("idle_8_30d", idle.days_8_30),
        ("idle_31_60d", idle.days_31_60),
        ("idle_61_90d", idle.days_61_90),
        ("idle_over_90d", idle.over_90),
        ("never_used", idle.never_used),
        ("idle_unknown", idle.unknown),
        ("reclaimable_30d", usage.reclaimable.after_30_days),
        ("reclaimable_60d", usage.reclaimable.after_60_days),
        ("reclaimable_90d", usage.reclaimable.after_90_days),
        ("first_time_1d", first.last_day),
        ("first_time_7d", first.last_7_days),
        ("first_time_28d", first.last_28_days),
        ("first_time_90d", first.last_90_days),
    ]
}
