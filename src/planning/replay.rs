//! What the rules would have done: what commands, reports and pages say of it.

mod words;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use crate::config::Settings;
use crate::config::settings::Site;
use crate::insight::cost::{self, Prices};
use crate::insight::days_after;
use crate::insight::money::{Currency, Money};
use crate::insight::purchase::Term;
use crate::license::changes::{Change, ChangeKind};
use crate::license::{Moment, SeatType, pools};
use crate::policy::calendar::Calendar;
use crate::policy::{Policy, TypeRule};
pub use crate::release::replay::{Bounds, Day, Span, THRESHOLDS};
use crate::release::replay::{
    Facts, Gap, Gaps, Gathered, IdleSince, Removed, Replayed, Return, Timeline, rules,
    with_threshold,
};
use crate::store::{IdleGap, Moments, Store, StoreError};
use crate::words::Locale;

/// Days that are replayed where nobody says since when.
pub const DAYS: i64 = 365;
/// The most days: ten years.
pub const MOST_DAYS: i64 = 3_660;
/// The most gaps, changes and intents that are read: 112 MB of gaps, some 300 MB of each other.
const MOST: usize = 4_000_000;
/// A figure of free seats tells of so many days after its own.
const FREE_HOLDS: i64 = 7;
/// The site's clock may run ahead of ours.
const AHEAD: TimeDelta = TimeDelta::minutes(15);

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The history of a site is larger than what is read at once.
    #[error(
        "there are more than {MOST} {what} since {since}; name a later day, such as --since {since}"
    )]
    TooMuch { what: &'static str, since: NaiveDate },
}

/// What is known of a site's past, and what to ask of it.
#[derive(Debug)]
pub struct Past {
    site: String,
    facts: Facts,
    /// `Butler.cost`.
    prices: Option<Prices>,
    span: Span,
    /// Somebody named the first day: it is replayed, whatever is known of it.
    is_asked: bool,
    /// When the list of each type was read last.
    read: BTreeMap<SeatType, DateTime<Utc>>,
    now: DateTime<Utc>,
}

/// What the rules would have done, under one threshold after the other.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Simulation {
    pub site: String,
    pub time: DateTime<Utc>,
    #[serde(flatten)]
    pub span: Span,
    /// Under what all figures stand.
    pub by: &'static str,
    pub types: Vec<OfType>,
}

/// A type of seats.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfType {
    pub seat_type: SeatType,
    /// Whether the rules release seats of this type; if not, these are the defaults.
    pub enabled: bool,
    /// Now.
    pub seats: u32,
    /// From when on gaps of use are recorded: before, figures are bounds. Absent: not yet.
    pub recorded_from: Option<DateTime<Utc>>,
    /// The first day that is replayed. Where nobody names one, it is not before the one on which the seats
    /// were read first: what they did before is not known.
    pub first: NaiveDate,
    /// The replay begins with what is known, and not as early as it would otherwise.
    #[serde(skip)]
    pub is_shorter: bool,
    /// `keepFree` is reached now: nothing goes, whoever is due.
    pub enough_free: Option<EnoughFree>,
    /// Seats that are there and whose person was not read well enough to tell whether a rule keeps them:
    /// they are in `atMost` only.
    pub undecided: u32,
    pub thresholds: Vec<Threshold>,
}

/// A type under a threshold.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Threshold {
    pub threshold_days: u32,
    pub rule: TypeRule,
    pub released: Bounds<u64>,
    pub came_back: CameBack,
    /// Seats that would be free more than there are now.
    pub out: Bounds<u32>,
    /// Absent on the day of the first release.
    pub seat_days: Option<Bounds<u64>>,
    /// Absent without a price, and on the day of the first release.
    pub saved: Option<MoneyBounds>,
    pub known_from: KnownFrom,
    /// Days on which `maxReleasePercent` would have stopped the run.
    pub stopped_days: u32,
    /// Due on the first day, of so many seats, where a person would have to accept that.
    pub to_accept: Option<ToAccept>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// Only where names are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<Vec<Named>>,
}

/// How many of those who were released used it again within so many days; absent while nobody was away for so
/// long who could be, or on a new site while nobody went.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CameBack {
    pub within_14_days: Option<Bounds<u64>>,
    pub within_30_days: Option<Bounds<u64>>,
    pub within_90_days: Option<Bounds<u64>>,
    pub so_far: Bounds<u64>,
}

