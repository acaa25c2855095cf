//! `qlikSenseVersion`: from the site's answer to everybody who is told of it.

use bursar::clock::Clock;
use bursar::config::Loaded;
use bursar::daemon::Daemon;
use bursar::event::Latest;
use bursar::license::Support;
use bursar::qrs::{Client, Connections, Patience};
use bursar::simulator::Scenario;
use serde_json::{Value, json};

use crate::support::influxd::{self, ADMIN, PASSWORD};
use crate::support::mosquitto::{Mosquitto, Subscriber};
use crate::support::process::{output, until};
use crate::support::receiver::Receiver;
use crate::support::setup::{Setup, influxdb_section, mqtt_section};

/// Simulated time a second: a minute takes a tenth of it.
const FAST: f64 = 600.0;

/// The monitor on the port of the simulated site, with more of its keys.
fn section(setup: &Setup, more: &str) -> String {
    format!(
        "  qlikSenseVersion:
    versionMonitor:
      enable: true
      frequency: every 1 minute
      port: {}
{more}",
        setup.site.addr().port()
    )
}

fn telling(receiver: &Receiver, influx: u16, broker: u16) -> String {
    let login = format!(
        "auth: {{enable: true, username: {ADMIN}, password: '{}'}}",
        PASSWORD.replace('\'', "''")
    );
    let influx = influxdb_section(influx, "versions")
        .replace("auth: {enable: false, username: '', password: ''}", &login);
    format!(
        "      destination:
        influxDb: {{enable: true, tag: {{static: [{{name: version_tag, value: first}}]}}}}
        mqtt: {{enable: true, sendRecurring: {{enable: true}}}}
        webhook: {{enable: true, sendRecurring: {{enable: true}}}}
  alert: {{destination: {{webhook: {{enable: true}}}}}}
  webhookNotification:
    enable: true
    qlikSenseVersion: {{webhooks: [{{webhookURL: '{}'}}]}}
    qlikSenseAlert: {{webhooks: [{{webhookURL: '{}'}}]}}
{}    bursarVersionTopic: site/version
{influx}",
        receiver.url("/version"),
        receiver.url("/alerts"),
        mqtt_section(broker),
    )
}

