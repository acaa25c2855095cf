//! `bursar init`: a file of settings to start from.

mod starter;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use chrono::Utc;

use self::starter::{Influxdb, Mail, Starter};
use super::check::Check;
use super::command::{program, quoted};
use super::{ConfigFile, Exit};
use crate::config::{SystemEnvironment, load_text};
use crate::output::{Existing, write_file};
use crate::plain::one_line;

/// Write a file of settings to start from, and try it
///
/// Asks on a terminal for what the options don't say; elsewhere the options have to say it. A file that is there
/// already stays as it is. Nothing in the file changes a Qlik site.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bursar init
  bursar init --host qlik.example.com --certificates /etc/bursar/certificates /etc/bursar.yaml
  bursar init --host qlik.example.com --influxdb http://influxdb.example.com:8086
  bursar init --host qlik.example.com --webhook https://hooks.example.com/T0001
  bursar init --host qlik.example.com --mail-host smtp.example.com \\
      --mail-from bursar@example.com --mail-to licenses@example.com --check")]
pub(crate) struct Init {
    /// File to write; `-` is standard output
    #[arg(value_name = "FILE", default_value = "bursar.yaml")]
    file: PathBuf,
    /// Name or IP address of the central node of Qlik Sense
    #[arg(long, value_parser = plain_text)]
    host: Option<String>,
    /// Port of the repository service
    #[arg(long, default_value_t = 4242, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Name in the server's certificate, where it is another than the host's
    #[arg(long, value_name = "NAME", value_parser = plain_text)]
    tls_server_name: Option<String>,
    /// Folder with client.pem, client_key.pem and root.pem, as exported from the QMC
    #[arg(long, value_name = "FOLDER", value_parser = plain_text)]
    certificates: Option<String>,
    /// The user to ask as
    #[arg(
        long,
        value_name = "DIRECTORY;ID",
        default_value = "INTERNAL;sa_api",
        value_parser = user
    )]
    user: (String, String),
    /// InfluxDB, such as `http://influxdb.example.com:8086`
    #[arg(long, value_name = "URL")]
    influxdb: Option<url::Url>,
    /// Its database (InfluxDB 1.x)
    #[arg(long, value_name = "NAME", value_parser = plain_text, requires = "influxdb", conflicts_with = "influxdb_bucket")]
    influxdb_database: Option<String>,
    /// Its bucket (InfluxDB 2.x); the token is read from the environment variable INFLUXDB_TOKEN
    #[arg(long, value_name = "NAME", value_parser = plain_text, requires_all = ["influxdb", "influxdb_org"])]
    influxdb_bucket: Option<String>,
    /// Its organization (InfluxDB 2.x)
    #[arg(long, value_name = "NAME", value_parser = plain_text, requires = "influxdb_bucket")]
    influxdb_org: Option<String>,
    /// Mail server that takes alerts
    #[arg(long, value_name = "HOST", value_parser = plain_text, requires_all = ["mail_from", "mail_to"])]
    mail_host: Option<String>,
    /// Port of the mail server, where it is another than 587
    #[arg(long, value_name = "PORT", requires = "mail_host", value_parser = clap::value_parser!(u16).range(1..))]
    mail_port: Option<u16>,
    /// Address that mails come from
    #[arg(long, value_name = "ADDRESS", value_parser = plain_text, requires = "mail_host")]
    mail_from: Option<String>,
    /// Addresses that get alerts
    #[arg(long, value_name = "ADDRESS", value_parser = plain_text, requires = "mail_host", value_delimiter = ',')]
    mail_to: Vec<String>,
    /// Webhook that takes alerts as JSON, such as one of Teams or Slack
    #[arg(long, value_name = "URL", value_parser = webhook)]
    webhook: Option<url::Url>,
    /// Try the settings at once: certificates, site, destinations
    #[arg(long)]
    check: bool,
}

fn user(text: &str) -> Result<(String, String), String> {
    fit(text)?;
    match text.split_once([';', '\\']) {
        Some((directory, id)) if !directory.trim().is_empty() && !id.trim().is_empty() => {
            Ok((directory.trim().to_owned(), id.trim().to_owned()))
        }
        _ => Err("write directory and id, such as INTERNAL;sa_api".to_owned()),
    }
}

