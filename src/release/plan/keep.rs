//! The reasons to keep a seat, and their words.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::license::{Moment, SeatType};

/// Why a seat is kept. In this order the first that applies is the one that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[derive(strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Keep {
    /// The site listed this seat more than once, with different facts.
    ListedTwice,
    /// Releasing seats of this type is off.
    TypeOff,
    /// It is not known yet what became of this seat at an earlier attempt.
    Unsettled {
        since: DateTime<Utc>,
    },
    /// Taken already, and blocked until its quarantine ends.
    Quarantined {
        until: Moment,
    },
    /// The row names no user.
    NoUser {
        deleted: Option<Box<str>>,
    },
    /// The user is not on the site any more.
    UserGone,
    /// No whole answer for this user: protections can't be told.
    UserUnread {
        why: Box<str>,
    },
    /// The answer lacks a field that a rule looks at.
    UserIncomplete {
        field: Box<str>,
    },
    /// Directory `INTERNAL`: Qlik's own accounts.
    Internal,
    User {
        rule: Box<str>,
    },
    UserDirectory {
        rule: Box<str>,
    },
    Tag {
        rule: Box<str>,
    },
    CustomProperty {
        rule: Box<str>,
    },
    Role {
        rule: Box<str>,
    },
    UserGroup {
        rule: Box<str>,
    },
    Inactive {
        is: bool,
    },
    Blocked {
        is: bool,
    },
    RemovedExternally {
        is: bool,
    },
    /// `field` holds something that is no time.
    UnreadableDate {
        field: DateField,
        text: Box<str>,
    },
    /// Neither used nor allocated at any known time.
    NoDate,
    /// Last use or allocation lies after the time of the plan.
    FutureDate {
        field: DateField,
        at: DateTime<Utc>,
    },
    /// Used within the threshold.
    Used {
        at: DateTime<Utc>,
        due: DateTime<Utc>,
    },
    /// Allocated within the threshold (and used before that, if at all).
    Allocated {
        at: DateTime<Utc>,
        due: DateTime<Utc>,
    },
    /// Never used, and within the grace for that.
    NeverUsed {
        allocated: DateTime<Utc>,
        due: DateTime<Utc>,
    },
    /// The same person uses a seat of another type.
    UsedOtherSeat {
        seat_type: SeatType,
        at: DateTime<Utc>,
        due: DateTime<Utc>,
    },
    /// The same person's seats of another type could not be read: nobody knows whether they work.
    OtherSeatsUnread {
        seat_type: SeatType,
    },
    /// Allocated again after an earlier release.
    Reallocated {
        released: DateTime<Utc>,
        until: DateTime<Utc>,
    },
    /// Announced, and not due yet.
    Announced {
        due: DateTime<Utc>,
    },
    /// Enough seats are free.
    EnoughFree {
        free: u32,
        keep_free: u32,
    },
    /// How many seats are free is not known, and `keepFree` is set.
    FreeUnknown {
        keep_free: u32,
    },
    /// Due, but others have been idle for longer.
    OverCap {
        cap: u32,
        /// Part of the cap that went within the window.
        #[serde(default, skip_serializing_if = "is_zero")]
        taken: u32,
    },
}

/// A date of a seat, by its name in the Repository Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum DateField {
    #[serde(rename = "lastUsed")]
    #[strum(serialize = "lastUsed")]
    LastUsed,
    #[serde(rename = "createdDate")]
    #[strum(serialize = "createdDate")]
    Created,
}

impl DateField {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Keep {
    /// Every [`Self::code`], in the order of the reasons.
    pub const CODES: &[&str] = <Self as strum::VariantNames>::VARIANTS;

    /// What each code means, in the order of the reasons: what people read beside counts and in the documentation.
    pub const MEANINGS: [(&str, &str); 31] = [
        ("listed-twice", "the site lists the seat more than once, with different facts"),
        ("type-off", "releasing seats of this type is off"),
        ("unsettled", "what became of an earlier attempt at the seat is not known yet"),
        ("quarantined", "taken already, and blocked until its quarantine ends"),
        ("no-user", "the seat names no user, or one who was deleted"),
        ("user-gone", "the user is not on the site any more"),
        ("user-unread", "the user could not be read whole"),
        ("user-incomplete", "the user was read without a field that a rule looks at"),
        ("internal", "an account of the directory INTERNAL, Qlik's own"),
        ("user", "neverRelease.user names the person"),
        ("user-directory", "neverRelease.userDirectory names the person's directory"),
        ("tag", "neverRelease.tag names a tag of the person"),
        ("custom-property", "neverRelease.customProperty names a property of the person"),
        ("role", "neverRelease.role names a role of the person"),
        ("user-group", "neverRelease.userGroup names a group of the person"),
        ("inactive", "kept by neverRelease.inactive"),
        ("blocked", "kept by neverRelease.blocked"),
        ("removed-externally", "kept by neverRelease.removedExternally"),
        ("unreadable-date", "the last use or the allocation is no time that can be read"),
        ("no-date", "when the seat was allocated is not known"),
        ("future-date", "the last use or the allocation lies in the future"),
        ("used", "used within releaseThresholdDays"),
        ("allocated", "allocated within releaseThresholdDays, and used before that"),
        ("never-used", "never used, and allocated within neverUsedGraceDays"),
        ("used-other-seat", "the same person uses a seat of another type (judgePerUser)"),
        (
            "other-seats-unread",
            "the person's seats of another type could not be read (judgePerUser)",
        ),
        ("reallocated", "came back after a release, within reallocatedGraceDays"),
        ("announced", "due and announced, and graceDays are not over yet"),
        ("enough-free", "due, and as many seats are free as keepFree asks for"),
        ("free-unknown", "due, and how many seats are free is not known (keepFree)"),
        ("over-cap", "due, and others come first: maxReleases lets no more go"),
    ];

