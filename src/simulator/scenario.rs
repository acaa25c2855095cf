//! What a simulated site is like: read from YAML, or put together in code.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fault::FaultRule;
use super::license::LicenseVariant;
use super::monitor_app::MonitorApp;
use super::people::{SeatKind, split_name};
use super::pki::SHARED_SERVER_NAME;
use super::pools::{MinutePool, PoolSettings, SeatPool};
use super::proxy::ProxySettings;
use super::system_info;
use super::when::When;

/// A simulated Qlik Sense site. Everything has a default: an empty scenario is a small healthy
/// site with a signed key that ends in a year.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// The only name in the server's certificate.
    pub server_name: String,
    /// No TLS 1.3, as on Windows servers before 2022.
    pub tls12_only: bool,
    /// `buildVersion` of `/qrs/about`.
    pub version: String,
    /// What `/v1/systeminfo` answers.
    pub system_info: Map<String, Value>,
    /// Everything generated follows from this number: the same seed, the same site.
    pub seed: u64,
    /// The site's clock.
    pub clock: ClockSettings,
    /// What `/qrs/license` answers.
    pub license: LicenseVariant,
    /// How many seats, minutes and tokens there are.
    pub pools: PoolSettings,
    /// Users and seats that are generated.
    pub population: Population,
    /// Users in addition to the generated ones.
    pub users: Vec<UserSpec>,
    /// Seats in addition to the generated ones.
    pub seats: Vec<SeatSpec>,
    /// Rules that give a seat at login.
    pub license_rules: Vec<LicenseRule>,
    /// The License Monitor app and its reload task.
    pub license_monitor: MonitorApp,
    /// Who may act through `X-Qlik-User`, as `DIR\id`. Users with the role `RootAdmin` may too.
    /// Default: `INTERNAL\sa_api` and `INTERNAL\sa_repository`.
    pub admins: Vec<String>,
    /// A virtual proxy before the site, at a port of its own on this machine.
    pub proxy: Option<ProxySettings>,
    /// Where servers differ or nobody knows.
    pub quirks: Quirks,
    /// Faults from the start.
    pub faults: Vec<FaultRule>,
}

/// Users and seats made from the seed, and what they do while the clock runs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Population {
    /// Users, besides the service accounts that every site has. Up to millions.
    pub users: usize,
    /// How many of them have a Professional seat.
    pub professional: usize,
    /// How many of the others have an Analyzer seat.
    pub analyzer: usize,
    /// How many of those left have user access of a token license.
    pub user_access: usize,
    /// The first gets most of the users.
    pub directories: Vec<String>,
    /// Share of users that are switched off (0 to 1), besides the next.
    pub inactive_share: f64,
    /// Share of users that a directory sync no longer found; they are inactive too.
    pub removed_share: f64,
    /// Share of seats that were never used.
    pub never_used_share: f64,
    /// Share of seats that haven't been used for 30 days to 3 years.
    pub idle_share: f64,
    /// Share of seats in quarantine.
    pub quarantined_share: f64,
    /// Share of users with the tag `License do not release`.
    pub tagged_share: f64,
    /// Logins of a regular user a day, on average over a week. 0 = nobody does anything.
    pub logins_per_day: f64,
    /// Growth of the number of users in a year: 0.5 = half as many again. Only while people log in.
    pub growth_per_year: f64,
    /// Share of users who leave in a year: they become inactive and removed externally.
    pub leavers_per_year: f64,
}

/// A user written out.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct UserSpec {
    /// A GUID; when absent, it follows from the names.
    pub id: Option<String>,
    /// User directory. Needed.
    pub directory: String,
    /// Needed.
    pub user_id: String,
    /// Name for people. Default: the user id.
    pub name: String,
    /// Default: 400 days ago.
    pub created: Option<When>,
    /// `RootAdmin` may act through `X-Qlik-User`.
    pub roles: Vec<String>,
    /// Switched off: can't log in.
    pub inactive: bool,
    /// No longer found by a directory sync.
    pub removed_externally: bool,
    /// The flag of that name.
    pub blacklisted: bool,
    /// Names of tags.
    pub tags: Vec<String>,
    /// Values of custom properties.
    pub custom_properties: Vec<PropertySpec>,
    /// Values of the attribute `group`.
    pub groups: Vec<String>,
}

/// One value of a custom property. A property with several values is written several times.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PropertySpec {
    /// Name of the property.
    pub name: String,
    /// One value.
    pub value: String,
}

