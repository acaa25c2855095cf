//! The access license pools: `GET /qrs/license/accesstypeoverview` and its deprecated twin.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::license::Allotment;

/// How many seats, minutes and tokens the license has, and what of the answer is told.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolSettings {
    /// Professional seats.
    pub professional: SeatPool,
    /// Analyzer seats.
    pub analyzer: SeatPool,
    /// Analyzer Capacity.
    pub analyzer_time: MinutePool,
    /// Tokens of an older license.
    pub tokens: TokenPool,
    /// Sections left out of the overview.
    pub omit: Vec<Section>,
    /// Newer servers have `excess`, in the overview and in each seat.
    pub with_excess: bool,
    /// How `available` follows from the other figures.
    pub available: AvailableFormula,
}

/// A kind of seats. The figures that are absent are counted from the site's seats.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SeatPool {
    /// Whether the license has this kind at all.
    pub enabled: bool,
    /// Seats of the license.
    pub total: i64,
    /// Seats given to users, those in quarantine apart.
    pub allocated: Option<i64>,
    /// Seats in use: here, open sessions. What real servers mean by it isn't documented.
    pub used: Option<i64>,
    /// Seats in quarantine.
    pub quarantined: Option<i64>,
    /// Seats above what the license allows.
    pub excess: Option<i64>,
    /// Seats that can be given. Absent = by the formula.
    pub available: Option<i64>,
}

/// Analyzer Capacity, in minutes a month.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct MinutePool {
    /// Whether the license has this kind at all.
    pub enabled: bool,
    /// Minutes a month.
    pub allocated_minutes: i64,
    /// Absent = counted while the clock runs, from zero at the start and at each month's begin.
    pub used_minutes: Option<i64>,
    /// Minutes that can't be used.
    pub unavailable_minutes: i64,
}

/// A token license. User passes cost one token each, login passes a tenth.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenPool {
    /// Whether the license has tokens.
    pub enabled: bool,
    /// Tokens of the license.
    pub total: i64,
    /// Tokens given to users.
    pub user_allocated: i64,
    /// Tokens of user access in use.
    pub user_used: i64,
    /// Tokens of user access in quarantine.
    pub user_quarantined: i64,
    /// Tokens given to login access.
    pub login_allocated: i64,
    /// Tokens of login access in use.
    pub login_used: i64,
    /// Tokens of login access that can't be used.
    pub login_unavailable: i64,
    /// Absent = total less what is allocated.
    pub available: Option<i64>,
}

/// A section of the overview, by its name there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Section {
    UserAccess,
    LoginAccess,
    ProfessionalAccess,
    AnalyzerAccess,
    AnalyzerTimeAccess,
}

/// How `available` follows from the other figures: seen is the first, with nothing quarantined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AvailableFormula {
    /// Total less allocated less quarantined, at least 0.
    #[default]
    LessQuarantined,
    /// Total less allocated, at least 0.
    LessAllocated,
}

/// What the site's own rows say about a kind of seats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SeatCounts {
    pub allocated: i64,
    pub used: i64,
    pub quarantined: i64,
    pub excess: i64,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            professional: SeatPool::of(25),
            analyzer: SeatPool::of(25),
            analyzer_time: MinutePool {
                enabled: true,
                allocated_minutes: 700,
                ..MinutePool::default()
            },
            tokens: TokenPool::default(),
            omit: Vec::new(),
            with_excess: true,
            available: AvailableFormula::default(),
        }
    }
}

impl Default for SeatPool {
    fn default() -> Self {
        Self::of(25)
    }
}

impl SeatPool {
    /// An enabled pool of so many seats, everything else counted from the site's seats.
    pub fn of(total: i64) -> Self {
        Self {
            enabled: true,
            total,
            allocated: None,
            used: None,
            quarantined: None,
            excess: None,
            available: None,
        }
    }

    /// A kind the license doesn't have.
    pub fn disabled() -> Self {
        Self { enabled: false, ..Self::of(0) }
    }

