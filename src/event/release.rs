//! What is told of releases.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::form;
use crate::ledger::{Head, Mode, RunStatus, SeatResult, Trigger, TypeCounts, stored};
use crate::license::{Holder, Moment, SeatType};
use crate::plain::one_line;
use crate::policy::Refusal;

/// A seat that a release is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatFacts {
    pub run: String,
    /// Nothing was done: this is what would have been.
    pub rehearsal: bool,
    pub seat_type: SeatType,
    pub seat: Uuid,
    pub holder: Holder,
    pub created: Moment,
    pub last_used: Moment,
    /// Whole days since last use or, for a seat that was never used, since its allocation.
    pub idle_days: i64,
}

/// A seat was taken from its user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatReleased {
    #[serde(flatten)]
    pub seat: SeatFacts,
    /// Freed or quarantined; of a rehearsal always freed.
    #[serde(flatten)]
    pub result: SeatResult,
    /// Found out so long after the request that somebody else may have done it: attributed to the
    /// run, not proven.
    #[serde(default)]
    pub late: bool,
}

/// A seat will be taken unless it is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatAnnounced {
    #[serde(flatten)]
    pub seat: SeatFacts,
    pub due: DateTime<Utc>,
}

/// An announced release will not happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatWithdrawn {
    #[serde(flatten)]
    pub seat: SeatFacts,
    pub why: String,
}

/// A seat was allocated again to the person who had it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatRestored {
    #[serde(flatten)]
    pub seat: SeatFacts,
}

/// Guards stopped a run, or a type of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRefused {
    pub run: String,
    pub rehearsal: bool,
    #[serde(
        serialize_with = "form::write_all::<stored::Refusal, _, _>",
        deserialize_with = "form::read_all::<stored::Refusal, _, _>"
    )]
    pub refusals: Vec<Refusal>,
}

/// Which seats a run kept, by reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatsKept {
    pub run: String,
    pub rehearsal: bool,
    pub types: Vec<TypeCounts>,
}

/// A run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRun {
    pub run: String,
    pub mode: Mode,
    pub trigger: Trigger,
    pub status: RunStatus,
    pub started: DateTime<Utc>,
    pub ended: DateTime<Utc>,
    pub types: Vec<TypeCounts>,
    /// Of the plan; absent when none could be made.
    pub plan_digest: Option<String>,
    /// The ledger up to and with the end of this run.
    pub ledger: Head,
    /// Why it stopped early, if it did.
    pub why: Option<String>,
    /// What guards stopped: the whole run, or types of it. Absent of what older releases stored.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "form::write_all::<stored::Refusal, _, _>",
        deserialize_with = "form::read_all::<stored::Refusal, _, _>"
    )]
    pub refusals: Vec<Refusal>,
}

impl SeatFacts {
    /// `the Analyzer seat of CORP\anna`
    fn title(&self) -> String {
        let account = one_line(&self.holder.account());
        format!("the {} seat of {account}", self.seat_type.title())
    }

    /// `unused for 43 days`
    fn idle(&self) -> String {
        let days = days(self.idle_days);
        match self.last_used {
            Moment::Never => format!("never used, allocated {days} ago"),
            _ => format!("unused for {days}"),
        }
    }

    /// `done` of something that was done, else what would be.
    fn done_or_would(&self, done: &str, would: &str) -> String {
        if self.rehearsal { format!("rehearsal: would {would}") } else { done.to_owned() }
    }
}

impl SeatReleased {
    /// One line for people.
    pub fn summary(&self) -> String {
        let seat = &self.seat;
        let done = seat.done_or_would("released", "release");
        let mut line = format!("{done} {}, {}", seat.title(), seat.idle());
        if let SeatResult::Quarantined { until } = &self.result {
            line.push_str(", in quarantine");
            if let Moment::At(until) = until {
                line.push_str(&format!(" until {}", until.format("%Y-%m-%d %H:%M UTC")));
            }
        }
        if self.late {
            line.push_str(", found out late and attributed to this run");
        }
        line
    }
}

impl SeatAnnounced {
    /// One line for people.
    pub fn summary(&self) -> String {
        let seat = &self.seat;
        let done = seat.done_or_would("announced the release", "announce the release");
        let due = self.due.format("%Y-%m-%d %H:%M UTC");
        format!("{done} of {}, {}, for {due}", seat.title(), seat.idle())
    }
}