/// From which day on what is not known yet will be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownFrom {
    pub within_14_days: Option<NaiveDate>,
    pub within_30_days: Option<NaiveDate>,
    pub within_90_days: Option<NaiveDate>,
    /// `seatDays` and `saved`.
    pub saved: Option<NaiveDate>,
}

/// `keepFree`, and how many seats are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnoughFree {
    pub keep_free: u32,
    pub free: u32,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MoneyBounds {
    pub at_least: Money,
    pub at_most: Money,
}

impl MoneyBounds {
    /// In whole units: `1,200-34,010 EUR`.
    pub fn written(&self, locale: Locale) -> String {
        let whole = |amount: Money| locale.separated(&amount.rounded().trunc().to_string());
        let (least, most) = (whole(self.at_least), whole(self.at_most));
        let currency = self.at_least.currency;
        if least == most {
            format!("{least} {currency}")
        } else {
            format!("{least}-{most} {currency}")
        }
    }
}

impl fmt::Display for MoneyBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(Locale::default()))
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToAccept {
    pub due: u64,
    pub seats: u64,
}

/// Who would have lost a seat, and used it again.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    /// `CORP\anna`.
    pub user: String,
    pub name: String,
    pub released: NaiveDate,
    pub back: DateTime<Utc>,
    pub after_days: i64,
    /// Whether it is certain that they would have lost it.
    pub certain: bool,
}

impl Simulation {
    /// Without the days: for those who show thresholds only.
    pub fn without_days(mut self) -> Self {
        for threshold in self.types.iter_mut().flat_map(|of_type| &mut of_type.thresholds) {
            threshold.days = Vec::new();
        }
        self
    }
}

/// What all figures hold under.
pub const BY: &str = "by today's tags and properties";

/// What is asked of the past.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub policy: &'a Policy,
    /// In place of each type's own threshold; empty: that.
    pub thresholds: &'a [u32],
    pub names: bool,
}

