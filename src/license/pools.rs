//! The access license pools: how many seats, tokens and minutes there are and how many are taken.
//!
//! Source: `GET /qrs/license/accesstypeoverview`. Every figure is as the server gives it; nothing
//! is derived, because the server's own arithmetic (whether `allocated` includes quarantined
//! seats) is not documented.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{SeatType, ShapeError, kind_of};

/// All pools of one site at one time. A kind the server didn't mention is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pools {
    pub professional: Option<SeatPool>,
    pub analyzer: Option<SeatPool>,
    pub analyzer_capacity: Option<MinutePool>,
    pub token_user: Option<TokenUserPool>,
    pub token_login: Option<TokenLoginPool>,
    pub tokens: Option<TokenTotals>,
}

/// Professional or Analyzer seats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatPool {
    /// Whether the license has this kind at all.
    pub enabled: bool,
    pub total: f64,
    pub allocated: f64,
    pub available: f64,
    /// "In use" by the server's undocumented measure; not "ever used".
    pub used: f64,
    pub quarantined: f64,
    /// Allocations above what the license allows; 0 from servers that don't know the term.
    pub excess: f64,
}

/// Analyzer Capacity: minutes of the current month.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MinutePool {
    pub enabled: bool,
    pub allocated_minutes: f64,
    pub used_minutes: f64,
    pub unavailable_minutes: f64,
}

/// User access passes on a token license.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenUserPool {
    pub enabled: bool,
    pub token_cost: f64,
    pub allocated_tokens: f64,
    pub used_tokens: f64,
    pub quarantined_tokens: f64,
}

/// Login access passes on a token license.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenLoginPool {
    pub enabled: bool,
    pub token_cost: f64,
    pub allocated_tokens: f64,
    pub used_tokens: f64,
    pub unavailable_tokens: f64,
}

/// The tokens of the whole site.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenTotals {
    pub enabled: bool,
    pub total_tokens: f64,
    pub available_tokens: f64,
}

/// One kind of access license with its figures, by the names that InfluxDB points and the history
/// have.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// `professional`, `analyzer` ...: the tag `license_type` of the points.
    pub pool: &'static str,
    /// Whether the license has this kind at all.
    pub enabled: bool,
    /// By name.
    pub figures: Vec<(&'static str, f64)>,
}

impl SeatPool {
    fn figures(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("allocated", self.allocated),
            ("available", self.available),
            ("excess", self.excess),
            ("quarantined", self.quarantined),
            ("total", self.total),
            ("used", self.used),
        ]
    }
}

impl MinutePool {
    fn figures(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("allocated_minutes", self.allocated_minutes),
            ("unavailable_minutes", self.unavailable_minutes),
            ("used_minutes", self.used_minutes),
        ]
    }
}

impl TokenLoginPool {
    fn figures(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("allocated_tokens", self.allocated_tokens),
            ("token_cost", self.token_cost),
            ("unavailable_tokens", self.unavailable_tokens),
            ("used_tokens", self.used_tokens),
        ]
    }
}

impl TokenUserPool {
    fn figures(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("allocated_tokens", self.allocated_tokens),
            ("quarantined_tokens", self.quarantined_tokens),
            ("token_cost", self.token_cost),
            ("used_tokens", self.used_tokens),
        ]
    }
}

impl TokenTotals {
    fn figures(&self) -> Vec<(&'static str, f64)> {
        vec![("available_tokens", self.available_tokens), ("total_tokens", self.total_tokens)]
    }
}

impl Pools {
    /// Every kind that the server mentioned.
    pub fn figures(&self) -> Vec<Figures> {
        // By name, since the order of points is seen in files and by people.
        let mut seats: Vec<_> = SeatType::counted().collect();
        seats.sort_by_key(|seat_type| seat_type.as_str());
        let seats = seats.into_iter().filter_map(|seat_type| {
            let pool = self.seats(seat_type)?;
            Some((seat_type.as_str(), pool.enabled, pool.figures()))
        });
        let of = |pool, enabled, figures| Figures { pool, enabled, figures };
        let mut all: Vec<_> = seats.map(|(pool, enabled, all)| of(pool, enabled, all)).collect();
        let others = [
            self.analyzer_capacity.map(|p| of("analyzer_capacity", p.enabled, p.figures())),
            self.token_login.map(|p| of("token_login", p.enabled, p.figures())),
            self.token_user.map(|p| of("token_user", p.enabled, p.figures())),
            self.tokens.map(|p| of("tokens_available", p.enabled, p.figures())),
        ];
        all.extend(others.into_iter().flatten());
        all
    }