/// Whether a text can stand in the file as it is: a line break would begin another setting, and a reference would
/// be resolved.
fn fit(text: &str) -> Result<(), String> {
    if text.chars().any(char::is_control) {
        return Err(
            "it holds a line break or another sign that can't be seen: write it on one line"
                .to_owned(),
        );
    }
    if text.contains("${") {
        return Err("${...} is a reference: leave it out here, and write it to the file yourself"
            .to_owned());
    }
    Ok(())
}

/// As [`fit`], for the value of an option.
fn plain_text(text: &str) -> Result<String, String> {
    fit(text).map(|()| text.to_owned())
}

/// The address of a webhook. What is secret of it is its path; a password stands in the file as a reference.
fn webhook(text: &str) -> Result<url::Url, String> {
    fit(text)?;
    let wrong = || "write it such as https://hooks.example.com/T0001".to_owned();
    let url: url::Url = text.parse().map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "leave out user and password, and write them to the file yourself, as references"
                .to_owned(),
        );
    }
    Ok(url)
}

/// Asks a person, on standard error: standard output stays for results.
struct Interview {
    answers: io::Lines<io::StdinLock<'static>>,
}

impl Interview {
    /// The answer, or what is taken for an empty one. `None` at the end of the input.
    fn ask(&mut self, question: &str, default: &str) -> anyhow::Result<Option<String>> {
        loop {
            match default {
                "" => err!("{question}: "),
                default => err!("{question} [{default}]: "),
            }
            io::stderr().flush()?;
            let Some(answer) = self.answers.next().transpose()? else {
                errln!("");
                return Ok(None);
            };
            let answer = answer.trim();
            let answer = if answer.is_empty() { default } else { answer };
            match fit(answer) {
                Ok(()) => return Ok(Some(answer.to_owned())),
                Err(why) => errln!("{why}"),
            }
        }
    }
}

impl Init {
    pub(crate) fn execute(mut self) -> anyhow::Result<Exit> {
        let is_standard = self.file == Path::new("-");
        if !is_standard && self.file.symlink_metadata().is_ok() {
            errln!(
                "{} is there already and stays as it is; name another file, or look at it with: {} config check -c {}",
                one_line(&self.file.display().to_string()),
                program(),
                quoted(&self.file.display().to_string())
            );
            return Ok(Exit::Unusable);
        }
        if io::stdin().is_terminal() && io::stderr().is_terminal() && self.ask()?.is_none() {
            errln!("bursar: nothing was written");
            return Ok(Exit::Failed);
        }
        let Some(host) = self.host.clone() else {
            errln!("bursar: --host is missing: name the central node of Qlik Sense");
            return Ok(Exit::Unusable);
        };
        let starter = match self.starter(host) {
            Ok(starter) => starter,
            Err(why) => {
                errln!("bursar: {why}");
                return Ok(Exit::Unusable);
            }
        };
        let text = starter.yaml();
        // What an answer made wrong is told before there is a file. Secrets come from the environment of the
        // daemon, which is another.
        if let Err(problems) = load_text(&text, &self.file, &SystemEnvironment)
            && problems.iter().any(|problem| !problem.what.contains("environment variable"))
        {
            errln!("{problems}");
            return Ok(Exit::Unusable);
        }
        if is_standard {
            crate::terminal::print(format_args!("{text}"))?;
            return Ok(Exit::Ok);
        }
        if let Err(error) = write_file(&self.file, Existing::Keep, text.as_bytes()) {
            errln!("bursar: {}: {error}", one_line(&self.file.display().to_string()));
            return Ok(Exit::Failed);
        }
        outln!("wrote {}", one_line(&self.file.display().to_string()));
        if self.check {
            return Check::of(ConfigFile { file: self.file }).execute();
        }
        self.say_what_next(&starter)?;
        Ok(Exit::Ok)
    }

