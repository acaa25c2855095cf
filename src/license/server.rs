//! The server license, as `GET /qrs/license` gives it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::date::{self, Day};
use super::wire;
use crate::license::DateOrder;

/// What is known of the server license, free of secrets: the key, the LEF text, the serial and the
/// control number never leave the parser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerLicense {
    pub kind: Kind,
    pub expiry: Expiry,
    /// `isExpired` as the server says it.
    pub server_says_expired: bool,
    /// The server's own text, if it gives one.
    pub expired_reason: Option<String>,
    pub blacklisted: bool,
    pub invalid: bool,
    /// `Allotment name:count` lines of a signed key, `TOKENS` of a LEF, in the order given.
    pub allotments: Vec<Allotment>,
    /// End of maintenance of a LEF (`PRODUCTLEVEL`): newer releases can't be installed after it,
    /// but the license goes on.
    pub maintenance_end: Option<NaiveDate>,
}

/// Which kind of license is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// No license is installed: the server answers `null`.
    None,
    SignedKey,
    /// Serial and control number with a license enabler file.
    Lef,
    /// Neither a key nor a LEF in the answer.
    Unknown,
}

/// When the license ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type", content = "value")]
pub enum Expiry {
    /// The last valid day.
    On(NaiveDate),
    /// It never ends.
    Perpetual,
    /// There is an end, but its text can't be read for certain.
    Unreadable(String),
    /// The answer says nothing about an end.
    Unknown,
}

/// One line of what the license allots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allotment {
    pub name: String,
    pub count: i64,
}

/// Longest text of the server's that is kept, in characters.
const MAX_TEXT: usize = 120;

impl ServerLicense {
    /// Reads the answer of `GET /qrs/license`; `None` is the literal `null`.
    pub fn read(answer: Option<&wire::License>, order: DateOrder) -> Self {
        let Some(answer) = answer else { return Self::new(Kind::None, Expiry::Unknown) };
        let details = KeyDetails::read(answer.key_details.as_deref().unwrap_or_default());
        let has_lef = !answer.lef.trim().is_empty();
        let has_key = !answer.key.trim().is_empty() || details.known_lines > 0;
        let reason = answer.expired_reason.trim();
        let mut license = Self {
            server_says_expired: answer.is_expired,
            expired_reason: (!reason.is_empty()).then(|| short(reason)),
            blacklisted: answer.is_blacklisted || details.blacklisted,
            invalid: answer.is_invalid,
            ..Self::new(Kind::None, Expiry::Unknown)
        };
        if has_key {
            license.kind = Kind::SignedKey;
            license.expiry = details.expiry(order, answer.is_subscription);
            license.allotments = details.allotments;
        } else if has_lef {
            license.kind = Kind::Lef;
            license.read_lef(&answer.lef, order);
        } else {
            license.kind = Kind::Unknown;
        }
        license
    }

    /// A license of which no more is known.
    pub fn new(kind: Kind, expiry: Expiry) -> Self {
        Self {
            kind,
            expiry,
            server_says_expired: false,
            expired_reason: None,
            blacklisted: false,
            invalid: false,
            allotments: Vec::new(),
            maintenance_end: None,
        }
    }

    /// Reads the lines of a license enabler file, such as `TIMELIMIT;;;2018-01-30`.
    ///
    /// Without a `TIMELIMIT` line it is perpetual, but only if there is any line of that form at
    /// all: of a text that isn't a LEF nothing can be concluded. The date of `PRODUCTLEVEL` is the
    /// end of maintenance, not of use.
    fn read_lef(&mut self, lef: &str, order: DateOrder) {
        let mut has_lines = false;
        let mut time_limit = None;
        for line in lef.lines() {
            let mut fields = line.split(';').map(str::trim);
            let (Some(name), Some(value)) = (fields.next(), fields.next()) else { continue };
            has_lines = true;
            let date = fields.nth(1).unwrap_or_default();
            if name.eq_ignore_ascii_case("TIMELIMIT") {
                time_limit = Some(date.to_owned());
            } else if name.eq_ignore_ascii_case("PRODUCTLEVEL") {
                if let Day::On(day) = date::read(date, order) {
                    self.maintenance_end = Some(day);
                }
            } else if name.eq_ignore_ascii_case("TOKENS")
                && let Ok(count) = value.parse()
            {
                self.allotments.push(Allotment { name: "tokens".to_owned(), count });
            }
        }
        self.expiry = match time_limit {
            Some(text) => expiry(&text, order),
            None if has_lines => Expiry::Perpetual,
            None => Expiry::Unknown,
        };
    }
}

/// The lines of `keyDetails`, such as `Valid To: 2027-03-16  12:00:00 AM`.
#[derive(Debug, Default)]
struct KeyDetails {
    /// Lines with a label this program knows.
    known_lines: usize,
    blacklisted: bool,
    valid_to: Option<String>,
    /// A line with another label holds a date: it may be the end under another name.
    other_date: bool,
    allotments: Vec<Allotment>,
}