    /// The kinds of access licenses with the names of their figures, as [`Self::figures`] has them.
    pub fn fields() -> &'static [(&'static str, Vec<&'static str>)] {
        static FIELDS: LazyLock<Vec<(&str, Vec<&str>)>> = LazyLock::new(|| {
            let names = |kind: Figures| {
                (kind.pool, kind.figures.into_iter().map(|(name, _)| name).collect())
            };
            Pools::zero().figures().into_iter().map(names).collect()
        });
        &FIELDS
    }

    /// With every kind, all figures zero.
    fn zero() -> Self {
        let (enabled, zero) = (true, 0.0);
        let seats = SeatPool {
            enabled,
            total: zero,
            allocated: zero,
            available: zero,
            used: zero,
            quarantined: zero,
            excess: zero,
        };
        Self {
            professional: Some(seats),
            analyzer: Some(seats),
            analyzer_capacity: Some(MinutePool {
                enabled,
                allocated_minutes: zero,
                used_minutes: zero,
                unavailable_minutes: zero,
            }),
            token_user: Some(TokenUserPool {
                enabled,
                token_cost: zero,
                allocated_tokens: zero,
                used_tokens: zero,
                quarantined_tokens: zero,
            }),
            token_login: Some(TokenLoginPool {
                enabled,
                token_cost: zero,
                allocated_tokens: zero,
                used_tokens: zero,
                unavailable_tokens: zero,
            }),
            tokens: Some(TokenTotals { enabled, total_tokens: zero, available_tokens: zero }),
        }
    }

    /// Reads the answer of `GET /qrs/license/accesstypeoverview`.
    ///
    /// The interface is marked experimental, so much may be missing: a section, or a figure that
    /// came later or is a side matter (`excess`, `used`, `quarantined`, a token's cost) is taken as
    /// 0. What a section is there for (how much there is, how much is taken) must be there.
    ///
    /// # Errors
    /// When the answer isn't an object with at least one section, or a figure isn't a number.
    pub fn read(answer: &Value) -> Result<Self, ShapeError> {
        let Value::Object(fields) = answer else {
            return Err(ShapeError::new("an object", kind_of(answer)));
        };
        let root = Section { name: "", fields };
        let section = |name| Section::find(fields, name);
        let seats = |seat_type: SeatType| match seat_type.section() {
            Some(name) => section(name)?.map(|s| s.seats()).transpose(),
            None => Ok(None),
        };
        let pools = Self {
            professional: seats(SeatType::Professional)?,
            analyzer: seats(SeatType::Analyzer)?,
            analyzer_capacity: section("analyzerTimeAccess")?
                .map(|s| {
                    Ok(MinutePool {
                        enabled: s.enabled("enabled")?,
                        allocated_minutes: s.required("allocatedMinutes")?,
                        used_minutes: s.required("usedMinutes")?,
                        unavailable_minutes: s.or_zero("unavailableMinutes")?,
                    })
                })
                .transpose()?,
            token_user: section("userAccess")?
                .map(|s| {
                    Ok(TokenUserPool {
                        enabled: s.enabled("enabled")?,
                        token_cost: s.or_zero("tokenCost")?,
                        allocated_tokens: s.required("allocatedTokens")?,
                        used_tokens: s.required("usedTokens")?,
                        quarantined_tokens: s.or_zero("quarantinedTokens")?,
                    })
                })
                .transpose()?,
            token_login: section("loginAccess")?
                .map(|s| {
                    Ok(TokenLoginPool {
                        enabled: s.enabled("enabled")?,
                        token_cost: s.or_zero("tokenCost")?,
                        allocated_tokens: s.required("allocatedTokens")?,
                        used_tokens: s.required("usedTokens")?,
                        unavailable_tokens: s.or_zero("unavailableTokens")?,
                    })
                })
                .transpose()?,
            tokens: match root.number("totalTokens")? {
                None => None,
                Some(total_tokens) => Some(TokenTotals {
                    enabled: root.enabled("tokensEnabled")?,
                    total_tokens,
                    available_tokens: root.required("availableTokens")?,
                }),
            },
        };
        if pools == Self::default() {
            return Err(ShapeError::new(
                "an access type overview",
                "an object without any of its sections",
            ));
        }
        Ok(pools)
    }
}

/// One object of the answer, with its name for errors.
struct Section<'a> {
    name: &'a str,
    fields: &'a Map<String, Value>,
}

