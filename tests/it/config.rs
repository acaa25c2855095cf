//! The settings: the shipped files, a whole Butler file, and what is said about broken ones.

#![expect(clippy::unwrap_used, reason = "a test that can't go on may panic")]

mod channels;
mod cost;
mod defaults;
mod destinations;
mod email;
mod older;
mod release;
mod seats;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bursar::config::{FixedEnvironment, Loaded, Problems, explain, load_text};
use bursar::destination::influxdb::settings::InfluxVersion;
use bursar::destination::mqtt::settings::MqttProtocol;
use bursar::event::Channel;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn environment() -> FixedEnvironment {
    FixedEnvironment { now: "2026-11-24T12:00:00Z".parse().unwrap(), ..Default::default() }
}

fn read(name: &str) -> Result<Loaded, Problems> {
    let text = std::fs::read_to_string(repository().join(name)).unwrap();
    load_text(&text, Path::new(name), &environment())
}

fn warnings(loaded: &Loaded) -> String {
    loaded.warnings.iter().map(|w| format!("{w}\n")).collect()
}

#[test]
fn the_short_config_loads() {
    let loaded = read("config/bursar.yaml").unwrap();
    assert_eq!(warnings(&loaded), "");
    let site = &loaded.settings.sites[0];
    assert_eq!(site.connection.tls_server_name.as_deref(), Some("qlik01.example.com"));
    assert!(site.server_license.is_some() && site.access_license.is_some());
}

#[test]
fn the_butler_shaped_config_loads() {
    let loaded = read("config/butler-shaped.yaml").unwrap();
    insta::assert_snapshot!(warnings(&loaded), @r#"
    config/butler-shaped.yaml:169:25: warning: Butler.configQRS.rejectUnauthorized: the server's certificate is not verified: anybody in between can read and change what is sent; set it to true, and tlsServerName to the name in the server's certificate
    "#);
    let settings = &loaded.settings;
    assert!(settings.destinations.influxdb.is_some() && settings.destinations.mqtt.is_some());
    assert_eq!(settings.destinations.webhooks.len(), 3);
    assert_eq!(settings.unimplemented, Vec::<String>::new());
}

/// Compares a committed file with what the code makes of it, or writes it.
pub fn generated(name: &str, text: &str) {
    let path = repository().join(name);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        committed == text,
        "{name} is not what the code makes; write it anew with: \
         UPDATE_GENERATED=1 cargo test --test it -- config:: templates:: payloads::"
    );
}

#[test]
fn the_reference_page_is_up_to_date() {
    generated("docs/configuration.md", &bursar::config::reference_markdown());
}

#[test]
fn the_schema_is_up_to_date() {
    generated("config/bursar.schema.json", &bursar::config::json_schema());
}

#[test]
fn the_annotated_example_loads() {
    let text = bursar::config::default_yaml();
    let loaded = load_text(&text, Path::new("default.yaml"), &environment());
    let loaded = loaded.unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert!(!loaded.settings.sites.is_empty());
}

