//! The certificates a configuration names: checked with it, so that a wrong file shows before the
//! first connection fails on it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::settings::Settings;
use crate::destination::settings::{CertificateFile, CertificateRole};
use crate::qrs;
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

/// What the files of the settings are like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    pub problems: Vec<Problem>,
    /// Sites that can't be reached with the files they have, by their place among the sites.
    pub sites_without: BTreeSet<usize>,
}

impl Files {
    /// What keeps a site or a destination from working.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }
}

/// Checks every certificate and key file of the settings: it is there, is PEM, is in date, the key
/// is not encrypted and belongs to the certificate, an authority's file holds an authority.
///
/// The problems have no line: [`super::Loaded::files`] adds it.
pub fn check_certificates(settings: &Settings, now: DateTime<Utc>) -> Files {
    let mut found = Files::default();
    let without = settings.sites.iter().enumerate();
    let without = without.filter(|(_, site)| site.connection.missing.is_some());
    found.sites_without = without.map(|(i, _)| i).collect();
    for (site, named) in files(settings) {
        let problems = check_file(&named, site.is_some(), &settings.file, now);
        if let Some(site) = site
            && problems.iter().any(|problem| problem.severity == Severity::Error)
        {
            found.sites_without.insert(site);
        }
        for problem in problems {
            // Sites that share a file share its problem.
            if !found.problems.contains(&problem) {
                found.problems.push(problem);
            }
        }
    }
    found
}

fn check_file(
    named: &CertificateFile<'_>,
    is_of_site: bool,
    settings: &Path,
    now: DateTime<Utc>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut report = |severity, setting: &str, (what, fix): (String, String)| {
        let problem = Problem {
            severity,
            file: settings.to_path_buf(),
            line: 0,
            column: 0,
            path: setting.to_owned(),
            what,
            fix,
        };
        problems.push(problem);
    };
    match facts(named) {
        Err(error) => report(Severity::Error, &named.setting, error.what_and_fix()),
        Ok(all) => {
            for facts in &all {
                if let Some((severity, text)) = lifetime(named, is_of_site, facts, now) {
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
                let fix = format!("name the file with the certificate of its issuer, \"{issuer}\"");
                report(Severity::Error, &named.setting, (what, fix));
            }
        }
    }
    if let CertificateRole::Client { key, key_setting } = &named.role {
        if key.as_os_str().is_empty() {
            // As above.
        } else if let Err(error) = tls::load_key(key) {
            report(Severity::Error, key_setting, error.what_and_fix());
        } else if tls::load_certs(named.file).is_ok() {
            let pair = ClientFiles { cert: named.file, key };
            if let Err(error) = tls::client_config(Trust::Anybody, Some(pair)) {
                report(Severity::Error, key_setting, error.what_and_fix());
            }
        }
    }
    problems
}

/// When each certificate of the settings ends; files that can't be read are left out.
pub fn certificate_expiries(settings: &Settings) -> Vec<CertificateExpiry> {
    let mut expiries: Vec<CertificateExpiry> = Vec::new();
    for (_, named) in files(settings) {
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

/// All files with certificates or keys, each once.
pub fn certificate_files(settings: &Settings) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for (_, named) in files(settings) {
        all.push(named.file.to_path_buf());
        if let CertificateRole::Client { key, .. } = named.role {
            all.push(key.to_path_buf());
        }
    }
    all.sort();
    all.dedup();
    all
}

/// The files with private keys, each with the setting that names it.
pub fn key_files(settings: &Settings) -> Vec<(String, PathBuf)> {
    let mut keys: Vec<(String, PathBuf)> = Vec::new();
    for (_, named) in files(settings) {
        if let CertificateRole::Client { key, key_setting } = named.role
            && !keys.iter().any(|(_, known)| known == key)
        {
            keys.push((key_setting, key.to_path_buf()));
        }
    }
    keys
}

fn facts(named: &CertificateFile<'_>) -> Result<Vec<tls::CertFacts>, PemError> {
    let certs = tls::load_certs(named.file)?;
    certs.iter().map(|cert| tls::inspect(cert, named.file)).collect()
}

fn lifetime(
    named: &CertificateFile<'_>,
    is_of_site: bool,
    facts: &tls::CertFacts,
    now: DateTime<Utc>,
) -> Option<(Severity, (String, String))> {
    let file = named.file.display();
    let renew = match named.role {
        CertificateRole::Client { .. } if is_of_site => qrs::NEW_CERTIFICATE,
        CertificateRole::Client { .. } => "have a new one made, and put it in its place",
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

/// Every file that is named, with the setting that names it and the site it is for. A site's settings are named at the site; whether
/// they are written there or in the common section is seen when the place is looked up.
fn files(settings: &Settings) -> Vec<(Option<usize>, CertificateFile<'_>)> {
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
        let setting = format!("{section}.clientCertCA");
        let has_ca = !connection.ca_cert.as_os_str().is_empty();
        let authority = CertificateFile::authority(setting, &connection.ca_cert);
        if !connection.entry.has_certificate() {
            files.extend(has_ca.then_some((Some(i), authority)));
            continue;
        }
        let client = CertificateFile {
            setting: format!("{section}.clientCert"),
            file: &connection.client_cert,
            role: CertificateRole::Client {
                key: &connection.client_key,
                key_setting: format!("{section}.clientCertKey"),
            },
        };
        files.push((Some(i), client));
        files.push((Some(i), authority));
    }
    files.extend(settings.destinations.certificates().into_iter().map(|named| (None, named)));
    let heartbeat = settings.heartbeat.iter().filter_map(|of| of.ca_cert.as_ref());
    files.extend(
        heartbeat.map(|ca| (None, CertificateFile::authority("Butler.heartbeat.certCA", ca))),
    );
    if let Some(tls) = settings.web.as_ref().and_then(|web| web.tls.as_ref()) {
        let key_setting = "Butler.web.tls.key".to_owned();
        let role = CertificateRole::Client { key: &tls.key, key_setting };
        let setting = "Butler.web.tls.cert".to_owned();
        files.push((None, CertificateFile { setting, file: &tls.cert, role }));
    }
    // One that is not named is told where the settings are checked.
    files.retain(|(_, named)| !named.file.as_os_str().is_empty());
    files
}
