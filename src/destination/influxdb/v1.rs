//! InfluxDB 1.x: `/write`, and InfluxQL to make the database.
//!
//! Points go to the configured retention policy. A database that Bursar makes has it as its default,
//! which is where dashboards look that name none. In a database that is there already, a missing policy
//! is made; it becomes the default only while the database is empty, because another default would hide
//! the data that is there. Writes name the policy where it is not the default, so that what is kept for
//! how long is what the settings say.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::RequestBuilder;
use serde_json::Value;

use super::BuildError;
use super::server::{HttpResponse, Server, Verdict, gzip_text};
use crate::destination::influxdb::settings::RetentionPolicy;
use crate::destination::settings::BasicAuth;
use crate::destination::{Probe, ProbeFailure, http};

/// Writes to one database.
#[derive(Debug)]
pub struct Client {
    server: Server,
    auth: Option<BasicAuth>,
    database: String,
    policy: Option<RetentionPolicy>,
    /// The database was looked at (and made) since the start.
    prepared: AtomicBool,
    /// Writes name the policy: it is there, and not the default.
    names_policy: AtomicBool,
}

/// What is known of the database after looking at it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Missing,
    /// There, with these retention policies.
    Policies(Vec<Policy>),
    /// The user may write but not look, or the server (a proxy) knows no such question.
    Hidden,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Policy {
    name: String,
    is_default: bool,
}

impl Client {
    /// A client for one database.
    ///
    /// # Errors
    /// When the retention policy's duration isn't one of InfluxQL.
    pub fn new(
        server: Server,
        auth: &Option<BasicAuth>,
        database: &str,
        policy: &Option<RetentionPolicy>,
    ) -> Result<Self, BuildError> {
        if let Some(policy) = policy
            && !is_duration(&policy.duration)
        {
            return Err(BuildError::Duration(policy.duration.clone()));
        }
        Ok(Self {
            server,
            auth: auth.clone(),
            database: database.to_owned(),
            policy: policy.clone(),
            prepared: AtomicBool::new(false),
            names_policy: AtomicBool::new(false),
        })
    }

    /// Writes a compressed batch. Makes the database and its retention policy where they are
    /// missing: at the first write, and whenever the server says so.
    pub async fn write(&self, body: Vec<u8>) -> Verdict {
        if !self.prepared.load(Ordering::Relaxed) {
            if let Err(why) = self.prepare().await {
                return Verdict::Wait { after: None, why };
            }
            self.prepared.store(true, Ordering::Relaxed);
        }
        let why = match self.write_once(body.clone()).await {
            Verdict::Missing { why } => why,
            verdict => return verdict,
        };
        let reason = match self.prepare_again().await {
            Ok(()) => match self.write_once(body).await {
                Verdict::Missing { why } => format!("{why} once more"),
                verdict => return verdict,
            },
            Err(reason) => reason,
        };
        let why = format!(
            "{why}; {reason}; see that the database {} has the retention policy that influxDb.v1Config.retentionPolicy names, or a default one",
            self.database
        );
        Verdict::Wait { after: None, why }
    }

    async fn write_once(&self, body: Vec<u8>) -> Verdict {
        let mut query = vec![("db", self.database.as_str()), ("precision", "ns")];
        if let Some(policy) = &self.policy
            && self.names_policy.load(Ordering::Relaxed)
        {
            query.push(("rp", &policy.name));
        }
        let url = self.server.at("/write", &query);
        let request = self.authorize(self.server.client.post(url));
        self.server.write(request, body).await
    }

    fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.auth {
            Some(auth) => request.basic_auth(&auth.username, Some(auth.password.reveal())),
            None => request,
        }
    }

    async fn prepare(&self) -> Result<(), String> {
        match self.look().await? {
            Found::Missing => self.create_database().await,
            Found::Policies(policies) => self.create_policy(&policies).await,
            Found::Hidden => Ok(()),
        }
    }

    /// What was there is gone. Where that can't be looked at, it is the database.
    async fn prepare_again(&self) -> Result<(), String> {
        match self.look().await? {
            Found::Missing | Found::Hidden => self.create_database().await,
            Found::Policies(policies) => self.create_policy(&policies).await,
        }
    }

    async fn look(&self) -> Result<Found, String> {
        let statement = format!("SHOW RETENTION POLICIES ON {}", identifier(&self.database));
        match self.query(&statement).await {
            Ok(result) => Ok(Found::Policies(policies(&result))),
            Err(Refusal::Statement(why)) if why.contains("database not found") => {
                Ok(Found::Missing)
            }
            Err(Refusal::Denied(_)) => Ok(Found::Hidden),
            Err(refusal) => Err(refusal.into_text()),
        }
    }

    async fn create_database(&self) -> Result<(), String> {
        let mut statement = format!("CREATE DATABASE {}", identifier(&self.database));
        if let Some(RetentionPolicy { name, duration }) = &self.policy {
            let name = identifier(name);
            statement.push_str(&format!(" WITH DURATION {duration} REPLICATION 1 NAME {name}"));
        }
        self.query(&statement).await.map_err(|refusal| {
            format!(
                "the database {} does not exist and can't be made: {}",
                self.database,
                refusal.into_text()
            )
        })?;
        self.names_policy.store(false, Ordering::Relaxed);
        tracing::info!(database = %self.database, "made the InfluxDB database");
        Ok(())
    }

    async fn create_policy(&self, policies: &[Policy]) -> Result<(), String> {
        let Some(RetentionPolicy { name, duration }) = &self.policy else { return Ok(()) };
        let default = policies.iter().find(|p| p.is_default).map(|p| p.name.as_str());
        if policies.iter().any(|p| p.name == *name) {
            self.goes_to(name, default);
            return Ok(());
        }
        let on = format!("ON {}", identifier(&self.database));
        let measurements = self.query(&format!("SHOW MEASUREMENTS {on} LIMIT 1")).await;
        let empty = measurements.is_ok_and(|result| result.get("series").is_none());
        // Without any default nobody's writes and queries work: nothing is hidden by another.
        let becomes_default = empty || default.is_none();
        let default_word = if becomes_default { " DEFAULT" } else { "" };
        let statement = format!(
            "CREATE RETENTION POLICY {} {on} DURATION {duration} REPLICATION 1{default_word}",
            identifier(name)
        );
        match self.query(&statement).await {
            Ok(_) => {
                tracing::info!(database = %self.database, policy = %name, "made the InfluxDB retention policy")
            }
            // Points can go to the default policy: they must not wait for this one.
            Err(Refusal::Denied(why)) if default.is_some() => {
                self.names_policy.store(false, Ordering::Relaxed);
                tracing::warn!(database = %self.database, policy = %name, "the InfluxDB retention policy is missing and can't be made, so points go to the default one: {why}");
                return Ok(());
            }
            Err(refusal) => {
                return Err(format!(
                    "the retention policy {name} can't be made in the database {}: {}",
                    self.database,
                    refusal.into_text()
                ));
            }
        }
        self.goes_to(name, if becomes_default { Some(name) } else { default });
        Ok(())
    }

    /// From now on points go to this policy, by name where it is not the default.
    fn goes_to(&self, name: &str, default: Option<&str>) {
        let by_name = default != Some(name);
        if by_name && !self.names_policy.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                database = %self.database,
                "points go to the InfluxDB retention policy {name}, which is not the default of the database ({}): queries that name no policy do not see them",
                default.unwrap_or("there is none")
            );
        }
        self.names_policy.store(by_name, Ordering::Relaxed);
    }

    /// Runs one statement of InfluxQL and gives its result.
    async fn query(&self, statement: &str) -> Result<Value, Refusal> {
        let url = self.server.at("/query", &[("q", statement)]);
        let request = self.authorize(self.server.client.post(url));
        let answer = self.server.send(request).await.map_err(Refusal::Other)?;
        read_result(&answer)
    }

    /// Reach, version, credentials, database; then a write without a single point, which passes
    /// the same checks of user and database as a real one and leaves nothing behind.
    ///
    /// # Errors
    /// The first of these that fails, with what to do.
    pub async fn probe(&self) -> Result<Probe, ProbeFailure> {
        let version = self.ping().await?;
        let fail = |what: String, fix: &str| ProbeFailure { what, fix: fix.into() };
        let found = self.look().await.map_err(|why| {
            fail(why, "check influxDb.v1Config.auth (enable, username, password)")
        })?;
        if found == Found::Missing {
            return self.probe_missing(&version).await;
        }
        if let (Some(policy), Found::Policies(policies)) = (&self.policy, &found) {
            let there = |p: &&Policy| p.name == policy.name;
            let by_name = policies.iter().find(there).is_some_and(|p| !p.is_default);
            self.names_policy.store(by_name, Ordering::Relaxed);
        }
        match self.write_once(gzip_text("")).await {
            Verdict::Stored => Ok(Probe {
                found: format!("{version}, database {} exists, test write accepted", self.database),
                warnings: self.policy_warning(&found),
            }),
            Verdict::Missing { why } if matches!(found, Found::Policies(_)) => Err(fail(
                format!("a test write to the database {} failed: {why}", self.database),
                "make the retention policy that influxDb.v1Config.retentionPolicy names, or make another one the default of the database",
            )),
            Verdict::Missing { .. } => self.probe_missing(&version).await,
            Verdict::Wait { why, .. } | Verdict::Doubtful { why } => Err(fail(
                format!("a test write to the database {} failed: {why}", self.database),
                "give the user write access to the database",
            )),
        }
    }

    /// Only an administrator may make the database, and only an administrator may list users.
    async fn probe_missing(&self, version: &str) -> Result<Probe, ProbeFailure> {
        match self.query("SHOW USERS").await {
            Ok(_) => Ok(Probe {
                found: format!(
                    "{version}, database {} will be made at the first write",
                    self.database
                ),
                warnings: vec![],
            }),
            Err(refusal) => Err(ProbeFailure {
                what: format!(
                    "database {} does not exist and this user can't make it: {}",
                    self.database,
                    refusal.into_text()
                ),
                fix: "create the database, or give the user administrator rights".into(),
            }),
        }
    }

    async fn ping(&self) -> Result<String, ProbeFailure> {
        let request = self.server.client.get(self.server.at("/ping", &[]));
        let fix = "check influxDb.hostIP, influxDb.hostPort and that InfluxDB runs there";
        let answer = self
            .server
            .send(request)
            .await
            .map_err(|what| ProbeFailure { what, fix: fix.into() })?;
        match answer.headers.get("x-influxdb-version").and_then(|v| v.to_str().ok()) {
            Some(version) => Ok(format!("InfluxDB {}", http::shorten(version, 40))),
            None if answer.status == 204 => Ok("InfluxDB 1.x compatible server".into()),
            None => Err(ProbeFailure {
                what: format!("/ping {} and names no version", answer.text()),
                fix: fix.into(),
            }),
        }
    }

    fn policy_warning(&self, found: &Found) -> Vec<String> {
        let (Some(policy), Found::Policies(policies)) = (&self.policy, found) else {
            return vec![];
        };
        match policies.iter().find(|p| p.is_default) {
            Some(default) if default.name != policy.name => vec![format!(
                "points go to the retention policy {}, which is not the default of the database ({}): queries that name no policy do not see them",
                policy.name, default.name
            )],
            _ => vec![],
        }
    }
}

