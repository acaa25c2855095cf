//! Which due seats have to be announced first, and which announcements no longer hold.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Decision, Keep, Outcome, Withdrawal, dates};
use crate::ledger::past::{Announcement, Past};
use crate::license::{Moment, SeatType};
use crate::policy::TypeRule;

/// Turns releases into announcements where the rule wants one first, and finds the announcements
/// of this type that no longer hold.
pub(super) fn weigh(
    rule: &TypeRule,
    past: &Past,
    now: DateTime<Utc>,
    decisions: &mut [Decision],
    withdrawn: &mut Vec<Withdrawal>,
) {
    let mut standing = of_type(&past.announced, rule.seat_type);
    for decision in decisions {
        let announcement = match standing.remove(&decision.seat) {
            None => None,
            Some(announcement) => match against(announcement, decision) {
                None => Some(announcement),
                Some(why) => {
                    withdrawn.push(Withdrawal { announcement: announcement.clone(), why });
                    None
                }
            },
        };
        if decision.outcome != Outcome::Release {
            continue;
        }
        match announcement {
            // Who was told a date has until then, whatever the settings say now.
            Some(Announcement { due, .. }) if *due > now => {
                decision.keep.push(Keep::Announced { due: *due });
                decision.outcome = Outcome::Keep;
            }
            Some(_) => {}
            None if rule.grace_days > 0 => decision.outcome = Outcome::Announce,
            None => {}
        }
    }
    withdrawn.extend(standing.into_values().map(|announcement| Withdrawal {
        announcement: announcement.clone(),
        why: "the seat is gone".to_owned(),
    }));
}

fn of_type(
    announced: &HashMap<Uuid, Announcement>,
    seat_type: SeatType,
) -> HashMap<Uuid, &Announcement> {
    let of_type = announced.iter().filter(|(_, a)| a.seat_type == seat_type);
    of_type.map(|(seat, announcement)| (*seat, announcement)).collect()
}

/// Why an announcement no longer holds. What could not be found out this time is no reason: the
/// seat is kept for now, and nobody is told anything.
fn against(announcement: &Announcement, decision: &Decision) -> Option<String> {
    let holder = decision.holder.as_ref().map(|holder| holder.id);
    if holder.is_some_and(|id| id != announcement.holder.id) {
        return Some("the seat belongs to somebody else now".to_owned());
    }
    let unreadable = matches!(decision.last_used, Moment::Unreadable(_));
    if !unreadable && dates::known(&decision.last_used) != dates::known(&announcement.last_used) {
        return Some(match dates::known(&decision.last_used) {
            Some(at) => format!("used on {}", super::keep::utc(&at)),
            None => "the site has no last use of it any more".to_owned(),
        });
    }
    decision.keep.iter().find(|keep| !keep.is_unknown()).map(Keep::text)
}
