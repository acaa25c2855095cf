//! The text of the file.

use chrono::NaiveDate;

/// What the file says.
#[derive(Debug)]
pub(super) struct Starter {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls_server_name: Option<String>,
    /// Folder with the certificates.
    pub(super) certificates: String,
    /// Directory and id of the user to ask as.
    pub(super) user: (String, String),
    pub(super) influxdb: Option<Influxdb>,
    pub(super) mail: Option<Mail>,
    /// What takes alerts as JSON.
    pub(super) webhook: Option<url::Url>,
    pub(super) written: NaiveDate,
}

#[derive(Debug)]
pub(super) struct Mail {
    pub(super) host: String,
    /// Where it is another than that of STARTTLS.
    pub(super) port: Option<u16>,
    pub(super) from: String,
    pub(super) to: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Influxdb {
    host: String,
    port: u16,
    tls: bool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    One { database: String },
    Two { org: String, bucket: String },
}

impl Influxdb {
    /// # Errors
    /// An address with more in it than scheme, host and port, or with less.
    pub(super) fn new(
        url: &url::Url,
        database: Option<&str>,
        bucket: Option<(&str, &str)>,
    ) -> Result<Self, String> {
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => {
                return Err(
                    "--influxdb: write it such as http://influxdb.example.com:8086".to_owned()
                );
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "--influxdb: leave out user and password, and write them to the file as references, such as ${env:INFLUXDB_PASSWORD}"
                    .to_owned(),
            );
        }
        let host = url.host_str().ok_or("--influxdb: it names no host")?.to_owned();
        let kind = match bucket {
            Some((org, bucket)) => Kind::Two { org: org.to_owned(), bucket: bucket.to_owned() },
            None => Kind::One { database: database.unwrap_or("bursar").to_owned() },
        };
        Ok(Self { host, port: url.port().unwrap_or(8086), tls, kind })
    }
}

/// A value as YAML: as it is where that is sure to be the same text, else between single quotes.
fn value(text: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "/._-@".contains(sign);
    let begins_as_text = text.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '/');
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    if begins_as_text && !word && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "''"))
}

impl Starter {
    /// The file of some 30 lines.
    pub(super) fn yaml(&self) -> String {
        let folder = self.certificates.trim_end_matches(['/', '\\']);
        let separator = if folder.contains('\\') { '\\' } else { '/' };
        let file = |name: &str| value(&format!("{folder}{separator}{name}"));
        let (directory, id) = &self.user;
        let mut text = format!(
            "# Written by bursar init, {}. Every setting with its unit and default: bursar config default
Butler:
  configQRS: # the repository service, on the central node
    host: {}
    port: {}
",
            self.written,
            value(&self.host),
            self.port
        );
        if let Some(name) = &self.tls_server_name {
            text += &format!("    tlsServerName: {}\n", value(name));
        }
        text += &format!(
            "    headers:
      static:
        - name: X-Qlik-User
          value: {}
  cert: # as exported from the QMC: PEM, no password
    clientCert: {}
    clientCertKey: {}
    clientCertCA: {}
  qlikSenseLicense:
    serverLicenseMonitor: # when does the server's license end?
      enable: true
      frequency: every 6 hours
{}    licenseMonitor: # how many seats are taken?
      enable: true
      frequency: every 5 minutes
{}",
            value(&format!("UserDirectory={directory}; UserId={id}")),
            file("client.pem"),
            file("client_key.pem"),
            file("root.pem"),
            self.to_influxdb(),
            self.to_influxdb(),
        );
        if let Some(influxdb) = &self.influxdb {
            text += &influxdb.yaml();
        }
        if let Some(mail) = &self.mail {
            text += &mail.yaml();
        }
        if let Some(url) = &self.webhook {
            text += &format!(
                "  webhookNotification:
    enable: true
    qlikSenseAlert:
      webhooks:
        - description: alerts
          webhookURL: {}
          httpMethod: POST
",
                value(url.as_str())
            );
        }
        let mut hears = " # who hears that seats run short, a license ends, a site can't be read";
        let heard = [("email", self.mail.is_some()), ("webhook", self.webhook.is_some())];
        for (n, (key, _)) in heard.into_iter().filter(|(_, is_on)| *is_on).enumerate() {
            if n == 0 {
                text += "  alert:\n    destination:\n";
            }
            text += &format!("      {key}:\n        enable: true{hears}\n");
            hears = "";
        }
        text
    }