fn bodies(receiver: &Receiver, path: &str) -> Vec<Value> {
    receiver.taken(path).iter().map(|body| serde_json::from_str(body).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_and_its_change_reach_everybody() {
    let influx = influxd::shared().await;
    let broker = Mosquitto::plain().await;
    let subscriber = Subscriber::new(broker.port, "site/#").await;
    let receiver = Receiver::start().await;
    let setup = Setup::new(Scenario::default()).await;
    let table = "      endOfSupport: [{release: may 2024, date: '2020-01-31'}, {release: '14.200', date: '2999-01-01'}]\n";
    let more = section(&setup, table) + &telling(&receiver, influx.port, broker.port);
    let yaml = setup.yaml("every 1 hour", &(more + "  web: {enable: true, port: 0}\n"));
    let daemon =
        Daemon::start(setup.load(&yaml), Clock::fast(chrono::Utc::now(), FAST)).await.unwrap();

    let first = until("the version", async || bodies(&receiver, "/version").first().cloned()).await;
    for (name, value) in [
        ("event", "qlik sense version"),
        ("version", "14.187.4"),
        ("releaseLabel", "May 2024 Patch 4"),
        ("productName", "Qlik Sense"),
        ("deploymentType", "QlikSenseServer"),
        ("deprecatedProductVersion", "4.0.X"),
        ("senseId", "qliksenseserver:14.187.4"),
        ("contentHash", "6b1c8a7f7f0e4d3a9c5e2b1a0f9e8d7c"),
        ("copyrightYearRange", "1993-2024"),
        ("supportEnds", "2020-01-31"),
    ] {
        assert_eq!(first[name], value, "{name} in {first}");
    }
    assert_eq!((&first["outOfSupport"], &first["previousVersion"]), (&json!(true), &Value::Null));
    let told = until("an alert", async || {
        bodies(&receiver, "/alerts").into_iter().find(|b| b["rule"] == "versionUnsupported")
    })
    .await;
    assert_eq!(
        told["message"],
        "support of Qlik Sense May 2024 Patch 4 (14.187.4) ended on 2020-01-31"
    );

    setup.site.control().update_system_info(|info| {
        info["version"] = "14.200.1".into();
        info["releaseLabel"] = "November 2024".into();
    });
    let changed = until("an alert", async || {
        bodies(&receiver, "/alerts").into_iter().find(|b| b["rule"] == "versionChanged")
    })
    .await;
    assert_eq!(
        changed["message"],
        "Qlik Sense was 14.187.4 and is 14.200.1: November 2024 (14.200.1)"
    );
    assert_eq!(changed["severity"], "info");
    until("the end of the first alert", async || {
        let alerts = bodies(&receiver, "/alerts");
        let over = |b: &Value| b["rule"] == "versionUnsupported" && b["status"] == "resolved";
        alerts.iter().any(over).then_some(())
    })
    .await;
    // Alerts have a lane of their own and may come before what is recurring.
    let last = until("the other version", async || {
        bodies(&receiver, "/version").into_iter().find(|body| body["version"] == "14.200.1")
    })
    .await;
    assert_eq!(
        (&last["previousVersion"], &last["outOfSupport"]),
        (&json!("14.187.4"), &json!(false))
    );
    // A change is told once, however often the site is read after it.
    let changes =
        bodies(&receiver, "/alerts").into_iter().filter(|b| b["rule"] == "versionChanged");
    assert_eq!(changes.count(), 1);

    subscriber
        .until("the version on MQTT", |all| {
            all.iter().any(|message| message.topic == "site/version")
        })
        .await;
    until("the points", async || {
        let rows = influx.rows("versions", "SELECT * FROM qlik_sense_version").await;
        let last = rows.last()?;
        if last["version"] != "14.200.1" {
            return None;
        }
        for (field, text) in [
            ("content_hash", "6b1c8a7f7f0e4d3a9c5e2b1a0f9e8d7c"),
            ("sense_id", "qliksenseserver:14.187.4"),
            ("deployment_type", "QlikSenseServer"),
            ("release_label", "November 2024"),
            ("deprecated_product_version", "4.0.X"),
            ("product_name", "Qlik Sense"),
            ("copyright_year_range", "1993-2024"),
            ("version_tag", "first"),
            ("butler_instance", "prod"),
        ] {
            assert_eq!(last[field], text, "{field} in {last}");
        }
        Some(())
    })
    .await;
    let page = format!("http://{}/", daemon.page().unwrap());
    let page = reqwest::get(page).await.unwrap().text().await.unwrap();
    assert!(page.contains("Qlik Sense November 2024 (14.200.1), supported until 2999-01-01"));
    assert!(page.contains("was 14.187.4 until "));
    daemon.stop().await;

    let folder = setup.folder.path();
    let said = |args: &[&str]| {
        let out = output(args, folder);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let status = said(&["status", "-c", "bursar.yaml"]);
    assert!(
        status.contains("Qlik Sense November 2024 (14.200.1), supported until 2999-01-01"),
        "{status}"
    );
    assert!(status.contains("was 14.187.4 until "), "{status}");
    let json: Value =
        serde_json::from_str(&said(&["status", "-c", "bursar.yaml", "--json"])).unwrap();
    assert_eq!(json["sites"][0]["qlikSenseVersion"]["version"], "14.200.1");
    let check = output(&["check", "-c", "bursar.yaml"], folder);
    let check = String::from_utf8(check.stdout).unwrap();
    assert!(check.contains("site default: Qlik Sense version"), "{check}");
    let report = said(&["report", "-c", "bursar.yaml", "--format", "md"]);
    assert!(report.contains("November 2024 (14.200.1)"), "{report}");
}

/// What a site doesn't say is not known, and nothing fires or ends for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_says_less_is_not_taken_for_fine() {
    let setup = Setup::new(Scenario::default()).await;
    let table = "      endOfSupport: [{release: May 2024, date: '2020-01-31'}]\n";
    let yaml = setup.yaml("every 1 hour", &section(&setup, table));
    let loaded = setup.load(&yaml);
    setup.site.control().update_system_info(|info| {
        *info = json!({"productName": "Qlik Sense", "version": 14, "releaseLabel": null});
    });
    let daemon = Daemon::start(loaded, Clock::fast(chrono::Utc::now(), FAST)).await.unwrap();
    let kept = until("the version", async || {
        let kept = daemon.store().latest().await.unwrap();
        Latest::new(&kept, "default").version().map(|(_, version)| version.clone())
    })
    .await;
    assert_eq!((kept.version.as_deref(), kept.support()), (None, Support::Unknown));
    daemon.stop().await;
    let out = output(&["status", "-c", "bursar.yaml"], setup.folder.path());
    let status = String::from_utf8(out.stdout).unwrap();
    assert!(
        status.contains(
            "Qlik Sense not known, the site doesn't say its version, end of support not known"
        ),
        "{status}"
    );
}

fn client(setup: &Setup, loaded: &bursar::config::Settings) -> Client {
    let monitor = loaded.sites[0].version.as_ref().unwrap();
    assert_eq!(monitor.connection.port, setup.site.addr().port());
    Client::of_system("default", &monitor.connection, &Connections::unlimited()).unwrap()
}

#[tokio::test]
async fn the_answer_has_bounds() {
    let setup = Setup::new(Scenario::default()).await;
    let settings = setup.load(&setup.yaml("every 1 hour", &section(&setup, "")));
    let client = client(&setup, &settings);
    let control = setup.site.control();
    let ask = async || client.system_info(Patience::ONCE).await;

    control.update_system_info(|info| info["releaseLabel"] = "x".repeat(1_024).into());
    assert_eq!(ask().await.unwrap().release_label.unwrap().len(), 1_024);
    control.update_system_info(|info| info["releaseLabel"] = "x".repeat(1_025).into());
    assert_eq!(ask().await.unwrap().release_label, None);
    control.update_system_info(|info| info["more"] = "x".repeat(64 * 1024).into());
    let error = ask().await.unwrap_err();
    assert!(error.to_string().contains("64 KiB"), "{error}");
    for answer in [json!({}), json!({"version": ""}), json!([]), json!(null), json!("14.187.4")] {
        control.update_system_info(|info| *info = answer.clone());
        let error = ask().await.unwrap_err();
        assert_eq!(error.code(), "unexpected-shape", "{answer}: {error}");
        let said = error.to_string();
        assert!(said.contains("/v1/systeminfo") && said.contains("9032"), "{said}");
        assert!(!said.contains("4242"), "{said}");
    }
    let request = control.requests().pop().unwrap();
    assert_eq!(request.path, "/v1/systeminfo", "no key and no header of the repository");
}

fn load(text: &str) -> Result<Loaded, String> {
    let text = format!(
        "Butler:
  configQRS:
    host: qlik.example.com
    tlsServerName: qlik.internal
    headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=A; UserId=b}}]}}
  cert: {{clientCert: a, clientCertKey: b, clientCertCA: c}}
  qlikSenseVersion:
    versionMonitor: {text}
