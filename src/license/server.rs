//! The server license, as `GET /qrs/license` gives it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::date::{self, Day};
use super::key_details::KeyDetails;
use super::lef::Lef;
use super::lines::OtherLines;
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
    /// `Allotment name:count` lines of a signed key; `PROFESSIONAL`, `ANALYZER` and `TOKENS` of a LEF,
    /// the last unless it says that they don't count. In the order given.
    pub allotments: Vec<Allotment>,
    /// End of maintenance of a LEF (`PRODUCTLEVEL`): newer releases can't be installed after it,
    /// but the license goes on.
    pub maintenance_end: Option<NaiveDate>,
    /// The first valid day (`Valid From` of a signed key).
    #[serde(default, skip_serializing_if = "Start::is_unset")]
    pub start: Start,
    /// Of a license that hasn't begun: the end of the one that was there before, where it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Expiry>,
    /// Whether more may be used than is allotted, where the license says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overage: Option<bool>,
    /// The last four signs of the license's number, to tell two licenses apart; absent when there is none, or
    /// one so short that they would be much of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_ends: Option<String>,
    /// Lines of the license that Bursar doesn't know, as they came; numbers and keys are hidden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_lines: Vec<String>,
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

/// When the license begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type", content = "value")]
pub enum Start {
    /// It doesn't say: it has begun.
    #[default]
    Unset,
    /// The first valid day.
    On(NaiveDate),
    /// There is a first day, but its text can't be read for certain.
    Unreadable(String),
}

impl Start {
    pub fn is_unset(&self) -> bool {
        *self == Self::Unset
    }
}

/// One line of what the license allots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allotment {
    pub name: String,
    pub count: i64,
    /// What stands behind the count, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
}

/// Longest text of the server's that is kept, in characters.
pub(super) const MAX_TEXT: usize = 120;

/// No license that was seen has more than a handful of kinds.
const MAX_ALLOTMENTS: usize = 100;

impl ServerLicense {
    /// Reads the answer of `GET /qrs/license`; `None` is the literal `null`.
    pub fn read(answer: Option<&wire::License>, order: DateOrder) -> Self {
        let Some(answer) = answer else { return Self::new(Kind::None, Expiry::Unknown) };
        let mut others = OtherLines::of(answer);
        let text = answer.key_details.as_deref().unwrap_or_default();
        let details = KeyDetails::read(text, &mut others);
        let has_lef = !answer.lef.trim().is_empty();
        let has_key = !answer.key.trim().is_empty() || details.known_lines > 0;
        let reason = answer.expired_reason.trim();
        let mut license = Self {
            server_says_expired: answer.is_expired,
            expired_reason: (!reason.is_empty()).then(|| short(reason)),
            blacklisted: answer.is_blacklisted || details.blacklisted,
            invalid: answer.is_invalid,
            number_ends: number_ends(&answer.serial),
            ..Self::new(Kind::Unknown, Expiry::Unknown)
        };
        if has_key {
            license.kind = Kind::SignedKey;
            license.expiry = details.expiry(order, answer.is_subscription);
            license.start = details.start(order);
            license.allotments = details.allotments;
            license.overage = details.overage;
        } else if has_lef {
            let lef = Lef::read(&answer.lef, order, &mut others);
            license.kind = Kind::Lef;
            license.expiry = lef.expiry;
            license.maintenance_end = lef.maintenance_end;
            license.allotments = lef.allotments;
            license.overage = lef.overage;
        }
        license.allotments.truncate(MAX_ALLOTMENTS);
        license.other_lines = others.finish();
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
            start: Start::Unset,
            before: None,
            overage: None,
            number_ends: None,
            other_lines: Vec::new(),
        }
    }
}

/// A number of a license has 16 digits; of one with so many signs, a third at most is shown.
const SHORTEST_NUMBER: usize = 12;
const SHOWN_OF_NUMBER: usize = 4;

/// The end of a number, whatever it is divided with.
fn number_ends(number: &str) -> Option<String> {
    let signs: Vec<char> = number.chars().filter(char::is_ascii_alphanumeric).collect();
    let shown = signs.len().checked_sub(SHOWN_OF_NUMBER)?;
    (signs.len() >= SHORTEST_NUMBER).then(|| signs[shown..].iter().collect())
}