    fn to_influxdb(&self) -> &'static str {
        match self.influxdb {
            Some(_) => "      destination:\n        influxDb:\n          enable: true\n",
            None => "",
        }
    }
}

impl Influxdb {
    fn yaml(&self) -> String {
        let kind = match &self.kind {
            Kind::One { database } => {
                format!("    version: 1\n    v1Config:\n      dbName: {}\n", value(database))
            }
            Kind::Two { org, bucket } => format!(
                "    version: 2\n    v2Config:\n      org: {}\n      bucket: {}\n      token: ${{env:INFLUXDB_TOKEN}}\n",
                value(org),
                value(bucket)
            ),
        };
        let tls = if self.tls { "    useSSL: true\n" } else { "" };
        format!(
            "  influxDb:\n    enable: true\n    hostIP: {}\n    hostPort: {}\n{tls}{kind}",
            value(&self.host),
            self.port
        )
    }
}

impl Mail {
    fn yaml(&self) -> String {
        let port = self.port.map_or_else(String::new, |port| format!("    port: {port}\n"));
        let to: String = self.to.iter().map(|to| format!("      - {}\n", value(to))).collect();
        format!(
            "  email:
    enable: true
    host: {}
{port}    from: {}
    to:
{to}",
            value(&self.host),
            value(&self.from)
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::config::{FixedEnvironment, load_text};

    fn starter() -> Starter {
        Starter {
            host: "qlik.example.com".into(),
            port: 4242,
            tls_server_name: None,
            certificates: r"C:\ProgramData\bursar\certificates\".into(),
            user: ("INTERNAL".into(), "sa_api".into()),
            influxdb: None,
            mail: None,
            webhook: None,
            written: NaiveDate::from_ymd_opt(2026, 11, 30).unwrap(),
        }
    }

    fn full() -> Starter {
        let influxdb = "https://influxdb.example.com:8443".parse().unwrap();
        Starter {
            influxdb: Some(Influxdb::new(&influxdb, None, Some(("on", "a: b"))).unwrap()),
            mail: Some(Mail {
                host: "smtp.example.com".into(),
                port: Some(2525),
                from: "bursar@example.com".into(),
                to: vec!["a@example.com".into(), "b@example.com".into()],
            }),
            webhook: Some("https://hooks.example.com/T0001?key=a'b".parse().unwrap()),
            ..starter()
        }
    }

    #[test]
    fn it_is_short_and_says_what_it_is_for() {
        insta::assert_snapshot!(full().yaml());
    }

    #[test]
    fn it_loads_without_a_warning_once_somebody_hears_of_alerts() {
        let environment = FixedEnvironment::default();
        let path = Path::new("bursar.yaml");
        let warnings = |text: &str| {
            let loaded = load_text(text, path, &environment).unwrap();
            loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let with_mail = Starter { influxdb: None, ..full() };
        assert_eq!(warnings(&with_mail.yaml()), Vec::<String>::new());
        let with_hook = Starter { mail: None, ..with_mail };
        assert_eq!(warnings(&with_hook.yaml()), Vec::<String>::new());
        assert!(warnings(&starter().yaml()).iter().all(|text| text.contains("no alert reaches")));
    }

    #[test]
    fn an_address_of_influxdb_holds_no_credentials() {
        let of = |text: &str| Influxdb::new(&text.parse().unwrap(), None, None);
        assert!(of("http://u:p@h:8086").unwrap_err().contains("${env:INFLUXDB_PASSWORD}"));
        assert!(of("ftp://h").is_err());
        assert!(of("http://h").is_ok_and(|influxdb| influxdb.port == 8086 && !influxdb.tls));
    }

    proptest! {
        /// Whatever somebody answers is that text again.
        #[test]
        fn a_value_is_read_as_it_was_meant(text in "\\PC{1,20}") {
            let read: serde_json::Value =
                serde_saphyr::from_str(&format!("a: {}\n", value(&text))).unwrap();
            prop_assert_eq!(read["a"].as_str(), Some(text.as_str()));
        }
    }
}