impl<'a> Section<'a> {
    fn find(root: &'a Map<String, Value>, name: &'a str) -> Result<Option<Self>, ShapeError> {
        match root.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self { name, fields })),
            Some(other) => Err(ShapeError::new(format!("an object in {name}"), kind_of(other))),
        }
    }

    fn seats(&self) -> Result<SeatPool, ShapeError> {
        Ok(SeatPool {
            enabled: self.enabled("enabled")?,
            total: self.required("total")?,
            allocated: self.required("allocated")?,
            available: self.required("available")?,
            used: self.or_zero("used")?,
            quarantined: self.or_zero("quarantined")?,
            excess: self.or_zero("excess")?,
        })
    }

    /// A section that doesn't say whether it is enabled is, or it wouldn't be there.
    fn enabled(&self, field: &str) -> Result<bool, ShapeError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(true),
            Some(Value::Bool(enabled)) => Ok(*enabled),
            Some(other) => Err(self.wrong("true or false", field, kind_of(other))),
        }
    }

    fn number(&self, field: &str) -> Result<Option<f64>, ShapeError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => match number.as_f64() {
                Some(number) if number.is_finite() => Ok(Some(number)),
                _ => Err(self.wrong("a number", field, "one that is out of range")),
            },
            Some(other) => Err(self.wrong("a number", field, kind_of(other))),
        }
    }

    fn or_zero(&self, field: &str) -> Result<f64, ShapeError> {
        Ok(self.number(field)?.unwrap_or(0.0))
    }

    fn required(&self, field: &str) -> Result<f64, ShapeError> {
        self.number(field)?.ok_or_else(|| self.wrong("a number", field, "nothing"))
    }

    fn wrong(&self, expected: &str, field: &str, found: &str) -> ShapeError {
        let dot = if self.name.is_empty() { "" } else { "." };
        ShapeError::new(format!("{expected} in {}{dot}{field}", self.name), found)
    }
}

impl SeatPool {
    /// Seats that can be given out now: neither allocated nor in quarantine, as the site counts.
    pub fn free(&self) -> f64 {
        self.available.max(0.0)
    }
}

/// Free seats of figures that were kept: what was available, else, where that isn't known, what is
/// not allocated.
pub fn free(available: Option<f64>, total: Option<f64>, allocated: f64) -> Option<f64> {
    available.or_else(|| Some(total? - allocated)).map(|free| free.max(0.0))
}

impl Pools {
    /// The seats of a type; `None` where the overview lacks it, and of token licenses, which have
    /// no seats of their own.
    pub fn seats(&self, seat_type: SeatType) -> Option<SeatPool> {
        match seat_type {
            SeatType::Professional => self.professional,
            SeatType::Analyzer => self.analyzer,
            SeatType::User => None,
        }
    }

    /// Whether the license has this type of seats.
    pub fn has(&self, seat_type: SeatType) -> bool {
        match seat_type {
            SeatType::Professional | SeatType::Analyzer => {
                self.seats(seat_type).is_some_and(|pool| pool.enabled)
            }
            SeatType::User => self.token_user.is_some_and(|pool| pool.enabled),
        }
    }

    /// Seats of a type that can be given out now, in whole ones; `None` when the site doesn't say.
    pub fn free(&self, seat_type: SeatType) -> Option<u32> {
        let free = match seat_type {
            SeatType::Professional | SeatType::Analyzer => self.seats(seat_type)?.available,
            SeatType::User => {
                let cost = self.token_user?.token_cost;
                if cost <= 0.0 {
                    return None;
                }
                self.tokens?.available_tokens / cost
            }
        };
        // Less than none: more is allocated than the license allows.
        free.is_finite().then_some(free.max(0.0) as u32)
    }

    /// As it is once a seat of the type is given back.
    pub fn give_back(&mut self, seat_type: SeatType) {
        let pool = match seat_type {
            SeatType::Professional => self.professional.as_mut(),
            SeatType::Analyzer => self.analyzer.as_mut(),
            SeatType::User => {
                let cost = self.token_user.map_or(0.0, |pool| pool.token_cost);
                if let Some(tokens) = &mut self.tokens {
                    tokens.available_tokens += cost;
                }
                return;
            }
        };
        if let Some(pool) = pool {
            pool.allocated -= 1.0;
            // One above what the license has leaves none to give out.
            match pool.excess > 0.0 {
                true => pool.excess -= 1.0,
                false => pool.available += 1.0,
            }
        }
    }