    /// Asks for what no option says. `None` when the person ends it.
    fn ask(&mut self) -> anyhow::Result<Option<()>> {
        let mut interview = Interview { answers: io::stdin().lines() };
        if self.host.is_some() {
            return Ok(Some(()));
        }
        while self.host.as_deref().is_none_or(str::is_empty) {
            let Some(host) = interview.ask("Name or IP address of the central node", "")? else {
                return Ok(None);
            };
            self.host = Some(host);
        }
        if self.tls_server_name.is_none() {
            let question =
                "Name in the server's certificate, where it is another than that (tlsServerName)";
            let Some(name) = interview.ask(question, "")? else { return Ok(None) };
            self.tls_server_name = Some(name).filter(|name| !name.is_empty());
        }
        if self.certificates.is_none() {
            errln!("Certificates are exported from the QMC, in PEM format and without a password.");
            let Some(folder) = interview
                .ask("Folder with client.pem, client_key.pem, root.pem", "certificates")?
            else {
                return Ok(None);
            };
            self.certificates = Some(folder);
        }
        if self.mail_host.is_none() {
            loop {
                let question = "Who gets alerts by e-mail (addresses; empty for nobody)";
                let Some(to) = interview.ask(question, "")? else { return Ok(None) };
                let one = to.split([',', ' ']).filter(|one| !one.is_empty());
                self.mail_to = one.map(str::to_owned).collect();
                if self.mail_to.iter().all(|to| to.contains('@')) {
                    break;
                }
                errln!("write addresses such as licenses@example.com, with commas between them");
            }
            if let Some(first) = self.mail_to.first() {
                let domain = first.rsplit('@').next().unwrap_or_default().to_owned();
                errln!(
                    "It is called at port 587 with STARTTLS; others by --mail-port and Butler.email.security."
                );
                let Some(host) = interview.ask("Mail server", &format!("smtp.{domain}"))? else {
                    return Ok(None);
                };
                let Some(from) = interview.ask("Mails come from", &format!("bursar@{domain}"))?
                else {
                    return Ok(None);
                };
                (self.mail_host, self.mail_from) = (Some(host), Some(from));
            }
        }
        while self.webhook.is_none() {
            let question =
                "Webhook that gets alerts, such as of Teams or Slack (address; empty for none)";
            let Some(url) = interview.ask(question, "")? else { return Ok(None) };
            if url.is_empty() {
                break;
            }
            match webhook(&url) {
                Ok(url) => self.webhook = Some(url),
                Err(why) => errln!("{why}"),
            }
        }
        while self.influxdb.is_none() {
            let Some(url) = interview.ask("Address of InfluxDB 1.x (empty for none)", "")? else {
                return Ok(None);
            };
            if url.is_empty() {
                break;
            }
            match url.parse() {
                Ok(url) => self.influxdb = Some(url),
                Err(_) => errln!("write it such as http://influxdb.example.com:8086"),
            }
        }
        if self.influxdb.is_some()
            && self.influxdb_database.is_none()
            && self.influxdb_bucket.is_none()
        {
            let Some(name) = interview.ask("Its database", "bursar")? else { return Ok(None) };
            self.influxdb_database = Some(name);
        }
        if !self.check {
            let Some(answer) = interview.ask("Try the settings now (yes or no)", "yes")? else {
                return Ok(None);
            };
            self.check = answer.to_ascii_lowercase().starts_with('y');
        }
        Ok(Some(()))
    }

    fn starter(&self, host: String) -> Result<Starter, String> {
        let influxdb = match &self.influxdb {
            None => None,
            Some(url) => Some(Influxdb::new(
                url,
                self.influxdb_database.as_deref(),
                self.influxdb_org.as_deref().zip(self.influxdb_bucket.as_deref()),
            )?),
        };
        let mail = self.mail_host.as_ref().zip(self.mail_from.as_ref()).map(|(host, from)| Mail {
            host: host.clone(),
            port: self.mail_port,
            from: from.clone(),
            to: self.mail_to.clone(),
        });
        Ok(Starter {
            host,
            port: self.port,
            tls_server_name: self.tls_server_name.clone(),
            certificates: self.certificates.clone().unwrap_or_else(|| "certificates".to_owned()),
            user: self.user.clone(),
            influxdb,
            mail,
            webhook: self.webhook.clone(),
            written: Utc::now().date_naive(),
        })
    }

    fn say_what_next(&self, starter: &Starter) -> anyhow::Result<()> {
        let (program, file) = (program(), quoted(&self.file.display().to_string()));
        let folder = Path::new(&starter.certificates);
        if !folder.join("client.pem").exists() {
            outln!(
                "Export the certificates from the QMC (Certificates, PEM, no password) to {}, then:",
                one_line(&starter.certificates)
            );
        }
        outln!("  {program} check -c {file}     tries certificates, site and destinations");
        if starter.mail.is_some() || starter.webhook.is_some() {
            outln!("  {program} alert test -c {file}     sends a test message");
        }
        outln!("  {program} run -c {file}     runs until ctrl-c");
        Ok(())
    }
}
