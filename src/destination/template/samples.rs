//! An event of each kind, in the variations that matter to a template: with and without what may
//! be missing, and with names that break text that isn't escaped.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::event::{
    AlertNotice, AlertStatus, Body, ChangeCount, DaemonUptime, Event, ReleaseRefused, ReleaseRun,
    Rule, SeatActivity, SeatAnnounced, SeatChanges, SeatFacts, SeatReleased, SeatRestored,
    SeatWithdrawn, SeatsKept, Severity, TypeActivity,
};
use crate::ledger::{Head, Mode, RunStatus, SeatResult, Trigger, TypeCounts};
use crate::license::changes::{After, By, TimeFrom};
use crate::license::monitor_app::{AppHealth, MonitorApp};
use crate::license::pools::{MinutePool, SeatPool, TokenLoginPool, TokenTotals, TokenUserPool};
use crate::license::server::Kind;
use crate::license::version::VersionChange;
use crate::license::{
    Change, ChangeKind, Expiry, Holder, LicenseState, Moment, Pools, SeatType, SenseVersion,
    ServerLicense, ServerLicenseStatus,
};
use crate::policy::{Guard, Refusal};

/// A name that ends whatever it stands in, if it is let.
pub const NASTY: &str = "O\"Hara\\ 'x'\r\n\t<script>alert(1)</script> & {{site}} *b* 🦀\u{7}ü\\";

const RUN: &str = "0199b1c2-0000-7000-8000-000000000001";

/// What a message calls a sample: its kind, and what is special.
pub fn name(event: &Event) -> String {
    let kind = event.kind();
    match &event.body {
        Body::Alert(notice) => format!("{kind} ({})", notice.status.as_str()),
        Body::ServerLicenseStatus(status) | Body::ServerLicenseProblem(status) => {
            format!("{kind} ({})", status.state.as_str())
        }
        _ => kind.to_string(),
    }
}

/// All of them, those of one kind together.
pub fn all() -> Vec<Event> {
    let bodies = server_license().into_iter().chain(others()).chain(releases()).chain(seats());
    bodies.chain(alerts()).map(event).collect()
}

fn now() -> DateTime<Utc> {
    // 2026-11-24 06:00 UTC and 5 ms.
    DateTime::from_timestamp(1_795_500_000, 5_000_000).unwrap_or_default()
}

fn days_ago(days: i64) -> DateTime<Utc> {
    now() - chrono::TimeDelta::days(days)
}

fn event(body: Body) -> Event {
    Event {
        id: "0199b1c2-7a3b-7000-8000-0000000000aa".into(),
        site: "prod \"EU\"".into(),
        time: now(),
        body,
        notice: None,
    }
}

fn server_license() -> Vec<Body> {
    let status = |expiry: Expiry, days: Option<i64>, state| ServerLicenseStatus {
        expiry_date: match expiry {
            Expiry::On(date) => Some(date),
            _ => None,
        },
        license: ServerLicense::new(
            if state == LicenseState::None { Kind::None } else { Kind::SignedKey },
            expiry,
        ),
        state,
        expired: state == LicenseState::Expired,
        days_until_expiry: days,
        days_until_start: None,
        threshold_days: 60,
    };
    let on = |days: i64| Expiry::On((now() + chrono::TimeDelta::days(days)).date_naive());
    let unreadable = || Expiry::Unreadable(NASTY.into());
    vec![
        Body::ServerLicenseStatus(status(on(29), Some(29), LicenseState::Expiring)),
        Body::ServerLicenseStatus(status(Expiry::Perpetual, None, LicenseState::Perpetual)),
        Body::ServerLicenseExpiring(status(on(29), Some(29), LicenseState::Expiring)),
        Body::ServerLicenseExpired(status(on(-3), Some(-3), LicenseState::Expired)),
        // The server says so, whatever the date.
        Body::ServerLicenseExpired(status(Expiry::Unknown, None, LicenseState::Expired)),
        Body::ServerLicenseProblem(status(unreadable(), None, LicenseState::ExpiryUnreadable)),
        Body::ServerLicenseProblem(status(Expiry::Unknown, None, LicenseState::ExpiryUnknown)),
        Body::ServerLicenseProblem(status(on(29), Some(29), LicenseState::Invalid)),
        Body::ServerLicenseProblem(status(on(29), Some(29), LicenseState::Blacklisted)),
        Body::ServerLicenseProblem(status(Expiry::Unknown, None, LicenseState::None)),
    ]
}

