//! The certificates a configuration names: checked with it, so that a wrong file shows before the
//! first connection fails on it.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::settings::Settings;
use crate::destination::settings::{CertificateFile, CertificateRole};
use crate::settings::{Problem, Severity};
use crate::tls::{self, ClientFiles, PemError, Trust};

/// A certificate that ends within this many days is warned about: time to have a new one made.
const WARN_DAYS: i64 = 60;

/// When a certificate ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateExpiry {
    /// The setting that names the file, such as `Butler.cert.clientCert`.
    pub setting: String,
    pub file: PathBuf,
    pub subject: String,
    pub not_after: DateTime<Utc>,
}

impl CertificateExpiry {
    /// Whole days left, negative after the end.
    pub fn days_left(&self, now: DateTime<Utc>) -> i64 {
        (self.not_after - now).num_seconds().div_euclid(86_400)
    }

    /// Whether it is time to say something.
    pub fn is_near(&self, now: DateTime<Utc>) -> bool {
        self.days_left(now) < WARN_DAYS
    }
}

/// Checks every certificate and key file of the settings: it is there, is PEM, is in date, the key
/// is not encrypted and belongs to the certificate, an authority's file holds an authority.
///
/// The problems have no line: [`super::load()`] adds it.
pub fn check_certificates(settings: &Settings, now: DateTime<Utc>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for named in files(settings) {
        let mut report = |severity, setting: &str, (what, fix): (String, String)| {
            let problem = Problem {
                severity,
                file: settings.file.clone(),
                line: 0,
                column: 0,
                path: setting.to_owned(),
                what,
                fix,
            };
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        };
        match facts(&named) {
            Err(error) => report(Severity::Error, &named.setting, explain(&error)),
            Ok(all) => {
                for facts in &all {
                    if let Some((severity, text)) = lifetime(&named, facts, now) {
                        report(severity, &named.setting, text);
                    }
                }
                let authority = all.iter().any(|f| f.is_ca || f.subject == f.issuer);
                if matches!(named.role, CertificateRole::Authority) && !authority {
                    let subject = all.first().map(|f| f.subject.as_str()).unwrap_or_default();
                    let issuer = all.first().map(|f| f.issuer.as_str()).unwrap_or_default();
                    let what = format!(
                        "{} holds no certificate authority but the certificate of \"{subject}\"",
                        named.file.display()
                    );
                    let fix =
                        format!("name the file with the certificate of its issuer, \"{issuer}\"");
                    report(Severity::Error, &named.setting, (what, fix));
                }
            }
        }
        if let CertificateRole::Client { key, key_setting } = &named.role {
            if let Err(error) = tls::load_key(key) {
                report(Severity::Error, key_setting, explain(&error));
            } else if tls::load_certs(named.file).is_ok() {
                let pair = ClientFiles { cert: named.file, key };
                if let Err(error) = tls::client_config(Trust::Anybody, Some(pair)) {
                    report(Severity::Error, key_setting, explain(&error));
                }
            }
        }
    }
    problems
}

/// When each certificate of the settings ends; files that can't be read are left out.
pub fn certificate_expiries(settings: &Settings) -> Vec<CertificateExpiry> {
    let mut expiries: Vec<CertificateExpiry> = Vec::new();
    for named in files(settings) {
        for facts in facts(&named).unwrap_or_default() {
            let expiry = CertificateExpiry {
                setting: named.setting.clone(),
                file: named.file.to_path_buf(),
                subject: facts.subject,
                not_after: facts.not_after,
            };
            if !expiries.iter().any(|e| e.file == expiry.file && e.subject == expiry.subject) {
                expiries.push(expiry);
            }
        }
    }
    expiries
}

fn facts(named: &CertificateFile<'_>) -> Result<Vec<tls::CertFacts>, PemError> {
    let certs = tls::load_certs(named.file)?;
    certs.iter().map(|cert| tls::inspect(cert, named.file)).collect()
}

fn lifetime(
    named: &CertificateFile<'_>,
    facts: &tls::CertFacts,
    now: DateTime<Utc>,
) -> Option<(Severity, (String, String))> {
    let file = named.file.display();
    let renew = match named.role {
        CertificateRole::Client { .. } => "make a new one and name it here",
        CertificateRole::Authority => "have it renewed and name the new file here",
    };
    let day = |t: DateTime<Utc>| t.format("%Y-%m-%d %H:%M UTC");
    if facts.not_before > now {
        let what = format!("{file} is valid only from {} on", day(facts.not_before));
        let fix = "check this machine's clock, or name the right file".to_owned();
        return Some((Severity::Error, (what, fix)));
    }
    let end = CertificateExpiry {
        setting: String::new(),
        file: PathBuf::new(),
        subject: String::new(),
        not_after: facts.not_after,
    };
    if facts.not_after < now {
        let what = format!("{file} expired on {}", day(facts.not_after));
        return Some((Severity::Error, (what, renew.to_owned())));
    }
    end.is_near(now).then(|| {
        let what =
            format!("{file} expires in {} days, on {}", end.days_left(now), day(facts.not_after));
        (Severity::Warning, (what, renew.to_owned()))
    })
}

/// The error's sentence, cut into what is wrong and what to do.
fn explain(error: &PemError) -> (String, String) {
    let text = error.to_string();
    let (what, fix) = text.split_once("; ").unwrap_or((&text, ""));
    let fix = match error {
        PemError::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            "write a path from the working directory or from the folder of this file, or a full one"
        }
        PemError::Unreadable { .. } => "let the user that runs bursar read it",
        PemError::Mismatch { .. } => "name the certificate and the key of one export",
        PemError::NoCertificate { .. } | PemError::BadCertificate { .. } => {
            "export the certificate again, in PEM format"
        }
        PemError::NoKey { .. } | PemError::BadKey { .. } => "export the key again, in PEM format",
        _ => fix,
    };
    (what.to_owned(), fix.to_owned())
}

/// Every file with the setting that names it. A site's settings are named at the site; whether
/// they are written there or in the common section is seen when the place is looked up.
fn files(settings: &Settings) -> Vec<CertificateFile<'_>> {
    let mut files = Vec::new();
    for (i, site) in settings.sites.iter().enumerate() {
        let connection = &site.connection;
        if !connection.use_ssl {
            continue;
        }
        let section = if settings.named_sites {
            format!("Butler.sites[{i}].cert")
        } else {
            "Butler.cert".to_owned()
        };
        files.push(CertificateFile {
            setting: format!("{section}.clientCert"),
            file: &connection.client_cert,
            role: CertificateRole::Client {
                key: &connection.client_key,
                key_setting: format!("{section}.clientCertKey"),
            },
        });
        let setting = format!("{section}.clientCertCA");
        files.push(CertificateFile::authority(setting, &connection.ca_cert));
    }
    files.extend(settings.destinations.certificates());
    files
}
