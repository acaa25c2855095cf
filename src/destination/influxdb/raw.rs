//! `influxDb`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::destination::switches::raw::StaticTags;
use crate::settings::SecretText;

/// Butler's settings in this section that Bursar doesn't have: accepted, never read.
const BUTLERS: &[&str] = &[
    "reloadTaskFailure",
    "reloadTaskSuccess",
    "userSyncTaskSuccess",
    "userSyncTaskFailure",
    "externalProgramTaskSuccess",
    "externalProgramTaskFailure",
    "distributeTaskSuccess",
    "distributeTaskFailure",
    "preloadTaskSuccess",
    "preloadTaskFailure",
];

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-butlers" = BUTLERS))]
pub(crate) struct InfluxDb {
    /// Send to InfluxDB.
    pub(crate) enable: bool,
    /// Name or IP address of the server, without `http://`.
    #[serde(rename = "hostIP")]
    #[schemars(example = &"influxdb.example.com")]
    pub(crate) host_ip: String,
    /// Port of its HTTP interface. Default 8086; InfluxDB 3 uses 8181.
    #[schemars(range(min = 1, max = 65535), extend("x-noun" = "a port"))]
    pub(crate) host_port: i64,
    /// HTTPS. Off by default, as in Butler.
    #[serde(rename = "useSSL")]
    #[schemars(extend("x-bursar" = true))]
    pub(crate) use_ssl: bool,
    /// Certificate authority of the server, PEM. Empty: those the operating system trusts.
    #[serde(rename = "certCA")]
    #[schemars(extend("x-bursar" = true))]
    pub(crate) cert_ca: String,
    /// Verify the server's certificate.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) reject_unauthorized: bool,
    /// Seconds to wait for an answer. Default 10: deliveries are tried again anyway.
    #[schemars(range(min = 1, max = 3600), extend("x-bursar" = true))]
    pub(crate) timeout_seconds: i64,
    /// Major version of the server: 1, 2 or 3. Only its own section below is used.
    #[schemars(range(min = 1, max = 3), extend("x-noun" = "a version of InfluxDB"))]
    pub(crate) version: i64,
    /// InfluxDB 1.x.
    pub(crate) v1_config: V1Config,
    /// InfluxDB 2.x.
    pub(crate) v2_config: V2Config,
    /// InfluxDB 3.x.
    pub(crate) v3_config: V3Config,
    /// Tags of every point.
    pub(crate) tag: StaticTags,
}

impl Default for InfluxDb {
    fn default() -> Self {
        Self {
            enable: false,
            host_ip: String::new(),
            host_port: 8086,
            use_ssl: false,
            cert_ca: String::new(),
            reject_unauthorized: true,
            timeout_seconds: 10,
            version: 1,
            v1_config: V1Config::default(),
            v2_config: V2Config::default(),
            v3_config: V3Config::default(),
            tag: StaticTags::default(),
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct V1Config {
    /// User and password.
    pub(crate) auth: Auth,
    /// Database. Made when missing.
    pub(crate) db_name: String,
    /// Retention policy of a database that Bursar makes. Without a name the server's default.
    pub(crate) retention_policy: RetentionPolicy,
}

impl Default for V1Config {
    fn default() -> Self {
        Self {
            auth: Auth::default(),
            db_name: "butler".to_owned(),
            retention_policy: RetentionPolicy::default(),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Auth {
    /// Log in with user and password.
    pub(crate) enable: bool,
    /// User name.
    pub(crate) username: String,
    /// Password. Best as a reference such as `${env:INFLUXDB_PASSWORD}`.
    pub(crate) password: SecretText,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RetentionPolicy {
    /// Name of the policy.
    #[schemars(example = &"10d")]
    pub(crate) name: String,
    /// How long data is kept, such as `10d`, `52w` or `INF`.
    #[schemars(example = &"10d")]
    pub(crate) duration: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct V2Config {
    /// Organization.
    #[schemars(example = &"example")]
    pub(crate) org: String,
    /// Bucket. Made when missing.
    #[schemars(example = &"qlik")]
    pub(crate) bucket: String,
    /// Description of a bucket that Bursar makes.
    pub(crate) description: String,
    /// API token that may write to the bucket.
    pub(crate) token: SecretText,
    /// How long a bucket that Bursar makes keeps its data, such as `10d`, `52w`. Empty: for ever.
    pub(crate) retention_duration: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct V3Config {
    /// Database. The server makes it when it is missing.
    #[schemars(example = &"qlik")]
    pub(crate) database: String,
    /// Not used: InfluxDB 3 has no such thing. Accepted as Butler's.
    pub(crate) description: String,
    /// Token that may write to the database.
    pub(crate) token: SecretText,
    /// Not used: set on the server. Accepted as Butler's.
    pub(crate) retention_duration: String,
    /// Milliseconds to wait for an answer, in place of `timeoutSeconds`. Not set by default.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub(crate) write_timeout: Option<i64>,
    /// Not used: Bursar doesn't query. Accepted as Butler's.
    pub(crate) query_timeout: Option<i64>,
}
