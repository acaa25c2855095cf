//! Templates as the settings have them: what is wrong is said when they are loaded, what is right
//! is what arrives.

use std::path::Path;

use bursar::config::{FixedEnvironment, Loaded, Problems, load_text};
use bursar::destination::template::samples;
use bursar::destination::webhook::{SIGNATURE_HEADER, Webhook, signature};
use bursar::destination::{Destination, Outcome};
use bursar::event::route::{Routes, Site};
use bursar::event::{Body, Channel, Event, SendSwitch, Switches};
use serde_json::Value;

use crate::support::receiver::{Mood, Receiver};

/// `more`: the keys of the one webhook of server license alerts, in flow style.
fn load(more: &str, mqtt: &str) -> Result<Loaded, Problems> {
    load_to("https://hooks.example.com/x", more, mqtt)
}

fn load_to(url: &str, more: &str, mqtt: &str) -> Result<Loaded, Problems> {
    let text = format!(
        "Butler:
  configQRS:
    host: qlik.example.com
    headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_repository}}]}}
  cert: {{clientCert: a.pem, clientCertKey: b.pem, clientCertCA: c.pem}}
  qlikSenseLicense:
    serverLicenseMonitor:
      enable: true
      destination:
        webhook: {{enable: true, sendAlert: {{enable: true}}}}
        mqtt: {{enable: true, sendAlert: {{enable: true}}}}
  webhookNotification:
    enable: true
    qlikSenseServerLicenseExpiryAlert:
      webhooks:
        - webhookURL: {url}
{more}
  mqttConfig:
    enable: true
    brokerHost: mqtt.example.com
{mqtt}
"
    );
    let mut env = FixedEnvironment {
        now: chrono::DateTime::from_timestamp(1_795_500_000, 0).unwrap(),
        ..FixedEnvironment::default()
    };
    env.files.insert("mail/alert.hbs".into(), "line one\n  {{alert.tiltle}}\n".into());
    env.files.insert("mail/good.hbs".into(), "{\"text\": \"{{alert.text}}\"}".into());
    env.variables.insert("KEY".into(), "secret-key".into());
    load_text(&text, Path::new("bursar.yaml"), &env)
}