impl Past {
    /// Reads what is known of a site since a day. `None` while its seats were never read.
    ///
    /// # Errors
    /// The store can't be read, or there is more than fits.
    pub async fn load(
        store: &Store,
        settings: &Settings,
        site: &Site,
        since: Option<NaiveDate>,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, ReplayError> {
        let seats = store.seats(&site.name).await?;
        if seats.lists.is_empty() {
            return Ok(None);
        }
        let now = super::seats::as_of(&seats, now);
        let calendar = &site.release.policy.calendar;
        let last = calendar.date(now);
        let span = Span { first: since.unwrap_or_else(|| days_after(last, 1 - DAYS)), last };
        let begin = span.first.pred_opt().and_then(|before| calendar.day_after(before));
        let from = begin.unwrap_or(DateTime::UNIX_EPOCH);
        // Some that ended before show that they were noted then.
        let range = (from - TimeDelta::days(30), now + AHEAD);
        let lists: Vec<_> = seats
            .lists
            .iter()
            .map(|list| (list.seat_type, list.first_read, list.last_read))
            .collect();
        // What is not needed of them goes before millions of gaps come.
        let mut plain = Vec::with_capacity(seats.lists.iter().map(|list| list.seats.len()).sum());
        plain.extend(seats.lists.into_iter().flat_map(|list| list.seats).map(|known| known.seat));
        let people = seats.people.into_iter().map(|(id, stored)| (id, stored.person)).collect();
        let (gaps, first_gaps) = gaps(store, &site.name, range, span.first).await?;
        let intents = intents(store, &site.name, from, span.first).await?;
        let removed = removed(store, &site.name, (from, now + AHEAD), span.first, intents).await?;
        let known = store.site_first_seen(&site.name).await?;
        let kept = site.seats.as_ref().map(|seats| TimeDelta::days(seats.keep_changes_days.into()));
        let recorded_from = lists.iter().filter_map(|(seat_type, first_read, last_read)| {
            // What ended before is forgotten.
            let kept = kept.map_or(*first_read, |kept| *last_read - kept);
            let by_reading = known.map(|known| known.max(*first_read).max(kept));
            let by_gap = first_gaps.get(seat_type).copied();
            let from = [by_reading, by_gap].into_iter().flatten().min()?;
            Some((*seat_type, from))
        });
        let past = store.release_past(&site.name).await?;
        let read = lists.iter().map(|(seat_type, _, last_read)| (*seat_type, *last_read)).collect();
        let facts = Facts {
            recorded_from: recorded_from.collect(),
            seats: plain,
            people,
            gaps,
            removed,
            released: past.released,
            free: free(store, &site.name).await?,
        };
        let (site, prices, is_asked) = (site.name.clone(), settings.cost, since.is_some());
        Ok(Some(Self { site, facts, prices, span, is_asked, read, now }))
    }

    /// What the rules would have done.
    pub fn answer(&self, question: Question<'_>) -> Simulation {
        let own = rules(question.policy, &self.facts);
        let under = |rule: &TypeRule| -> Vec<TypeRule> {
            match question.thresholds {
                [] => vec![rule.clone()],
                days => days.iter().map(|days| with_threshold(rule, *days)).collect(),
            }
        };
        let all: Vec<TypeRule> = own.iter().flat_map(under).collect();
        let timeline = Timeline::new(&self.facts, question.policy, &all, self.now);
        let types = own.iter().map(|rule| {
            let (span, begin) = self.known_span(rule.seat_type, &question.policy.calendar);
            let replayed = under(rule).into_iter().map(|rule| {
                let replayed = timeline.replay_from(begin, &rule, span, question.names);
                self.threshold(replayed, (span, begin), question.names)
            });
            let replayed: Vec<_> = replayed.collect();
            let of_type = self.facts.seats.iter().filter(|seat| seat.seat_type == rule.seat_type);
            OfType {
                seat_type: rule.seat_type,
                enabled: question.policy.rule(rule.seat_type).is_some(),
                seats: u32::try_from(of_type.count()).unwrap_or(u32::MAX),
                recorded_from: self.facts.recorded_from.get(&rule.seat_type).copied(),
                first: span.first,
                is_shorter: begin.is_some(),
                enough_free: self.enough_free(rule),
                undecided: timeline.undecided(rule.seat_type),
                thresholds: replayed,
            }
        });
        let types: Vec<OfType> = types.collect();
        let first = types.iter().map(|of| of.first).min().unwrap_or(self.span.first);
        let span = Span { first, last: self.span.last };
        Simulation { site: self.site.clone(), time: self.now, span, by: BY, types }
    }

    /// The days of a type. Where nobody named the first one, nothing is replayed of which nothing can be known:
    /// then the first run is when the seats were read first.
    fn known_span(
        &self,
        seat_type: SeatType,
        calendar: &Calendar,
    ) -> (Span, Option<DateTime<Utc>>) {
        let recorded = self.facts.recorded_from.get(&seat_type);
        let Some(known) = recorded.or_else(|| self.read.get(&seat_type)).filter(|_| !self.is_asked)
        else {
            return (self.span, None);
        };
        let begin = self.span.first.pred_opt().and_then(|before| calendar.day_after(before));
        if begin.is_none_or(|begin| *known <= begin) {
            return (self.span, None);
        }
        let first = calendar.date(*known).min(self.span.last);
        (Span { first, ..self.span }, Some(*known))
    }

    fn enough_free(&self, rule: &TypeRule) -> Option<EnoughFree> {
        let days = self.facts.free.get(&rule.seat_type)?;
        let lately = days_after(self.span.last, -FREE_HOLDS)..=self.span.last;
        let free = *days.range(lately).next_back()?.1;
        let keep_free = rule.keep_free.filter(|keep_free| *keep_free <= free)?;
        Some(EnoughFree { keep_free, free })
    }

    fn threshold(
        &self,
        replayed: Replayed,
        (span, begin): (Span, Option<DateTime<Utc>>),
        names: bool,
    ) -> Threshold {
        let prices = self.prices;
        let range = (span.first, span.last);
        // Of whom went, nobody was away for so long before that day.
        let from = |days: i64, is_whole: bool| {
            let first = replayed.first_release?;
            let late = i64::from(is_whole && begin.is_some() && first == span.first);
            Some(days_after(first, days + late)).filter(|day| *day > span.last)
        };
        let known_from = KnownFrom {
            within_14_days: from(14, true),
            within_30_days: from(30, true),
            within_90_days: from(90, true),
            saved: from(1, false),
        };
        let back = replayed.came_back;
        // Of whom nobody went since anything is known, nobody could come back: that says nothing of the threshold.
        let nobody_went = replayed.first_release.is_none() && begin.is_some();
        let known_back =
            |from: Option<NaiveDate>, bounds| (from.is_none() && !nobody_went).then_some(bounds);
        let known = |from: Option<NaiveDate>, bounds| from.is_none().then_some(bounds);
        let came_back = CameBack {
            within_14_days: known_back(known_from.within_14_days, back.within_14_days),
            within_30_days: known_back(known_from.within_30_days, back.within_30_days),
            within_90_days: known_back(known_from.within_90_days, back.within_90_days),
            so_far: back.so_far,
        };
        let priced = prices.filter(|prices| prices.per_seat(replayed.rule.seat_type).is_some());
        // Seat-days are the same whatever a seat costs.
        let counted = Prices {
            currency: prices.map_or_else(any_currency, |prices| prices.currency),
            professional_per_seat_per_year: None,
            analyzer_per_seat_per_year: None,
            capacity_per_thousand_minutes: None,
            budget_per_year: None,
            term: Term::default(),
        };
        let prices = priced.unwrap_or(counted);
        let certain = cost::saved(&prices, &replayed.certain, range);
        let possible = cost::saved(&prices, &replayed.possible, range);
        let most = if possible.amount.amount < certain.amount.amount { certain } else { possible };
        let stopped = replayed.days.iter().filter(|day| day.stopped).count();
        Threshold {
            threshold_days: replayed.rule.release_threshold_days,
            released: replayed.released,
            came_back,
            out: replayed.out,
            seat_days: known(known_from.saved, Bounds::new(certain.seat_days, possible.seat_days)),
            saved: priced
                .filter(|_| known_from.saved.is_none())
                .map(|_| MoneyBounds { at_least: certain.amount, at_most: most.amount }),
            known_from,
            stopped_days: u32::try_from(stopped).unwrap_or(u32::MAX),
            to_accept: replayed.accepted.map(|(due, seats)| ToAccept { due, seats }),
            days: replayed.days,
            returns: names.then(|| replayed.returns.into_iter().map(named).collect()),
            rule: replayed.rule,
        }
    }
}

/// Of what has no price: no amount is shown.
fn any_currency() -> Currency {
    Currency::parse("EUR").expect("it has three letters")
}

fn named(back: Return) -> Named {
    Named {
        user: back.holder.account(),
        name: back.holder.name.to_string(),
        released: back.released,
        back: back.back,
        after_days: back.days,
        certain: back.certain,
    }
}

/// Free seats at the end of each day that has a figure.
async fn free(
    store: &Store,
    site: &str,
) -> Result<BTreeMap<SeatType, BTreeMap<NaiveDate, u32>>, StoreError> {
    const FIGURES: [&str; 3] = ["allocated", "available", "total"];
    let names: Vec<_> =
        SeatType::counted().flat_map(|of| FIGURES.map(|figure| (of.as_str(), figure))).collect();
    let mut days = store.history_days(site, &names).await?.into_iter();
    let mut free = BTreeMap::new();
    for seat_type in SeatType::counted() {
        let mut next = || {
            let days = days.next().unwrap_or_default().into_iter();
            days.map(|day| (day.day, day.rollup.last)).collect::<BTreeMap<_, _>>()
        };
        let (allocated, available, total) = (next(), next(), next());
        let of_day = |(day, allocated): (&NaiveDate, &f64)| {
            let (available, total) = (available.get(day).copied(), total.get(day).copied());
            Some((*day, pools::free(available, total, *allocated)? as u32))
        };
        free.insert(seat_type, allocated.iter().filter_map(of_day).collect());
    }
    Ok(free)
}

/// With the first of each type that is known to be one.
async fn gaps(
    store: &Store,
    site: &str,
    range: (DateTime<Utc>, DateTime<Utc>),
    since: NaiveDate,
) -> Result<(Gaps, BTreeMap<SeatType, DateTime<Utc>>), ReplayError> {
    let mut gathered = Gathered::default();
    let mut first: BTreeMap<SeatType, DateTime<Utc>> = BTreeMap::new();
    let mut part = store.next_idle_gaps(site, range, None).await?;
    while let Some(end) = part.last().copied() {
        if gathered.len() + part.len() > MOST {
            return Err(ReplayError::TooMuch { what: "gaps of use", since });
        }
        // The next ones are read meanwhile.
        let gather = async {
            for of in part {
                let first = first.entry(of.seat_type).or_insert(of.unused_at);
                *first = of.unused_at.min(*first);
                gathered.push(gap(of));
            }
        };
        let next = store.next_idle_gaps(site, range, Some(end));
        part = tokio::join!(next, gather).0?;
    }
    Ok((gathered.sorted(), first))
}

fn gap(of: IdleGap) -> Gap {
    Gap {
        seat_type: of.seat_type,
        seat: of.seat,
        user: of.user,
        from: of.from,
        to: of.to,
        first_use: of.first_use,
        unused_at: of.unused_at,
    }
}

/// What Bursar's own releases knew of their seats, by type, seat and user.
type Intents = HashMap<(SeatType, uuid::Uuid, uuid::Uuid), IdleSince>;

async fn intents(
    store: &Store,
    site: &str,
    from: DateTime<Utc>,
    since: NaiveDate,
) -> Result<Intents, ReplayError> {
    let mut intents = HashMap::new();
    let mut last = None;
    loop {
        let part = store.next_wanted_seats(site, from, last).await?;
        let Some(end) = part.last() else { return Ok(intents) };
        last = Some(end.intent);
        for wanted in part {
            if let Some(since) = wanted.moments.as_ref().and_then(idle_since) {
                intents.insert((wanted.seat_type, wanted.seat, wanted.user), since);
            }
        }
        if intents.len() > MOST {
            return Err(ReplayError::TooMuch { what: "releases", since });
        }
    }
}

/// As the engine counts it: only what both dates say for certain.
fn idle_since(of: &Moments) -> Option<IdleSince> {
    let created = of.created.at()?;
    match of.last_used {
        Moment::At(used) => Some(IdleSince { at: used.max(created), never: false }),
        Moment::Never => Some(IdleSince { at: created, never: true }),
        Moment::Unreadable(_) => None,
    }
}

/// The seats that people lost.
async fn removed(
    store: &Store,
    site: &str,
    range: (DateTime<Utc>, DateTime<Utc>),
    since: NaiveDate,
    intents: Intents,
) -> Result<Vec<Removed>, ReplayError> {
    let mut removed = Vec::new();
    let mut allocated: HashMap<(SeatType, uuid::Uuid), DateTime<Utc>> = HashMap::new();
    let mut last = None;
    let mut read = 0;
    loop {
        let part = store.next_seat_changes(site, range, last).await?;
        let Some((number, end)) = part.last() else { return Ok(removed) };
        last = Some((end.time, *number));
        read += part.len();
        if read > MOST {
            return Err(ReplayError::TooMuch { what: "changes of seats", since });
        }
        for (_, change) in part {
            if matches!(change.kind, ChangeKind::Allocated | ChangeKind::Moved) {
                allocated.insert((change.seat_type, change.seat), change.time);
            }
            removed.extend(lost(change, &allocated, &intents));
        }
    }
}

fn lost(
    change: Change,
    allocated: &HashMap<(SeatType, uuid::Uuid), DateTime<Utc>>,
    intents: &Intents,
) -> Option<Removed> {
    let (seat_type, seat) = match change.kind {
        ChangeKind::Released | ChangeKind::Quarantined | ChangeKind::UserDeleted => {
            (change.seat_type, change.seat)
        }
        ChangeKind::Moved => {
            let from = change.from.as_ref()?;
            (from.seat_type, from.seat)
        }
        ChangeKind::Allocated | ChangeKind::Restored | ChangeKind::QuarantineEnded => return None,
    };
    let by_bursar = change.is_by_bursar();
    let holder = change.holder?;
    let idle_since = intents.get(&(seat_type, seat, holder.id)).copied();
    Some(Removed {
        seat_type,
        seat,
        allocated: allocated.get(&(seat_type, seat)).copied(),
        removed: change.time,
        idle_since: idle_since.filter(|_| by_bursar),
        holder,
    })
}
