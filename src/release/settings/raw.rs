//! `qlikSenseLicense.licenseRelease`: releasing idle seats.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::destination::switches::raw::{
    Destinations, Enable, FiguresSwitch, Form, MessageSwitch, NameValue, StaticTags,
};
use crate::event::{Channel, SendSwitch};

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LicenseRelease {
    /// Look for unused seats on the schedule. Off by default: nobody loses a seat who was not asked
    /// for. `bursar release plan` works all the same.
    pub(crate) enable: bool,
    /// Rehearse: read the site, plan and record, but release nothing. On by default: a seat is
    /// taken only when a person has written `enable: true` and `dryRun: false`.
    pub(crate) dry_run: bool,
    /// When to look for unused seats. Default once a day: thresholds are counted in days. At start
    /// there is a run only if one was missed since the last; the first real run, and the first after
    /// a change of what decides, waits for its time.
    pub(crate) frequency: String,
    /// Who keeps their seat whatever happens. Compared without regard to case, as Qlik does. The
    /// users of the directory `INTERNAL`, Qlik's own, always keep theirs.
    pub(crate) never_release: NeverRelease,
    /// Which types of seats are released, and when.
    pub(crate) license_type: LicenseType,
    /// Use of one seat keeps the same person's seats of other types, too. On by default: who has
    /// two seats uses only one of them at a visit, and the other looks idle.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) judge_per_user: bool,
    /// A run is refused when no seat of the site was used for so many days. Default 7: a site at
    /// which nobody worked for a week has more likely stopped recording use, and everybody would
    /// look idle. 0 = not looked at.
    #[schemars(
        range(min = 0, max = 3650),
        extend("x-bursar" = true, "x-noun" = "a number of days")
    )]
    pub(crate) stale_signal_days: i64,
    /// A run is refused when this machine's clock and the site's differ by more seconds than this.
    /// Default 300, as Kerberos has it: with a clock that runs ahead everybody looks idle.
    #[schemars(
        range(min = 1, max = 86_400),
        extend("x-bursar" = true, "x-noun" = "a number of seconds")
    )]
    pub(crate) clock_tolerance_seconds: i64,
    /// A run is refused when more than this share of the people in question, in percent, can't be
    /// read. Default 10. Whoever can't be read keeps their seat in any case; many of them mean that
    /// something is wrong with the site or with Bursar's rights.
    #[schemars(
        range(min = 0, max = 100),
        extend("x-bursar" = true, "x-noun" = "a share in percent")
    )]
    pub(crate) max_unread_percent: i64,
    /// A type is refused when of more of its seats than this it has not been known for more than a
    /// day what became of them at an earlier attempt. Each of these keeps its own seat out of every
    /// plan in any case. Default: 20, or 1 % of the type's seats where that is less.
    #[schemars(
        range(min = 0, max = 1_000_000),
        extend("x-bursar" = true, "x-noun" = "a number of seats")
    )]
    pub(crate) max_unsettled: Option<i64>,
    /// Whether other Qlik sites use the same license key. A seat that is taken at one is taken at
    /// all of them, and its use at the others may not show here. `false`: this site is the only
    /// one; a run is refused when another of the `sites` turns out to have the same license. `true`:
    /// there are others, and releasing is wanted all the same. Not set by default, because only you
    /// know: a run is refused when another of the `sites` has the same license or can't be asked.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) license_key_shared: Option<bool>,
    /// A run ends after so many failures in a row. Default 5: what fails five times will fail for
    /// the rest, too, and wants a person.
    #[schemars(
        range(min = 1, max = 1000),
        extend("x-bursar" = true, "x-noun" = "a number of failures")
    )]
    pub(crate) stop_after_failures: i64,
    /// DELETEs that are under way at the same time, 1 to 8. Default 2: people work with the
    /// repository service meanwhile, and what is read before and after shares `maxConcurrency`.
    #[schemars(
        range(min = 1, max = 8),
        extend("x-bursar" = true, "x-noun" = "a number of seats at a time")
    )]
    pub(crate) concurrency: i64,
    /// Days on which no seat is taken, such as the end of the year: real runs are refused (guard
    /// `frozen`), by hand too; rehearsals go on. None by default.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) freeze: Vec<FreezeWindow>,
    /// Hours in which seats may be taken: real runs start only inside of them, and at their end a
    /// run stops after the seats in hand. None by default: at any time.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) allowed_hours: Vec<AllowedHours>,
    /// Where releases are told.
    pub(crate) destination: Destinations<ReleaseForm>,
}

