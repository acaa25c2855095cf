//! From the store's rows to series.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::seats::{self, Counts, Known};
use super::{LicenseEnd, Minutes, Planning, Pool};
use crate::config::Settings;
use crate::event::Latest;
use crate::insight::cost::ReleasedSeats;
use crate::insight::{Daily, Entitled, Released, Series, Total};
use crate::ledger::Action;
use crate::license::SeatType;
use crate::release::reclaim;
use crate::release::replay::with_threshold;
use crate::store::history::{Day, SERVER_LICENSE};
use crate::store::{DoneSeat, KnownSeat, Seats, Store, StoreError};

/// Figures of a type of seats.
const OF_SEATS: [&str; 6] = ["allocated", "used", "total", "available", "quarantined", "excess"];

const CAPACITY: &str = "analyzer_capacity";
const OF_CAPACITY: [&str; 3] = ["used_minutes", "allocated_minutes", "unavailable_minutes"];

const TOKENS: &str = "tokens_available";
const OF_TOKENS: [&str; 2] = ["total_tokens", "available_tokens"];

/// Days of the history, by pool and figure.
struct Figures(HashMap<(&'static str, &'static str), Vec<Day>>);

impl Figures {
    async fn read(store: &Store, site: &str) -> Result<Self, StoreError> {
        let seats = SeatType::counted().flat_map(|of| OF_SEATS.map(|figure| (of.as_str(), figure)));
        let names: Vec<_> = seats
            .chain(OF_CAPACITY.map(|figure| (CAPACITY, figure)))
            .chain(OF_TOKENS.map(|figure| (TOKENS, figure)))
            .chain(["state", "days_until_expiry"].map(|figure| (SERVER_LICENSE, figure)))
            .collect();
        let days = store.history_days(site, &names).await?;
        Ok(Self(names.into_iter().zip(days).collect()))
    }

    /// Without the days after one.
    fn until(mut self, last: NaiveDate) -> Self {
        for days in self.0.values_mut() {
            days.retain(|day| day.day <= last);
        }
        self
    }

    fn take(&mut self, pool: &'static str, figure: &'static str) -> Vec<Day> {
        self.0.remove(&(pool, figure)).unwrap_or_default()
    }
}

