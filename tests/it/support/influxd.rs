//! A real InfluxDB 1.x, one for all tests of the process, with a database for each test.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::path::Path;

use serde_json::Value;
use tokio::sync::OnceCell;

use super::guarded::{Guarded, free_port};

pub const ADMIN: &str = "admin";
pub const PASSWORD: &str = "pw'\"\\ ä";

/// The server. Users must log in.
#[derive(Debug)]
pub struct Influxd {
    _server: Guarded,
    pub port: u16,
}

/// The one server of this test process.
pub async fn shared() -> &'static Influxd {
    static SERVER: OnceCell<Influxd> = OnceCell::const_new();
    SERVER.get_or_init(Influxd::start).await
}

impl Influxd {
    /// A server of its own, for tests that stop it.
    pub async fn start() -> Self {
        let arguments = |dir: &Path, port: u16| {
            let dir = dir.display();
            // The second port serves backups only; nobody connects to it.
            let config = format!(
                r#"
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{dir}/meta"
[data]
  dir = "{dir}/data"
  wal-dir = "{dir}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = true
"#,
                rpc = free_port()
            );
            let file = format!("{dir}/influxd.conf");
            std::fs::write(&file, config).unwrap();
            vec!["-config".into(), file]
        };
        let ready = |port| async move {
            reqwest::get(format!("http://127.0.0.1:{port}/ping"))
                .await
                .is_ok_and(|answer| answer.status() == 204)
        };
        bursar::tls::install_provider();
        let (server, port) = Guarded::start("influxd", "influxdb", arguments, ready).await;
        let influxd = Self { _server: server, port };
        let password = PASSWORD.replace('\\', r"\\").replace('\'', r"\'");
        influxd
            .query(
                "",
                &format!("CREATE USER {ADMIN} WITH PASSWORD '{password}' WITH ALL PRIVILEGES"),
            )
            .await;
        influxd
    }

    pub fn url(&self) -> url::Url {
        format!("http://127.0.0.1:{}", self.port).parse().unwrap()
    }

    /// Runs InfluxQL as the administrator and gives the first result.
    pub async fn query(&self, database: &str, statement: &str) -> Value {
        let answer = reqwest::Client::new()
            .post(self.url().join("/query").unwrap())
            .basic_auth(ADMIN, Some(PASSWORD))
            .query_pairs(&[("db", database), ("q", statement), ("epoch", "ns")])
            .send()
            .await
            .unwrap();
        let json: Value = answer.json().await.unwrap();
        let result = json["results"][0].clone();
        assert!(result.get("error").is_none(), "{statement}: {result}");
        result
    }

    /// The rows of a query as objects from column to value, tags of `GROUP BY` included.
    pub async fn rows(&self, database: &str, statement: &str) -> Vec<Value> {
        let result = self.query(database, statement).await;
        let mut rows = Vec::new();
        for series in result["series"].as_array().into_iter().flatten() {
            for values in series["values"].as_array().into_iter().flatten() {
                let mut row = series["tags"].as_object().cloned().unwrap_or_default();
                let columns = series["columns"].as_array().unwrap();
                for (column, value) in columns.iter().zip(values.as_array().unwrap()) {
                    row.insert(column.as_str().unwrap().to_owned(), value.clone());
                }
                rows.push(Value::Object(row));
            }
        }
        rows
    }
}

/// reqwest's own `query` needs a feature that nothing else does.
trait QueryPairs {
    fn query_pairs(self, pairs: &[(&str, &str)]) -> Self;
}

impl QueryPairs for reqwest::RequestBuilder {
    fn query_pairs(self, pairs: &[(&str, &str)]) -> Self {
        let (client, request) = self.build_split();
        let mut request = request.unwrap();
        request.url_mut().query_pairs_mut().extend_pairs(pairs);
        Self::from_parts(client, request)
    }
}