impl Default for LicenseRelease {
    fn default() -> Self {
        Self {
            enable: false,
            dry_run: true,
            frequency: "every 24 hours".to_owned(),
            never_release: NeverRelease::default(),
            license_type: LicenseType::default(),
            judge_per_user: true,
            stale_signal_days: 7,
            clock_tolerance_seconds: 300,
            max_unread_percent: 10,
            max_unsettled: None,
            license_key_shared: None,
            stop_after_failures: 5,
            concurrency: 2,
            freeze: Vec::new(),
            allowed_hours: Vec::new(),
            destination: Destinations::default(),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct FreezeWindow {
    /// The first day, in `Butler.timeZone`: `2026-12-15`, or `12-15` for every year.
    #[schemars(example = &"12-15")]
    pub(crate) from: String,
    /// The last day, included, written as `from`. A yearly window may go over the new year. In years
    /// without a 29th of February `02-29` is the end of that month.
    #[schemars(example = &"01-10")]
    pub(crate) to: String,
    /// Why, for those who find releases frozen.
    #[schemars(example = &"year end closing")]
    pub(crate) why: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AllowedHours {
    /// Days of the week on which these hours begin: `mon` or `monday` and so on, `weekdays`,
    /// `weekend`. Empty: every day.
    #[schemars(example = &["weekdays"])]
    pub(crate) days: Vec<String>,
    /// When they begin, in `Butler.timeZone`: `20:00`. Of a time that comes twice when the clocks
    /// change, the first one counts; of one that is skipped, the first time after it.
    #[schemars(example = &"20:00")]
    pub(crate) from: String,
    /// When they end, up to `24:00`. Earlier than `from`: on the next day.
    #[schemars(example = &"06:00")]
    pub(crate) to: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct NeverRelease {
    /// Single users. Both keys may be patterns: `*` stands for any text, `?` for one character.
    pub(crate) user: Vec<User>,
    /// Users with one of these tags.
    pub(crate) tag: Vec<String>,
    /// Users with one of these custom properties: name and value must both match, in one entry.
    pub(crate) custom_property: Vec<PropertyValue>,
    /// All users of these directories; patterns as in `user`.
    pub(crate) user_directory: Vec<String>,
    /// Users with one of these roles, such as `RootAdmin`.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) role: Vec<String>,
    /// Users in one of these groups: the attributes of type `group` that the directory connector
    /// reads.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) user_group: Vec<String>,
    /// Users marked inactive: `yes` keeps those that are, `no` those that aren't. Default `ignore`,
    /// as in Butler: the mark doesn't matter.
    pub(crate) inactive: ThreeWay,
    /// Users marked blocked: as `inactive`.
    pub(crate) blocked: ThreeWay,
    /// Users removed from their directory: as `inactive`. With `ignore` they are the first to go
    /// among those who are due.
    pub(crate) removed_externally: ThreeWay,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct User {
    /// The user's directory, or a pattern.
    #[schemars(example = &"CORP")]
    pub(crate) user_dir: String,
    /// The user's id, or a pattern such as `svc_*`.
    #[schemars(example = &"anna")]
    pub(crate) user_id: String,
    /// The last day on which this entry protects, in `Butler.timeZone`. Not set by default: for
    /// good. There is a warning from 14 days before it.
    #[schemars(example = &"2027-03-31", extend("x-bursar" = true))]
    pub(crate) until: String,
    /// Why they are protected: shown wherever this entry keeps a seat.
    #[schemars(example = &"parental leave", extend("x-bursar" = true))]
    pub(crate) why: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PropertyValue {
    /// Name of the custom property.
    #[schemars(example = &"LicenseManage")]
    pub(crate) name: String,
    /// Its value.
    #[schemars(example = &"do-not-release")]
    pub(crate) value: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum ThreeWay {
    #[default]
    Ignore,
    Yes,
    No,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LicenseType {
    /// Analyzer seats.
    pub(crate) analyzer: ReleaseRule,
    /// Professional seats.
    pub(crate) professional: ReleaseRule,
    /// User access of a token license (`useraccesstype`). Login access belongs to nobody, so there
    /// is nothing to release.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) user: ReleaseRule,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ReleaseRule {
    /// Release seats of this type. Off by default: each type is asked for by name.
    pub(crate) enable: bool,
    /// Days of 24 hours without use after which a seat is due. Default 30, as in Butler's example:
    /// it outlasts a holiday and a monthly report. Below 7 there is a warning: a seat that was
    /// used within 7 days may go into quarantine instead of becoming free.
    #[schemars(range(min = 1, max = 36500), extend("x-noun" = "a threshold"))]
    pub(crate) release_threshold_days: i64,
    /// Days after which a seat that was never used is due, counted from its allocation. Default:
    /// the type's `releaseThresholdDays`, so that somebody who has just got a seat has as long as
    /// everybody else.
    #[schemars(range(min = 1, max = 36500), extend("x-bursar" = true, "x-noun" = "a threshold"))]
    pub(crate) never_used_grace_days: Option<i64>,
    /// Release only as many seats as it takes to have so many free, those idle for longest first.
    /// Not set by default: all that are due are released. 0 releases nothing, and is a warning.
    #[schemars(
        range(min = 0, max = 10_000_000),
        extend("x-bursar" = true, "x-noun" = "a number of seats")
    )]
    pub(crate) keep_free: Option<i64>,
    /// Announce a release so many days ahead, and release only who is still idle then. Default 0,
    /// no announcements: a notice makes dormant people log in once, and the seat stays taken.
    #[schemars(
        range(min = 0, max = 3650),
        extend("x-bursar" = true, "x-noun" = "a number of days")
    )]
    pub(crate) grace_days: i64,
    /// Most seats that are released within 22 hours, by all runs together; the others wait. 22, so
    /// that a daily run gets its allowance also when the clocks change. Not set by default:
    /// `maxReleasePercent` is the limit that fits a site of any size.
    #[schemars(
        range(min = 1, max = 10_000_000),
        extend("x-bursar" = true, "x-noun" = "a number of seats")
    )]
    pub(crate) max_releases: Option<i64>,
    /// A run is refused for this type when more than this share of its seats, in percent, is due.
    /// All are counted whom no rule protects, whatever `keepFree`, `maxReleases` and `graceDays`
    /// leave of them; those that went within the last 22 hours count as due. Default 25: a directory sync or a clock that is broken makes everybody due at
    /// once, while people drift away a few at a time.
    #[schemars(
        range(min = 1, max = 100),
        extend("x-bursar" = true, "x-noun" = "a share in percent")
    )]
    pub(crate) max_release_percent: i64,
    /// Days for which a seat is kept when its owner got one again after an earlier release. Default
    /// 14: to whom a license rule allocates a seat again at each login would lose it again and again.
    #[schemars(
        range(min = 0, max = 3650),
        extend("x-bursar" = true, "x-noun" = "a number of days")
    )]
    pub(crate) reallocated_grace_days: i64,
}