#[test]
fn a_whole_butler_file_loads_unchanged() {
    let loaded = read("tests/data/config/butler16-full.yaml").unwrap();
    insta::assert_snapshot!(warnings(&loaded), @r"
    tests/data/config/butler16-full.yaml:212:27: warning: Butler.qlikSenseVersion.versionMonitor.rejectUnauthorized: the server's certificate is not verified: anybody in between can change what is said; set it to true
    tests/data/config/butler16-full.yaml:1092:25: warning: Butler.configQRS.rejectUnauthorized: the server's certificate is not verified: anybody in between can read and change what is sent; set it to true, and tlsServerName to the name in the server's certificate
    ");
    let settings = &loaded.settings;
    insta::assert_snapshot!(settings.unimplemented.join(" "), @"anonTelemetry systemInfo configVisualisation uptimeMonitor.storeNewRelic thirdPartyToolsCredentials influxDb.reloadTaskFailure influxDb.reloadTaskSuccess influxDb.userSyncTaskSuccess influxDb.userSyncTaskFailure influxDb.externalProgramTaskSuccess influxDb.externalProgramTaskFailure influxDb.distributeTaskSuccess influxDb.distributeTaskFailure influxDb.preloadTaskSuccess influxDb.preloadTaskFailure scriptLog qlikSenseUrls genericUrls teamsNotification slackNotification emailNotification incidentTool webhookNotification.reloadTaskFailure webhookNotification.reloadTaskAborted webhookNotification.serviceMonitor scheduler keyValueStore mqttConfig.taskFailureSendFull mqttConfig.taskAbortedSendFull mqttConfig.subscriptionRootTopic mqttConfig.taskStartTopic mqttConfig.taskFailureTopic mqttConfig.taskFailureFullTopic mqttConfig.taskFailureServerStatusTopic mqttConfig.taskAbortedTopic mqttConfig.taskAbortedFullTopic mqttConfig.serviceRunningTopic mqttConfig.serviceStoppedTopic mqttConfig.serviceStatusTopic mqttConfig.qlikSenseCloud udpServerConfig restServerConfig fileMoveApprovedDirectories restServerApiDocGenerate restServerEndpointsEnable restServerEndpointsConfig startTaskFilter serviceMonitor qlikSenseCloud configEngine configDirectories");
    assert_eq!(settings.destinations.webhooks.len(), 3);
    let site = &settings.sites[0];
    assert_eq!((site.name.as_str(), settings.named_sites), ("default", false));
    let server = site.server_license.as_ref().unwrap();
    assert_eq!((server.threshold_days, server.schedule.text()), (45, "every 24 hours"));
    assert!(
        server.destination.of(Channel::InfluxDb).is_on()
            && server.destination.of(Channel::Mqtt).alert
    );
    let version = &settings.destinations.influxdb.as_ref().unwrap().version;
    assert!(matches!(version, InfluxVersion::V2 { retention, .. } if *retention == days(10)));
}

fn days(days: u64) -> std::time::Duration {
    std::time::Duration::from_secs(days * 86_400)
}

#[test]
fn every_error_is_reported_at_once() {
    let problems = read("tests/data/config/many-errors.yaml").unwrap_err();
    let text = problems.to_string().replace("tests/data/config/", "");
    assert!(!text.contains("secret-"), "{text}");
    insta::assert_snapshot!(text, @r#"
    many-errors.yaml:3:13: Butler.logLevel: "loud" is not one of the choices; write error, warn, info, verbose, debug, silly or trace
    many-errors.yaml:4:16: Butler.fileLogging: expected true or false, found "yes"; write true
    many-errors.yaml:5:13: Butler.timeZone: "Europe/Stokholm" is not a time zone; did you mean Europe/Stockholm?
    many-errors.yaml:6:3: Butler.logLevel: the key is there twice, first in line 3; keep one of them
    many-errors.yaml:9:18: Butler.storage.outbox.maxEvents: 0 is not a possible value; write 1 or more
    many-errors.yaml:10:19: Butler.storage.outbox.maxAgeDays: expected a whole number, found "thirty"; write a whole number
    many-errors.yaml:12:21: Butler.configQRS.authentication: "ntlm" is not one of the choices; write certificates, jwt or header
    many-errors.yaml:13:11: Butler.configQRS.host: "https://qlik.example.com" is not a name or address; write the name or IP address alone, without scheme and path
    many-errors.yaml:14:11: Butler.configQRS.port: expected a whole number, found "4242"; write 4242 without quotes
    many-errors.yaml:16:5: Butler.configQRS.header: this is not a setting; did you mean headers?
    many-errors.yaml:21:18: Butler.configQRS.headers.static[0].value: "INTERNAL\sa_repository" does not name a user; write it as UserDirectory=...; UserId=...
    many-errors.yaml:22:17: Butler.configQRS.headers.static[1].name: "X Header" is not the name of a header; use letters, digits and - only
    many-errors.yaml:23:18: Butler.configQRS.headers.static[1].value: expected text, found 12; put it in quotes
    many-errors.yaml:24:5: Butler.configQRS.rejectUnauthorised: this is not a setting; did you mean rejectUnauthorized?
    many-errors.yaml:25:21: Butler.configQRS.maxConcurrency: 0 is not a possible value; write a number from 1 to 100
    many-errors.yaml:27:5: Butler.cert.clientCertCA: this is missing; write the path of the root certificate, as exported from the Qlik Management Console
    many-errors.yaml:27:17: Butler.cert.clientCert: the environment variable NO_SUCH_VARIABLE is not set; set NO_SUCH_VARIABLE for the process that runs bursar
    many-errors.yaml:28:20: Butler.cert.clientCertKey: cannot read /no/such/file: entity not found; create the file, or let the user that runs bursar read it
    many-errors.yaml:30:5: Butler.influxDb.hostIP: this is missing; write the server's name or IP address
    many-errors.yaml:31:15: Butler.influxDb.hostPort: 80860 is not a port; write a number from 1 to 65535
    many-errors.yaml:32:14: Butler.influxDb.version: 4 is not a version of InfluxDB; write a number from 1 to 3
    many-errors.yaml:33:15: Butler.influxDb.v1Config: expected a section, found text; write its keys on the lines below, indented
    many-errors.yaml:38:17: warning: Butler.influxDb.tag.static[1].name: the tag is left out: "env" is there already; keep one of them
    many-errors.yaml:40:11: warning: Butler.influxDb.tag.static[2].name: the tag is left out: it has no name; write one, or remove the entry
    many-errors.yaml:42:5: Butler.mqttConfig.username: there is a password but no user name; write the user's name, or remove the password
    many-errors.yaml:43:17: Butler.mqttConfig.brokerHost: "mqtt.example.com:1883" is not a name or address; write the port in brokerPort
    many-errors.yaml:48:7: Butler.mqttConfig.tls.clientKey: there is a client certificate but no key; write the path of its key
    many-errors.yaml:49:27: warning: Butler.mqttConfig.tls.rejectUnauthorized: the broker's certificate is not verified: anybody in between can read the password; set it to true, and certCA to the broker's certificate authority
    many-errors.yaml:51:34: Butler.mqttConfig.qlikSenseServerLicenseTopic: "qlik/#" can't be published to; write a topic without + and #
    many-errors.yaml:55:18: Butler.webhookNotification.qlikSenseServerLicenseMonitor.rateLimit: -1 is not a number of seconds; write a number from 0 to 31536000
    many-errors.yaml:58:23: Butler.webhookNotification.qlikSenseServerLicenseMonitor.webhooks[0].webhookURL: the address has no scheme; write https:// or http:// in front
    many-errors.yaml:61:23: Butler.webhookNotification.qlikSenseServerLicenseMonitor.webhooks[1].webhookURL: ftp:// is not HTTP; write https:// or http:// in front
    many-errors.yaml:62:23: Butler.webhookNotification.qlikSenseServerLicenseMonitor.webhooks[1].httpMethod: "PATCH" is not one of the choices; write GET, POST or PUT
    many-errors.yaml:63:11: Butler.webhookNotification.qlikSenseServerLicenseMonitor.webhooks[2]: expected a section, found text; write its keys on the lines below, indented
    many-errors.yaml:66:9: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks: expected a list, found a section; start each entry on a line of its own with a dash
    many-errors.yaml:70:18: Butler.qlikSenseLicense.serverLicenseMonitor.frequency: "every hour" is not a schedule: "hour" stands where a number, "weekday" or "weekend" is expected; write "every 1 hour"
    many-errors.yaml:72:24: Butler.qlikSenseLicense.serverLicenseMonitor.alert.thresholdDays: -5 is not a number of days; write a number from 0 to 36500
    many-errors.yaml:73:18: Butler.qlikSenseLicense.serverLicenseMonitor.dateOrder: "ymd" is not one of the choices; write dmy or mdy
    many-errors.yaml:74:7: Butler.qlikSenseLicense.serverLicenseMonitor.maxAgeDays: this is not a setting; it belongs to Butler.storage.outbox
    many-errors.yaml:77:11: Butler.qlikSenseLicense.serverLicenseMonitor.destination.influxDb.enabled: this is not a setting; did you mean enable?
    many-errors.yaml:80:18: Butler.qlikSenseLicense.licenseMonitor.frequency: "0 0 30 2 *" never runs (no time within the next five years); write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *"
    many-errors.yaml:82:18: warning: Butler.qlikSenseLicense.licenseRelease.frequency: "every 90 minutes" would not do what it says: minutes are counted from the start of each hour, so it would run every hour; write "every 1 hour" or "every 2 hours"
    many-errors.yaml:86:33: Butler.qlikSenseLicense.licenseRelease.licenseType.analyzer.releaseThresholdDays: 0 is not a threshold; write a number from 1 to 36500
    many-errors.yaml:89:33: warning: Butler.qlikSenseLicense.licenseRelease.licenseType.professional.releaseThresholdDays: 6 days is less than a week: people lose their seat over a holiday, and a seat used within 7 days may be blocked in quarantine instead of becoming free; write 7 or more
    many-errors.yaml:92:13: Butler.qlikSenseLicense.licenseRelease.neverRelease.user[0]: a user needs userDir and userId; write both, or remove the entry
    many-errors.yaml:93:19: Butler.qlikSenseLicense.licenseRelease.neverRelease.inactive: "maybe" is not one of the choices; write ignore, yes or no
    many-errors.yaml:94:3: Butler.reloadTasks: this is not a setting; remove it; the known ones are in docs/configuration.md
    many-errors.yaml:95:3: Butler.webhooks: this is not a setting; did you mean webhookNotification?
    many-errors.yaml:96:3: Butler.dbName: this is not a setting; it belongs to Butler.influxDb.v1Config
    many-errors.yaml:97:1: Bursar: this is not a setting; remove it; the known ones are in docs/configuration.md
    "#);
}

/// A file that works, with other keys below `Butler`.
fn working(more: &str) -> String {
    format!(
        "Butler:
  configQRS:
    host: qlik.example.com
    headers:
      static:
        - name: X-Qlik-User
          value: UserDirectory=INTERNAL; UserId=sa_repository
  cert:
    clientCert: client.pem
    clientCertKey: client_key.pem
    clientCertCA: root.pem
  qlikSenseLicense:
    serverLicenseMonitor:
      enable: true
      alert:
        thresholdDays: 30
{more}"
    )
}

fn load(text: &str, env: &FixedEnvironment) -> Result<Loaded, Problems> {
    load_text(text, Path::new("conf/x.yaml"), env)
}

#[test]
fn the_error_of_the_readme() {
    let text = working("  influxDb:\n    enable: true\n    hostIP: db\n    hostPort: 80860\n");
    let problems = load(&text, &environment()).unwrap_err();
    insta::assert_snapshot!(problems, @"conf/x.yaml:20:15: Butler.influxDb.hostPort: 80860 is not a port; write a number from 1 to 65535");
}

#[test]
fn sites_inherit_and_override() {
    let text = working(
        "  sites:
    - name: prod
    - name: test
      configQRS:
        host: test.example.com
        maxConcurrency: 1
      cert:
        clientCert: test.pem
      tags:
        - name: stage
          value: test
      qlikSenseLicense:
        serverLicenseMonitor:
          alert:
            thresholdDays: 7
        licenseMonitor:
          enable: true
",
    );
    let loaded = load(&text, &environment()).unwrap();
    let [prod, test] = loaded.settings.sites.as_slice() else { panic!() };
    assert!(loaded.settings.named_sites);
    assert_eq!(prod.connection.host, "qlik.example.com");
    assert_eq!(test.connection.host, "test.example.com");
    assert_eq!((prod.connection.max_concurrency, test.connection.max_concurrency), (4, 1));
    assert_eq!(test.connection.headers, prod.connection.headers);
    assert_eq!(test.connection.client_cert, Path::new("test.pem"));
    assert_eq!(test.connection.client_key, Path::new("client_key.pem"));
    let threshold =
        |s: &bursar::config::settings::Site| s.server_license.as_ref().unwrap().threshold_days;
    assert_eq!((threshold(prod), threshold(test)), (30, 7));
    assert!(prod.access_license.is_none() && test.access_license.is_some());
    assert_eq!(test.tags[0].value, "test");
    let explained = explain(&loaded);
    let lines: Vec<&str> = explained
        .lines()
        .filter(|l| l.contains("sites[") && !l.contains("licenseRelease"))
        .filter(|l| !l.ends_with("default"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Butler.sites[0].name                                                                        prod                                          conf/x.yaml:18
    Butler.sites[0].configQRS.host                                                              qlik.example.com                              conf/x.yaml:3, common
    Butler.sites[0].configQRS.headers.static[0].name                                            X-Qlik-User                                   conf/x.yaml:6, common
    Butler.sites[0].configQRS.headers.static[0].value                                           UserDirectory=INTERNAL; UserId=sa_repository  conf/x.yaml:7, common
    Butler.sites[0].cert.clientCert                                                             client.pem                                    conf/x.yaml:9, common
    Butler.sites[0].cert.clientCertKey                                                          client_key.pem                                conf/x.yaml:10, common
    Butler.sites[0].cert.clientCertCA                                                           root.pem                                      conf/x.yaml:11, common
    Butler.sites[0].qlikSenseLicense.serverLicenseMonitor.enable                                true                                          conf/x.yaml:14, common
    Butler.sites[0].qlikSenseLicense.serverLicenseMonitor.alert.thresholdDays                   30                                            conf/x.yaml:16, common
    Butler.sites[1].name                                                                        test                                          conf/x.yaml:19
    Butler.sites[1].configQRS.host                                                              test.example.com                              conf/x.yaml:21, site override
    Butler.sites[1].configQRS.headers.static[0].name                                            X-Qlik-User                                   conf/x.yaml:6, common
    Butler.sites[1].configQRS.headers.static[0].value                                           UserDirectory=INTERNAL; UserId=sa_repository  conf/x.yaml:7, common
    Butler.sites[1].configQRS.maxConcurrency                                                    1                                             conf/x.yaml:22, site override
    Butler.sites[1].cert.clientCert                                                             test.pem                                      conf/x.yaml:24, site override
    Butler.sites[1].cert.clientCertKey                                                          client_key.pem                                conf/x.yaml:10, common
    Butler.sites[1].cert.clientCertCA                                                           root.pem                                      conf/x.yaml:11, common
    Butler.sites[1].tags[0].name                                                                stage                                         conf/x.yaml:26
    Butler.sites[1].tags[0].value                                                               test                                          conf/x.yaml:27
    Butler.sites[1].qlikSenseLicense.serverLicenseMonitor.enable                                true                                          conf/x.yaml:14, common
    Butler.sites[1].qlikSenseLicense.serverLicenseMonitor.alert.thresholdDays                   7                                             conf/x.yaml:31, site override
    Butler.sites[1].qlikSenseLicense.licenseMonitor.enable                                      true                                          conf/x.yaml:33, site override
    "#);
}

/// They would be a step up in the address of a page.
#[test]
fn a_site_is_not_named_by_signs_alone() {
    for name in [".", "..", "-", "_.-"] {
        let text = format!("Butler:\n  sites:\n    - name: '{name}'\n");
        let problems = load(&text, &environment()).unwrap_err().to_string();
        assert!(problems.contains("can't be the name of a site"), "{name}: {problems}");
    }
}

#[test]
fn wrong_sites() {
    let text = "Butler:
  sites:
    - name: a b
    - name: prod
      configQRS:
        host: one
        headers: {static: [{name: x-qlik-user, value: 'UserDirectory=A; UserId=b'}]}
      cert: {clientCert: a, clientCertKey: b, clientCertCA: c}
    - name: PROD
      configQRS:
        port: 0
    - cert:
";
    let problems = load(text, &environment()).unwrap_err();
    insta::assert_snapshot!(problems, @r#"
    conf/x.yaml:2:3: warning: Butler.qlikSenseLicense: nothing is watched: serverLicenseMonitor and licenseMonitor are both off; set enable: true in one of them
    conf/x.yaml:3:7: Butler.sites[0].configQRS.host: this is missing; write the server's name or IP address
    conf/x.yaml:3:7: Butler.sites[0].cert.clientCert: this is missing; write the path of the client certificate, as exported from the Qlik Management Console
    conf/x.yaml:3:7: Butler.sites[0].cert.clientCertKey: this is missing; write the path of the client certificate's key, as exported from the Qlik Management Console
    conf/x.yaml:3:7: Butler.sites[0].cert.clientCertCA: this is missing; write the path of the root certificate, as exported from the Qlik Management Console
    conf/x.yaml:3:7: Butler.sites[0].configQRS.headers.static: the header X-Qlik-User is missing; write name: X-Qlik-User with the value UserDirectory=INTERNAL; UserId=sa_repository, or another user that may read licenses
    conf/x.yaml:3:13: Butler.sites[0].name: "a b" can't be the name of a site; use letters, digits, -, _ and . only, and not the signs alone
    conf/x.yaml:9:7: Butler.sites[2].cert.clientCert: this is missing; write the path of the client certificate, as exported from the Qlik Management Console
    conf/x.yaml:9:7: Butler.sites[2].cert.clientCertKey: this is missing; write the path of the client certificate's key, as exported from the Qlik Management Console
    conf/x.yaml:9:7: Butler.sites[2].cert.clientCertCA: this is missing; write the path of the root certificate, as exported from the Qlik Management Console
    conf/x.yaml:9:13: Butler.sites[2].name: there is another site named "PROD"; give each site its own name
    conf/x.yaml:11:9: Butler.sites[2].configQRS.host: this is missing; write the server's name or IP address
    conf/x.yaml:11:9: Butler.sites[2].configQRS.headers.static: the header X-Qlik-User is missing; write name: X-Qlik-User with the value UserDirectory=INTERNAL; UserId=sa_repository, or another user that may read licenses
    conf/x.yaml:11:15: Butler.sites[2].configQRS.port: 0 is not a port; write a number from 1 to 65535
    conf/x.yaml:12:7: Butler.sites[3].name: this is missing; give the site a name, such as prod
    conf/x.yaml:12:7: Butler.sites[3].configQRS.host: this is missing; write the server's name or IP address
    conf/x.yaml:12:7: Butler.sites[3].cert.clientCert: this is missing; write the path of the client certificate, as exported from the Qlik Management Console
    conf/x.yaml:12:7: Butler.sites[3].cert.clientCertKey: this is missing; write the path of the client certificate's key, as exported from the Qlik Management Console
    conf/x.yaml:12:7: Butler.sites[3].cert.clientCertCA: this is missing; write the path of the root certificate, as exported from the Qlik Management Console
    conf/x.yaml:12:7: Butler.sites[3].configQRS.headers.static: the header X-Qlik-User is missing; write name: X-Qlik-User with the value UserDirectory=INTERNAL; UserId=sa_repository, or another user that may read licenses
    "#);
}

#[test]
fn references_are_resolved_and_explained_masked() {
    let mut env = environment();
    env.variables.insert("TOKEN".into(), "t0ken".into());
    env.variables.insert("PORT".into(), "8181".into());
    env.variables.insert("STATE_DIRECTORY".into(), "/var/lib/bursar:/var/lib/other".into());
    env.variables.insert("CREDENTIALS_DIRECTORY".into(), "/run/credentials".into());
    env.files.insert("/run/credentials/mqtt".into(), "p4ss\n".into());
    env.files.insert("conf/root.pem".into(), String::new());
    let text = working(
        "  influxDb:
    enable: true
    hostIP: db.example.com
    hostPort: ${env:PORT}
    version: 3
    v3Config:
      database: qlik
      token: pre-${env:TOKEN}
      writeTimeout: 2500
  mqttConfig:
    enable: true
    brokerHost: '[::1]'
    username: anna
    password: ${credential:mqtt}
  webhookNotification:
    enable: true
    qlikSenseLicenseMonitor:
      webhooks:
        - webhookURL: https://hooks.example.com/k3y
          headers: [{name: Authorization, value: h3ader}]
",
    );
    let loaded = load(&text, &env).unwrap();
    let settings = &loaded.settings;
    let influx = settings.destinations.influxdb.as_ref().unwrap();
    assert_eq!(influx.url.as_str(), "http://db.example.com:8181/");
    assert_eq!(influx.timeout, std::time::Duration::from_millis(2500));
    assert!(
        matches!(&influx.version, InfluxVersion::V3 { token, .. } if token.reveal() == "pre-t0ken")
    );
    let mqtt = settings.destinations.mqtt.as_ref().unwrap();
    assert_eq!(mqtt.host, "::1");
    let password = mqtt.auth.as_ref().and_then(|a| a.password.as_ref());
    assert_eq!(password.map(|p| p.reveal()), Some("p4ss"));
    assert_eq!(settings.storage.path, Path::new("/var/lib/bursar/bursar.db"));
    // Beside the configuration, because it isn't in the working directory.
    assert_eq!(settings.sites[0].connection.ca_cert, Path::new("conf/root.pem"));

    let explained = explain(&loaded);
    let debugged = format!("{loaded:?}");
    for secret in ["t0ken", "p4ss", "k3y", "h3ader"] {
        assert!(!explained.contains(secret), "{secret} in {explained}");
        assert!(!debugged.contains(secret), "{secret} in {debugged}");
    }
    let lines: Vec<&str> = explained
        .lines()
        .filter(|l| !l.ends_with("default") || l.contains("storage") || l.contains("token"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Butler.storage.path                                                                     /var/lib/bursar/bursar.db                     environment, the service's state directory
    Butler.storage.outbox.maxEvents                                                         100000                                        default
    Butler.storage.outbox.maxAgeDays                                                        30                                            default
    Butler.storage.outbox.setAsideAfterFailures                                             5                                             default
    Butler.storage.history.rawDays                                                          90                                            default
    Butler.storage.history.hourlyDays                                                       730                                           default
    Butler.storage.history.dailyDays                                                        3650                                          default
    Butler.storage.backup.enable                                                            false                                         default
    Butler.storage.backup.frequency                                                         "30 2 * * *"                                  default
    Butler.storage.backup.folder                                                            backup                                        default
    Butler.storage.backup.keep                                                              7                                             default
    Butler.cert.clientCert                                                                  client.pem                                    conf/x.yaml:9
    Butler.cert.clientCertKey                                                               client_key.pem                                conf/x.yaml:10
    Butler.cert.clientCertCA                                                                root.pem                                      conf/x.yaml:11
    Butler.configQRS.virtualProxy.token                                                     ""                                            default
    Butler.configQRS.host                                                                   qlik.example.com                              conf/x.yaml:3
    Butler.configQRS.headers.static[0].name                                                 X-Qlik-User                                   conf/x.yaml:6
    Butler.configQRS.headers.static[0].value                                                UserDirectory=INTERNAL; UserId=sa_repository  conf/x.yaml:7
    Butler.qlikSenseLicense.serverLicenseMonitor.enable                                     true                                          conf/x.yaml:14
    Butler.qlikSenseLicense.serverLicenseMonitor.alert.thresholdDays                        30                                            conf/x.yaml:16
    Butler.influxDb.enable                                                                  true                                          conf/x.yaml:18
    Butler.influxDb.hostIP                                                                  db.example.com                                conf/x.yaml:19
    Butler.influxDb.hostPort                                                                8181                                          conf/x.yaml:20, from ${env:PORT}
    Butler.influxDb.version                                                                 3                                             conf/x.yaml:21
    Butler.influxDb.v2Config.token                                                          ""                                            default
    Butler.influxDb.v3Config.database                                                       qlik                                          conf/x.yaml:23
    Butler.influxDb.v3Config.token                                                          ***                                           conf/x.yaml:24, from ${env:TOKEN}
    Butler.influxDb.v3Config.writeTimeout                                                   2500                                          conf/x.yaml:25
    Butler.mqttConfig.enable                                                                true                                          conf/x.yaml:27
    Butler.mqttConfig.brokerHost                                                            "[::1]"                                       conf/x.yaml:28
    Butler.mqttConfig.username                                                              anna                                          conf/x.yaml:29
    Butler.mqttConfig.password                                                              ***                                           conf/x.yaml:30, from ${credential:mqtt}
    Butler.webhookNotification.enable                                                       true                                          conf/x.yaml:32
    Butler.webhookNotification.qlikSenseLicenseMonitor.webhooks[0].webhookURL               ***                                           conf/x.yaml:35
    Butler.webhookNotification.qlikSenseLicenseMonitor.webhooks[0].headers[0].name          Authorization                                 conf/x.yaml:36
    Butler.webhookNotification.qlikSenseLicenseMonitor.webhooks[0].headers[0].value         ***                                           conf/x.yaml:36
    "#);
}

#[test]
fn the_history_is_kept_for_longer_the_coarser_it_is() {
    let of = |text: &str| load(&working(text), &environment());
    let written = "  storage: {history: {rawDays: 7, hourlyDays: 7, dailyDays: 36500}}";
    let history = of(written).unwrap().settings.storage.history;
    assert_eq!((history.raw_days, history.hourly_days, history.daily_days), (7, 7, 36_500));
    let defaults = of("").unwrap().settings.storage.history;
    assert_eq!((defaults.raw_days, defaults.hourly_days, defaults.daily_days), (90, 730, 3650));
    let problems = of("  storage: {history: {rawDays: 800, dailyDays: 700}}").unwrap_err();
    insta::assert_snapshot!(problems, @r"
    conf/x.yaml:17:22: Butler.storage.history.hourlyDays: 730 is less than rawDays, 800: there would be a hole; write at least 800, or lower rawDays
    conf/x.yaml:17:48: Butler.storage.history.dailyDays: 700 is less than hourlyDays, 730: there would be a hole; write at least 730, or lower hourlyDays
    ");
    let problems = of("  storage: {history: {rawDays: 0, dailyDays: 1.5}}").unwrap_err();
    insta::assert_snapshot!(problems, @r"
    conf/x.yaml:17:32: Butler.storage.history.rawDays: 0 is not a possible value; write a number from 1 to 36500
    conf/x.yaml:17:46: Butler.storage.history.dailyDays: expected a whole number, found 1.5; write a whole number
    ");
}

#[test]
fn wrong_destinations() {
    let mut text = String::new();
    for more in [
        "  influxDb: {enable: true, hostIP: db, certCA: ca.pem, version: 2, v2Config: {retentionDuration: 10m}}",
        "  influxDb: {enable: true, hostIP: 'a b', version: 1, v1Config: {auth: {enable: true}, dbName: '', retentionPolicy: {name: x, duration: forever}}}",
        "  influxDb: {enable: true, hostIP: db, useSSL: true, rejectUnauthorized: false, version: 3}",
        "  mqttConfig: {enable: true, qlikSenseLicenseTopic: a, statusTopic: a, qlikSenseServerLicenseTopic: $SYS/x, tls: {enable: true, serverName: 'not a name', clientKey: k.pem}}",
        "  mqttConfig: {enable: true, brokerHost: b, azureEventGrid: {enable: true}, tls: {rejectUnauthorized: false}}",
        "  webhookNotification: {enable: true}",
        "  webhookNotification: {enable: true, qlikSenseLicenseMonitor: {webhooks: [{webhookURL: 'https://', headers: [{name: 'a b', value: \"x\\ny\"}], cert: {enable: true, rejectUnauthorized: false}}, {}]}}",
        "  webhookNotification: {enable: true, qlikSenseServerLicenseMonitor: {webhooks: [{webhookURL: 'http://a'}]}}\n  \
           sites: [{name: a, qlikSenseLicense: {serverLicenseMonitor: {destination: {mqtt: {enable: true}, webhook: {enable: true, sendRecurring: {enable: true}, sendAlert: {enable: true}}}}}}]",
        "  qlikSenseLicense: {licenseRelease: {enable: true, frequency: every 14 days}, licenseMonitor: {enable: true, frequency: every 14 days, destination: {influxDb: {enable: true}, webhook: {enable: true}}}}",
    ] {
        // The last one has its own section in the place of the common one.
        let whole = if more.contains("  qlikSenseLicense") {
            working("").split("  qlikSenseLicense").next().unwrap().to_owned() + more
        } else {
            working(more)
        };
        match load(&whole, &environment()) {
            Err(problems) => text += &format!("{problems}\n\n"),
            Ok(loaded) => text += &format!("{}\n", warnings(&loaded)),
        }
    }
    insta::assert_snapshot!(text.replace("conf/x.yaml:", ""), @r#"
    17:48: warning: Butler.influxDb.certCA: it is not used: useSSL is off; set useSSL: true, or remove it
    17:78: Butler.influxDb.v2Config.org: this is missing; write the organization's name
    17:78: Butler.influxDb.v2Config.bucket: this is missing; write the bucket's name
    17:78: Butler.influxDb.v2Config.token: this is missing; write the token, best as ${env:INFLUXDB_TOKEN}
    17:98: Butler.influxDb.v2Config.retentionDuration: "10m" is less than an hour, which InfluxDB refuses; write a number and h, d or w, such as 10d, or INF

    17:36: Butler.influxDb.hostIP: "a b" is not a name or address; write the server's name or IP address
    17:72: Butler.influxDb.v1Config.auth.username: this is missing; write the user's name, or set auth.enable: false
    17:96: Butler.influxDb.v1Config.dbName: this is missing; write the database's name
    17:137: Butler.influxDb.v1Config.retentionPolicy.duration: "forever" is not a duration; write a number and h, d or w, such as 10d, or INF

    17:13: Butler.influxDb.v3Config.database: this is missing; write the database's name
    17:74: warning: Butler.influxDb.rejectUnauthorized: the server's certificate is not verified: anybody in between can read the token; set it to true, and certCA to the server's certificate authority

    17:15: Butler.mqttConfig.brokerHost: this is missing; write the server's name or IP address
    17:69: warning: Butler.mqttConfig.statusTopic: qlikSenseLicenseTopic has the same topic, so subscribers can't tell the two apart; write a topic of its own
    17:101: Butler.mqttConfig.qlikSenseServerLicenseTopic: "$SYS/x" can't be published to; topics that start with $ belong to the broker
    17:114: Butler.mqttConfig.tls.clientCert: there is a key but no client certificate; write the path of its certificate
    17:141: Butler.mqttConfig.tls.serverName: "not a name" can't be the name in a certificate; write the DNS name or IP address as the certificate has it

    17:61: Butler.mqttConfig.azureEventGrid.clientId: this is missing; write the client's authentication name
    17:61: Butler.mqttConfig.azureEventGrid.clientCertFile: this is missing; write the path of the client certificate
    17:61: Butler.mqttConfig.azureEventGrid.clientKeyFile: this is missing; write the path of the client certificate's key
    17:103: warning: Butler.mqttConfig.tls.rejectUnauthorized: the broker's certificate is not verified: anybody in between can read the password; set it to true, and certCA to the broker's certificate authority

    17:33: warning: Butler.webhookNotification.enable: no webhook that Bursar calls is listed below; add one, or set this to false

    17:89: Butler.webhookNotification.qlikSenseLicenseMonitor.webhooks[0].webhookURL: the address can't be read: empty host; write it as https://host/path
    17:118: Butler.webhookNotification.qlikSenseLicenseMonitor.webhooks[0].headers[0].name: "a b" is not the name of a header; use letters, digits and - only
    17:132: Butler.webhookNotification.qlikSenseLicenseMonitor.webhooks[0].headers[0].value: a header can't hold a line break; write it on one line
    17:183: warning: Butler.webhookNotification.qlikSenseLicenseMonitor.webhooks[0].cert.rejectUnauthorized: the server's certificate is not verified: anybody in between can read what is sent; set it to true, and certCA to the server's certificate authority
    17:192: Butler.webhookNotification.qlikSenseLicenseMonitor.webhooks[1].webhookURL: this is missing; write the address, with https:// in front

    18:92: warning: Butler.sites[0].qlikSenseLicense.serverLicenseMonitor.destination.mqtt.enable: nothing is sent: Butler.mqttConfig is off; set Butler.mqttConfig.enable: true, or this to false
    18:174: warning: Butler.sites[0].qlikSenseLicense.serverLicenseMonitor.destination.webhook.sendAlert.enable: nothing is sent: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert has no webhooks; add one there, or set this to false

    12:38: warning: Butler.qlikSenseLicense.licenseRelease.neverRelease: nobody is protected except the users of the directory INTERNAL; list in neverRelease who must never lose their seat, such as service accounts and administrators
    12:38: warning: Butler.qlikSenseLicense.licenseRelease.dryRun: not written, as in files of Butler 11.1 and 12.0: this is a rehearsal, no seat is released; write dryRun: true, or false to release seats
    12:47: warning: Butler.qlikSenseLicense.licenseRelease.enable: nothing is released: no type of seat is enabled in licenseType; set licenseType.analyzer.enable: true or the like, or this to false
    12:64: warning: Butler.qlikSenseLicense.licenseRelease.frequency: every 14 days is counted anew from the 1st of each month, so the last step of each month is shorter
    12:122: warning: Butler.qlikSenseLicense.licenseMonitor.frequency: every 14 days is counted anew from the 1st of each month, so the last step of each month is shorter
    12:170: warning: Butler.qlikSenseLicense.licenseMonitor.destination.influxDb.enable: nothing is sent: Butler.influxDb is off; set Butler.influxDb.enable: true, or this to false
    12:195: warning: Butler.qlikSenseLicense.licenseMonitor.destination.webhook.enable: nothing is sent: Butler.webhookNotification is off; set Butler.webhookNotification.enable: true, or this to false
    "#);
}

#[test]
fn messages_show_no_secret() {
    let mut env = environment();
    env.variables.insert("S".into(), "s3cret".into());
    env.files.insert("/s".into(), "s3cret\nmore".into());
    let text = "Butler:
  logLevel: ${env:S}
  fileLogging: ${env:S}
  timeZone: ${env:S}
  configQRS:
    host: https://anna:s3cret@qlik.example.com
    port: ${file:/s}
    tlsServerName: ${file:/s}
    headers: {static: [{name: X-Qlik-User, value: '${env:S}'}]}
  influxDb:
    enable: true
    hostIP: anna:s3cret@db
    version: 2
    v2Config: {token: [s3cret]}
  mqttConfig:
    enable: true
    brokerHost: mqtt://anna:s3cret@broker
    password: 12345
  webhookNotification:
    enable: true
    qlikSenseServerLicenseMonitor:
      webhooks:
        - webhookURL: hooks.example.com/s3cret
        - webhookURL: ftp://hooks.example.com/s3cret
          hmacKey: {s3: cret}
";
    let problems = load(text, &env).unwrap_err();
    let shown = problems.to_string();
    assert!(!shown.contains("s3cret") && !shown.contains("12345"), "{shown}");
    insta::assert_snapshot!(shown, @r#"
    conf/x.yaml:2:3: Butler.cert.clientCert: this is missing; write the path of the client certificate, as exported from the Qlik Management Console
    conf/x.yaml:2:3: Butler.cert.clientCertKey: this is missing; write the path of the client certificate's key, as exported from the Qlik Management Console
    conf/x.yaml:2:3: Butler.cert.clientCertCA: this is missing; write the path of the root certificate, as exported from the Qlik Management Console
    conf/x.yaml:2:3: warning: Butler.qlikSenseLicense: nothing is watched: serverLicenseMonitor and licenseMonitor are both off; set enable: true in one of them
    conf/x.yaml:2:13: Butler.logLevel: the value of ${env:S} is not one of the choices; write error, warn, info, verbose, debug, silly or trace
    conf/x.yaml:3:16: Butler.fileLogging: expected true or false, found the value of ${env:S}; write true or false
    conf/x.yaml:4:13: Butler.timeZone: the value of ${env:S} is not a time zone; write a name of the IANA database, such as Europe/Stockholm or UTC
    conf/x.yaml:6:11: Butler.configQRS.host: this is not a name or address; write the name or IP address alone, without scheme and path
    conf/x.yaml:7:11: Butler.configQRS.port: expected a whole number, found the value of ${file:/s}; write a whole number
    conf/x.yaml:8:20: Butler.configQRS.tlsServerName: the value of ${file:/s} can't be the name in a certificate; write the DNS name or IP address as the certificate has it
    conf/x.yaml:9:51: Butler.configQRS.headers.static[0].value: the value of ${env:S} does not name a user; write it as UserDirectory=...; UserId=...
    conf/x.yaml:12:13: Butler.influxDb.hostIP: this is not a name or address; write the port in hostPort
    conf/x.yaml:14:15: Butler.influxDb.v2Config.org: this is missing; write the organization's name
    conf/x.yaml:14:15: Butler.influxDb.v2Config.bucket: this is missing; write the bucket's name
    conf/x.yaml:14:23: Butler.influxDb.v2Config.token: expected text, found a list; write a text on this line
    conf/x.yaml:17:17: Butler.mqttConfig.brokerHost: this is not a name or address; write the name or IP address alone, without scheme and path
    conf/x.yaml:18:15: Butler.mqttConfig.password: expected text, found a number; put it in quotes
    conf/x.yaml:23:23: Butler.webhookNotification.qlikSenseServerLicenseMonitor.webhooks[0].webhookURL: the address has no scheme; write https:// or http:// in front
    conf/x.yaml:24:23: Butler.webhookNotification.qlikSenseServerLicenseMonitor.webhooks[1].webhookURL: ftp:// is not HTTP; write https:// or http:// in front
    conf/x.yaml:25:20: Butler.webhookNotification.qlikSenseServerLicenseMonitor.webhooks[1].hmacKey: expected text, found a section; write a text on this line
    "#);
}

#[test]
fn the_commented_destination_of_the_short_config_works() {
    let text = std::fs::read_to_string(repository().join("config/bursar.yaml")).unwrap();
    let (before, commented) = text.split_once("  # email:").unwrap();
    let commented =
        format!("  # email:{commented}").replace("  # ", "  ").replace("  One", "  # One");
    let text = format!("{before}{commented}").replace("enable: false # true", "enable: true #");
    let mut env = environment();
    env.variables.insert("INFLUXDB_TOKEN".into(), "t".into());
    let loaded = load(&text, &env).unwrap();
    assert_eq!(warnings(&loaded), "");
    let destination = &loaded.settings.sites[0].server_license.as_ref().unwrap().destination;
    assert!(
        destination.of(Channel::InfluxDb).is_on()
            && loaded.settings.destinations.influxdb.is_some()
    );
    assert_eq!(loaded.settings.unheard(), [], "by mail");
}

#[test]
fn levels_have_butlers_names() {
    use tracing::level_filters::LevelFilter;
    let names = ["error", "warn", "info", "verbose", "debug", "silly", "TRACE", "loud"];
    let levels = names.map(bursar::config::log_level);
    let [error, warn, info, debug, trace] = [
        LevelFilter::ERROR,
        LevelFilter::WARN,
        LevelFilter::INFO,
        LevelFilter::DEBUG,
        LevelFilter::TRACE,
    ]
    .map(Some);
    assert_eq!(levels, [error, warn, info, debug, debug, trace, trace, None]);
}

#[test]
fn empty_sections_and_lists_are_fine() {
    let text = working(
        "  sites:
  storage:
  influxDb:
    enable:
    tag:
      static:
  webhookNotification:
    qlikSenseServerLicenseMonitor:
      webhooks:
        -
  x-not-here:
",
    );
    let problems = load(&text, &environment()).unwrap_err();
    insta::assert_snapshot!(problems, @"conf/x.yaml:27:3: Butler.x-not-here: this is not a setting; remove it; the known ones are in docs/configuration.md");
    let text = text.replace("  x-not-here:\n", "x-anchors: &a [1]\n");
    assert!(load(&text, &environment()).is_ok());
    for text in ["", "# nothing\n", "Butler:\n", "- a\n", "Butler: 5\n"] {
        assert!(load(text, &environment()).is_err(), "{text}");
    }
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = working(
        "  influxDb:
    tag: &tags
      static: [{name: env, value: prod}]
  mqttConfig:
    enable: true
    brokerHost: mqtt
    tls: &tls {enable: true, certCA: ca.pem}
    azureEventGrid:
      enable: true
      clientId: bursar-1
      clientCertFile: g.pem
      clientKeyFile: g_key.pem
",
    );
    let text = text.replace(
        "      alert:\n",
        "      destination: {influxDb: {enable: true, tag: *t}}\n      alert:\n",
    );
    let text = format!("x-tags: &t\n  static: [{{name: a, value: b}}]\n{text}");
    let loaded = load(&text, &environment()).unwrap();
    let mqtt = loaded.settings.destinations.mqtt.as_ref().unwrap();
    assert_eq!(mqtt.protocol, MqttProtocol::V5);
    assert_eq!(mqtt.auth.as_ref().map(|a| a.username.as_str()), Some("bursar-1"));
    let tls = mqtt.tls.as_ref().unwrap();
    assert_eq!(tls.client, Some(("g.pem".into(), "g_key.pem".into())));
    let server = loaded.settings.sites[0].server_license.as_ref().unwrap();
    assert_eq!(server.destination.influxdb_tags[0].name, "a");
    insta::assert_snapshot!(warnings(&loaded), @"conf/x.yaml:17:40: warning: Butler.qlikSenseLicense.serverLicenseMonitor.destination.influxDb.enable: nothing is sent: Butler.influxDb is off; set Butler.influxDb.enable: true, or this to false");
}

/// One mistake is one error, and nothing is said to be off or missing because of it.
#[test]
fn a_variable_that_is_not_set_has_no_followers() {
    let text = std::fs::read_to_string(repository().join("config/butler-shaped.yaml")).unwrap();
    let text = text.replace("enable: false", "enable: true");
    let found = |text: &str| match load(text, &environment()) {
        Ok(loaded) => {
            // What leaves out only a destination or a site is told with the files.
            let files = loaded.files(chrono::Utc::now()).problems;
            let unset = files.into_iter().filter(|problem| problem.what.contains("NOT_SET"));
            loaded.warnings.into_iter().chain(unset).collect()
        }
        Err(problems) => problems.0,
    };
    // A finding moves with the lines; what it says stays.
    let said = |problem: &bursar::config::Problem| format!("{} {}", problem.path, problem.what);
    let before: BTreeSet<String> = found(&text).iter().map(said).collect();
    let lines: Vec<&str> = text.lines().collect();
    let mut tried = 0;
    for (n, line) in lines.iter().enumerate() {
        let Some((key, value)) = line.split_once(": ") else { continue };
        if value.trim().is_empty() || value.starts_with(['{', '[', '#', '&', '|']) {
            continue;
        }
        let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        changed[n] = format!("{key}: ${{env:NOT_SET}}");
        let after = found(&changed.join("\n"));
        let unset = |problem: &&bursar::config::Problem| problem.what.contains("NOT_SET");
        if !after.iter().any(|problem| unset(&problem)) {
            // A setting that is not used.
            continue;
        }
        tried += 1;
        let new: Vec<_> =
            after.iter().filter(|p| !unset(p)).map(said).filter(|p| !before.contains(p)).collect();
        assert!(new.is_empty(), "{line}: {new:#?}");
    }
    assert!(tried > 50, "{tried}");
}

mod certificates {
    use super::*;
    use bursar::config::{certificate_expiries, check_certificates};
    use chrono::{DateTime, Duration, Utc};
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    /// A folder with a configuration and certificates as Qlik exports them.
    struct Folder {
        root: tempfile::TempDir,
        end: DateTime<Utc>,
    }

    impl Folder {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let end =
                DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap() + Duration::days(400);
            let params = |name: &str| {
                let mut params = CertificateParams::new(vec![]).unwrap();
                params.distinguished_name.push(rcgen::DnType::CommonName, name);
                params.not_before = rcgen::date_time_ymd(2024, 1, 1);
                params.not_after = (std::time::SystemTime::from(end)).into();
                params
            };
            let mut ca = params("example-CA");
            ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let issuer = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
            let key = KeyPair::generate().unwrap();
            let client = params("QlikClient").signed_by(&key, &issuer).unwrap();
            let folder = Self { root, end };
            folder.write("client.pem", &client.pem());
            folder.write("client_key.pem", &key.serialize_pem());
            folder.write("other_key.pem", &KeyPair::generate().unwrap().serialize_pem());
            folder.write("root.pem", &issuer.pem());
            folder.write("text.pem", "just text\n");
            folder.write("pkcs8.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n-----END ENCRYPTED PRIVATE KEY-----\n");
            folder.write("pkcs1.pem", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIF\n-----END RSA PRIVATE KEY-----\n");
            folder
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.root.path().join(name), text).unwrap();
        }

        /// Loads the working file with other names in it.
        fn load(&self, names: [&str; 3], more: &str) -> Result<Loaded, String> {
            let text = working(more)
                .replace("Cert: client.pem", &format!("Cert: {}", names[0]))
                .replace("Key: client_key.pem", &format!("Key: {}", names[1]))
                .replace("CA: root.pem", &format!("CA: {}", names[2]));
            self.write("bursar.yaml", &text);
            let folder = format!("{}{}", self.root.path().display(), std::path::MAIN_SEPARATOR);
            let short = |problems: Problems| problems.to_string().replace(&folder, "");
            let loaded =
                bursar::config::load(&self.root.path().join("bursar.yaml")).map_err(short)?;
            let files = loaded.files(Utc::now());
            let errors: Vec<_> = files.errors().cloned().collect();
            if errors.is_empty() { Ok(loaded) } else { Err(short(Problems(errors))) }
        }
    }

    #[test]
    fn the_authority_of_every_list_of_webhooks_is_looked_at() {
        let lists = [
            "qlikSenseServerLicenseMonitor",
            "qlikSenseServerLicenseExpiryAlert",
            "qlikSenseLicenseMonitor",
            "qlikSenseLicenseRelease",
            "qlikSenseSeatMonitor",
            "qlikSenseLicenseMonitorApp",
            "qlikSenseAlert",
        ];
        let mut more = String::from("  webhookNotification:\n    enable: true\n");
        for list in lists {
            more.push_str(&format!(
                "    {list}: {{webhooks: [{{webhookURL: 'https://x.example.com', \
                 cert: {{enable: true, certCA: missing.pem}}}}]}}\n"
            ));
        }
        let problems = Folder::new().load(["client.pem", "client_key.pem", "root.pem"], &more);
        let problems = problems.unwrap_err();
        for list in lists {
            let setting = format!("Butler.webhookNotification.{list}.webhooks[0].cert.certCA: ");
            assert!(problems.contains(&setting), "{list}: {problems}");
        }
    }

    #[test]
    fn good_ones_are_found_beside_the_file() {
        let folder = Folder::new();
        let loaded = folder.load(["client.pem", "client_key.pem", "root.pem"], "").unwrap();
        assert_eq!(warnings(&loaded), "");
        let expiries = certificate_expiries(&loaded.settings);
        let names: Vec<&str> = expiries.iter().map(|e| e.subject.as_str()).collect();
        assert_eq!(names, ["CN=QlikClient", "CN=example-CA"]);
        assert_eq!(expiries[0].setting, "Butler.cert.clientCert");
        assert_eq!(expiries[0].not_after.timestamp(), folder.end.timestamp());

        let check = |days| -> Vec<String> {
            let problems = check_certificates(&loaded.settings, folder.end - Duration::days(days));
            let folder = format!("{}/", folder.root.path().display());
            problems.problems.iter().map(|p| p.to_string().replace(&folder, "")).collect()
        };
        assert_eq!(check(60), Vec::<String>::new());
        let dated = |texts: Vec<String>, day: DateTime<Utc>| {
            texts.join("\n").replace(&day.format("%Y-%m-%d %H:%M").to_string(), "DAY")
        };
        insta::assert_snapshot!(dated(check(59), folder.end), @r#"
    bursar.yaml: warning: Butler.cert.clientCert: client.pem expires in 59 days, on DAY UTC; export a new one from this site, and put it in its place: no restart is needed
    bursar.yaml: warning: Butler.cert.clientCertCA: root.pem expires in 59 days, on DAY UTC; have it renewed and name the new file here
    "#);
        insta::assert_snapshot!(dated(check(-1), folder.end), @r#"
    bursar.yaml: Butler.cert.clientCert: client.pem expired on DAY UTC; export a new one from this site, and put it in its place: no restart is needed
    bursar.yaml: Butler.cert.clientCertCA: root.pem expired on DAY UTC; have it renewed and name the new file here
    "#);
        insta::assert_snapshot!(check(4000).join("\n"), @r#"
    bursar.yaml: Butler.cert.clientCert: client.pem is valid only from 2024-01-01 00:00 UTC on; check this machine's clock, or name the right file
    bursar.yaml: Butler.cert.clientCertCA: root.pem is valid only from 2024-01-01 00:00 UTC on; check this machine's clock, or name the right file
    "#);
    }

    #[test]
    fn bad_ones_are_said_with_what_to_do() {
        let folder = Folder::new();
        let mut text = String::new();
        for names in [
            ["missing.pem", "missing_key.pem", "missing_root.pem"],
            ["text.pem", "text.pem", "text.pem"],
            ["client_key.pem", "client.pem", "client_key.pem"],
            ["client.pem", "other_key.pem", "client.pem"],
            ["client.pem", "pkcs8.pem", "root.pem"],
            ["client.pem", "pkcs1.pem", "root.pem"],
        ] {
            text += &format!("{}\n\n", folder.load(names, "").unwrap_err());
        }
        insta::assert_snapshot!(text, @r#"
    bursar.yaml:9:17: Butler.cert.clientCert: cannot read missing.pem: No such file or directory (os error 2); write a path from the working directory or from the folder of this file, or a full one
    bursar.yaml:10:20: Butler.cert.clientCertKey: cannot read missing_key.pem: No such file or directory (os error 2); write a path from the working directory or from the folder of this file, or a full one
    bursar.yaml:11:19: Butler.cert.clientCertCA: cannot read missing_root.pem: No such file or directory (os error 2); write a path from the working directory or from the folder of this file, or a full one

    bursar.yaml:9:17: Butler.cert.clientCert: text.pem holds no PEM certificate (expected a block that starts with -----BEGIN CERTIFICATE-----); export the certificate again, in PEM format
    bursar.yaml:10:20: Butler.cert.clientCertKey: text.pem holds no PEM private key (expected a block that starts with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----); export the key again, in PEM format
    bursar.yaml:11:19: Butler.cert.clientCertCA: text.pem holds no PEM certificate (expected a block that starts with -----BEGIN CERTIFICATE-----); export the certificate again, in PEM format

    bursar.yaml:9:17: Butler.cert.clientCert: client_key.pem holds no PEM certificate (expected a block that starts with -----BEGIN CERTIFICATE-----); export the certificate again, in PEM format
    bursar.yaml:10:20: Butler.cert.clientCertKey: client.pem holds no PEM private key (expected a block that starts with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----); export the key again, in PEM format
    bursar.yaml:11:19: Butler.cert.clientCertCA: client_key.pem holds no PEM certificate (expected a block that starts with -----BEGIN CERTIFICATE-----); export the certificate again, in PEM format

    bursar.yaml:10:20: Butler.cert.clientCertKey: the private key other_key.pem does not belong to the certificate client.pem; name the certificate and the key of one export
    bursar.yaml:11:19: Butler.cert.clientCertCA: client.pem holds no certificate authority but the certificate of "CN=QlikClient"; name the file with the certificate of its issuer, "CN=example-CA"

    bursar.yaml:10:20: Butler.cert.clientCertKey: pkcs8.pem holds a private key that is encrypted with a password; decrypt it with: openssl pkey -in "pkcs8.pem" -out "pkcs8.pem.decrypted", and name that file

    bursar.yaml:10:20: Butler.cert.clientCertKey: pkcs1.pem holds a private key that is encrypted with a password; decrypt it with: openssl pkey -in "pkcs1.pem" -out "pkcs1.pem.decrypted", and name that file
    "#);
    }

    /// What is wrong with the text and with the files is said at once.
    #[test]
    fn a_mistake_in_the_text_hides_none_in_the_files() {
        let folder = Folder::new();
        let more = "  influxDb: {enable: true, hostIP: db, hostPort: 0}\n";
        let problems = folder.load(["missing.pem", "client_key.pem", "root.pem"], more);
        let problems = problems.unwrap_err();
        let settings = ["Butler.cert.clientCert: ", "Butler.influxDb.hostPort: "];
        assert!(settings.iter().all(|setting| problems.contains(setting)), "{problems}");
        assert_eq!(problems.lines().count(), 2, "{problems}");
    }

    #[test]
    fn only_the_site_whose_files_are_wrong_is_without() {
        let folder = Folder::new();
        let more = "  sites: [{name: one}, {name: two, cert: {clientCertCA: text.pem}}]\n";
        let text = working(more);
        folder.write("bursar.yaml", &text);
        let loaded = bursar::config::load(&folder.root.path().join("bursar.yaml")).unwrap();
        let files = loaded.files(Utc::now());
        assert_eq!(files.sites_without.into_iter().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn sites_and_destinations_are_checked_at_their_place() {
        let folder = Folder::new();
        let more = "  influxDb: {enable: true, hostIP: db, useSSL: true, certCA: text.pem}
  mqttConfig:
    enable: true
    brokerHost: mqtt
    azureEventGrid: {enable: true, clientId: a, clientCertFile: client.pem, clientKeyFile: other_key.pem}
  webhookNotification:
    enable: true
    qlikSenseLicenseMonitor:
      webhooks:
        - {webhookURL: 'https://a.example.com'}
        - webhookURL: https://b.example.com
          cert: {enable: true, certCA: missing.pem}
  sites:
    - name: one
    - name: two
      cert:
        clientCertCA: text.pem
";
        let names = ["client.pem", "pkcs1.pem", "root.pem"];
        insta::assert_snapshot!(folder.load(names, more).unwrap_err(), @r#"
    bursar.yaml:10:20: Butler.cert.clientCertKey: pkcs1.pem holds a private key that is encrypted with a password; decrypt it with: openssl pkey -in "pkcs1.pem" -out "pkcs1.pem.decrypted", and name that file
    bursar.yaml:17:62: Butler.influxDb.certCA: text.pem holds no PEM certificate (expected a block that starts with -----BEGIN CERTIFICATE-----); export the certificate again, in PEM format
    bursar.yaml:21:92: Butler.mqttConfig.azureEventGrid.clientKeyFile: the private key other_key.pem does not belong to the certificate client.pem; name the certificate and the key of one export
    bursar.yaml:28:40: Butler.webhookNotification.qlikSenseLicenseMonitor.webhooks[1].cert.certCA: cannot read missing.pem: No such file or directory (os error 2); write a path from the working directory or from the folder of this file, or a full one
    bursar.yaml:33:23: Butler.sites[1].cert.clientCertCA: text.pem holds no PEM certificate (expected a block that starts with -----BEGIN CERTIFICATE-----); export the certificate again, in PEM format
    "#);
    }
}

proptest::proptest! {
    /// Whatever stands in the place of a value, loading ends with settings or with problems that
    /// have a place; it never panics.
    #[test]
    fn no_value_makes_loading_panic(
        changes in proptest::collection::vec((0_usize..400, proptest::sample::select(vec![
            "", "~", "[]", "{}", "5", "-1", "1.5", "true", "''", "'${env:X}'", "'${'", "[a, 1]",
            "{enable: true}", "[{name: x}, null, 7]", "2026-01-01", "99999999999999999999",
        ])), 1..6),
        deleted in proptest::collection::vec(0_usize..400, 0..4),
    ) {
        let text = std::fs::read_to_string(repository().join("config/butler-shaped.yaml")).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (at, value) in changes {
            let at = at % lines.len();
            if let Some((key, _)) = lines[at].clone().split_once(": ") {
                lines[at] = format!("{key}: {value}");
            }
        }
        for at in deleted {
            lines.remove(at % lines.len());
        }
        if let Err(problems) = load(&lines.join("\n"), &environment()) {
            proptest::prop_assert!(problems.errors().count() > 0);
            for problem in &problems.0 {
                proptest::prop_assert!(problem.line > 0, "{}", problem);
            }
        }
    }
}
