//! The simulated server license in all the forms a real server was seen or is feared to answer.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::when::When;
use super::wire::time_text;

/// What `GET /qrs/license` answers.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct LicenseVariant {
    /// Signed key, LEF or none at all.
    pub kind: LicenseKind,
    /// The license number; sites with the same one share their seats.
    pub number: String,
    /// The last valid day. `never` = perpetual, written as `perpetualAs` says. Default: in a year.
    pub expires: When,
    /// How a signed key's text writes dates.
    pub date_style: DateStyle,
    /// How a license without end is written.
    pub perpetual_as: PerpetualStyle,
    /// Whether the key's text is there.
    pub key_details: KeyDetails,
    /// Lines of the key's text end in CRLF.
    pub crlf: bool,
    /// `isExpired`; when absent, it follows from `expires` and the simulated clock.
    pub is_expired: Option<bool>,
    /// `isBlacklisted`, also the first line of the key's text.
    pub blacklisted: bool,
    /// `isInvalid`.
    pub invalid: bool,
    /// A LEF's end of maintenance (`PRODUCTLEVEL`), when it isn't the license's own end.
    pub maintenance_ends: Option<When>,
    /// `Valid From` of a signed key; the year 1 when absent.
    pub valid_from: Option<When>,
    /// `expiredReason`; when absent, it follows from `isExpired`.
    pub expired_reason: Option<String>,
    /// An `OVERAGE` line; none when absent.
    pub overage: Option<bool>,
    /// `Allotment` lines; when empty, what the pools of the scenario say. Of a LEF: a line
    /// `PROFESSIONAL;60;;` each, and `IGNORE_TOKENS;YES;;`; none when empty.
    pub allotments: Vec<Allotment>,
    /// More lines for the key's text, as they are.
    pub extra_lines: Vec<String>,
    /// The whole answer, as it is; nothing else here counts then.
    pub answer: Option<Value>,
}

/// `Allotment name:count;` in a signed key's text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Allotment {
    /// `professional`, `analyzer`, `analyzer_time` ...
    pub name: String,
    /// How many.
    pub count: i64,
}

/// Which kind of license is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LicenseKind {
    /// Nothing is installed: the answer is `null`.
    None,
    #[default]
    SignedKey,
    /// Serial and control number.
    Lef,
}

/// How a signed key's text writes dates. Only the first is documented; the server formats them by
/// its culture, so the others have to be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DateStyle {
    /// `2027-03-16  12:00:00 AM`, two blanks.
    #[default]
    Documented,
    /// `2027-03-16T00:00:00.000Z`.
    Iso,
    /// `2027-03-16`.
    IsoDate,
    /// `16/03/2027 00:00:00`.
    DaySlashMonth,
    /// `16.03.2027 00:00:00`.
    DayDotMonth,
    /// `3/16/2027 12:00:00 AM`.
    Us,
    /// Text that is no date: `soon`.
    Unreadable,
}

/// How a license without end is written. None of them is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PerpetualStyle {
    /// No `Valid To` line, no `TIMELIMIT` line.
    #[default]
    LineMissing,
    /// The last day of the year 9999.
    Year9999,
    /// The first day of the year 1.
    Year0001,
}

/// The field `keyDetails`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyDetails {
    #[default]
    Present,
    /// The field is `null`.
    #[serde(rename = "null-value")]
    Null,
    /// The field isn't there, as on servers of 2017.
    Absent,
    /// The field is an empty text.
    Empty,
}

impl Default for LicenseVariant {
    fn default() -> Self {
        Self {
            kind: LicenseKind::default(),
            number: "0001 0002 0003 0004".to_owned(),
            expires: When::in_days(365),
            date_style: DateStyle::default(),
            perpetual_as: PerpetualStyle::default(),
            key_details: KeyDetails::default(),
            crlf: false,
            is_expired: None,
            blacklisted: false,
            invalid: false,
            maintenance_ends: None,
            valid_from: None,
            expired_reason: None,
            overage: None,
            allotments: Vec::new(),
            extra_lines: Vec::new(),
            answer: None,
        }
    }
}

impl LicenseVariant {
    /// No license is installed.
    pub fn none() -> Self {
        Self { kind: LicenseKind::None, ..Self::default() }
    }

    /// A signed key that ends then.
    pub fn signed(expires: When) -> Self {
        Self { expires, ..Self::default() }
    }

    /// A signed key whose text writes its end in this style.
    pub fn signed_as(expires: When, date_style: DateStyle) -> Self {
        Self { expires, date_style, ..Self::default() }
    }