/// A count, and what may stand behind it: `100;`, `100;2027-03-09;`. `None` when no count is there.
pub(super) fn allotment(name: &str, value: &str, others: &OtherLines) -> Option<Allotment> {
    let value = value.trim();
    let end = value.find(|c: char| c == ';' || c == ',' || c.is_whitespace());
    let (count, more) = value.split_at(end.unwrap_or(value.len()));
    let more = more.trim_matches(|c: char| c == ';' || c == ',' || c.is_whitespace());
    Some(Allotment {
        name: others.shown(name),
        count: count.parse().ok()?,
        more: (!more.is_empty()).then(|| others.shown(more)),
    })
}

pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    match text.trim().trim_end_matches(';').to_ascii_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// A label without a date says nothing about an end.
pub(super) fn expiry(text: &str, order: DateOrder) -> Expiry {
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
pub(super) fn short(text: &str) -> String {
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
        Allotment { name: name.into(), count, more: None }
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
                number_ends: Some("0004".to_owned()),
                ..ServerLicense::new(Kind::SignedKey, Expiry::Unknown)
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
    fn of_a_number_only_its_end_is_kept() {
        let ends = |number: &str| read(json!({"key": "SECRET", "serial": number})).number_ends;
        assert_eq!(ends("0001 0002 0003 0004").as_deref(), Some("0004"));
        assert_eq!(ends("9999000012345678").as_deref(), Some("5678"));
        for short in ["", "1234", "12345678901", " - "] {
            assert_eq!(ends(short), None, "{short}");
        }
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

    /// A key whose text has been read by an earlier build or was cut: its list stays.
    #[test]
    fn an_allotment_with_further_fields_keeps_its_count() {
        let license = key("License Number: 1\nAllotment professional:100;2027-03-09;\n\
            Allotment analyzer:50;overage:10;\nAllotment odd:many;\nAllotment sapconnector:1;\n");
        let with = |name: &str, count, more: &str| Allotment {
            more: Some(more.into()),
            ..allotment(name, count)
        };
        assert_eq!(
            license.allotments,
            [
                with("professional", 100, "2027-03-09"),
                with("analyzer", 50, "overage:10"),
                allotment("sapconnector", 1)
            ]
        );
        assert_eq!(license.other_lines, ["Allotment odd:many;"]);
    }

    #[test]
    fn a_start_is_read_and_the_year_1_is_none() {
        assert_eq!(key(DOCUMENTED).start, Start::Unset);
        let start = |text: &str| key(&format!("License Number: 1\nValid From: {text}")).start;
        assert_eq!(start("2027-03-16  12:00:00 AM"), Start::On(day(2027, 3, 16)));
        assert_eq!(start("03/04/2027 00:00:00"), Start::Unreadable("03/04/2027 00:00:00".into()));
        assert_eq!(start(""), Start::Unset);
    }

    #[test]
    fn tokens_that_are_ignored_are_not_allotted() {
        let tokens = |ignore: &str| {
            let lef = format!("1\r\nTOKENS;200;;\r\n{ignore}\r\nPROFESSIONAL;60;;5;x\r\n");
            let license = read(json!({"lef": lef, "serial": "1"}));
            let names = license.allotments.iter().map(|a| a.name.as_str()).collect::<Vec<_>>();
            (names.join(" "), license.allotments.last().unwrap().more.clone())
        };
        let more = || Some("5;x".to_owned());
        assert_eq!(tokens("IGNORE_TOKENS;YES;;"), ("professional".into(), more()));
        for counted in ["IGNORE_TOKENS;NO;;", "IGNORE_TOKENS;PERHAPS;;", "X;YES;;"] {
            assert_eq!(tokens(counted), ("tokens professional".into(), more()), "{counted}");
        }
    }

    #[test]
    fn overage_is_known_only_where_it_is_said() {
        assert_eq!(key("License Number: 1\nOverage: YES").overage, Some(true));
        assert_eq!(key("License Number: 1").overage, None);
        let odd = key("License Number: 1\nOverage: 10 %");
        assert_eq!((odd.overage, odd.other_lines), (None, vec!["Overage: 10 %".to_owned()]));
    }
}