/// A seat written out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SeatSpec {
    /// A GUID; when absent, it follows from the user and the kind.
    pub id: Option<String>,
    /// Default: professional.
    pub kind: SeatKind,
    /// `DIR\id`. A user that isn't there is a deleted one.
    pub user: String,
    /// Default: 400 days ago.
    pub created: When,
    /// Default: never.
    pub last_used: When,
    /// Above what the license allows: the user is refused.
    pub excess: bool,
    /// In quarantine until then. Default: not at all.
    pub quarantined_until: When,
}

/// Gives a seat to users who log in without one, while one is free.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct LicenseRule {
    /// Name of the rule.
    pub name: String,
    /// What it gives. Default: analyzer.
    pub kind: SeatKind,
    /// Only for users of this directory. Absent = for all.
    pub directory: Option<String>,
    /// Only for users of this group. Absent = for all.
    pub group: Option<String>,
    /// The rule is there but does nothing.
    pub disabled: bool,
}

/// Where servers differ or nobody knows.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Quirks {
    /// Quarantine after use within 7 days also with a signed key. Qlik's pages contradict each
    /// other; a LEF always does.
    pub quarantine_signed_keys: bool,
    /// What the 7 days of a quarantine count from.
    pub quarantine_from: QuarantineFrom,
    /// `/full` is cut at this many rows, silently. Disputed.
    pub full_cap: Option<usize>,
    /// What becomes of `user` in the seat of a deleted user.
    pub deleted_user: DeletedUser,
    /// Rows have `deletedUserId` and `deletedUserDirectory`; old servers don't.
    pub with_deleted_user_fields: bool,
    /// Users have `userDirectoryConnectorName`; servers of 2017 don't.
    pub with_connector_name: bool,
    /// DELETE of a seat in quarantine: 204 without effect, or refused with 400.
    pub refuse_delete_in_quarantine: bool,
    /// A user may be given a second seat of a type; else that is refused with 400.
    pub second_seat: bool,
    /// Seconds that the first answer of the site takes longer.
    pub slow_first_answer_seconds: u64,
    /// Seconds of the site's clock from the answer to a DELETE of a seat until it shows: sites of
    /// several nodes may take a while. Nobody knows.
    pub delete_shows_after_seconds: u32,
    /// As often a seat is still read as it was after its DELETE was answered.
    pub delete_shows_after_reads: u32,
    /// A user who is given a seat again gets the row of the seat that was taken, with its id.
    /// Nobody knows.
    pub same_seat_id_again: bool,
    /// Fields that no answer has, as on older servers, by their names as the server writes them.
    pub without: Vec<String>,
    /// Fields that every answered object and row has besides, as on servers to come.
    pub added: BTreeMap<String, Value>,
}

/// What a quarantine's 7 days count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuarantineFrom {
    #[default]
    Deallocation,
    LastUse,
}

/// What becomes of a deleted user in a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeletedUser {
    /// `"user": null`.
    #[default]
    #[serde(rename = "null-value")]
    Null,
    /// The field isn't there.
    Missing,
}

impl Default for Population {
    fn default() -> Self {
        Self {
            users: 20,
            professional: 5,
            analyzer: 4,
            user_access: 0,
            directories: vec!["CORP".to_owned(), "PARTNER".to_owned(), "LAB".to_owned()],
            inactive_share: 0.03,
            removed_share: 0.05,
            never_used_share: 0.06,
            idle_share: 0.25,
            quarantined_share: 0.0,
            tagged_share: 0.02,
            logins_per_day: 0.0,
            growth_per_year: 0.0,
            leavers_per_year: 0.0,
        }
    }
}

impl Population {
    /// Nobody: only what the scenario writes out, and the service accounts.
    pub fn none() -> Self {
        Self { users: 0, professional: 0, analyzer: 0, ..Self::default() }
    }

    /// So many users and seats of each kind.
    pub fn of(users: usize, professional: usize, analyzer: usize) -> Self {
        Self { users, professional, analyzer, ..Self::default() }
    }
}

impl Default for SeatSpec {
    fn default() -> Self {
        Self {
            id: None,
            kind: SeatKind::Professional,
            user: String::new(),
            created: When::days_ago(400),
            last_used: When::Never,
            excess: false,
            quarantined_until: When::Never,
        }
    }
}

impl SeatSpec {
    /// A seat of an existing user.
    pub fn of(kind: SeatKind, user: &str, last_used: When) -> Self {
        Self { kind, user: user.to_owned(), last_used, ..Self::default() }
    }
}