    /// A signed key without end.
    pub fn perpetual(perpetual_as: PerpetualStyle) -> Self {
        Self { expires: When::Never, perpetual_as, ..Self::default() }
    }

    /// Serial and control number, ending then; `When::Never` = no `TIMELIMIT`.
    pub fn lef(expires: When) -> Self {
        Self { kind: LicenseKind::Lef, expires, ..Self::default() }
    }

    /// The answer at `now` of a site whose clock began at `start`. `allotted` is what the
    /// license grants where the variant doesn't say it; `tokens` likewise for a LEF.
    pub(super) fn answer(&self, clock: Moment, allotted: &[Allotment], tokens: i64) -> Value {
        if let Some(answer) = &self.answer {
            return answer.clone();
        }
        match self.kind {
            LicenseKind::None => Value::Null,
            LicenseKind::SignedKey => self.signed_key(clock, allotted),
            LicenseKind::Lef => self.lef_answer(clock, tokens),
        }
    }

    fn signed_key(&self, clock: Moment, allotted: &[Allotment]) -> Value {
        let mut body = envelope(clock, "20000000-0000-4000-8000-000000000001");
        body.insert("lef".into(), json!(""));
        body.insert("serial".into(), json!(self.number));
        body.insert("check".into(), json!(""));
        body.insert("key".into(), json!("eyJhbGciOiJSUzUxMiJ9.SAMPLE.SAMPLE"));
        match self.key_details {
            KeyDetails::Present => {
                body.insert("keyDetails".into(), json!(self.details_text(clock, allotted)));
            }
            KeyDetails::Null => {
                body.insert("keyDetails".into(), Value::Null);
            }
            KeyDetails::Empty => {
                body.insert("keyDetails".into(), json!(""));
            }
            KeyDetails::Absent => {}
        }
        body.insert("name".into(), json!(""));
        body.insert("organization".into(), json!(""));
        self.flags(&mut body, clock);
        body.insert("isSubscription".into(), json!(false));
        body.insert("isCloudServices".into(), json!(false));
        body.insert("isElastic".into(), json!(false));
        body.insert("updated".into(), json!(time_text(clock.now - TimeDelta::minutes(7))));
        body.insert("privileges".into(), Value::Null);
        body.insert("schemaPath".into(), json!("License"));
        Value::Object(body)
    }

    fn lef_answer(&self, clock: Moment, tokens: i64) -> Value {
        let mut body = envelope(clock, "20000000-0000-4000-8000-000000000002");
        let end = self.end_day(clock).map(|day| day.to_string());
        let maintenance = match self.maintenance_ends {
            Some(when) => when.resolve(clock.start).map(|t| t.date_naive().to_string()),
            None => end.clone(),
        };
        let serial = self.number.replace(' ', "");
        let mut lines = vec![
            serial.clone(),
            "Example Licensee 2017;;;".to_owned(),
            "Qlik Sense Enterprise;;;".to_owned(),
            format!("PRODUCTLEVEL;50;;{}", maintenance.unwrap_or_default()),
            format!("TOKENS;{tokens};;"),
        ];
        if !self.allotments.is_empty() {
            let line = |one: &Allotment| format!("{};{};;", one.name.to_uppercase(), one.count);
            lines.extend(self.allotments.iter().map(line));
            lines.push("IGNORE_TOKENS;YES;;".to_owned());
        }
        lines.extend(self.overage.map(|yes| format!("OVERAGE;{};;", yes_or_no(yes))));
        lines.extend(end.map(|day| format!("TIMELIMIT;;;{day}")));
        lines.extend(self.extra_lines.iter().cloned());
        lines.push("ABCD-EFGH-IJKL-MNOP-QRST".to_owned());
        body.insert("lef".into(), json!(lines.join("\r\n")));
        body.insert("serial".into(), json!(serial));
        body.insert("check".into(), json!("1000000000"));
        body.insert("name".into(), json!("Example"));
        body.insert("organization".into(), json!("Example"));
        self.flags(&mut body, clock);
        body.insert("privileges".into(), Value::Null);
        body.insert("impactSecurityAccess".into(), json!(false));
        body.insert("schemaPath".into(), json!("License"));
        Value::Object(body)
    }