impl SeatWithdrawn {
    /// One line for people.
    pub fn summary(&self) -> String {
        let done = self.seat.done_or_would("withdrew", "withdraw");
        let why = one_line(&self.why);
        format!("{done} the announced release of {}: {why}", self.seat.title())
    }
}

impl SeatRestored {
    /// One line for people.
    pub fn summary(&self) -> String {
        let done = self.seat.done_or_would("allocated again", "allocate again");
        format!("{done} {}", self.seat.title())
    }
}

impl ReleaseRefused {
    /// One line for people.
    pub fn summary(&self) -> String {
        let what =
            if self.rehearsal { "a real release would be refused" } else { "release refused" };
        format!("{what}: {}", self.reasons())
    }

    /// What the guards saw and what to do, on one line.
    pub fn reasons(&self) -> String {
        reasons(self.refusals.iter())
    }
}

fn reasons<'a>(refusals: impl Iterator<Item = &'a Refusal>) -> String {
    let refusals = refusals.map(|refusal| {
        let of = refusal.seat_type.map_or(String::new(), |t| format!("{} seats: ", t.title()));
        one_line(&format!("{of}{refusal}"))
    });
    refusals.collect::<Vec<_>>().join(" | ")
}

impl SeatsKept {
    /// One line for people.
    pub fn summary(&self) -> String {
        let of_type = |counts: &TypeCounts| {
            let reasons: Vec<_> =
                counts.kept_by_reason.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
            let reasons = if reasons.is_empty() {
                String::new()
            } else {
                format!(" ({})", reasons.join(", "))
            };
            format!("{} {} of {}{reasons}", counts.seat_type.title(), counts.kept, counts.seats)
        };
        let types = self.types.iter().map(of_type).collect::<Vec<_>>();
        format!("{}kept seats: {}", rehearsal(self.rehearsal), list(&types, ", "))
    }
}

impl ReleaseRun {
    /// What stopped it, or types of it, that somebody has to look at: all but what is
    /// [deliberate](crate::policy::Guard::is_deliberate).
    pub fn unwanted_refusals(&self) -> impl Iterator<Item = &Refusal> {
        Refusal::unwanted(&self.refusals)
    }

    /// Whether nothing but a pause, a freeze or the hours of the settings stopped it.
    pub fn is_stopped_deliberately(&self) -> bool {
        Refusal::are_deliberate(&self.refusals)
    }

    /// Whether guards stopped it or types of it, and nobody wanted that.
    pub fn is_stopped_by_guards(&self) -> bool {
        match self.refusals.as_slice() {
            // Older releases stored no more than that.
            [] => self.status == RunStatus::Refused,
            _ => !self.is_stopped_deliberately(),
        }
    }

    /// What the guards saw that stopped it against anybody's will and what to do, on one line.
    pub fn guards_reasons(&self) -> String {
        match (self.refusals.as_slice(), &self.why) {
            ([], Some(why)) => one_line(why),
            ([], None) => String::new(),
            _ => reasons(self.unwanted_refusals()),
        }
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        let types: Vec<_> = self.types.iter().map(|counts| counts.summary(self.mode)).collect();
        let name = match self.mode {
            Mode::Undo => "undo of releases",
            Mode::Real | Mode::Rehearsal => "release run",
        };
        let rehearsal = rehearsal(self.mode == Mode::Rehearsal);
        let why = self.why.as_ref().map_or(String::new(), |why| format!("; {}", one_line(why)));
        let ended = match self.status {
            RunStatus::Done => "done",
            RunStatus::Refused => "refused",
            RunStatus::Partly => "done in part",
            RunStatus::Broken => "broken off",
            RunStatus::Stopped => "stopped",
            RunStatus::Failed => "failed",
        };
        format!("{rehearsal}{name} {ended}; {}{why}", list(&types, "; "))
    }
}

fn rehearsal(is: bool) -> &'static str {
    if is { "rehearsal: " } else { "" }
}

fn list(types: &[String], between: &str) -> String {
    if types.is_empty() { "no type of seat was looked at".to_owned() } else { types.join(between) }
}

fn days(days: i64) -> String {
    format!("{days} day{}", if days == 1 { "" } else { "s" })
}