    /// What is taken of what there is, in a few words.
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        for seat_type in SeatType::counted() {
            if let Some(pool) = self.seats(seat_type).filter(|pool| pool.enabled) {
                let (allocated, total) = (pool.allocated, pool.total);
                parts.push(format!("{seat_type} {allocated} of {total} allocated"));
            }
        }
        if let Some(pool) = self.analyzer_capacity.filter(|pool| pool.enabled) {
            parts.push(format!(
                "analyzer capacity {} of {} minutes used",
                pool.used_minutes, pool.allocated_minutes
            ));
        }
        if let Some(totals) = self.tokens.filter(|totals| totals.enabled) {
            parts.push(format!(
                "tokens {} of {} available",
                totals.available_tokens, totals.total_tokens
            ));
        }
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    }
}
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn real() -> Value {
        let seats = |total, allocated| {
            json!({"enabled": true, "total": total, "allocated": allocated, "used": 1,
                "quarantined": 2, "excess": 3, "available": total - allocated,
                "schemaPath": "AccessTypeOverview.Details"})
        };
        json!({
            "totalTokens": 200, "availableTokens": 39, "tokensEnabled": true,
            "userAccess": {"enabled": true, "tokenCost": 1, "allocatedTokens": 61,
                "usedTokens": 4, "quarantinedTokens": 5},
            "loginAccess": {"enabled": false, "tokenCost": 0.1, "allocatedTokens": 100,
                "usedTokens": 6, "unavailableTokens": 7},
            "professionalAccess": seats(25, 5),
            "analyzerAccess": seats(30, 4),
            "analyzerTimeAccess": {"enabled": true, "allocatedMinutes": 700, "usedMinutes": 8,
                "unavailableMinutes": 9},
            "schemaPath": "AccessTypeOverview"
        })
    }

    #[test]
    fn every_figure_lands_in_its_place() {
        let pools = Pools::read(&real()).unwrap();
        let seats = |total, allocated, available| SeatPool {
            enabled: true,
            total,
            allocated,
            available,
            used: 1.0,
            quarantined: 2.0,
            excess: 3.0,
        };
        let expected = Pools {
            professional: Some(seats(25.0, 5.0, 20.0)),
            analyzer: Some(seats(30.0, 4.0, 26.0)),
            analyzer_capacity: Some(MinutePool {
                enabled: true,
                allocated_minutes: 700.0,
                used_minutes: 8.0,
                unavailable_minutes: 9.0,
            }),
            token_user: Some(TokenUserPool {
                enabled: true,
                token_cost: 1.0,
                allocated_tokens: 61.0,
                used_tokens: 4.0,
                quarantined_tokens: 5.0,
            }),
            token_login: Some(TokenLoginPool {
                enabled: false,
                token_cost: 0.1,
                allocated_tokens: 100.0,
                used_tokens: 6.0,
                unavailable_tokens: 7.0,
            }),
            tokens: Some(TokenTotals {
                enabled: true,
                total_tokens: 200.0,
                available_tokens: 39.0,
            }),
        };
        assert_eq!(pools, expected);
    }

    #[test]
    fn old_servers_know_neither_excess_nor_minutes() {
        let mut answer = real();
        let root = answer.as_object_mut().unwrap();
        root.remove("analyzerTimeAccess");
        root["professionalAccess"].as_object_mut().unwrap().remove("excess");
        root["analyzerAccess"]["excess"] = Value::Null;
        let pools = Pools::read(&answer).unwrap();
        assert_eq!(pools.analyzer_capacity, None);
        assert_eq!(pools.professional.unwrap().excess, 0.0);
        assert_eq!(pools.analyzer.unwrap().excess, 0.0);
    }

    #[test]
    fn any_section_may_be_missing_or_null() {
        let sections = [
            "userAccess",
            "loginAccess",
            "professionalAccess",
            "analyzerAccess",
            "analyzerTimeAccess",
            "totalTokens",
        ];
        for section in sections {
            let mut without = real();
            without.as_object_mut().unwrap().remove(section);
            let mut null = real();
            null[section] = Value::Null;
            assert_eq!(Pools::read(&without).unwrap(), Pools::read(&null).unwrap(), "{section}");
        }
    }

    #[test]
    fn what_is_no_overview_is_an_error_that_says_why() {
        let mut text = real();
        text["professionalAccess"]["total"] = json!("25");
        let mut missing = real();
        missing["analyzerAccess"].as_object_mut().unwrap().remove("allocated");
        let mut flag = real();
        flag["userAccess"]["enabled"] = json!(1);
        let mut root = real();
        root["totalTokens"] = json!("NaN");
        for (answer, error) in [
            (json!(null), "expected an object, found null"),
            (json!([]), "expected an object, found a list"),
            (
                json!({}),
                "expected an access type overview, found an object without any of its sections",
            ),
            (
                json!({"professionalAccess": []}),
                "expected an object in professionalAccess, found a list",
            ),
            (text, "expected a number in professionalAccess.total, found text"),
            (missing, "expected a number in analyzerAccess.allocated, found nothing"),
            (flag, "expected true or false in userAccess.enabled, found a number"),
            (root, "expected a number in totalTokens, found text"),
        ] {
            assert_eq!(Pools::read(&answer).unwrap_err().to_string(), error);
        }
    }
}