impl UserSpec {
    /// A user without anything special.
    pub fn of(directory: &str, user_id: &str) -> Self {
        Self { directory: directory.to_owned(), user_id: user_id.to_owned(), ..Self::default() }
    }
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            quarantine_signed_keys: false,
            quarantine_from: QuarantineFrom::default(),
            full_cap: None,
            deleted_user: DeletedUser::default(),
            with_deleted_user_fields: true,
            with_connector_name: true,
            refuse_delete_in_quarantine: false,
            second_seat: false,
            slow_first_answer_seconds: 0,
            delete_shows_after_seconds: 0,
            delete_shows_after_reads: 0,
            same_seat_id_again: false,
            without: Vec::new(),
            added: BTreeMap::new(),
        }
    }
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
            tls12_only: false,
            version: "31.62.0.0".to_owned(),
            system_info: system_info::usual(),
            seed: 1,
            clock: ClockSettings::default(),
            license: LicenseVariant::default(),
            pools: PoolSettings::default(),
            population: Population::default(),
            users: Vec::new(),
            seats: Vec::new(),
            license_rules: Vec::new(),
            license_monitor: MonitorApp::default(),
            admins: vec!["INTERNAL\\sa_api".to_owned(), "INTERNAL\\sa_repository".to_owned()],
            proxy: None,
            quirks: Quirks::default(),
            faults: Vec::new(),
        }
    }
}

/// More would take minutes to make and gigabytes to hold.
const MOST_USERS: usize = 1_000_000;

fn bad_id(place: &str, id: Option<&str>) -> Option<String> {
    let id = id?;
    let bad = uuid::Uuid::try_parse(id).is_err();
    bad.then(|| format!("{place}.id: {id:?} is not a GUID"))
}