impl Default for ReleaseRule {
    fn default() -> Self {
        Self {
            enable: false,
            release_threshold_days: 30,
            never_used_grace_days: None,
            keep_free: None,
            grace_days: 0,
            max_releases: None,
            max_release_percent: 25,
            reallocated_grace_days: 14,
        }
    }
}

/// The form of `destination` here: Butler has InfluxDB only.
#[derive(Debug, Clone)]
pub(crate) struct ReleaseForm;

impl Form for ReleaseForm {
    const NAME: &'static str = "ReleaseDestination";
    const BUTLERS: &'static [Channel] = &[Channel::InfluxDb];
    type Figures = ReleaseInfluxDb;
    type Messages = ReleaseSwitch;
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ReleaseInfluxDb {
    /// Store released seats and runs in InfluxDB.
    pub(crate) enable: bool,
    /// Tags of these points.
    pub(crate) tag: StaticTags,
    /// How points name the user: `name` as Butler does (`CORP\anna`), `hash` the same short hash
    /// for the same user, `off` not at all. Default `name`, because Butler's dashboards show it.
    /// Each user is a series of its own in InfluxDB: `off` where that is too many.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) user_tag: UserTag,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum UserTag {
    #[default]
    Name,
    Hash,
    Off,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ReleaseSwitch {
    /// Off: nothing is sent there.
    pub(crate) enable: bool,
    /// What each run kept, by reason, and how it ended.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) send_recurring: Enable,
    /// What happens to single seats: released, announced, withdrawn, allocated again; and refusals.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) send_alert: Enable,
}

impl FiguresSwitch for ReleaseInfluxDb {
    fn is_on(&self) -> bool {
        self.enable
    }

    fn tags(&self) -> &[NameValue] {
        &self.tag.fixed
    }
}

impl MessageSwitch for ReleaseSwitch {
    fn is_on(&self) -> bool {
        self.enable
    }

    fn sends(&self) -> SendSwitch {
        SendSwitch { recurring: self.send_recurring.enable, alert: self.send_alert.enable }
    }
}