    /// What a code means; empty for one of another release.
    pub fn meaning(code: &str) -> &'static str {
        let found = Self::MEANINGS.iter().find(|(of, _)| *of == code);
        found.map_or("", |(_, meaning)| meaning)
    }

    /// Short and stable, for counts: `used`, `never-used`, `tag`. Also its `reason` in JSON.
    pub fn code(&self) -> &'static str {
        self.into()
    }

    /// Whether it says only that something could not be found out. The next run may.
    pub fn is_unknown(&self) -> bool {
        matches!(
            self,
            Self::ListedTwice
                | Self::Unsettled { .. }
                | Self::UserUnread { .. }
                | Self::UserIncomplete { .. }
                | Self::UnreadableDate { .. }
                | Self::NoDate
                | Self::FutureDate { .. }
                | Self::OtherSeatsUnread { .. }
                | Self::FreeUnknown { .. }
        )
    }

    /// Whether a seat that it keeps is due all the same: it only has to wait for its turn.
    pub fn leaves_it_due(&self) -> bool {
        matches!(
            self,
            Self::Announced { .. }
                | Self::EnoughFree { .. }
                | Self::FreeUnknown { .. }
                | Self::OverCap { .. }
        )
    }

    /// A sentence's worth for people: `used on 2026-11-21 08:00 UTC; due on 2026-12-21 08:00 UTC`.
    pub fn text(&self) -> String {
        match self {
            Self::ListedTwice => {
                "the site lists this seat more than once, with different facts".into()
            }
            Self::TypeOff => "releasing seats of this type is switched off".into(),
            Self::Unsettled { since } => format!(
                "it is not known what became of it at an attempt on {}; bursar release settle",
                utc(since)
            ),
            Self::Quarantined { until } => match until {
                Moment::At(at) => format!("in quarantine until {}", utc(at)),
                Moment::Never => "in quarantine; it is not known until when".into(),
                Moment::Unreadable(text) => {
                    format!("in quarantine; until when can't be read: `{text}`")
                }
            },
            Self::NoUser { deleted: Some(account) } => format!("the user was deleted: {account}"),
            Self::NoUser { deleted: None } => "the seat names no user".into(),
            Self::UserGone => "the user is not on the site any more".into(),
            Self::UserUnread { why } => format!("the user could not be read: {why}"),
            Self::UserIncomplete { field } => {
                format!("the user was read without `{field}`, which a rule looks at")
            }
            Self::Internal => "directory INTERNAL holds Qlik's own accounts".into(),
            Self::User { rule } => format!("neverRelease.user names `{rule}`"),
            Self::UserDirectory { rule } => format!("neverRelease.userDirectory names `{rule}`"),
            Self::Tag { rule } => format!("neverRelease.tag names `{rule}`"),
            Self::CustomProperty { rule } => {
                format!("neverRelease.customProperty names `{rule}`")
            }
            Self::Role { rule } => format!("neverRelease.role names `{rule}`"),
            Self::UserGroup { rule } => format!("neverRelease.userGroup names `{rule}`"),
            Self::Inactive { is } => mark("inactive", "inactive", *is),
            Self::Blocked { is } => mark("blocked", "blocked", *is),
            Self::RemovedExternally { is } => mark("removed externally", "removedExternally", *is),
            Self::UnreadableDate { field, text } => {
                format!("{} can't be read: `{text}`", field.as_str())
            }
            Self::NoDate => "when it was allocated is not known".into(),
            Self::FutureDate { field, at } => {
                format!("{} lies in the future: {}", field.as_str(), utc(at))
            }
            Self::Used { at, due } => format!("used on {}; due on {}", utc(at), utc(due)),
            Self::Allocated { at, due } => format!("allocated on {}; due on {}", utc(at), utc(due)),
            Self::NeverUsed { allocated, due } => {
                format!("never used, allocated on {}; due on {}", utc(allocated), utc(due))
            }
            Self::UsedOtherSeat { seat_type, at, due } => format!(
                "the same person used the {} seat on {}; due on {}",
                seat_type.title(),
                utc(at),
                utc(due)
            ),
            Self::OtherSeatsUnread { seat_type } => format!(
                "the {} seats could not be read, so it is not known whether the same person uses one",
                seat_type.title()
            ),
            Self::Reallocated { released, until } => format!(
                "came back after it was released on {}; kept until {}",
                utc(released),
                utc(until)
            ),
            Self::Announced { due } => format!("announced; released from {} on", utc(due)),
            Self::EnoughFree { free, keep_free } if free >= keep_free => {
                format!("{free} seats are free, and keepFree asks for {keep_free}")
            }
            Self::EnoughFree { free, keep_free } => format!(
                "{free} seats are free, and others that come first make it the {keep_free} of keepFree"
            ),
            Self::FreeUnknown { keep_free } => format!(
                "the site doesn't say how many seats are free, and keepFree asks for {keep_free}"
            ),
            Self::OverCap { cap, taken: 0 } => {
                format!("due, but others come first, and maxReleases is {cap}")
            }
            Self::OverCap { cap, taken } => format!(
                "due, but maxReleases is {cap}: {taken} went within the last 22 hours, and others come first"
            ),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn mark(words: &str, setting: &str, is: bool) -> String {
    let (is, value) = if is { ("is", "yes") } else { ("is not", "no") };
    format!("the user {is} {words}, and neverRelease.{setting} is `{value}`")
}

/// `2026-11-21 08:00 UTC`.
pub(crate) fn utc(at: &DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::release::plan::tests::support::time;

    /// In the order in which they are shown.
    pub(in crate::release::plan) fn one_of_each() -> Vec<Keep> {
        let rule = |rule: &str| -> Box<str> { rule.into() };
        let (at, due) = (time("2026-11-21 08:00:59.999"), time("2026-12-21 08:00"));
        vec![
            Keep::ListedTwice,
            Keep::TypeOff,
            Keep::Unsettled { since: at },
            Keep::Quarantined { until: Moment::At(due) },
            Keep::NoUser { deleted: Some(r"CORP\anna".into()) },
            Keep::UserGone,
            Keep::UserUnread { why: "200 with a login page".into() },
            Keep::UserIncomplete { field: "roles".into() },
            Keep::Internal,
            Keep::User { rule: rule(r"CORP\svc_*") },
            Keep::UserDirectory { rule: rule("CORP") },
            Keep::Tag { rule: rule("Keep") },
            Keep::CustomProperty { rule: rule("Dept = Board") },
            Keep::Role { rule: rule("RootAdmin") },
            Keep::UserGroup { rule: rule("Admins") },
            Keep::Inactive { is: true },
            Keep::Blocked { is: false },
            Keep::RemovedExternally { is: true },
            Keep::UnreadableDate { field: DateField::LastUsed, text: "soon".into() },
            Keep::NoDate,
            Keep::FutureDate { field: DateField::Created, at: due },
            Keep::Used { at, due },
            Keep::Allocated { at, due },
            Keep::NeverUsed { allocated: at, due },
            Keep::UsedOtherSeat { seat_type: SeatType::Analyzer, at, due },
            Keep::OtherSeatsUnread { seat_type: SeatType::Analyzer },
            Keep::Reallocated { released: at, until: due },
            Keep::Announced { due },
            Keep::EnoughFree { free: 7, keep_free: 5 },
            Keep::FreeUnknown { keep_free: 5 },
            Keep::OverCap { cap: 10, taken: 0 },
        ]
    }

    #[test]
    fn codes_are_the_reasons_in_json_and_all_different() {
        let each = one_of_each();
        assert_eq!(each.iter().map(Keep::code).collect::<Vec<_>>(), Keep::CODES);
        assert_eq!(Keep::MEANINGS.map(|(code, _)| code), Keep::CODES, "each has its meaning");
        for keep in &each {
            let json = serde_json::to_value(keep).unwrap();
            assert_eq!(json["reason"], keep.code());
        }
        let mut codes = Keep::CODES.to_vec();
        codes.sort_unstable();
        assert!(codes.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn every_reason_is_a_sentence_with_its_facts() {
        let mut each = one_of_each();
        each.insert(4, Keep::Quarantined { until: Moment::Never });
        each.insert(5, Keep::Quarantined { until: Moment::Unreadable("soon".into()) });
        each.insert(7, Keep::NoUser { deleted: None });
        each.push(Keep::EnoughFree { free: 4, keep_free: 5 });
        each.push(Keep::OverCap { cap: 10, taken: 7 });
        let lines: Vec<_> =
            each.iter().map(|keep| format!("{}: {}", keep.code(), keep.text())).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn decisions_stay_small() {
        // 200,000 of them are in memory at the same time.
        assert!(size_of::<Keep>() <= 32, "{}", size_of::<Keep>());
        let decision = size_of::<crate::release::Decision>();
        assert!(decision <= 192, "{decision}");
    }
}