impl Scenario {
    /// Reads a scenario. The error says where and what is wrong.
    pub fn from_yaml(text: &str) -> Result<Self, String> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#')) {
            return Ok(Self::default());
        }
        let scenario: Self = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
        let problems = scenario.problems();
        if problems.is_empty() { Ok(scenario) } else { Err(problems.join("\n")) }
    }

    /// What can be written but not simulated.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let people = &self.population;
        let seated = people.professional.saturating_add(people.analyzer);
        if seated.saturating_add(people.user_access) > people.users {
            problems.push(format!(
                "population: {} users can't have {seated} Professional and Analyzer seats and {} \
                 user accesses; each user gets one at most",
                people.users, people.user_access
            ));
        }
        if rustls::pki_types::DnsName::try_from(self.server_name.as_str()).is_err() {
            problems.push(format!("serverName: {:?} is not a DNS name", self.server_name));
        }
        if people.users > MOST_USERS {
            problems.push(format!("population.users: at most {MOST_USERS} can be simulated"));
        }
        for (name, share) in [
            ("inactiveShare", people.inactive_share),
            ("removedShare", people.removed_share),
            ("neverUsedShare", people.never_used_share),
            ("idleShare", people.idle_share),
            ("quarantinedShare", people.quarantined_share),
            ("taggedShare", people.tagged_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                problems.push(format!("population.{name}: {share} is not between 0 and 1"));
            }
        }
        for (name, rate) in [
            ("loginsPerDay", people.logins_per_day),
            ("growthPerYear", people.growth_per_year),
            ("leaversPerYear", people.leavers_per_year),
        ] {
            if !(0.0..=1000.0).contains(&rate) {
                problems.push(format!("population.{name}: {rate} is not between 0 and 1000"));
            }
        }
        if !self.clock.speed.is_finite() || self.clock.speed < 0.0 {
            problems.push(format!("clock.speed: {} is not 0 or more", self.clock.speed));
        }
        for (n, user) in self.users.iter().enumerate() {
            if user.directory.is_empty() || user.user_id.is_empty() {
                problems.push(format!("users[{n}]: directory and userId are needed"));
            }
            problems.extend(bad_id(&format!("users[{n}]"), user.id.as_deref()));
        }
        for (n, seat) in self.seats.iter().enumerate() {
            if split_name(&seat.user).is_none() {
                problems.push(format!("seats[{n}].user: {:?} is not DIRECTORY\\id", seat.user));
            }
            problems.extend(bad_id(&format!("seats[{n}]"), seat.id.as_deref()));
        }
        problems
    }

    /// The site that `bursar demo` shows: busy, a little short of seats, its license near its end.
    pub fn demo() -> Self {
        let everybody = LicenseRule {
            name: "Analyzer access for everybody in CORP".to_owned(),
            kind: SeatKind::Analyzer,
            directory: Some("CORP".to_owned()),
            ..LicenseRule::default()
        };
        Self {
            license: LicenseVariant::signed(When::in_days(41)),
            pools: PoolSettings {
                professional: SeatPool::of(120),
                analyzer: SeatPool::of(900),
                analyzer_time: MinutePool {
                    enabled: true,
                    allocated_minutes: 20_000,
                    ..MinutePool::default()
                },
                ..PoolSettings::default()
            },
            population: Population {
                logins_per_day: 1.5,
                // Three of four get an Analyzer seat: 12 a month, as in the past of the demo.
                growth_per_year: 0.136,
                leavers_per_year: 0.15,
                quarantined_share: 0.004,
                // Two people have a seat of either type: see the past.
                ..Population::of(1400, 104, 778)
            },
            license_rules: vec![everybody],
            license_monitor: MonitorApp {
                status: 8,
                failures: 3,
                repeats: true,
                // Somebody sets the right password two days on.
                mended_after_minutes: Some(2 * 24 * 60),
                ..MonitorApp::default()
            },
            ..Self::default()
        }
    }

    /// The same site with people whom the rules of the guide to a first release name: a service account, an
    /// administrator, and one who is marked by a custom property. All three have idle seats.
    pub fn trial() -> Self {
        let user = |id: &str, name: &str| UserSpec {
            directory: "CORP".to_owned(),
            user_id: id.to_owned(),
            name: name.to_owned(),
            ..UserSpec::default()
        };
        let property =
            PropertySpec { name: "LicenseManage".to_owned(), value: "do-not-release".to_owned() };
        let users = vec![
            user("svc_reports", "Nightly reports"),
            UserSpec { roles: vec!["RootAdmin".to_owned()], ..user("admin01", "Break glass") },
            UserSpec { custom_properties: vec![property], ..user("chair", "Chair of the board") },
            UserSpec {
                tags: vec!["License do not release".to_owned()],
                ..user("leave1", "On parental leave")
            },
        ];
        let seat = |user: &UserSpec| SeatSpec {
            kind: SeatKind::Analyzer,
            user: format!("CORP\\{}", user.user_id),
            last_used: When::days_ago(200),
            ..SeatSpec::default()
        };
        let seats = users.iter().map(seat).collect();
        Self { users, seats, ..Self::demo() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_written_is_the_default_site() {
        for text in ["", "\n# only a comment\n", "seed: 1\n"] {
            let scenario = Scenario::from_yaml(text).unwrap();
            assert_eq!(format!("{scenario:?}"), format!("{:?}", Scenario::default()), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_simulated_is_refused_all_at_once() {
        let text = "population: {users: 3, analyzer: 4, idleShare: 2}\n\
                    users: [{userId: a}]\n\
                    seats: [{user: nobody, id: x}]\n\
                    clock: {speed: -1}\n\
                    serverName: 127.0.0.1\n";
        let error = Scenario::from_yaml(text).unwrap_err();
        for part in [
            "3 users",
            "idleShare",
            "users[0]",
            "seats[0].user",
            "seats[0].id",
            "speed",
            "serverName",
        ] {
            assert!(error.contains(part), "{part} is not in {error}");
        }
    }

    #[test]
    fn every_setting_is_described_here_and_in_the_documentation() {
        let path = format!("{}/docs/simulator.md", env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(path).unwrap();
        let schema = schemars::schema_for!(Scenario).to_value();
        let mut objects = vec![&schema];
        objects.extend(schema["$defs"].as_object().unwrap().values());
        objects.extend(schema["$defs"]["Fault"]["oneOf"].as_array().unwrap());
        let mut seen = 0;
        for object in objects {
            let properties = object["properties"].as_object();
            for (name, property) in properties.into_iter().flatten() {
                seen += 1;
                if name != "kind" {
                    assert!(page.contains(&format!("`{name}`")), "{name} is not in the page");
                }
                let described = property["description"].as_str().is_some_and(|d| d.len() > 5);
                assert!(described || object["description"].is_string(), "{name}: {object}");
            }
        }
        assert!(seen > 80, "{seen}");
        let faults = schema["$defs"]["Fault"]["oneOf"].as_array().unwrap();
        for fault in faults {
            let kind = fault["properties"]["kind"]["const"].as_str().unwrap();
            assert!(page.contains(&format!("`{kind}`")), "{kind} is not in the page");
        }
        assert!(faults.len() > 15);
        // A word that YAML reads as something else than text would need quotes.
        for word in ["null", "true", "false", "yes", "no", "on", "off"] {
            let constant = format!("\"const\":\"{word}\"");
            let listed = format!("\"{word}\"");
            let text = schema.to_string();
            assert!(!text.contains(&constant), "{word}");
            for options in text.split("\"enum\":").skip(1) {
                let options = options.split(']').next().unwrap();
                assert!(!options.contains(&listed), "{word} in {options}");
            }
        }
    }

    #[test]
    fn unknown_keys_and_bad_times_are_refused() {
        for text in ["sede: 1", "license: {expires: soon}", "faults: [{fault: {kind: flood}}]"] {
            assert!(Scenario::from_yaml(text).is_err(), "{text}");
        }
    }
}