impl Planning {
    /// Reads what the store knows of a site, as of a time: later days and releases are left out, but seats
    /// are those of the lists that were read last. A site without history has no pools.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn load(
        store: &Store,
        settings: &Settings,
        site: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        Self::load_with(store, settings, site, now, None).await
    }

    /// The same, where the release rules have another `releaseThresholdDays`, for all types.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn load_with(
        store: &Store,
        settings: &Settings,
        site: &str,
        now: DateTime<Utc>,
        threshold: Option<u32>,
    ) -> Result<Self, StoreError> {
        let mut figures = Figures::read(store, site)
            .await?
            .until(now.with_timezone(&settings.time_zone).date_naive());
        let zone = settings.time_zone;
        let known = Known::load(store, site, zone, now).await?;
        let of_site = settings.sites.iter().find(|of| of.name == site);
        let today = now.with_timezone(&zone).date_naive();
        let counts = of_site.and_then(|of_site| {
            let own = &of_site.release.policy;
            let other = threshold.map(|days| {
                let types = known.list.lists.iter().map(|list| list.seat_type);
                let mut policy = reclaim::policy(own, types);
                for rule in &mut policy.types {
                    *rule = with_threshold(rule, days);
                }
                policy
            });
            Counts::new(&known, &of_site.release, other.as_ref(), now)
        });
        let license_end = match of_site.filter(|of_site| of_site.server_license.is_some()) {
            None => None,
            Some(_) => {
                let days =
                    ["state", "days_until_expiry"].map(|of| figures.take(SERVER_LICENSE, of));
                let latest = store.latest().await?;
                match Latest::new(&latest, site).server_license() {
                    Some((read, license)) if read <= now => {
                        let end = license.expiry_date;
                        end.map(|last_valid| LicenseEnd { last_valid, as_of: read })
                    }
                    // What was read later stands for then only where nothing was kept of then.
                    later => recorded_end(&days, zone).or_else(|| {
                        let later = later.filter(|_| days[0].is_empty());
                        let (as_of, license) = later?;
                        Some(LicenseEnd { last_valid: license.expiry_date?, as_of })
                    }),
                }
            }
        };
        let returned = match settings.cost {
            Some(_) => Some(super::returns::of_year(store, site, &known.list, now).await?),
            None => None,
        };
        let Known { list, releases, .. } = known;
        let mut pools = Vec::new();
        for seat_type in SeatType::counted() {
            let mut of = |figure| figures.take(seat_type.as_str(), figure);
            let days = PoolDays {
                taken: of("allocated"),
                used: of("used"),
                total: of("total"),
                available: of("available"),
                quarantined: of("quarantined"),
                excess: of("excess"),
            };
            pools.extend(pool(seat_type, days, &releases));
        }
        let [used, allocated, unavailable] =
            OF_CAPACITY.map(|figure| figures.take(CAPACITY, figure));
        let minutes = used.last().map(|last| last.last_at).map(|as_of| Minutes {
            used: series(&used),
            allocated: series(&allocated),
            unavailable: series(&unavailable),
            as_of,
        });
        let [total, available] = OF_TOKENS.map(|figure| figures.take(TOKENS, figure));
        let taken = tokens_taken(&total, &available);
        let days = PoolDays { taken, total, available, ..PoolDays::default() };
        pools.extend(pool(SeatType::User, days, &releases));
        Ok(Self {
            site: site.to_owned(),
            now,
            zone,
            locale: settings.locale,
            today,
            pools,
            minutes,
            prices: settings.cost,
            contracts: settings.contracts,
            license_end,
            released: until_again(releases, &list, zone).map(|release| release.seats).collect(),
            seats: counts,
            returned,
            release: of_site.map(|of| of.release.clone()),
            order: OnceLock::new(),
        })
    }
}

/// The end of the server's license as the history has it: its days left when it was looked at last, by the day of
/// that look. `None` where that look found no end.
fn recorded_end([state, left]: &[Vec<Day>; 2], zone: Tz) -> Option<LicenseEnd> {
    let (looked, left) = (state.last()?, left.last()?);
    if left.day < looked.day {
        return None;
    }
    let day = left.last_at.with_timezone(&zone).date_naive();
    let last_valid =
        day.checked_add_signed(TimeDelta::try_days(left.rollup.last.round() as i64)?)?;
    Some(LicenseEnd { last_valid, as_of: left.last_at })
}

/// What the history has of a type of seats.
#[derive(Default)]
struct PoolDays {
    taken: Vec<Day>,
    used: Vec<Day>,
    total: Vec<Day>,
    available: Vec<Day>,
    quarantined: Vec<Day>,
    excess: Vec<Day>,
}

fn pool(seat_type: SeatType, days: PoolDays, releases: &[Release]) -> Option<Pool> {
    let PoolDays { taken, used, total, available, quarantined, excess } = days;
    let as_of = taken.last()?.last_at;
    let totals = total.iter().map(|day| Total { from: day.day, total: day.rollup.last });
    let available = series(&available);
    let full = available.days().iter().filter(|day| day.median() <= 0.0).map(|day| day.day);
    let mut by_day: BTreeMap<NaiveDate, u32> = BTreeMap::new();
    for Release { seats, time, .. } in releases {
        // One that was given to the same person again leaves no lasting step in the figures, and one that no
        // poll has shown yet none at all.
        if seats.seat_type == seat_type && seats.until.is_none() && *time <= as_of {
            *by_day.entry(seats.from).or_default() += seats.count;
        }
    }
    Some(Pool {
        seat_type,
        taken: series(&taken),
        used: series(&used),
        entitled: Entitled::new(totals).with_full_days(full),
        available,
        released: by_day.into_iter().map(|(day, count)| Released { day, count }).collect(),
        quarantined: series(&quarantined),
        excess: series(&excess),
        as_of,
        forecast: OnceLock::new(),
    })
}