    /// All figures fixed; `available` by the formula.
    pub fn fixed(total: i64, allocated: i64, used: i64, quarantined: i64, excess: i64) -> Self {
        Self {
            allocated: Some(allocated),
            used: Some(used),
            quarantined: Some(quarantined),
            excess: Some(excess),
            ..Self::of(total)
        }
    }
}

impl PoolSettings {
    pub(super) fn overview(&self, seats: [SeatCounts; 2], used_minutes: i64) -> Value {
        let tokens = &self.tokens;
        let mut body = Map::new();
        body.insert("totalTokens".into(), json!(tokens.total));
        body.insert("availableTokens".into(), json!(self.available_tokens()));
        body.insert("tokensEnabled".into(), json!(tokens.enabled));
        let sections = [
            (Section::UserAccess, "userAccess", self.user_section()),
            (Section::LoginAccess, "loginAccess", self.login_section()),
            (
                Section::ProfessionalAccess,
                "professionalAccess",
                self.seat_section(&self.professional, seats[0]),
            ),
            (
                Section::AnalyzerAccess,
                "analyzerAccess",
                self.seat_section(&self.analyzer, seats[1]),
            ),
            (Section::AnalyzerTimeAccess, "analyzerTimeAccess", self.time_section(used_minutes)),
        ];
        for (section, name, value) in sections {
            if !self.omit.contains(&section) {
                body.insert(name.into(), value);
            }
        }
        body.insert("schemaPath".into(), json!("AccessTypeOverview"));
        Value::Object(body)
    }

    /// The deprecated `accesstypeinfo`, which knows tokens only.
    pub(super) fn info(&self) -> Value {
        let without_schema = |mut section: Value, drop: &[&str]| {
            if let Value::Object(map) = &mut section {
                for name in drop {
                    map.shift_remove(*name);
                }
            }
            section
        };
        json!({
            "totalTokens": self.tokens.total,
            "availableTokens": self.available_tokens(),
            "loginAccessType": without_schema(self.login_section(), &["enabled", "schemaPath"]),
            "userAccessType": without_schema(self.user_section(), &["enabled", "schemaPath"]),
        })
    }

    /// What a signed key with these pools allots.
    pub(super) fn allotments(&self) -> Vec<Allotment> {
        let line = |name: &str, count: i64| Allotment { name: name.to_owned(), count };
        let mut lines = Vec::new();
        if self.professional.enabled {
            lines.push(line("professional", self.professional.total));
        }
        if self.analyzer.enabled {
            lines.push(line("analyzer", self.analyzer.total));
        }
        if self.analyzer_time.enabled {
            lines.push(line("analyzer_time", self.analyzer_time.allocated_minutes));
        }
        lines.push(line("sapconnector", 1));
        lines
    }

    fn available_tokens(&self) -> i64 {
        let tokens = &self.tokens;
        let left = tokens.total - tokens.user_allocated - tokens.login_allocated;
        tokens.available.unwrap_or(left.max(0))
    }

    fn user_section(&self) -> Value {
        let tokens = &self.tokens;
        json!({
            "enabled": tokens.enabled,
            "tokenCost": 1,
            "allocatedTokens": tokens.user_allocated,
            "usedTokens": tokens.user_used,
            "quarantinedTokens": tokens.user_quarantined,
            "schemaPath": "AccessTypeOverview.UserAccessDetails",
        })
    }

    fn login_section(&self) -> Value {
        let tokens = &self.tokens;
        json!({
            "enabled": tokens.enabled,
            "tokenCost": 0.1,
            "allocatedTokens": tokens.login_allocated,
            "usedTokens": tokens.login_used,
            "unavailableTokens": tokens.login_unavailable,
            "schemaPath": "AccessTypeOverview.LoginAccessDetails",
        })
    }