/// Why a statement did not work.
#[derive(Debug)]
enum Refusal {
    /// The statement was read and refused.
    Statement(String),
    /// The user may not do this, or the server does not know how.
    Denied(String),
    /// No answer, or one that has nothing to do with the statement.
    Other(String),
}

impl Refusal {
    fn into_text(self) -> String {
        match self {
            Self::Statement(why) | Self::Denied(why) | Self::Other(why) => why,
        }
    }
}

/// A statement's error comes with status 200.
fn read_result(answer: &HttpResponse) -> Result<Value, Refusal> {
    match answer.status.as_u16() {
        200 => {}
        400 | 403 | 404 | 405 | 501 => return Err(Refusal::Denied(answer.text())),
        _ => return Err(Refusal::Other(answer.text())),
    }
    let result = serde_json::from_str::<Value>(&answer.body)
        .ok()
        .and_then(|json| json.get("results")?.get(0).cloned());
    let Some(result) = result else {
        return Err(Refusal::Other(
            "a query was answered with something else than InfluxDB's JSON".into(),
        ));
    };
    match result.get("error").and_then(Value::as_str) {
        Some(why) => Err(Refusal::Statement(http::shorten(why, 240))),
        None => Ok(result),
    }
}

fn policies(result: &Value) -> Vec<Policy> {
    let series = result.get("series").and_then(|s| s.get(0));
    let column = |name: &str| {
        series?.get("columns")?.as_array()?.iter().position(|c| c.as_str() == Some(name))
    };
    let (Some(name), Some(default)) = (column("name"), column("default")) else { return vec![] };
    let rows = series.and_then(|s| s.get("values")?.as_array()).map_or(&[][..], Vec::as_slice);
    rows.iter()
        .filter_map(|row| {
            Some(Policy {
                name: row.get(name)?.as_str()?.to_owned(),
                is_default: row.get(default)?.as_bool()?,
            })
        })
        .collect()
}

/// A name in InfluxQL, quoted.
pub fn identifier(name: &str) -> String {
    let escaped = name.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
    format!("\"{escaped}\"")
}

/// A duration of InfluxQL: `10d`, `1h30m`, `INF`. Written unquoted, so nothing else may pass.
fn is_duration(text: &str) -> bool {
    if text.eq_ignore_ascii_case("inf") {
        return true;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if unit.len() == rest.len() {
            return false;
        }
        let known = ["ns", "ms", "u", "µ", "s", "m", "h", "d", "w"];
        let Some(after) = known.iter().find_map(|u| unit.strip_prefix(u)) else { return false };
        rest = after;
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_quoted() {
        assert_eq!(identifier("butler"), r#""butler""#);
        assert_eq!(identifier(r#"a"; DROP \x"#), r#""a\"; DROP \\x""#);
    }

    #[test]
    fn durations() {
        for good in ["10d", "1h30m", "INF", "inf", "52w", "3600s", "500ms"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["", "10", "d", "10 d", "10x", "1d; DROP DATABASE x", "-1d"] {
            assert!(!is_duration(bad), "{bad}");
        }
    }

    #[test]
    fn policies_are_read_by_column_name() {
        let result = serde_json::json!({"series": [{
            "columns": ["name", "duration", "default"],
            "values": [["autogen", "0s", true], ["10d", "240h0m0s", false]],
        }]});
        let list = policies(&result);
        assert_eq!(list[0], Policy { name: "autogen".into(), is_default: true });
        assert_eq!(list[1], Policy { name: "10d".into(), is_default: false });
        assert_eq!(policies(&serde_json::json!({})), vec![]);
    }
}