fn others() -> Vec<Body> {
    let seats = SeatPool {
        enabled: true,
        total: 120.0,
        allocated: 97.0,
        available: 23.0,
        used: 80.0,
        quarantined: 2.0,
        excess: 0.0,
    };
    let pools = Pools {
        professional: Some(seats),
        analyzer: Some(seats),
        analyzer_capacity: Some(MinutePool {
            enabled: true,
            allocated_minutes: 6_000.0,
            used_minutes: 1_234.5,
            unavailable_minutes: 0.0,
        }),
        token_user: None,
        token_login: None,
        tokens: None,
    };
    let tokens = Pools {
        token_user: Some(TokenUserPool {
            enabled: true,
            token_cost: 1.0,
            allocated_tokens: 20.0,
            used_tokens: 12.0,
            quarantined_tokens: 1.0,
        }),
        token_login: Some(TokenLoginPool {
            enabled: true,
            token_cost: 1.0,
            allocated_tokens: 5.0,
            used_tokens: 2.0,
            unavailable_tokens: 0.0,
        }),
        tokens: Some(TokenTotals { enabled: true, total_tokens: 50.0, available_tokens: 25.0 }),
        ..Pools::default()
    };
    let app = MonitorApp {
        health: AppHealth::Failed,
        text: format!("the last reload failed: {NASTY}"),
        app: None,
        task: None,
        last_run: None,
        data_from: Some(days_ago(2)),
        running_since: None,
        next_run: None,
        failures: 2,
        cause: None,
        errors: vec![NASTY.into()],
        hint: Some("look at the log".into()),
        notes: vec![],
        stale_hours: 24,
        running_long_minutes: 60,
    };
    let version = SenseVersion {
        version: Some("14.187.4".into()),
        release_label: Some(format!("May 2024 {NASTY}")),
        product_name: Some("Qlik Sense".into()),
        change: Some(VersionChange {
            from: "14.178.2".into(),
            to: "14.187.4".into(),
            seen: days_ago(1),
        }),
        support_watched: true,
        support_ends: Some(days_ago(3).date_naive()),
        ..SenseVersion::default()
    };
    vec![
        Body::AccessLicenseStatus(pools),
        Body::AccessLicenseStatus(tokens),
        Body::MonitorApp(app),
        Body::QlikSenseVersion(version),
        Body::QlikSenseVersion(SenseVersion::default()),
        Body::DaemonUptime(DaemonUptime {
            version: "0.1.0".into(),
            seconds: 266_400,
            memory_bytes: Some(14_200_000),
        }),
    ]
}

fn holder() -> Holder {
    Holder {
        id: Uuid::from_u128(0xa),
        directory: "CORP".into(),
        user_id: NASTY.into(),
        name: NASTY.into(),
    }
}

fn counts() -> TypeCounts {
    TypeCounts {
        seat_type: SeatType::Analyzer,
        seats: 100,
        planned: 12,
        released: 9,
        quarantined: 2,
        announced: 1,
        kept: 87,
        changed: 1,
        refused: 1,
        gone: 1,
        taken_before: 0,
        unclear: 0,
        kept_by_reason: [("never-used".to_owned(), 17), ("used".to_owned(), 70)].into(),
    }
}

