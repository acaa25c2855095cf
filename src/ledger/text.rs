//! Records in words.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Action, Entry, Intent, NOT_SENT, Outcome, ResponseClass, SeatResult, Statement};
use crate::license::{Holder, Moment};

impl Entry {
    /// What a record says, in one line. The text may hold whatever a site calls its users.
    pub fn summary(&self) -> String {
        match self {
            Self::RunStarted { mode, trigger, version, .. } => {
                format!("{} run started by {trigger}, Bursar {version}", mode.as_str())
            }
            Self::Planned { digest, counts, refusals, accepted, standing, site: _ } => {
                let planned: u64 = counts.iter().map(|c| c.planned).sum();
                let mut text = format!("plan {digest}: {planned} to release");
                for refusal in refusals {
                    let name = refusal.guard.as_str();
                    let how = if accepted.iter().any(|a| a == name) {
                        "accepted by a person"
                    } else {
                        "stopped"
                    };
                    text.push_str(&format!("; guard {name} ({how}): {}", refusal.saw));
                }
                for accepted in standing {
                    text.push_str(&format!("; {}", accepted.text()));
                }
                text
            }
            Self::Intent(intent) => intent.summary(),
            Self::Outcome(outcome) => outcome.summary(),
            Self::Announced { seat_type, holder, due, .. } => format!(
                "announced: the {} seat of {} goes on {}",
                seat_type.title(),
                who(holder),
                day(*due)
            ),
            Self::Withdrawn { seat_type, holder, why, .. } => {
                format!("withdrawn: the {} seat of {} stays: {why}", seat_type.title(), who(holder))
            }
            Self::RunEnded { status, counts, why } => {
                let released: u64 = counts.iter().map(|c| c.released).sum();
                let mut text = format!("run ended: {}, {released} seats", status.as_str());
                if let Some(why) = why {
                    text.push_str(&format!("; {why}"));
                }
                text
            }
            Self::Paused { until, why, by } => {
                format!("paused by {by} until {}: {why}", instant(*until))
            }
            Self::Resumed { by } => format!("resumed by {by}"),
            Self::LossAccepted { lost, file, since, why, by } => {
                let kept =
                    file.as_ref().map_or_else(String::new, |file| format!(", kept as {file}"));
                format!(
                    "releases go on without what the store knew before {} ({lost}{kept}), by the word of {by}: {why}",
                    instant(*since)
                )
            }
            Self::Accepted { guard, seat_type, due, seats, until, why, by } => format!(
                "{guard} accepted by {by} until {}: {due} of {seats} {} seats are due: {why}",
                instant(*until),
                seat_type.title()
            ),
            Self::SiteAccepted { known_as, why, by, .. } => {
                let before = known_as
                    .as_ref()
                    .map_or_else(String::new, |name| format!(", known as {name} before,"));
                format!(
                    "the site that answers now{before} accepted by {by} as the right one: {why}"
                )
            }
            Self::Rebuilt { by, count, changes } => format!(
                "{count} notes beside the ledger made anew from it by {by}: {}",
                changes.join("; ")
            ),
            Self::Archived { through, records, file, digest, by } => format!(
                "{records} records, up to {}, archived by {by} in {file} (SHA-256 {digest})",
                through.seq
            ),
        }
    }
}

impl Intent {
    fn summary(&self) -> String {
        let (what, seat, holder) = (self.action.what(), self.seat_type.title(), who(&self.holder));
        format!("about to {what} the {seat} seat of {holder}: {}", self.because)
    }
}

impl Outcome {
    fn summary(&self) -> String {
        let stated = matches!(self.result, SeatResult::Stated { .. });
        let later = if self.settled_later && !stated { ", as found out later" } else { "" };
        format!(
            "{} seat of {} (record {}): {}{later}",
            self.seat_type.title(),
            who(&self.holder),
            self.intent,
            self.text()
        )
    }

    /// What became of the seat, and what that rests on.
    pub fn text(&self) -> String {
        let mut text = self.result.text();
        let evidence = &self.evidence;
        // What the site accepted has it in its reason.
        if evidence.there && !self.is_final() && evidence.answered != Some(ResponseClass::Accepted)
        {
            text.push_str("; the seat was as before when it was read");
        }
        if evidence.late {
            text.push_str(", seen late and attributed to this attempt");
        }
        if let Some(remark) = &evidence.remark {
            text.push_str(&format!(" ({remark})"));
        }
        if let Some(seq) = evidence.corrects {
            text.push_str(&format!("; corrects record {seq}"));
        }
        text
    }
}

impl Action {
    /// As a verb.
    fn what(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Allocate => "allocate again",
        }
    }

    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl SeatResult {
    /// In a few words.
    pub fn text(&self) -> String {
        match self {
            Self::Freed => "released".to_owned(),
            Self::Quarantined { until } => {
                format!("released, in quarantine until {}", until.text())
            }
            Self::Refused { why } if why.starts_with(NOT_SENT) => format!("not done, {why}"),
            Self::Refused { why } => format!("not done, the site refused: {why}"),
            Self::Gone => "somebody else had taken the seat already".to_owned(),
            Self::Unclear { why } => format!("open: {why}"),
            Self::Allocated => "allocated again".to_owned(),
            Self::Stated { says, by, why } => {
                format!("{}, as {by} states: {why}", says.text())
            }
        }
    }

    /// As in JSON.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

impl Statement {
    pub const ALL: [Self; 2] = [Self::Taken, Self::Kept];

    /// As commands and JSON name it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    fn text(self) -> &'static str {
        match self {
            Self::Taken => "the person does not have it any more",
            Self::Kept => "the person has it",
        }
    }
}

impl Moment {
    /// The time in UTC, `never`, or the text that is no time.
    pub fn text(&self) -> String {
        match self {
            Self::Never => "never".to_owned(),
            Self::At(time) => instant(*time),
            Self::Unreadable(text) => text.to_string(),
        }
    }
}

/// Account and name.
fn who(holder: &Holder) -> String {
    if holder.name.is_empty() {
        holder.account()
    } else {
        format!("{} ({})", holder.account(), holder.name)
    }
}

fn day(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d").to_string()
}

pub(super) fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