impl KeyDetails {
    fn read(text: &str) -> Self {
        let mut details = Self::default();
        for line in text.lines() {
            // At the first colon only: times hold colons too.
            let Some((label, value)) = line.split_once(':') else { continue };
            let (label, value) = (label.trim().to_ascii_lowercase(), value.trim());
            let known = if let Some(name) = label.strip_prefix("allotment ") {
                if let Ok(count) = value.trim_end_matches(';').trim().parse() {
                    details.allotments.push(Allotment { name: short(name.trim()), count });
                }
                true
            } else {
                match label.split_whitespace().collect::<String>().as_str() {
                    "isblacklisted" => {
                        details.blacklisted = value.eq_ignore_ascii_case("true");
                        true
                    }
                    "validto" => {
                        details.valid_to = Some(value.to_owned());
                        true
                    }
                    "validfrom" | "licensenumber" => true,
                    _ => {
                        details.other_date |=
                            matches!(date::read(value, DateOrder::DayFirst), Day::On(_));
                        false
                    }
                }
            };
            details.known_lines += usize::from(known);
        }
        details
    }

    /// The end of a signed key.
    ///
    /// No public sample of a perpetual signed key exists. A server that describes the key line by
    /// line and gives no `Valid To` states that there is no end, so that is
    /// [`Perpetual`](Expiry::Perpetual), like the years 1 and 9999: an alert at each poll for what
    /// will never change teaches people to ignore alerts. It stays [`Unknown`](Expiry::Unknown)
    /// where silence could hide an end: nothing (or nothing known) is described, the license is a
    /// subscription (which ends by nature), or a line with an unknown label holds a date.
    fn expiry(&self, order: DateOrder, is_subscription: Option<bool>) -> Expiry {
        match &self.valid_to {
            Some(text) => expiry(text, order),
            None if self.known_lines == 0 || self.other_date || is_subscription == Some(true) => {
                Expiry::Unknown
            }
            None => Expiry::Perpetual,
        }
    }
}

/// A label without a date says nothing about an end.
fn expiry(text: &str, order: DateOrder) -> Expiry {
    if text.is_empty() {
        return Expiry::Unknown;
    }
    match date::read(text, order) {
        Day::On(day) => Expiry::On(day),
        Day::NoEnd => Expiry::Perpetual,
        Day::Unreadable => Expiry::Unreadable(short(text)),
    }
}