fn releases() -> Vec<Body> {
    let seat = || SeatFacts {
        run: RUN.into(),
        rehearsal: false,
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(0x5ea7),
        holder: holder(),
        created: Moment::At(days_ago(633)),
        last_used: Moment::At(days_ago(43)),
        idle_days: 43,
    };
    let never = SeatFacts { last_used: Moment::Never, ..seat() };
    let until = Moment::At(now() + chrono::TimeDelta::days(7));
    let refusal = |seat_type| Refusal {
        guard: Guard::Percent,
        seat_type,
        saw: format!("60 of 100 seats would go, {NASTY}"),
        fix: "see whether the directory sync works".into(),
    };
    let run = |status, why: Option<&str>| ReleaseRun {
        run: RUN.into(),
        mode: Mode::Real,
        trigger: match why {
            None => Trigger::Schedule,
            Some(_) => Trigger::Command { user: NASTY.into(), process: None },
        },
        status,
        started: now(),
        ended: now(),
        types: vec![counts()],
        plan_digest: why.is_none().then(|| "ab".repeat(32)),
        ledger: Head { seq: 77, hash: "cd".repeat(32) },
        why: why.map(Into::into),
        refusals: Vec::new(),
    };
    let (run_id, rehearsal) = (RUN.to_owned(), false);
    vec![
        Body::SeatReleased(SeatReleased { seat: seat(), result: SeatResult::Freed, late: false }),
        Body::SeatReleased(SeatReleased {
            seat: never,
            result: SeatResult::Quarantined { until },
            late: false,
        }),
        Body::SeatAnnounced(SeatAnnounced { seat: seat(), due: now() }),
        Body::SeatWithdrawn(SeatWithdrawn { seat: seat(), why: NASTY.into() }),
        Body::SeatRestored(SeatRestored { seat: seat() }),
        Body::ReleaseRefused(ReleaseRefused {
            run: run_id.clone(),
            rehearsal,
            refusals: vec![refusal(Some(SeatType::Analyzer)), refusal(None)],
        }),
        Body::SeatsKept(SeatsKept { run: run_id, rehearsal, types: vec![counts()] }),
        Body::ReleaseRun(run(RunStatus::Done, None)),
        Body::ReleaseRun(run(RunStatus::Broken, Some(NASTY))),
    ]
}

fn seats() -> Vec<Body> {
    let activity = SeatActivity {
        types: vec![TypeActivity { seat_type: SeatType::Analyzer, ..TypeActivity::nothing() }],
        ..SeatActivity::default()
    };
    let change = Change {
        kind: ChangeKind::Allocated,
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(0x5ea7),
        holder: Some(holder()),
        deleted_user: None,
        after: After::Held,
        from: None,
        time: now(),
        time_from: TimeFrom::CreatedDate,
        by: By::Someone { user: NASTY.into() },
        released_before: Some(days_ago(3)),
        initial: false,
    };
    let count = ChangeCount {
        seat_type: SeatType::Analyzer,
        kind: ChangeKind::Allocated,
        count: 1,
        churn: 1,
        by_bursar: 0,
    };
    let unknown = Change { holder: None, by: By::Unknown, released_before: None, ..change.clone() };
    let changes = SeatChanges { counts: vec![count], changes: vec![change, unknown], omitted: 0 };
    vec![Body::SeatActivity(activity), Body::SeatChanges(changes)]
}

/// One that fires, with figures, and one that is over, without any.
fn alerts() -> Vec<Body> {
    let facts = json!({ "seatType": "professional", "free": 3, "total": 120, "percent": 97.5 });
    let firing = AlertNotice {
        rule: Rule::SeatsLow,
        subject: "professional".into(),
        fingerprint: "9f86d081884c7d65".into(),
        status: AlertStatus::Firing,
        severity: Severity::Warning,
        title: format!("Professional seats are low {NASTY}"),
        text: format!("3 of 120 Professional seats are free {NASTY}"),
        hint: "see who has not used a seat for long: bursar release plan".into(),
        since: days_ago(2),
        resolved: None,
        repeats: 2,
        facts: match facts {
            Value::Object(map) => map,
            _ => Map::new(),
        },
        destinations: None,
        silenced: None,
        test: false,
    };
    let resolved = AlertNotice {
        status: AlertStatus::Resolved,
        hint: String::new(),
        resolved: Some(now()),
        facts: Map::new(),
        ..firing.clone()
    };
    let bare =
        AlertNotice { subject: String::new(), severity: Severity::Critical, ..resolved.clone() };
    let info = AlertNotice { severity: Severity::Info, repeats: 0, ..firing.clone() };
    vec![Body::Alert(firing), Body::Alert(info), Body::Alert(resolved), Body::Alert(bare)]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::event::Kind as EventKind;

    #[test]
    fn there_is_one_of_each_kind() {
        let kinds: BTreeSet<EventKind> = all().iter().map(Event::kind).collect();
        assert_eq!(kinds, EventKind::ALL.into());
    }
}
