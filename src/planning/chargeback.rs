//! Cost by department: the seats of the lists, by what their people belong to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{Planning, load, seats};
use crate::config::Settings;
use crate::config::settings::Site;
use crate::insight::chargeback::{Chargeback, Held, OfType, chargeback};
use crate::insight::groups::{self, Group};
use crate::insight::idle::is_reclaimable;
use crate::insight::words;
use crate::license::{Holder, Person, SeatType};
use crate::release::reclaim;
use crate::store::{Store, StoreError};

/// So many properties are named where one is not there.
const MOST_NAMES: usize = 10;

/// What people belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    Directory,
    /// A custom property, whose name is compared without regard to case.
    Property(String),
}

/// The cost of a site by group, and from when the lists of seats are.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ByGroup {
    /// `directory`, or the name of the property.
    pub by: String,
    /// When the list that is the oldest was read.
    pub as_of: DateTime<Utc>,
    #[serde(flatten)]
    pub chargeback: Chargeback,
}

/// Why there is no such cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    NoPrices,
    /// No list of seats was ever read.
    NoSeats,
    /// Nothing is known of what the site is entitled to.
    NoEntitlement,
    /// That of a type that there are seats of was not.
    NoList(SeatType),
    /// Nobody who was read has the property; these there are, in order.
    NoProperty(Vec<String>),
}

impl Unknown {
    /// In words: what is missing, and what to do. Names of properties are as the site has them.
    pub fn text(&self) -> String {
        match self {
            Self::NoPrices => {
                "nothing has a price: set Butler.cost (currency and prices)".to_owned()
            }
            Self::NoSeats => words::NO_LIST.to_owned(),
            Self::NoEntitlement => format!("cost is {}", words::NO_ENTITLEMENT),
            Self::NoList(seat_type) => format!(
                "the list of {} seats was not read yet: see `bursar status`",
                seat_type.title()
            ),
            Self::NoProperty(names) => {
                let known = match names.as_slice() {
                    [] => "none".to_owned(),
                    names => names[..names.len().min(MOST_NAMES)].join(", "),
                };
                format!("nobody has that custom property; there are: {known}")
            }
        }
    }
}

impl By {
    /// `directory` is the user directory; anything else names a property.
    pub fn parse(text: &str) -> Self {
        if text.eq_ignore_ascii_case("directory") {
            Self::Directory
        } else {
            Self::Property(text.to_owned())
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Directory => "directory",
            Self::Property(name) => name,
        }
    }
}

impl Planning {
    /// What a year costs, by what people belong to.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn cost_by(
        &self,
        store: &Store,
        settings: &Settings,
        site: &Site,
        by: &By,
    ) -> Result<Result<ByGroup, Unknown>, StoreError> {
        let Some(prices) = self.prices else { return Ok(Err(Unknown::NoPrices)) };
        let known = seats::Known::load(store, &self.site, settings.time_zone, self.now).await?;
        let list = &known.list;
        let Some(as_of) = list.lists.iter().map(|list| list.last_read).min() else {
            return Ok(Err(Unknown::NoSeats));
        };
        if !self.is_entitlement_known() {
            return Ok(Err(Unknown::NoEntitlement));
        }
        let counts = self.counts();
        let read = |seat_type| list.lists.iter().any(|list| list.seat_type == seat_type);
        if let Some(of) = counts.iter().find(|of| of.allocated > 0 && !read(of.seat_type)) {
            return Ok(Err(Unknown::NoList(of.seat_type)));
        }
        let left = known.seats();
        let (policy, now) = (&site.release.policy, seats::as_of(left, self.now));
        let due =
            reclaim::seats(&seats::snapshot(left, known.pools.clone()), &known.past, policy, now);
        let people: HashMap<Uuid, &Person> =
            left.people.iter().map(|(id, stored)| (*id, &stored.person)).collect();
        if let By::Property(name) = by
            && let Some(known) = other_properties(&people, name)
        {
            return Ok(Err(Unknown::NoProperty(known)));
        }
        let group = |user: Option<Uuid>, holder: Option<&Holder>| match by {
            By::Directory => groups::directory(holder),
            By::Property(name) => groups::property(user, &people, name),
        };
        // Who lost a seat is known by the record of that.
        let attempts = store.attempts(&self.site).await?;
        let mut lost: HashMap<Uuid, &Holder> = attempts
            .iter()
            .map(|attempt| (attempt.outcome.holder.id, &attempt.outcome.holder))
            .collect();
        lost.extend(
            seats::seats(list)
                .filter_map(|seat| Some((seat.holder.as_ref()?.id, seat.holder.as_deref()?))),
        );
        let released: Vec<_> =
            load::until_again(known.releases.clone(), list, settings.time_zone).collect();
        let entitled: BTreeMap<_, _> =
            counts.iter().map(|counts| (counts.seat_type, counts.entitled)).collect();
        let types = entitled.into_iter().map(|(seat_type, entitled)| {
            let threshold_days = seats::threshold(policy, seat_type);
            let mut held: BTreeMap<Group, Held> = BTreeMap::new();
            for seat in seats::seats(left).filter(|seat| seat.seat_type == seat_type) {
                if seat.quarantined.is_some() {
                    continue;
                }
                let user = seat.holder.as_ref().map(|holder| holder.id);
                let of = held.entry(group(user, seat.holder.as_deref())).or_default();
                of.allocated += 1;
                of.idle += u32::from(is_reclaimable(seat, threshold_days, now));
                of.reclaimable += u32::from(due.contains(&(seat_type, seat.id)));
            }
            for release in released.iter().filter(|of| of.seats.seat_type == seat_type) {
                let group = match lost.get(&release.user) {
                    Some(holder) => group(Some(release.user), Some(holder)),
                    None => Group::Unknown,
                };
                held.entry(group).or_default().released.push(release.seats);
            }
            OfType { seat_type, entitled, threshold_days, groups: held }
        });
        let types: Vec<OfType> = types.collect();
        let minutes = self.minutes_of_month();
        let chargeback = chargeback(&prices, &types, minutes, self.last_year());
        Ok(Ok(ByGroup { by: by.as_str().to_owned(), as_of, chargeback }))
    }
}

/// The names of all properties that there are when none is that one.
fn other_properties(people: &HashMap<Uuid, &Person>, name: &str) -> Option<Vec<String>> {
    let names: BTreeSet<&str> = people
        .values()
        .flat_map(|person| person.properties.iter().map(|(name, _)| &**name))
        .collect();
    let wanted = name.to_lowercase();
    let found = names.iter().any(|known| known.to_lowercase() == wanted);
    (!found).then(|| names.into_iter().map(str::to_owned).collect())
}
