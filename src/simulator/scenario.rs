//! What a simulated site is like: read from YAML, or put together in code.

use schemars::JsonSchema;
use serde::Deserialize;

use super::fault::FaultRule;
use super::license::LicenseVariant;
use super::pki::SHARED_SERVER_NAME;
use super::pools::{PoolSettings, SeatPool};
use super::when::When;

/// A simulated Qlik Sense site. Everything has a default: an empty scenario is a small healthy
/// site with a signed key that ends in a year.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// The only name in the server's certificate.
    pub server_name: String,
    /// `buildVersion` of `/qrs/about`.
    pub version: String,
    /// Everything generated follows from this number: the same seed, the same site.
    pub seed: u64,
    pub clock: ClockSettings,
    pub license: LicenseVariant,
    pub pools: PoolSettings,
    /// Faults from the start.
    pub faults: Vec<FaultRule>,
}

/// The site's clock.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ClockSettings {
    /// Where the clock begins. Absent = the real time.
    pub start: Option<When>,
    /// Seconds that pass on the site in each real second. 0 = the clock stands still.
    pub speed: f64,
    /// The site's clock is off by this many seconds, in its `Date` header and in all its data.
    pub skew_seconds: i64,
}

impl Default for ClockSettings {
    fn default() -> Self {
        Self { start: None, speed: 1.0, skew_seconds: 0 }
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            server_name: SHARED_SERVER_NAME.to_owned(),
            version: "31.62.0.0".to_owned(),
            seed: 1,
            clock: ClockSettings::default(),
            license: LicenseVariant::default(),
            pools: PoolSettings::default(),
            faults: Vec::new(),
        }
    }
}

impl Scenario {
    /// Reads a scenario. The error says where and what is wrong.
    pub fn from_yaml(text: &str) -> Result<Self, String> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#')) {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|e| e.to_string())
    }

    /// The site that `bursar demo` shows: busy, a little short of seats, its license near its end.
    pub fn demo() -> Self {
        let mut demo = Self::default();
        demo.license = LicenseVariant::signed(When::in_days(41));
        demo.pools.professional = SeatPool::of(120);
        demo.pools.analyzer = SeatPool::of(900);
        demo
    }
}
