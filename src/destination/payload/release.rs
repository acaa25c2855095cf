//! What MQTT and webhooks send of releases.
//!
//! | events | key | value |
//! | --- | --- | --- |
//! | all | `run` | id of the run |
//! | | `rehearsal` | true: nothing was done, this is what would have been |
//! | of a seat | `user` | `CORP\anna` |
//! | | `userDirectory`, `userId`, `userName` | its parts, and what people call the user |
//! | | `licenseType` | `professional`, `analyzer` or `user` |
//! | | `seatId` | id of the access license in the repository |
//! | | `allocated`, `lastUsed` | times; `null` = never |
//! | | `idleDays` | whole days since the last use or, if there was none, since the allocation |
//! | seat released | `result` | `freed` or `quarantined` |
//! | | `quarantinedUntil` | only of a quarantined seat: a time, or `null` where the site doesn't say |
//! | | `late` | true: found out so long after the request that somebody else may have done it; attributed to the run, not proven |
//! | seat announced | `due` | the seat is released by the first run after that, unless it is used |
//! | seat withdrawn | `why` | a sentence |
//! | release refused | `refusals` | a list of objects: `guard`, `licenseType` (`null` = the whole run), `saw`, `fix` |
//! | | `message` | the same as one line of text |
//! | seats kept | `licenseTypes` | an object for each type: `seats`, `kept`, and `keptByReason` with a number for each first reason |
//! | release run | `mode` | `real`, `rehearsal` or `undo` |
//! | | `status` | `done`, `refused`, `partly`, `broken`, `stopped` or `failed` |
//! | | `trigger` | `schedule` or `command` |
//! | | `startedBy` | user, process and machine of a command, then what its environment `says`; else `null` |
//! | | `started`, `ended` | times |
//! | | `why` | why it stopped early, else `null` |
//! | | `licenseTypes` | an object for each type, with the counts |
//! | | `planDigest` | SHA-256 of the plan; `null` without one |
//! | | `ledger` | `seq` and `hash` of the ledger's last record |

use serde_json::{Map, Value, json};

use super::time;
use crate::event::{
    ReleaseRefused, ReleaseRun, SeatAnnounced, SeatFacts, SeatReleased, SeatRestored,
    SeatWithdrawn, SeatsKept,
};
use crate::ledger::{Mode, SeatResult, Trigger, TypeCounts};
use crate::license::Moment;

type Object = Map<String, Value>;

fn object(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Object {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

pub(super) fn seat_released(released: &SeatReleased) -> Object {
    let mut map = seat(&released.seat);
    match &released.result {
        SeatResult::Quarantined { until } => {
            map.insert("result".into(), "quarantined".into());
            map.insert("quarantinedUntil".into(), moment(until));
        }
        // Whatever else the site said, the seat is not its user's any more.
        _ => {
            map.insert("result".into(), "freed".into());
        }
    }
    map.insert("late".into(), released.late.into());
    map
}

pub(super) fn seat_announced(announced: &SeatAnnounced) -> Object {
    let mut map = seat(&announced.seat);
    map.insert("due".into(), time(announced.due));
    map
}

pub(super) fn seat_withdrawn(withdrawn: &SeatWithdrawn) -> Object {
    let mut map = seat(&withdrawn.seat);
    map.insert("why".into(), withdrawn.why.as_str().into());
    map
}

pub(super) fn seat_restored(restored: &SeatRestored) -> Object {
    seat(&restored.seat)
}

fn seat(seat: &SeatFacts) -> Object {
    let holder = &seat.holder;
    object([
        ("user", holder.account().into()),
        ("userDirectory", holder.directory.as_ref().into()),
        ("userId", holder.user_id.as_ref().into()),
        ("userName", holder.name.as_ref().into()),
        ("licenseType", seat.seat_type.as_str().into()),
        ("seatId", seat.seat.to_string().into()),
        ("allocated", moment(&seat.created)),
        ("lastUsed", moment(&seat.last_used)),
        ("idleDays", seat.idle_days.into()),
        ("rehearsal", seat.rehearsal.into()),
        ("run", seat.run.as_str().into()),
    ])
}

/// What can't be read as a time is given as the site wrote it.
fn moment(moment: &Moment) -> Value {
    match moment {
        Moment::Never => Value::Null,
        Moment::At(at) => time(*at),
        Moment::Unreadable(text) => text.as_ref().into(),
    }
}

pub(super) fn release_refused(refused: &ReleaseRefused) -> Object {
    let refusals = refused.refusals.iter().map(|refusal| {
        json!({
            "guard": refusal.guard.as_str(),
            "licenseType": refusal.seat_type.map(|t| t.as_str()),
            "saw": refusal.saw,
            "fix": refusal.fix,
        })
    });
    object([
        ("refusals", refusals.collect()),
        ("rehearsal", refused.rehearsal.into()),
        ("run", refused.run.as_str().into()),
    ])
}

pub(super) fn seats_kept(kept: &SeatsKept) -> Object {
    let of_type = |counts: &TypeCounts| {
        json!({
            "seats": counts.seats,
            "kept": counts.kept,
            "keptByReason": counts.kept_by_reason,
        })
    };
    object([
        ("licenseTypes", by_type(&kept.types, of_type)),
        ("rehearsal", kept.rehearsal.into()),
        ("run", kept.run.as_str().into()),
    ])
}

pub(super) fn release_run(run: &ReleaseRun) -> Object {
    let of_type = |counts: &TypeCounts| {
        json!({
            "seats": counts.seats,
            "planned": counts.planned,
            "released": counts.released,
            "quarantined": counts.quarantined,
            "announced": counts.announced,
            "kept": counts.kept,
            "changed": counts.changed,
            "refused": counts.refused,
            "gone": counts.gone,
            "unclear": counts.unclear,
        })
    };
    let trigger = match &run.trigger {
        Trigger::Schedule => "schedule",
        Trigger::Command { .. } => "command",
    };
    object([
        ("mode", run.mode.as_str().into()),
        ("status", run.status.as_str().into()),
        ("trigger", trigger.into()),
        ("startedBy", run.trigger.by().into()),
        ("started", time(run.started)),
        ("ended", time(run.ended)),
        ("why", run.why.as_deref().into()),
        ("licenseTypes", by_type(&run.types, of_type)),
        ("planDigest", run.plan_digest.as_deref().into()),
        ("ledger", json!({ "seq": run.ledger.seq, "hash": run.ledger.hash })),
        ("rehearsal", (run.mode == Mode::Rehearsal).into()),
        ("run", run.run.as_str().into()),
    ])
}

fn by_type(types: &[TypeCounts], of_type: impl Fn(&TypeCounts) -> Value) -> Value {
    let types = types.iter().map(|counts| (counts.seat_type.as_str().to_owned(), of_type(counts)));
    Value::Object(types.collect())
}
