//! The state of a simulated site.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::clock::Clock;
use super::license::{LicenseVariant, Moment};
use super::pools::{PoolSettings, SeatCounts};
use super::routes::acting_user;
use super::scenario::Scenario;

#[derive(Debug)]
pub(super) struct Site {
    pub clock: Clock,
    pub license: LicenseVariant,
    pub pools: PoolSettings,
    version: String,
}

impl Site {
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            clock: Clock::new(&scenario.clock),
            license: scenario.license.clone(),
            pools: scenario.pools.clone(),
            version: scenario.version.clone(),
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn may_act(&self, header: Option<&str>) -> bool {
        header.and_then(acting_user).is_some_and(|(directory, id)| {
            directory.eq_ignore_ascii_case("INTERNAL") && id.to_lowercase().starts_with("sa_")
        })
    }

    pub fn about(&self) -> Value {
        json!({
            "buildVersion": self.version,
            "buildDate": "9/20/2013 10:09:00 AM",
            "databaseProvider": "Devart.Data.PostgreSql",
            "nodeType": 1,
            "sharedPersistence": true,
            "requiresBootstrap": false,
            "singleNodeOnly": false,
            "schemaPath": "About",
        })
    }

    pub fn license_answer(&self) -> Value {
        let clock = Moment { start: self.clock.start, now: self.now() };
        self.license.answer(clock, &self.pools.allotments(), self.pools.tokens.total)
    }

    pub fn overview(&self) -> Value {
        let counts = [
            SeatCounts { allocated: 5, ..SeatCounts::default() },
            SeatCounts { allocated: 4, ..SeatCounts::default() },
        ];
        self.pools.overview(counts, 0)
    }

    pub fn info(&self) -> Value {
        self.pools.info()
    }
}