    fn flags(&self, body: &mut Map<String, Value>, clock: Moment) {
        let expired = self.is_expired_at(clock);
        let usual = if expired { "License has expired" } else { "" };
        let reason = self.expired_reason.as_deref().unwrap_or(usual);
        body.insert("product".into(), json!(2));
        body.insert("numberOfCores".into(), json!(-1));
        body.insert("isExpired".into(), json!(expired));
        body.insert("expiredReason".into(), json!(reason));
        body.insert("isBlacklisted".into(), json!(self.blacklisted));
        body.insert("isInvalid".into(), json!(self.invalid));
    }

    fn is_expired_at(&self, clock: Moment) -> bool {
        self.is_expired.unwrap_or_else(|| {
            let end = self.expires.resolve(clock.start);
            end.is_some_and(|end| clock.now.date_naive() > end.date_naive())
        })
    }

    /// The end as it is written, if it is.
    fn end_day(&self, clock: Moment) -> Option<NaiveDate> {
        match (self.expires.resolve(clock.start), self.perpetual_as) {
            (Some(end), _) => Some(end.date_naive()),
            (None, PerpetualStyle::LineMissing) => None,
            (None, PerpetualStyle::Year9999) => NaiveDate::from_ymd_opt(9999, 12, 31),
            (None, PerpetualStyle::Year0001) => NaiveDate::from_ymd_opt(1, 1, 1),
        }
    }

    fn details_text(&self, clock: Moment, allotted: &[Allotment]) -> String {
        let blacklisted = if self.blacklisted { "True" } else { "False" };
        let begin = self.valid_from.and_then(|from| from.resolve(clock.start));
        let begin = begin
            .map(|time| time.date_naive())
            .unwrap_or_else(|| NaiveDate::from_ymd_opt(1, 1, 1).expect("the first day is a day"));
        let from_style = match self.date_style {
            DateStyle::Unreadable => DateStyle::Documented,
            other => other,
        };
        let mut lines = vec![
            format!("isBlackListed: {blacklisted}"),
            format!("License Number: {}", self.number),
            format!("Valid From: {}", from_style.write(begin)),
        ];
        lines.extend(
            self.end_day(clock).map(|day| format!("Valid To: {}", self.date_style.write(day))),
        );
        let allotments = if self.allotments.is_empty() { allotted } else { &self.allotments };
        lines.extend(allotments.iter().map(|a| format!("Allotment {}:{};", a.name, a.count)));
        lines.extend(self.overage.map(|yes| format!("Overage: {}", yes_or_no(yes))));
        lines.extend(self.extra_lines.iter().cloned());
        let end = if self.crlf { "\r\n" } else { "\n" };
        lines.iter().flat_map(|line| [line.as_str(), end]).collect()
    }
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "YES" } else { "NO" }
}

impl DateStyle {
    fn write(self, day: NaiveDate) -> String {
        let (y, m, d) = (day.year(), day.month(), day.day());
        match self {
            Self::Documented => format!("{y:04}-{m:02}-{d:02}  12:00:00 AM"),
            Self::Iso => format!("{y:04}-{m:02}-{d:02}T00:00:00.000Z"),
            Self::IsoDate => format!("{y:04}-{m:02}-{d:02}"),
            Self::DaySlashMonth => format!("{d:02}/{m:02}/{y:04} 00:00:00"),
            Self::DayDotMonth => format!("{d:02}.{m:02}.{y:04} 00:00:00"),
            Self::Us => format!("{m}/{d}/{y:04} 12:00:00 AM"),
            Self::Unreadable => "soon".to_owned(),
        }
    }
}

/// The simulated now, and when the site's clock began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub start: DateTime<Utc>,
    pub now: DateTime<Utc>,
}