/// The start of a text of the server's, on one line.
fn short(text: &str) -> String {
    crate::plain::one_line(text).chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(answer: Value) -> ServerLicense {
        read_with(answer, DateOrder::Unset)
    }

    fn read_with(answer: Value, order: DateOrder) -> ServerLicense {
        ServerLicense::read(wire::License::parse(&answer).unwrap().as_ref(), order)
    }

    fn key(details: &str) -> ServerLicense {
        read(json!({"key": "SECRET", "keyDetails": details}))
    }

    fn day(y: i32, m: u32, d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(y, m, d).unwrap()
    }

    fn allotment(name: &str, count: i64) -> Allotment {
        Allotment { name: name.into(), count }
    }

    /// The body that Qlik's documentation shows, with other numbers.
    const DOCUMENTED: &str = "isBlackListed: False\nLicense Number: 0001 0002 0003 0004\n\
        Valid From: 0001-01-01  12:00:00 AM\nValid To: 2027-03-16  12:00:00 AM\n\
        Allotment professional:100;\nAllotment analyzer:50;\nAllotment analyzer_time:10000;\n\
        Allotment sapconnector:1;\n";

    #[test]
    fn the_documented_signed_key() {
        let license = read(json!({
            "lef": "", "serial": "0001 0002 0003 0004", "check": "", "key": "SECRET",
            "keyDetails": DOCUMENTED, "name": "", "organization": "", "product": 2,
            "numberOfCores": -1, "isExpired": false, "expiredReason": "", "isBlacklisted": false,
            "isInvalid": false, "isSubscription": false, "schemaPath": "License"
        }));
        assert_eq!(
            license,
            ServerLicense {
                kind: Kind::SignedKey,
                expiry: Expiry::On(day(2027, 3, 16)),
                server_says_expired: false,
                expired_reason: None,
                blacklisted: false,
                invalid: false,
                allotments: vec![
                    allotment("professional", 100),
                    allotment("analyzer", 50),
                    allotment("analyzer_time", 10000),
                    allotment("sapconnector", 1),
                ],
                maintenance_end: None,
            }
        );
    }

    #[test]
    fn no_secret_is_kept() {
        let license = read(json!({
            "lef": "1234567890123456\r\nSECRET;;;\r\nTOKENS;1;;", "serial": "1234567890123456",
            "check": "SECRET", "key": "SECRET", "keyDetails": "License Number: SECRET\nSECRET: SECRET",
        }));
        let kept = format!("{license:?}{}", serde_json::to_string(&license).unwrap());
        assert!(!kept.contains("SECRET") && !kept.contains("1234567890123456"), "{kept}");
    }

    #[test]
    fn line_ends_blanks_and_case_do_not_matter() {
        let other = DOCUMENTED.replace('\n', "\r\n ").to_uppercase();
        let (license, documented) = (key(&other), key(DOCUMENTED));
        assert_eq!(license, documented);
        assert_eq!(key("ValidTo : 2027-03-16").expiry, documented.expiry);
    }

    #[test]
    fn other_cultures() {
        let valid_to =
            |text: &str| key(&format!("License Number: 1\r\nValid To: {text}\r\n")).expiry;
        for text in [
            "16/03/2027 00:00:00",
            "3/16/2027 12:00:00 AM",
            "16.03.2027 00:00:00",
            "2027-03-16T00:00:00.000Z",
        ] {
            assert_eq!(valid_to(text), Expiry::On(day(2027, 3, 16)), "{text}");
        }
        assert_eq!(
            valid_to("03/04/2027 00:00:00"),
            Expiry::Unreadable("03/04/2027 00:00:00".into())
        );
        assert_eq!(valid_to("when pigs fly"), Expiry::Unreadable("when pigs fly".into()));
        let ambiguous = json!({"keyDetails": "Valid To: 03/04/2027 00:00:00"});
        for (order, expected) in
            [(DateOrder::DayFirst, day(2027, 4, 3)), (DateOrder::MonthFirst, day(2027, 3, 4))]
        {
            assert_eq!(read_with(ambiguous.clone(), order).expiry, Expiry::On(expected));
        }
    }

    #[test]
    fn perpetual_signed_keys() {
        assert_eq!(key("Valid From: 0001-01-01\nAllotment a:1;").expiry, Expiry::Perpetual);
        assert_eq!(key("Valid To: 9999-12-31  11:59:59 PM").expiry, Expiry::Perpetual);
        assert_eq!(key("Valid To: 0001-01-01  12:00:00 AM").expiry, Expiry::Perpetual);
    }

    #[test]
    fn silence_that_could_hide_an_end_is_unknown() {
        for answer in [
            json!({"key": "SECRET"}),
            json!({"key": "SECRET", "keyDetails": null}),
            json!({"key": "SECRET", "keyDetails": ""}),
            json!({"key": "SECRET", "keyDetails": "Lizenznummer: 1\nsomething else"}),
            json!({"key": "SECRET", "keyDetails": "License Number: 1", "isSubscription": true}),
            json!({"key": "SECRET", "keyDetails": "License Number: 1\nExpires: 2027-03-16"}),
            json!({"key": "SECRET", "keyDetails": "License Number: 1\nValid To: "}),
        ] {
            let license = read(answer.clone());
            assert_eq!(license.kind, Kind::SignedKey, "{answer}");
            assert_eq!(license.expiry, Expiry::Unknown, "{answer}");
        }
    }

    #[test]
    fn neither_key_nor_lef() {
        let license = read(json!({"serial": "1", "lef": "", "key": "", "isInvalid": true}));
        assert_eq!((license.kind, license.invalid), (Kind::Unknown, true));
        assert_eq!(license.expiry, Expiry::Unknown);
        assert_eq!(read(Value::Null).kind, Kind::None);
    }

    #[test]
    fn flags_and_the_reason() {
        let license = read(json!({"key": "k", "isExpired": true,
            "expiredReason": "License has\nexpired"}));
        assert!(license.server_says_expired);
        assert_eq!(license.expired_reason.as_deref(), Some("License has expired"));
        assert!(read(json!({"key": "k", "isBlacklisted": true})).blacklisted);
        assert!(key("isBlackListed: True").blacklisted);
        assert!(!key("isBlackListed: False").blacklisted);
    }

    #[test]
    fn a_lef_of_2017() {
        let lef = "0001000200030004\r\nExample Licensee 2017;;;\r\nQlik Sense Enterprise;;;\r\n\
            PRODUCTLEVEL;50;;2018-01-30\r\nTOKENS;200;;\r\nTIMELIMIT;;;2019-02-28\r\nABCD-EFGH";
        let license = read(json!({"lef": lef, "serial": "0001000200030004", "check": "1"}));
        assert_eq!(license.kind, Kind::Lef);
        assert_eq!(license.expiry, Expiry::On(day(2019, 2, 28)));
        assert_eq!(license.maintenance_end, Some(day(2018, 1, 30)));
        assert_eq!(license.allotments, [allotment("tokens", 200)]);
    }

    #[test]
    fn lefs_without_a_time_limit() {
        let expiry = |lef: &str| read(json!({"lef": lef})).expiry;
        assert_eq!(expiry("1\r\nPRODUCTLEVEL;50;;2018-01-30\r\nTOKENS;200;;"), Expiry::Perpetual);
        assert_eq!(expiry("TIMELIMIT;;;9999-12-31"), Expiry::Perpetual);
        assert_eq!(expiry("TIMELIMIT;;;\r\n"), Expiry::Unknown);
        assert_eq!(expiry("TIMELIMIT;VALUE;;soon"), Expiry::Unreadable("soon".into()));
        assert_eq!(expiry("nothing of the kind"), Expiry::Unknown);
    }
}
