//! What may happen.

use bursar::simulator::{Fault, FaultRule};
use strum::VariantArray;

use super::servers::Mood;
use super::world::IDLE;

/// Tables whose writes can be made to fail, and how they are written.
pub(super) const BREAKABLE: [(&str, &str); 14] = [
    ("delivery", "INSERT"),
    ("delivery", "UPDATE"),
    ("delivery", "DELETE"),
    ("latest", "INSERT"),
    ("health", "INSERT"),
    ("ledger", "INSERT"),
    ("alert_state", "INSERT"),
    ("release_claim", "INSERT"),
    ("event", "INSERT"),
    ("queue", "UPDATE"),
    ("history_raw", "INSERT"),
    ("seat_list", "INSERT"),
    ("seat", "INSERT"),
    ("alert_history", "INSERT"),
];

#[derive(Debug)]
pub(super) enum Act {
    Nothing,
    Site(FaultRule),
    SiteWell,
    OtherSite,
    SameSite,
    Logs(usize),
    Pools(i64),
    License(i64),
    Receiver(usize, Mood),
    Store(&'static str),
    StoreWell,
    ClockSet(i64),
    Suspended,
}

pub(super) fn act(rng: &mut fastrand::Rng) -> Act {
    match rng.u32(..26) {
        0..6 => Act::Site(fault(rng)),
        6..8 => Act::SiteWell,
        8 => Act::OtherSite,
        9 => Act::SameSite,
        10..13 => Act::Logs(rng.usize(..IDLE + 4)),
        13 => Act::Pools([0, 10, 24, 26, 30, 60][rng.usize(..6)]),
        14 => Act::License([-3, 0, 10, 40, 300][rng.usize(..5)]),
        15..19 => Act::Receiver(rng.usize(..3), Mood::VARIANTS[rng.usize(..Mood::VARIANTS.len())]),
        19 => {
            let all = BREAKABLE.len() + 1;
            Act::Store(BREAKABLE.get(rng.usize(..all)).map_or("all", |(table, _)| *table))
        }
        20..22 => Act::StoreWell,
        22 => Act::ClockSet([0, 24, -24, 1][rng.usize(..4)]),
        23 => Act::Suspended,
        _ => Act::Nothing,
    }
}

const PATHS: [&str; 6] = [
    "",
    "/qrs/license",
    "/qrs/license/accesstypeoverview",
    "/qrs/license/analyzeraccesstype",
    "/qrs/user",
    "/qrs/license/analyzeraccesstype",
];

fn fault(rng: &mut fastrand::Rng) -> FaultRule {
    let status =
        |code: u16| Fault::Status { code, html: code.is_multiple_of(2), retry_after_seconds: None };
    let all = [
        Fault::Latency { millis: 3_000 },
        Fault::Hang,
        Fault::HangHandled,
        Fault::ResetBefore,
        Fault::ResetHandled,
        Fault::ResetAfter,
        Fault::Truncate,
        Fault::SlowDrip { bytes: 40, millis: 500 },
        status(500),
        status(503),
        status(404),
        Fault::Status { code: 429, html: false, retry_after_seconds: Some(7) },
        Fault::StatusHandled { code: 502, html: true },
        Fault::Unauthorized,
        Fault::Forbidden,
        Fault::Xsrf,
        Fault::HtmlOk,
        Fault::EmptyOk,
        Fault::Null,
        Fault::EmptyObject,
        Fault::ObjectForList,
        Fault::BrokenJson,
        Fault::ShortList { drop: 3 },
        Fault::HiddenRows { drop: 3 },
        Fault::RepeatedRow { times: 2 },
        Fault::AnotherUser { user: "CORP\\busy1".into() },
        Fault::FieldMissing { name: "lastUsed".into() },
        Fault::ClockSkew { seconds: 4_000 },
        Fault::UserLogsIn { user: "CORP\\idle2".into() },
    ];
    let fault = all[rng.usize(..all.len())].clone();
    let rule = FaultRule::on(PATHS[rng.usize(..PATHS.len())], fault);
    let rule = if rng.u32(..3) == 0 { rule.method("DELETE") } else { rule };
    // A seat that somebody uses just before a DELETE is nobody's fault: only there the oracle looks the other way.
    let rule =
        if matches!(rule.fault, Fault::UserLogsIn { .. }) { rule.method("DELETE") } else { rule };
    match rng.u32(..3) {
        0 => rule.times(1),
        1 => rule.times(rng.u32(2..12)),
        _ => rule,
    }
}

/// The fault's name, without its numbers.
pub(super) fn name(fault: &Fault) -> String {
    let text = format!("{fault:?}");
    match fault {
        Fault::Status { code, .. } => format!("Status {code}"),
        _ => text.split([' ', '{']).next().unwrap_or_default().to_owned(),
    }
}