fn envelope(clock: Moment, id: &str) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("id".into(), json!(id));
    body.insert("createdDate".into(), json!(time_text(clock.start - TimeDelta::days(700))));
    body.insert("modifiedDate".into(), json!(time_text(clock.start - TimeDelta::days(30))));
    body.insert("modifiedByUserName".into(), json!("CORP\\admin01"));
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "2026-01-10T08:00:00Z";

    fn answer(variant: &LicenseVariant) -> Value {
        let now = START.parse().unwrap();
        let hundred = |name: &str| Allotment { name: name.to_owned(), count: 100 };
        let allotted = [hundred("professional"), hundred("analyzer")];
        variant.answer(Moment { start: now, now }, &allotted, 200)
    }

    /// A sample with the times of the answer, which are not what is compared.
    fn sample(name: &str, answer: &Value) -> Value {
        let path = format!("{}/tests/data/qrs/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let mut sample: Value = serde_json::from_str(&text).unwrap();
        for field in ["createdDate", "modifiedDate", "updated"] {
            if let Some(time) = sample.get_mut(field) {
                *time = answer[field].clone();
            }
        }
        sample
    }

    #[track_caller]
    fn assert_is_sample(variant: &LicenseVariant, name: &str) {
        let answer = answer(variant);
        // As text, because the order of the fields counts.
        assert_eq!(answer.to_string(), sample(name, &answer).to_string());
    }

    fn documented_allotments() -> Vec<Allotment> {
        [("professional", 100), ("analyzer", 100), ("analyzer_time", 10_000), ("sapconnector", 1)]
            .map(|(name, count)| Allotment { name: name.to_owned(), count })
            .into()
    }

    #[test]
    fn a_signed_key_is_the_sample() {
        let allotments = documented_allotments();
        let valid = LicenseVariant::signed("2027-03-16".parse().unwrap());
        assert_is_sample(
            &LicenseVariant { allotments: allotments.clone(), ..valid },
            "license_signed_key",
        );
        let expired = LicenseVariant::signed("2024-03-16".parse().unwrap());
        let expired = LicenseVariant { allotments, ..expired };
        assert_is_sample(&expired, "license_expired.constructed");
    }

    #[test]
    fn a_key_without_end_and_of_another_culture_is_the_sample() {
        let perpetual = LicenseVariant::perpetual(PerpetualStyle::LineMissing);
        assert_is_sample(&perpetual, "license_signed_key_no_valid_to.constructed");
        let french = LicenseVariant {
            crlf: true,
            ..LicenseVariant::signed_as("2027-03-16".parse().unwrap(), DateStyle::DaySlashMonth)
        };
        assert_is_sample(&french, "license_signed_key_other_culture.constructed");
    }

    #[test]
    fn a_lef_is_the_sample_but_for_its_expiry() {
        let lef = LicenseVariant {
            is_expired: Some(false),
            ..LicenseVariant::lef("2018-01-30".parse().unwrap())
        };
        assert_is_sample(&lef, "license_lef_2017");
        let endless = answer(&LicenseVariant::lef(When::Never));
        assert!(!endless["lef"].as_str().unwrap().contains("TIMELIMIT"));
        assert!(!endless["isExpired"].as_bool().unwrap());
    }

    #[test]
    fn every_style_of_date_is_written() {
        for (style, expected) in [
            (DateStyle::Documented, "2027-03-06  12:00:00 AM"),
            (DateStyle::Iso, "2027-03-06T00:00:00.000Z"),
            (DateStyle::IsoDate, "2027-03-06"),
            (DateStyle::DaySlashMonth, "06/03/2027 00:00:00"),
            (DateStyle::DayDotMonth, "06.03.2027 00:00:00"),
            (DateStyle::Us, "3/6/2027 12:00:00 AM"),
            (DateStyle::Unreadable, "soon"),
        ] {
            let variant = LicenseVariant::signed_as("2027-03-06".parse().unwrap(), style);
            let text = answer(&variant)["keyDetails"].as_str().unwrap().to_owned();
            assert!(text.contains(&format!("\nValid To: {expected}\n")), "{text}");
        }
        for (style, year) in
            [(PerpetualStyle::Year9999, "9999-12"), (PerpetualStyle::Year0001, "0001-01")]
        {
            let text = answer(&LicenseVariant::perpetual(style))["keyDetails"].to_string();
            assert!(text.contains(&format!("Valid To: {year}")), "{text}");
        }
    }

    #[test]
    fn a_license_expires_after_its_last_day() {
        let start: DateTime<Utc> = START.parse().unwrap();
        let variant = LicenseVariant::signed(When::in_days(2));
        for (time, expired) in [("2026-01-12T23:59:59Z", false), ("2026-01-13T00:00:00Z", true)] {
            let answer = variant.answer(Moment { start, now: time.parse().unwrap() }, &[], 0);
            assert_eq!(answer["isExpired"], expired, "{time}");
        }
    }

    #[test]
    fn the_text_of_a_key_can_be_missing_in_three_ways() {
        for (key_details, expected) in [
            (KeyDetails::Null, Some(Value::Null)),
            (KeyDetails::Empty, Some(json!(""))),
            (KeyDetails::Absent, None),
        ] {
            let answer = answer(&LicenseVariant { key_details, ..LicenseVariant::default() });
            assert_eq!(answer.get("keyDetails").cloned(), expected);
        }
        assert_eq!(answer(&LicenseVariant::none()), Value::Null);
    }
}