fn series(days: &[Day]) -> Series {
    Series::new(days.iter().map(|day| {
        let rollup = day.rollup;
        let (min, max) = (rollup.min, rollup.max);
        Daily { day: day.day, min, mean: rollup.mean, max, last: rollup.last }
    }))
}

/// Tokens that are not available: those of users and of logins together.
fn tokens_taken(total: &[Day], available: &[Day]) -> Vec<Day> {
    let totals: HashMap<_, _> = total.iter().map(|day| (day.day, day.rollup)).collect();
    let taken = available.iter().filter_map(|day| {
        let total = totals.get(&day.day)?;
        let mut taken = *day;
        taken.rollup.mean = total.mean - day.rollup.mean;
        taken.rollup.last = total.last - day.rollup.last;
        // On a day on which the total changed too the ends are at least within these.
        let (least, most) = (total.min - day.rollup.max, total.max - day.rollup.min);
        taken.rollup.min = least.min(taken.rollup.mean).min(taken.rollup.last);
        taken.rollup.max = most.max(taken.rollup.mean).max(taken.rollup.last);
        Some(taken)
    });
    taken.collect()
}

/// A seat that was released, from whom and when.
#[derive(Debug, Clone)]
pub(super) struct Release {
    pub(super) seats: ReleasedSeats,
    pub(super) user: Uuid,
    pub(super) time: DateTime<Utc>,
}

/// The lists without seats that were released since they were read: those can't be reclaimed once
/// more. `None` where there are none.
pub(super) fn without_released(known: &Seats, releases: &[Release]) -> Option<Seats> {
    let newest = releases.iter().map(|release| release.time).max()?;
    known.lists.iter().any(|list| list.last_read < newest).then(|| {
        let mut left = known.clone();
        for list in &mut left.lists {
            let since: HashMap<Uuid, DateTime<Utc>> = releases
                .iter()
                .filter(|release| {
                    let seats = release.seats;
                    seats.seat_type == list.seat_type && seats.until.is_none()
                })
                .filter(|release| release.time > list.last_read)
                .map(|release| (release.user, release.time))
                .collect();
            list.seats.retain(|KnownSeat { seat, .. }| {
                let released = seat.holder.as_ref().and_then(|holder| since.get(&holder.id));
                released.is_none_or(|time| seat.created.at().is_some_and(|made| made > *time))
            });
        }
        left
    })
}

/// Ends what is released where the same person has a seat of the type now that was allocated
/// later. In growth that counts as growth; here the seat is no longer saved.
pub(super) fn until_again(
    releases: Vec<Release>,
    known: &Seats,
    zone: Tz,
) -> impl Iterator<Item = Release> {
    let held: HashMap<(SeatType, Uuid), DateTime<Utc>> = seats::seats(known)
        .filter_map(|seat| Some(((seat.seat_type, seat.holder.as_ref()?.id), seat.created.at()?)))
        .collect();
    releases.into_iter().map(move |mut release| {
        let Release { seats, user, time } = &mut release;
        let again = held.get(&(seats.seat_type, *user)).filter(|again| **again > *time);
        let again = again.map(|again| again.with_timezone(&zone).date_naive());
        seats.until = seats.until.or(again);
        release
    })
}

/// Released seats, and until when: an undo allocates a seat to the same person again.
pub(super) fn releases(done: impl Iterator<Item = DoneSeat>, zone: Tz) -> Vec<Release> {
    let mut released: Vec<Release> = Vec::new();
    let mut open: HashMap<(SeatType, Uuid), usize> = HashMap::new();
    for DoneSeat { time, action, seat_type, user } in done {
        let day = time.with_timezone(&zone).date_naive();
        match action {
            Action::Release => {
                open.insert((seat_type, user), released.len());
                let seats = ReleasedSeats { seat_type, from: day, until: None, count: 1 };
                released.push(Release { seats, user, time });
            }
            Action::Allocate => {
                if let Some(index) = open.remove(&(seat_type, user)) {
                    released[index].seats.until = Some(day);
                }
            }
        }
    }
    released
}
