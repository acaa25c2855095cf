//! A real server of the InfluxDB 2.x write API: VictoriaMetrics, with vmauth before it for tokens.
//!
//! It ignores org and bucket, skips lines it can't read without a word, and stores text as 0.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::guarded::Guarded;

/// The only token that is let in.
pub const TOKEN: &str = "victoria-token";

/// Both servers.
#[derive(Debug)]
pub struct Victoria {
    _storage: Guarded,
    _auth: Guarded,
    storage_port: u16,
    /// Where tokens are checked.
    pub port: u16,
}

/// The one pair of this test process.
pub async fn shared() -> &'static Victoria {
    static SERVER: OnceCell<Victoria> = OnceCell::const_new();
    SERVER.get_or_init(Victoria::start).await
}

impl Victoria {
    async fn start() -> Self {
        bursar::tls::install_provider();
        let (storage, storage_port) = Guarded::start(
            "victoria-metrics",
            "victoria-metrics",
            |dir: &Path, port| {
                vec![
                    format!("-storageDataPath={}/data", dir.display()),
                    format!("-httpListenAddr=127.0.0.1:{port}"),
                    "-retentionPeriod=100y".into(),
                ]
            },
            |port| is_healthy(port),
        )
        .await;
        let (auth, port) = Guarded::start(
            "vmauth",
            "victoria-metrics",
            |dir: &Path, port| {
                let config = format!(
                    "users:\n- bearer_token: {TOKEN}\n  url_prefix: http://127.0.0.1:{storage_port}/\n"
                );
                let file = format!("{}/auth.yml", dir.display());
                std::fs::write(&file, config).unwrap();
                vec![
                    format!("-auth.config={file}"),
                    format!("-httpListenAddr=127.0.0.1:{port}"),
                ]
            },
            |port| is_healthy(port),
        )
        .await;
        Self { _storage: storage, _auth: auth, storage_port, port }
    }

    /// All samples whose tag `test` is `test`, by `measurement_field`: value and milliseconds. They
    /// can be found a second or so after they were written: waits for that many series.
    ///
    /// # Panics
    /// When there are fewer after 20 seconds.
    pub async fn samples(&self, test: &str, series: usize) -> BTreeMap<String, Vec<(f64, i64)>> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let samples = self.export(test).await;
            if samples.len() >= series {
                return samples;
            }
            assert!(Instant::now() < deadline, "{series} series wanted: {samples:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn export(&self, test: &str) -> BTreeMap<String, Vec<(f64, i64)>> {
        let base = format!("http://127.0.0.1:{}", self.storage_port);
        reqwest::get(format!("{base}/internal/force_flush")).await.unwrap();
        let mut url: url::Url = format!("{base}/api/v1/export").parse().unwrap();
        url.query_pairs_mut().append_pair("match[]", &format!("{{test=\"{test}\"}}"));
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        let mut samples = BTreeMap::new();
        for line in text.lines() {
            let json: Value = serde_json::from_str(line).unwrap();
            let mut name = json["metric"]["__name__"].as_str().unwrap().to_owned();
            if let Some(kind) = json["metric"]["license_type"].as_str() {
                name = format!("{name} {kind}");
            }
            let values = json["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap());
            let times = json["timestamps"].as_array().unwrap().iter().map(|t| t.as_i64().unwrap());
            samples.insert(name, values.zip(times).collect());
        }
        samples
    }
}

async fn is_healthy(port: u16) -> bool {
    reqwest::get(format!("http://127.0.0.1:{port}/health"))
        .await
        .is_ok_and(|answer| answer.status() == 200)
}
