//! A simulated site and the settings to watch it.

use std::path::PathBuf;

use bursar::config::Settings;
use bursar::simulator::{Running, Scenario};
use tempfile::TempDir;

/// A site, a folder and the certificates in it.
pub struct Setup {
    pub folder: TempDir,
    pub site: Running,
}

impl Setup {
    pub async fn new(scenario: Scenario) -> Self {
        bursar::tls::install_provider();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let loopback = "127.0.0.1:0".parse().expect("an address");
        let site = Running::start(scenario, loopback).await.expect("the site starts");
        site.pki().write_to(&folder.path().join("certificates")).expect("certificates are written");
        Self { folder, site }
    }

    /// A Butler-shaped file: this site, both license monitors on `frequency` (that of the seats is off,
    /// since its reading would count among their requests), every destination switch on,
    /// and `more` (sections of `Butler:`, indented by two blanks) after it; no pages unless it has them, since all
    /// daemons would want the one port.
    pub fn yaml(&self, frequency: &str, more: &str) -> String {
        let end = if more.is_empty() || more.ends_with('\n') { "" } else { "\n" };
        let web = if more.contains("  web:") { "" } else { "  web: {enable: false}\n" };
        let certificates = self.folder.path().join("certificates");
        format!(
            "\
Butler:
  logLevel: info
  storage:
    path: '{store}'
  cert:
    clientCert: '{certificates}/client.pem'
    clientCertKey: '{certificates}/client_key.pem'
    clientCertCA: '{certificates}/root.pem'
  configQRS:
    authentication: certificates
    host: {host}
    useSSL: true
    port: {port}
    headers:
      static:
        - name: X-Qlik-User
          value: UserDirectory=Internal; UserId=sa_repository
    rejectUnauthorized: true
    tlsServerName: {server_name}
  qlikSenseLicense:
    serverLicenseMonitor:
      enable: true
      frequency: '{frequency}'
      alert:
        thresholdDays: 60
      destination:
        influxDb: {{enable: true, tag: {{static: [{{name: license_tag, value: first}}]}}}}
        mqtt: {{enable: true, sendRecurring: {{enable: true}}, sendAlert: {{enable: true}}}}
        webhook: {{enable: true, sendRecurring: {{enable: true}}, sendAlert: {{enable: true}}}}
    licenseMonitor:
      enable: true
      frequency: '{frequency}'
      destination:
        influxDb: {{enable: true, tag: {{static: null}}}}
    seatMonitor: {{enable: false}}
{more}{end}{web}",
            store = self.store().display(),
            certificates = certificates.display(),
            host = self.site.addr().ip(),
            port = self.site.addr().port(),
            server_name = self.site.pki().server_name,
        )
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("bursar.db")
    }

    /// Writes a settings file.
    pub fn write(&self, yaml: &str) -> PathBuf {
        let file = self.folder.path().join("bursar.yaml");
        std::fs::write(&file, yaml).expect("the file is written");
        file
    }

    /// Writes and loads a settings file.
    pub fn load(&self, yaml: &str) -> Settings {
        match bursar::config::load(&self.write(yaml)) {
            Ok(loaded) => loaded.settings,
            Err(problems) => panic!("{problems}\n{yaml}"),
        }
    }
}

/// The InfluxDB 1.x section for a server on loopback.
pub fn influxdb_section(port: u16, database: &str) -> String {
    format!(
        "  influxDb:
    enable: true
    hostIP: 127.0.0.1
    hostPort: {port}
    version: 1
    v1Config:
      auth: {{enable: false, username: '', password: ''}}
      dbName: {database}
      retentionPolicy: {{name: ten_days, duration: 10d}}
    tag:
      static: [{{name: butler_instance, value: prod}}]
"
    )
}

/// The MQTT section for a broker on loopback.
pub fn mqtt_section(port: u16) -> String {
    format!(
        "  mqttConfig:
    enable: true
    brokerHost: 127.0.0.1
    brokerPort: {port}
    azureEventGrid: {{enable: false}}
    qlikSenseServerLicenseTopic: butler/license
    qlikSenseServerLicenseExpireTopic: butler/license/expire
"
    )
}

/// The webhook section: recurring data to `/status`, alerts to `/alert`.
pub fn webhook_section(base: &str) -> String {
    format!(
        "  webhookNotification:
    enable: true
    qlikSenseServerLicenseMonitor:
      rateLimit: 0
      webhooks:
        - {{description: status, webhookURL: '{base}/status', httpMethod: POST}}
    qlikSenseServerLicenseExpiryAlert:
      rateLimit: 0
      webhooks:
        - {{description: alert, webhookURL: '{base}/alert', httpMethod: PUT}}
"
    )
}