"
    );
    let env = bursar::config::FixedEnvironment {
        now: "2026-03-01T08:00:00Z".parse().unwrap(),
        ..Default::default()
    };
    bursar::config::load_text(&text, std::path::Path::new("x.yaml"), &env)
        .map_err(|problems| problems.to_string())
}

#[test]
fn its_settings() {
    let one = |text: &str| load(text).unwrap().settings.sites.remove(0);
    assert!(one("{enable: false}").version.is_none());
    let site = one("{enable: true}");
    let monitor = site.version.unwrap();
    let (own, qrs) = (&monitor.connection, &site.connection);
    assert_eq!((own.host.as_str(), own.port), ("qlik.example.com", 9032));
    assert_eq!((&own.tls_server_name, &own.client_cert), (&qrs.tls_server_name, &qrs.client_cert));
    assert!(own.reject_unauthorized && own.headers.is_empty() && monitor.end_of_support.is_empty());
    assert_eq!(monitor.schedule.text(), "every 24 hours");
    let other =
        one("{enable: true, host: other.example.com, port: 8080, rejectUnauthorized: false}");
    let own = other.version.unwrap().connection;
    assert_eq!(
        (own.host.as_str(), own.port, own.reject_unauthorized),
        ("other.example.com", 8080, false)
    );
    assert_eq!(own.tls_server_name, None);
    assert!(other.connection.reject_unauthorized);

    let wrong = load(
        "{enable: true, host: 'https://x', port: 0, frequency: every hour, endOfSupport: [{release: '', date: soon}, {release: May 2024, date: 2026-05-14}, {release: MAY 2024, date: '2026-05-15'}]}",
    );
    insta::assert_snapshot!(wrong.unwrap_err());
}
