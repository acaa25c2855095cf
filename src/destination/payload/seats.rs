//! What MQTT and webhooks send of seats.
//!
//! | events | key | value |
//! | --- | --- | --- |
//! | seat activity | `licenseTypes` | an object for each type whose list was complete: `seats`, `quarantined`, `excess`, `withoutUser`, `active` and `firstTime` (`lastDay`, `last7Days`, `last28Days`, `last90Days`), `idle` (seats by days since their last use), `reclaimable` (`after30Days` ...), `byRules` (what a release run would take: `enabled`, `thresholdDays`, `release`, `announce`, `unknown`; `null` when it can't be told) |
//! | | `people` | as `active`, each person once whatever they hold |
//! | | `twoSeats` | people with seats of several types |
//! | seat changes | `counts` | a list: `licenseType`, `change`, `count`, `churn`, `byBursar`; without those of a first reading |
//! | | `changes` | a list, oldest first: `change`, `licenseType`, `user` (`null` = the site named none), `userDirectory`, `userId`, `userName`, `seatId`, `after` (`held`, `quarantined`, `gone`), `movedFrom` (type or `null`), `changed` and `timeFrom` (`createdDate`, `modifiedDate`, `ledger`, or `noticed`: some time before), `by` (`bursar`, `CORP\admin`, or `null`: the site doesn't say), `run` (of Bursar's, else `null`), `churn`, `releasedBefore`, `initial` (learned from the first reading) |
//! | | `omitted` | changes that are not in the list |

use serde_json::{Map, Value, json};

use super::time;
use crate::event::{ChangeCount, SeatActivity, SeatChanges};
use crate::license::Change;
use crate::license::changes::By;

type Object = Map<String, Value>;

pub(super) fn activity(activity: &SeatActivity) -> Object {
    let types = activity.types.iter().map(|of| {
        let mut value = serde_json::to_value(of).unwrap_or_default();
        if let Some(map) = value.as_object_mut() {
            map.shift_remove("seatType");
        }
        (of.seat_type.as_str().to_owned(), value)
    });
    object(json!({
        "licenseTypes": types.collect::<Object>(),
        "people": activity.people,
        "twoSeats": activity.two_seats,
    }))
}

pub(super) fn changes(changes: &SeatChanges) -> Object {
    let counts: Vec<_> = changes.counts.iter().map(count).collect();
    let listed: Vec<_> = changes.changes.iter().map(change).collect();
    object(json!({ "counts": counts, "changes": listed, "omitted": changes.omitted }))
}

/// How often something happened as JSON: the same for messages and for the command line.
pub fn count(counted: &ChangeCount) -> Value {
    json!({
        "licenseType": counted.seat_type.as_str(),
        "change": counted.kind.as_str(),
        "count": counted.count,
        "churn": counted.churn,
        "byBursar": counted.by_bursar,
    })
}

/// One change as JSON: the same for messages and for the command line.
pub fn change(change: &Change) -> Value {
    let holder = change.holder.as_ref();
    let user =
        holder.map(|h| h.account()).or_else(|| change.deleted_user.as_deref().map(Into::into));
    let (by, run) = match &change.by {
        By::Unknown => (None, None),
        By::Bursar { run } => (Some("bursar"), Some(run)),
        By::Someone { user } => (Some(&**user), None),
    };
    json!({
        "change": change.kind.as_str(),
        "licenseType": change.seat_type.as_str(),
        "user": user,
        "userDirectory": holder.map(|h| &*h.directory),
        "userId": holder.map(|h| &*h.user_id),
        "userName": holder.map(|h| &*h.name),
        "seatId": change.seat.to_string(),
        "after": change.after,
        "movedFrom": change.from.as_ref().map(|from| from.seat_type.as_str()),
        "changed": time(change.time),
        "timeFrom": change.time_from,
        "by": by,
        "run": run,
        "churn": change.is_churn(),
        "releasedBefore": change.released_before.map(time),
        "initial": change.initial,
    })
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