    fn seat_section(&self, pool: &SeatPool, counted: SeatCounts) -> Value {
        let allocated = pool.allocated.unwrap_or(counted.allocated);
        let quarantined = pool.quarantined.unwrap_or(counted.quarantined);
        let blocked = match self.available {
            AvailableFormula::LessQuarantined => allocated + quarantined,
            AvailableFormula::LessAllocated => allocated,
        };
        let mut section = Map::new();
        section.insert("enabled".into(), json!(pool.enabled));
        section.insert("total".into(), json!(pool.total));
        section.insert("allocated".into(), json!(allocated));
        section.insert("used".into(), json!(pool.used.unwrap_or(counted.used)));
        section.insert("quarantined".into(), json!(quarantined));
        if self.with_excess {
            section.insert("excess".into(), json!(pool.excess.unwrap_or(counted.excess)));
        }
        let available = pool.available.unwrap_or((pool.total - blocked).max(0));
        section.insert("available".into(), json!(available));
        section.insert("schemaPath".into(), json!("AccessTypeOverview.Details"));
        Value::Object(section)
    }

    fn time_section(&self, used_minutes: i64) -> Value {
        let pool = &self.analyzer_time;
        json!({
            "enabled": pool.enabled,
            "allocatedMinutes": pool.allocated_minutes,
            "usedMinutes": pool.used_minutes.unwrap_or(used_minutes),
            "unavailableMinutes": pool.unavailable_minutes,
            "schemaPath": "AccessTypeOverview.AnalyzerTimeAccessDetails",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str) -> String {
        let path = format!("{}/tests/data/qrs/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let value: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        value.to_string()
    }

    fn nothing() -> PoolSettings {
        PoolSettings {
            professional: SeatPool::disabled(),
            analyzer: SeatPool::disabled(),
            analyzer_time: MinutePool::default(),
            ..PoolSettings::default()
        }
    }

    #[test]
    fn a_site_with_seats_is_the_sample() {
        let pools = PoolSettings {
            professional: SeatPool::fixed(25, 5, 0, 0, 0),
            analyzer: SeatPool::fixed(25, 4, 0, 0, 0),
            ..PoolSettings::default()
        };
        let overview = pools.overview([SeatCounts::default(); 2], 0);
        assert_eq!(
            overview.to_string(),
            sample("accesstypeoverview_professional_analyzer_capacity")
        );
    }

    #[test]
    fn a_site_with_tokens_is_the_sample() {
        let tokens = TokenPool {
            enabled: true,
            total: 200,
            user_allocated: 61,
            login_allocated: 100,
            ..TokenPool::default()
        };
        let overview = PoolSettings { tokens, ..nothing() }.overview([SeatCounts::default(); 2], 0);
        assert_eq!(overview.to_string(), sample("accesstypeoverview_tokens.constructed"));
    }

    #[test]
    fn an_old_server_is_the_sample() {
        let pools = PoolSettings {
            with_excess: false,
            omit: vec![Section::AnalyzerTimeAccess],
            ..nothing()
        };
        let overview = pools.overview([SeatCounts::default(); 2], 0).to_string();
        // The documentation writes 1.0 where servers write 1.
        let expected = sample("accesstypeoverview_old_without_excess_and_time");
        assert_eq!(overview, expected.replace("\"tokenCost\":1.0", "\"tokenCost\":1"));
    }

    #[test]
    fn available_follows_the_formula_and_is_never_negative() {
        let counted = SeatCounts { allocated: 20, used: 3, quarantined: 4, excess: 1 };
        let available = |formula, total| {
            let pools = PoolSettings {
                professional: SeatPool::of(total),
                available: formula,
                ..PoolSettings::default()
            };
            let overview = pools.overview([counted; 2], 0);
            overview["professionalAccess"]["available"].as_i64().unwrap()
        };
        assert_eq!(available(AvailableFormula::LessQuarantined, 25), 1);
        assert_eq!(available(AvailableFormula::LessAllocated, 25), 5);
        assert_eq!(available(AvailableFormula::LessQuarantined, 10), 0);
    }
}