fn problems(more: &str, mqtt: &str) -> String {
    match load(more, mqtt) {
        Ok(loaded) => {
            let files = loaded.files(chrono::Utc::now()).problems;
            let missing = files.iter().find(|problem| problem.path.ends_with(".templateFile"));
            missing.map_or_else(|| "fine".into(), ToString::to_string)
        }
        Err(problems) => {
            problems.errors().map(|p| format!("{p}\n")).collect::<String>().trim().into()
        }
    }
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    let all = [
        problems("          template: slak", ""),
        problems("          template: pagerduty", ""),
        problems("          template: '{\"text\": \"{{alert.text}\"}'", ""),
        problems("          template: '{\"days\": {{daysUntilExpiry}}}'", ""),
        problems("          template: '{\"t\": \"{{{message}}}\"}'", ""),
        problems("          templateFile: mail/alert.hbs\n          contentType: text/plain", ""),
        problems("          templateFile: mail/none.hbs", ""),
        problems("          templateFile: mail/good.hbs\n          template: slack", ""),
        problems("          template: slack\n          httpMethod: GET", ""),
        problems(
            "          template: '{{alert.text}}'\n          contentType: \"text/\\nplain\"",
            "",
        ),
        problems(
            "          template: '{\"k\": \"{{values.key}}\", }'\n          values: [{name: key, value: '${env:KEY}'}, {name: 'a b', value: x}]",
            "",
        ),
        problems("", "    templates: {qlikSenseServerLicenseExpire: {template: '{{alert.txt}}'}}"),
        problems("", "    templates: {bursarAlert: {template: '{{licenseExpired}}'}}"),
        problems("", "    templates: {alert: {template: slack}}"),
    ];
    let all = all.join("\n");
    assert!(!all.contains("secret-key"));
    insta::assert_snapshot!(all, @r#"
    bursar.yaml:17:21: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].template: "slak" is not the name of a shipped template; write slack, teams, pagerduty, alertmanager, or the template itself
    bursar.yaml:17:21: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].template: line 4, column 19 of the template: it fails on serverLicenseExpiring: there is no "values.routingKey" in this event; add routingKey to the values of this template
    bursar.yaml:17:21: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].template: line 1, column 23 of the template: it can't be read from here on; see that every {{ has its }} and every block its end, such as {{/if}}
    bursar.yaml:17:21: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].template: it fails on serverLicenseExpired: what it makes is no JSON: expected value at line 1, column 10, after: {"days": }; write texts as "{{name}}", and numbers, lists and what may be null as {{json name}}
    bursar.yaml:17:21: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].template: it fails on serverLicenseProblem (expiry-unreadable): what it makes is no JSON: expected `,` or `}` at line 1, column 83, after: has an end date that can't be read for certain: "O; write texts as "{{name}}", and numbers, lists and what may be null as {{json name}}
    bursar.yaml:17:25: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].templateFile: mail/alert.hbs:2:3: it fails on serverLicenseExpiring: there is no "alert.tiltle" in this event; did you mean alert.title? or write {{default NAME ""}} or {{#if (has NAME)}} for what not every event has; all names are in docs/templates-reference.md
    bursar.yaml:17:25: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].templateFile: cannot read mail/none.hbs: entity not found; write a path from the working directory or from the folder of this file, or a full one
    bursar.yaml:17:25: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].templateFile: there is template, too; keep one of them
    bursar.yaml:17:21: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].template: a GET call has no body, so there is nothing to make from a template; set httpMethod to POST or PUT, or remove the template
    bursar.yaml:18:24: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].contentType: "text/ plain" is not a content type; write application/json, text/plain or the like
    bursar.yaml:17:21: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].template: it fails on serverLicenseExpiring: what it makes is no JSON: key must be a string at line 1, column 14, after: {"k": "***", }; write texts as "{{name}}", and numbers, lists and what may be null as {{json name}}
    bursar.yaml:18:61: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].values[1].name: "a b" can't be a name in a template; use letters, digits and _, with a letter first
    bursar.yaml:21:58: Butler.mqttConfig.templates.qlikSenseServerLicenseExpire.template: line 1, column 1 of the template: it fails on serverLicenseExpiring: there is no "alert.txt" in this event; did you mean alert.text? or write {{default NAME ""}} or {{#if (has NAME)}} for what not every event has; all names are in docs/templates-reference.md
    bursar.yaml:21:41: Butler.mqttConfig.templates.bursarAlert.template: line 1, column 1 of the template: it fails on alert (firing): there is no "licenseExpired" in this event; write {{default NAME ""}} or {{#if (has NAME)}} for what not every event has; all names are in docs/templates-reference.md
    bursar.yaml:21:17: Butler.mqttConfig.templates.alert: this is not a setting; remove it; the known ones are in docs/configuration.md
    "#);
}

#[test]
fn what_is_right_is_taken() {
    let loaded = load(
        "          template: pagerduty\n          values: [{name: routingKey, value: '${env:KEY}'}]",
        "    templates: {qlikSenseServerLicenseExpire: {template: '{{upper alert.severity}}: {{alert.text}}'}}",
    )
    .unwrap_or_else(|e| panic!("{e}"));
    let webhook = &loaded.settings.destinations.webhooks[0];
    let template = webhook.template.as_ref().unwrap();
    assert_eq!(
        (template.source.name.as_str(), template.content_type.as_str()),
        ("pagerduty", "application/json")
    );
    assert!(!format!("{template:?}").contains("secret-key"));
    assert!(loaded.settings.destinations.mqtt.unwrap().templates.server_license_alert.is_some());
    // A text without a template keeps the built-in form.
    assert!(load("", "").unwrap().settings.destinations.webhooks[0].template.is_none());
}

fn webhook(url: &str, more: &str) -> Webhook {
    let loaded = load_to(url, more, "").unwrap_or_else(|e| panic!("{e}"));
    let switches = Switches::default().with(Channel::Webhook, SendSwitch::ON);
    let site = Site { server_license: Some(switches), ..Site::default() };
    let routes = Routes { named_sites: false, sites: [(expiring().site, site)].into() };
    Webhook::new(&loaded.settings.destinations.webhooks[0], routes).unwrap()
}

fn expiring() -> Event {
    let is = |event: &Event| matches!(event.body, Body::ServerLicenseExpiring(_));
    samples::all().into_iter().find(is).unwrap()
}

#[tokio::test]
async fn what_arrives_is_what_the_template_makes_and_the_signature_is_of_that() {
    let receiver = Receiver::start().await;
    let webhook = webhook(
        &receiver.url("/x"),
        "          templateFile: mail/good.hbs\n          contentType: application/vnd.x+json\n          hmacKey: k",
    );
    assert_eq!(webhook.deliver(&[expiring()]).await, [Outcome::Done]);
    let call = receiver.calls().remove(0);
    let body: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"text": "Qlik Sense server license is about to expire in 29 days, on 2026-12-23"})
    );
    let header = |name: &str| call.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/vnd.x+json");
    let key = bursar::secret::Secret::new("k");
    assert_eq!(header(SIGNATURE_HEADER), signature(&key, call.body.as_bytes()));
}

/// A template that worked on every sample and fails on the real thing all the same.
#[tokio::test]
async fn an_event_that_a_template_fails_on_goes_out_as_built_in() {
    let receiver = Receiver::start().await;
    let template =
        "          template: '{{#if (eq alert.facts.daysUntilExpiry 5)}}{{nope}}{{/if}}[]'";
    let webhook = webhook(&receiver.url("/x"), template);
    let mut event = expiring();
    if let Body::ServerLicenseExpiring(status) = &mut event.body {
        status.days_until_expiry = Some(5);
    }
    assert_eq!(webhook.deliver(&[expiring(), event.clone()]).await, [Outcome::Done, Outcome::Done]);
    let calls = receiver.calls();
    assert_eq!(calls[0].body, "[]");
    let body: Value = serde_json::from_str(&calls[1].body).unwrap();
    assert_eq!(body["event"], "server license about to expire alert");
    assert_eq!(body["daysUntilExpiry"], 5);

    // A receiver that takes only its own form leaves a dead letter with both reasons.
    receiver.set(Mood::Status(400));
    let outcomes = webhook.deliver(&[event]).await;
    let [Outcome::Refused { why }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(
        why.contains("400") && why.contains("the template failed") && why.contains("nope"),
        "{why}"
    );
}
