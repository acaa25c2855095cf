//! What leaves of the app: payload, schema, point.

use bursar::destination::influxdb::points::points;
use bursar::destination::payload::json;
use bursar::event::{Body, Class, Event, Kind, Monitor, UserTag};
use bursar::license::monitor_app::{AppRun, TaskName, TaskStatus};

use super::*;
use crate::payloads::{assert_as_its_schema_says, schema_errors};

fn failed() -> bursar::license::monitor_app::MonitorApp {
    bursar::license::monitor_app::MonitorApp {
        health: AppHealth::Failed,
        text: "the reload failed".into(),
        app: Some(bursar::license::monitor_app::AppName {
            id: uuid::Uuid::from_u128(1),
            name: "License Monitor".into(),
            stream: Some("Monitoring apps".into()),
        }),
        task: Some(TaskName {
            id: uuid::Uuid::from_u128(2),
            name: "Reload License Monitor".into(),
            enabled: true,
        }),
        last_run: Some(AppRun {
            id: Some(uuid::Uuid::from_u128(3)),
            status: 8,
            status_name: TaskStatus(8).to_string(),
            start: Some(now() - TimeDelta::minutes(30)),
            stop: Some(now() - TimeDelta::minutes(29)),
            seconds: Some(60.0),
            node: Some("qlik01".into()),
        }),
        data_from: Some(now() - TimeDelta::minutes(90)),
        running_since: None,
        next_run: Some(now() + TimeDelta::minutes(30)),
        failures: 1,
        cause: Some(Cause::Unauthorized),
        errors: vec!["Error: 401".into()],
        hint: Some("set the password".into()),
        notes: vec!["a note".into()],
        stale_hours: 24,
        running_long_minutes: 120,
    }
}

/// Nothing is known but that nothing is there.
fn missing() -> bursar::license::monitor_app::MonitorApp {
    bursar::license::monitor_app::MonitorApp {
        health: AppHealth::Missing,
        app: None,
        task: None,
        last_run: None,
        data_from: None,
        next_run: None,
        failures: 0,
        cause: None,
        errors: Vec::new(),
        notes: Vec::new(),
        ..failed()
    }
}

fn event(app: bursar::license::monitor_app::MonitorApp) -> Event {
    Event {
        id: "0199-id".into(),
        site: "prod".into(),
        time: now(),
        body: Body::MonitorApp(app),
        notice: None,
    }
}

#[test]
fn the_event_survives_the_outbox() {
    for app in [failed(), missing()] {
        let event = event(app);
        let stored = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&stored).unwrap(), event);
        assert_eq!((event.monitor(), event.class()), (Monitor::App, Class::Recurring));
    }
}

#[test]
fn the_payload() {
    let payload = serde_json::to_string(&json(&event(failed()), false)).unwrap();
    insta::assert_snapshot!(payload, @r#"{"health":"failed","healthy":false,"text":"the reload failed","hint":"set the password","app":{"id":"00000000-0000-0000-0000-000000000001","name":"License Monitor","stream":"Monitoring apps"},"task":{"id":"00000000-0000-0000-0000-000000000002","name":"Reload License Monitor","enabled":true},"lastRun":{"id":"00000000-0000-0000-0000-000000000003","status":8,"statusName":"FinishedFail","start":"2026-01-10T11:30:00.000Z","stop":"2026-01-10T11:31:00.000Z","seconds":60.0,"node":"qlik01"},"dataFrom":"2026-01-10T10:30:00.000Z","dataAgeHours":1.5,"runningSince":null,"nextRun":"2026-01-10T12:30:00.000Z","failures":1,"cause":"unauthorized","errors":["Error: 401"],"notes":["a note"],"staleHours":24,"runningLongMinutes":120,"time":"2026-01-10T12:00:00.000Z","eventId":"0199-id"}"#);
}

#[test]
fn the_payload_is_as_its_schema_says() {
    for app in [failed(), missing()] {
        assert_as_its_schema_says(&event(app));
    }
    // Every word that may stand there is in the schema.
    for &health in AppHealth::ALL {
        let payload =
            json(&event(bursar::license::monitor_app::MonitorApp { health, ..failed() }), false);
        assert_eq!(schema_errors(Kind::MonitorApp, &payload), Vec::<String>::new());
    }
    for &cause in Cause::ALL {
        let app = bursar::license::monitor_app::MonitorApp { cause: Some(cause), ..failed() };
        assert_eq!(schema_errors(Kind::MonitorApp, json(&event(app), false)), Vec::<String>::new());
        let word = serde_json::to_value(cause).unwrap();
        assert_eq!(word, cause.as_str());
    }
}

#[test]
fn a_site_is_one_series() {
    let lines: Vec<_> = [failed(), missing()]
        .into_iter()
        .flat_map(|app| {
            let event = event(app);
            assert!(event.kind().has_figures());
            points(&event, vec![("env".into(), "prod".into())], UserTag::Name)
        })
        .map(|point| point.to_line().unwrap())
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    bursar_monitor_app,env=prod health="failed",healthy=false,cause="unauthorized",data_age_hours=1.5,last_status=8,last_run_seconds=60,failures=1,errors=1 1768046400000000000
    bursar_monitor_app,env=prod health="missing",healthy=false,cause="none",failures=0,errors=0 1768046400000000000
    "#);
}
