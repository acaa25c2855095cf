//! InfluxDB 2.x: `/api/v2/write`, and the buckets API to make the bucket.

use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Value, json};

use super::BuildError;
use super::server::{HttpResponse, Server, Verdict, authorization, gzip_text};
use crate::destination::{Probe, ProbeFailure, http};
use crate::secret::Secret;

/// Where points go, and what the bucket is made with when it is missing.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub org: String,
    pub name: String,
    pub description: String,
    /// How long data is kept. Zero: for ever.
    pub retention: Duration,
}

/// Writes to one bucket.
#[derive(Debug)]
pub struct Client {
    server: Server,
    bucket: Bucket,
    authorization: HeaderValue,
}

impl Client {
    /// A client for one bucket.
    ///
    /// # Errors
    /// When the token can't be sent in a header.
    pub fn new(server: Server, bucket: Bucket, token: &Secret) -> Result<Self, BuildError> {
        Ok(Self { server, bucket, authorization: authorization("Token", token)? })
    }

    /// Writes a compressed batch, and makes the bucket when the server says it is missing.
    pub async fn write(&self, body: Vec<u8>) -> Verdict {
        match self.write_once(body.clone()).await {
            Verdict::Missing { why } => match self.create_bucket().await {
                Ok(()) => self.write_once(body).await,
                Err(reason) => Verdict::Wait { after: None, why: format!("{why}; {reason}") },
            },
            verdict => verdict,
        }
    }

    async fn write_once(&self, body: Vec<u8>) -> Verdict {
        let query =
            [("org", &*self.bucket.org), ("bucket", &*self.bucket.name), ("precision", "ns")];
        let url = self.server.at("/api/v2/write", &query);
        self.server.write(self.authorize(self.server.client.post(url)), body).await
    }

    fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(AUTHORIZATION, self.authorization.clone())
    }

    async fn create_bucket(&self) -> Result<(), String> {
        let Bucket { name, description, retention, .. } = &self.bucket;
        let org = self.org_id().await?;
        let seconds = retention.as_secs();
        let rules = match seconds {
            0 => json!([]),
            _ => json!([{"type": "expire", "everySeconds": seconds}]),
        };
        let body = json!({"orgID": org, "name": name, "description": description, "retentionRules": rules});
        let request = self.server.client.post(self.server.at("/api/v2/buckets", &[])).json(&body);
        let answer = self.server.send(self.authorize(request)).await?;
        match answer.status.as_u16() {
            201 => {
                tracing::info!(bucket = %name, "made the InfluxDB bucket");
                Ok(())
            }
            // Somebody else made it in the meantime.
            422 => Ok(()),
            _ => Err(format!("the bucket {name} can't be made: {}", answer.text())),
        }
    }

    async fn org_id(&self) -> Result<String, String> {
        let org = &self.bucket.org;
        let url = self.server.at("/api/v2/orgs", &[("org", org)]);
        let answer = self.server.send(self.authorize(self.server.client.get(url))).await?;
        first_org_id(&answer).ok_or_else(|| match answer.status.as_u16() {
            200 => format!("the organization {org} does not exist or this token can't see it"),
            404 if !answer.body.trim_start().starts_with('{') => {
                "no InfluxDB 2.x at that address: check influxDb.version".into()
            }
            _ => format!("the organization {org} can't be looked up: {}", answer.text()),
        })
    }

    /// Reach, version, token, bucket: by a write that holds nothing but a comment, which passes
    /// the same checks of token and bucket as a real one and leaves nothing behind.
    ///
    /// # Errors
    /// The first of these that fails, with what to do.
    pub async fn probe(&self) -> Result<Probe, ProbeFailure> {
        let fail = |what: String, fix: &str| ProbeFailure { what, fix: fix.into() };
        let Bucket { org, name, .. } = &self.bucket;
        let version = self.version().await.map_err(|why| {
            fail(why, "check influxDb.hostIP, influxDb.hostPort and that InfluxDB runs there")
        })?;
        let comment = gzip_text("# bursar check\n");
        match self.write_once(comment).await {
            Verdict::Stored => Ok(Probe {
                found: format!("{version}, bucket {name} exists, test write accepted"),
                warnings: vec![],
            }),
            Verdict::Missing { why } => match self.org_id().await {
                Ok(_) => Ok(Probe {
                    found: format!("{version}, bucket {name} will be made at the first write"),
                    warnings: vec![],
                }),
                Err(reason) => Err(fail(
                    format!("bucket {name} of organization {org}: {why}; {reason}"),
                    "check influxDb.v2Config.org and bucket, or make the bucket and give the token write access to it",
                )),
            },
            Verdict::Wait { why, .. } | Verdict::Doubtful { why } => Err(fail(
                format!("a test write to the bucket {name} failed: {why}"),
                "check influxDb.v2Config.token and that it may write to the bucket",
            )),
        }
    }

    async fn version(&self) -> Result<String, String> {
        let request = self.server.client.get(self.server.at("/health", &[]));
        let answer = self.server.send(request).await?;
        let version = serde_json::from_str::<Value>(&answer.body)
            .ok()
            .and_then(|json| Some(json.get("version")?.as_str()?.to_owned()));
        Ok(match version {
            Some(version) => format!("InfluxDB {}", http::shorten(&version, 40)),
            None => "InfluxDB 2.x compatible server".into(),
        })
    }
}

fn first_org_id(answer: &HttpResponse) -> Option<String> {
    let json: Value = serde_json::from_str(&answer.body).ok()?;
    Some(json.get("orgs")?.get(0)?.get("id")?.as_str()?.to_owned())
}
