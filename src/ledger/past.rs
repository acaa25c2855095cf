//! What of earlier runs, and of what people said, decides what a run may do: it follows from the
//! ledger.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Action;
use crate::license::{Holder, Moment, SeatType, SiteIdentity};
use crate::policy::{Guard, Refusal};

/// What earlier runs did, as far as a plan needs it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    /// When Bursar last took a seat of this type from this user, or allocated it again on request.
    pub released: HashMap<(SeatType, Uuid), DateTime<Utc>>,
    /// Seats that were announced and neither released nor withdrawn since.
    pub announced: HashMap<Uuid, Announcement>,
    /// Intents without a known outcome, oldest first.
    pub open: Vec<OpenIntent>,
    /// Seats that runs of the last [`WINDOW`] took, or may have taken.
    pub taken: BTreeMap<SeatType, u32>,
    /// What a person accepted, oldest first.
    pub accepted: Vec<Accepted>,
    /// What is known of the site, once it was seen.
    pub identity: Option<SiteIdentity>,
}

/// What `maxReleases` and `maxReleasePercent` hold over: counted at the start of the runs. Less than
/// a day, so that a daily run gets its allowance, also when it starts a little earlier or the clocks
/// change.
pub const WINDOW: TimeDelta = TimeDelta::hours(22);

/// A person takes responsibility for a backlog that a guard stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    pub guard: Guard,
    pub seat_type: SeatType,
    /// How many were due then, those included that were taken within the window.
    pub due: u64,
    /// Of so many seats.
    pub seats: u64,
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub by: String,
    pub why: String,
}

/// An attempt of which it is not known yet what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenIntent {
    /// Number of the intent in the ledger.
    pub record: u64,
    pub action: Action,
    pub seat_type: SeatType,
    pub seat: Uuid,
    pub since: DateTime<Utc>,
}

/// An announced release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    pub seat_type: SeatType,
    pub seat: Uuid,
    pub holder: Holder,
    pub last_used: Moment,
    pub announced: DateTime<Utc>,
    /// Not released before.
    pub due: DateTime<Utc>,
}

/// A person's pause of all real runs of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    pub until: DateTime<Utc>,
    pub why: String,
    pub by: String,
    pub since: DateTime<Utc>,
    /// Nobody's: the store was damaged or gone and began anew. It holds until a person says that releases go on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub begun_anew: bool,
}

impl Pause {
    /// In a sentence; `until` as it is shown there.
    pub fn text(&self, until: &str) -> String {
        if self.begun_anew {
            return self.why.clone();
        }
        format!("paused until {until} by {}: {}", self.by, self.why)
    }

    /// In a sentence of who did it, for what it stops; `until` as it is shown there.
    pub fn told(&self, until: &str) -> String {
        if self.begun_anew {
            return self.why.clone();
        }
        format!("{} paused releasing until {until}: {}", self.by, self.why)
    }
}

impl Past {
    /// How many seats of a type runs of the last [`WINDOW`] took.
    pub fn taken(&self, seat_type: SeatType) -> u32 {
        self.taken.get(&seat_type).copied().unwrap_or_default()
    }

    /// What a person has accepted for a type and holds at `now`.
    pub fn accepted(
        &self,
        guard: Guard,
        seat_type: SeatType,
        now: DateTime<Utc>,
    ) -> Option<&Accepted> {
        let of = |a: &&Accepted| a.guard == guard && a.seat_type == seat_type;
        standing(&self.accepted, now).find(of)
    }
}

/// What of all that was accepted, oldest first, holds at `now`: of each type what was said last.
pub fn standing(accepted: &[Accepted], now: DateTime<Utc>) -> impl Iterator<Item = &Accepted> {
    let of = |a: &Accepted| (a.guard, a.seat_type);
    let is_last = move |n: usize| accepted[n + 1..].iter().all(|a| of(a) != of(&accepted[n]));
    let all = accepted.iter().enumerate();
    all.filter(move |(n, a)| a.until > now && is_last(*n)).map(|(_, accepted)| accepted)
}

/// What guards said at a run was accepted since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcceptedSince {
    pub by: String,
    pub time: DateTime<Utc>,
    pub guards: Vec<Guard>,
}

/// What people said of a site.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// What holds of that which was accepted in place of guards.
    pub accepted: Vec<Accepted>,
    /// When and by whom the site that answers was said to be the right one last.
    pub site: Option<(DateTime<Utc>, String)>,
    /// The store begun anew holds releases back.
    pub is_held_back: bool,
}

impl Said {
    /// What still stands of that which stopped a run at `time`, and who accepted what of the rest. What somebody wanted
    /// to stop it, a pause or a freeze, doesn't stand: that is told with the next run while it holds.
    pub fn left<'a>(
        &self,
        refusals: &'a [Refusal],
        time: DateTime<Utc>,
    ) -> (Vec<&'a Refusal>, Option<AcceptedSince>) {
        let mut since: Option<AcceptedSince> = None;
        let mut is_over = |refusal: &Refusal| {
            let by = match refusal.guard {
                guard if guard.is_deliberate() => return true,
                // It holds for as long as releases are held back, whatever the last run said.
                Guard::StoreBegunAnew => return !self.is_held_back,
                Guard::OtherSite => self.site.clone(),
                guard => {
                    let is_of = |of: &&Accepted| {
                        of.guard == guard && Some(of.seat_type) == refusal.seat_type
                    };
                    self.accepted.iter().find(is_of).map(|of| (of.since, of.by.clone()))
                }
            };
            let Some((at, by)) = by.filter(|(at, _)| *at >= time) else { return false };
            let found = since.get_or_insert_with(|| AcceptedSince { by, time: at, guards: vec![] });
            found.time = found.time.max(at);
            if !found.guards.contains(&refusal.guard) {
                found.guards.push(refusal.guard);
            }
            true
        };
        // Each is asked, so that each is named.
        let left = refusals.iter().filter(|of| !is_over(of)).collect();
        (left, since)
    }
}

impl Accepted {
    /// How many may be due: those of then, and a tenth more for what comes while they go.
    pub fn most(&self) -> u64 {
        self.due.saturating_add(self.due.div_ceil(10))
    }
}
