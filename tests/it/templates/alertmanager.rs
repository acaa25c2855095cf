//! The shipped template against a real Alertmanager.

use std::time::Duration;

use bursar::event::{Body, Event, Severity};
use chrono::{TimeDelta, Utc};
use serde_json::Value;

use super::{samples, shipped_template};
use crate::support::guarded::Guarded;

struct Alertmanager {
    _server: Guarded,
    base: String,
    client: reqwest::Client,
}

impl Alertmanager {
    async fn start() -> Self {
        bursar::tls::install_provider();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let arguments = |dir: &std::path::Path, port: u16| {
            let config = dir.join("alertmanager.yml");
            std::fs::write(&config, "route: {receiver: none}\nreceivers: [{name: none}]\n")
                .unwrap();
            vec![
                format!("--config.file={}", config.display()),
                format!("--storage.path={}", dir.join("data").display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
                "--cluster.listen-address=".to_owned(),
            ]
        };
        let probe = client.clone();
        let ready = |port: u16| {
            let call = probe.get(format!("http://127.0.0.1:{port}/-/ready")).send();
            async move { call.await.is_ok_and(|answer| answer.status().is_success()) }
        };
        let (server, port) =
            Guarded::start("prometheus-alertmanager", "prometheus-alertmanager", arguments, ready)
                .await;
        Self { _server: server, base: format!("http://127.0.0.1:{port}/api/v2/alerts"), client }
    }

    async fn post(&self, event: &Event) {
        let body = shipped_template("alertmanager").render(event).unwrap();
        let call = self.client.post(&self.base).header("content-type", "application/json");
        let answer = call.body(body.clone()).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{status} {text}\n{body}");
    }

    /// Severity and description of the alerts it has.
    async fn alerts(&self) -> Vec<(String, String)> {
        let text = self.client.get(&self.base).send().await.unwrap().text().await.unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let alerts = json.as_array().unwrap().iter();
        alerts
            .map(|a| (text(&a["labels"]["severity"]), text(&a["annotations"]["description"])))
            .collect()
    }
}

/// A firing alert of now: Alertmanager goes by its own clock.
fn firing(severity: Severity) -> Event {
    let mut event = samples::all().into_iter().find(|e| matches!(e.body, Body::Alert(_))).unwrap();
    event.time = Utc::now();
    if let Body::Alert(notice) = &mut event.body {
        notice.severity = severity;
        notice.since = event.time - TimeDelta::hours(1);
    }
    event
}

fn resolved(severity: Severity) -> Event {
    let mut event = firing(severity);
    if let Body::Alert(notice) = &mut event.body {
        notice.status = bursar::event::AlertStatus::Resolved;
        notice.resolved = Some(event.time);
    }
    event
}

#[tokio::test]
async fn an_alert_shows_up_and_its_end_ends_it() {
    let server = Alertmanager::start().await;
    server.post(&firing(Severity::Warning)).await;
    let alerts = server.alerts().await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0].0, "warning");
    assert!(alerts[0].1.contains("<script>alert(1)</script> & {{site}}"), "{alerts:?}");

    // The same again, and worse: still one alert.
    server.post(&firing(Severity::Warning)).await;
    server.post(&firing(Severity::Critical)).await;
    let alerts = server.alerts().await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0].0, "critical");

    server.post(&resolved(Severity::Critical)).await;
    assert_eq!(server.alerts().await, []);
}

#[tokio::test]
async fn it_takes_everything_that_the_template_makes() {
    let server = Alertmanager::start().await;
    for event in super::events() {
        server.post(&event).await;
    }
}
