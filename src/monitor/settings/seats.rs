//! `qlikSenseLicense.seatMonitor`: who has the seats.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::destination::switches::raw::{
    BUTLERS, Destinations, FiguresSwitch, Form, NameValue, StaticTags, Switch,
};
use crate::event::Channel;

/// When nothing is written.
pub(super) const FREQUENCY: &str = "every 1 hour";

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SeatMonitor {
    /// Read the seats one by one, keep who has them and note what changes. Default: on where
    /// `licenseMonitor` or `licenseRelease` is on, so that `bursar insight activity` and `bursar
    /// insight changes` have an answer. `false` where nobody should keep who uses what: nothing is
    /// stored then.
    pub(crate) enable: Option<bool>,
    /// When to look, beside once at start. A seat shows its last use only, so who looks often misses
    /// nobody's day and knows to the hour when a seat changed. Each look reads a list of up to 1,000
    /// seats whole (half a megabyte), and of a longer one what changed, with the whole list once a
    /// day (8 MB for 15,000 seats). Default by the site's size: every hour, and with more than 5,000
    /// seats every 2 hours, with more than 20,000 every 4 hours, where the hours between look at the
    /// number of seats only and read on when it changed. Written, each look reads.
    pub(crate) frequency: Option<String>,
    /// Custom properties of users, such as `department`, that `bursar insight activity` counts the
    /// seats by. Each user is read in full once a day for it, as they are while
    /// `neverRelease.role` has entries. User directories are always counted.
    #[schemars(example = &["department"])]
    pub(crate) breakdown_by: Vec<String>,
    /// Days for which the changes are kept. The default of 730 (two years) shows last year beside
    /// this one; they hold names, so longer wants a reason.
    #[schemars(range(min = 1, max = 36_500), extend("x-noun" = "a number of days"))]
    pub(crate) keep_changes_days: i64,
    /// Where the data goes. Recurring is how the seats are used; `sendAlert` sends what changed.
    pub(crate) destination: Destinations<SeatForm>,
}

impl Default for SeatMonitor {
    fn default() -> Self {
        Self {
            enable: None,
            frequency: None,
            breakdown_by: Vec::new(),
            keep_changes_days: 730,
            destination: Destinations::default(),
        }
    }
}

/// The form of `destination` here.
#[derive(Debug, Clone)]
pub(crate) struct SeatForm;

impl Form for SeatForm {
    const NAME: &'static str = "SeatDestination";
    const DESCRIPTION: Option<&'static str> = Some("Where the data of the seats goes.");
    const BUTLERS: &'static [Channel] = BUTLERS;
    type Figures = SeatInfluxDb;
    type Messages = Switch;
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SeatInfluxDb {
    /// Store each poll's counts in InfluxDB.
    pub(crate) enable: bool,
    /// Tags of these points.
    pub(crate) tag: StaticTags,
    /// Also store each change with its user: `name` as `CORP\\anna`, `hash` a short hash that is the
    /// same for the same user. Default `off`, counts only: each user is a series of its own in
    /// InfluxDB, and names are nobody's business there unless you say so.
    pub(crate) user_tag: SeatUserTag,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum SeatUserTag {
    Name,
    Hash,
    #[default]
    Off,
}

impl FiguresSwitch for SeatInfluxDb {
    fn is_on(&self) -> bool {
        self.enable
    }

    fn tags(&self) -> &[NameValue] {
        &self.tag.fixed
    }
}
