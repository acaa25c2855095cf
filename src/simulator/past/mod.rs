//! Years of believable history of the demo's site, with the truth that it was made from: what the
//! commands say of it can be compared.
//!
//! Each seat has a life: given to somebody on a day, and lost on another one, or held at the end by whom the
//! site shows. What is allocated and in quarantine follows from these; allocated seats grow along a
//! line, with a clean-up now and then; used seats breathe with the hour, the weekday, summer and
//! Christmas, as the living site does. Everything follows from a seed and the end.

mod lives;
mod polls;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use fastrand::Rng;
use uuid::Uuid;

use super::access::QUARANTINE;
use super::control::Control;
use super::people::{Seat, SeatKind};
use super::scenario::Scenario;
use super::site::Site;
use super::{ClockSettings, When, life};
use crate::license::Pools;
pub use polls::Polls;

/// Days of a month on average.
const MONTH: f64 = 30.4375;

/// How a kind of seats developed.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    pub kind: SeatKind,
    /// Seats a month, clean-ups aside.
    pub per_month: f64,
    /// Entitled at the end.
    pub total: f64,
    /// Entitled before the purchase.
    pub total_before: f64,
    /// Logins a day of one of those who come.
    pub logins_per_day: f64,
    /// Share of the allocated seats whose people come.
    pub regulars: f64,
    /// Every seat that there was, those held at the end included; in no order.
    pub lives: Vec<Life>,
}

/// A seat, from when it was given to when it was lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Life {
    pub seat: Uuid,
    pub kind: SeatKind,
    pub person: Person,
    pub given: DateTime<Utc>,
    /// Of a seat that is held: as the site shows it at the end.
    pub last_used: Option<DateTime<Utc>>,
    /// `None`: held at the end.
    pub end: Option<End>,
    /// Given to somebody who had lost another one in a clean-up.
    pub returned: bool,
}

/// Who has a seat, as the rows of their time name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: Uuid,
    pub directory: String,
    pub user_id: String,
    pub name: String,
}

/// When and why a seat was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub time: DateTime<Utc>,
    pub why: Loss,
}

/// Why a seat was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Released by a run: which of the clean-ups.
    Released { clean_up: usize },
    /// Taken by an administrator soon after a use: in quarantine for seven days.
    Withdrawn,
    /// The user was deleted.
    Deleted,
}

/// Seats that were released on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanUp {
    pub time: DateTime<Utc>,
    pub professional: u32,
    pub analyzer: u32,
}

/// Days on which no seat was to be taken, and a run on one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frozen {
    /// Both included.
    pub days: (NaiveDate, NaiveDate),
    /// Why.
    pub why: &'static str,
    /// A run that took nothing for that.
    pub run: DateTime<Utc>,
}

/// The truth about the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    pub end: DateTime<Utc>,
    pub days: u64,
    pub seed: u64,
    pub professional: Story,
    pub analyzer: Story,
    /// Minutes a month that the license has.
    pub minutes: f64,
    /// When the larger totals begin.
    pub purchase: NaiveDate,
    pub clean_ups: Vec<CleanUp>,
    pub frozen: Frozen,
    /// Days on which nothing was polled.
    pub gap: (NaiveDate, NaiveDate),
    /// People with a seat of either type: their Analyzer seats.
    pub second_seats: Vec<Seat>,
}

impl CleanUp {
    /// How many of a kind.
    pub fn of(&self, kind: SeatKind) -> u32 {
        match kind {
            SeatKind::Professional => self.professional,
            SeatKind::Analyzer => self.analyzer,
            SeatKind::User => 0,
        }
    }
}

impl Life {
    /// Whether somebody has it at a time.
    pub fn is_held(&self, time: DateTime<Utc>) -> bool {
        self.given <= time && self.end.is_none_or(|end| time < end.time)
    }

    /// From when to when it is in quarantine.
    pub fn quarantine(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let withdrawn = self.end.filter(|end| end.why == Loss::Withdrawn)?.time;
        Some((withdrawn, withdrawn + QUARANTINE))
    }
}

impl Story {
    /// How many seats are held, and how many in quarantine, at a time.
    pub fn counts(&self, time: DateTime<Utc>) -> (u32, u32) {
        let held = self.lives.iter().filter(|life| life.is_held(time)).count();
        let in_quarantine =
            |life: &&Life| life.quarantine().is_some_and(|(from, to)| from <= time && time < to);
        let quarantined = self.lives.iter().filter(in_quarantine).count();
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        (count(held), count(quarantined))
    }
}

impl Past {
    /// Three years until `end`: a purchase 20 months ago, clean-ups 14 and 5 months ago and a freeze
    /// between them, and four days without polls. The end is what the scenario is at its start.
    pub fn demo(scenario: &Scenario, end: DateTime<Utc>) -> Self {
        let clock = ClockSettings { start: Some(When::At(end)), speed: 0.0, skew_seconds: 0 };
        let mut site = Site::new(&Scenario { clock, ..scenario.clone() });
        let mut rng = Rng::with_seed(scenario.seed ^ 0x5eed);
        let second_seats = lives::second_seats(&site, end, &mut rng);
        for seat in &second_seats {
            site.add_seat(seat.clone());
        }
        let months_ago = |months: f64| {
            let day = (end - TimeDelta::days((months * MONTH) as i64)).date_naive();
            start_of(day) + TimeDelta::hours(3)
        };
        let day_ago = |months: f64| months_ago(months).date_naive();
        let gap = (day_ago(9.0), day_ago(9.0) + Days::new(3));
        let clean_ups = vec![
            CleanUp { time: months_ago(14.0), professional: 8, analyzer: 60 },
            CleanUp { time: months_ago(5.0), professional: 6, analyzer: 45 },
        ];
        let days = 1096;
        let first = end.date_naive() - Days::new(days);
        let mut story = |kind, per_month, losses, returns, total: i64, before: f64| {
            let course = lives::Course {
                kind,
                end,
                first,
                per_month,
                losses,
                clean_ups: &clean_ups,
                gap,
                returns,
            };
            let lives = lives::lives(&course, &site, &mut rng);
            let seats = site.seats.iter().filter(|seat| seat.kind == kind);
            let regulars = seats.filter(|seat| seat.is_regular(end)).count();
            let held = lives.iter().filter(|life| life.end.is_none()).count();
            Story {
                kind,
                per_month,
                total: total as f64,
                total_before: (total as f64 * before).round(),
                logins_per_day: scenario.population.logins_per_day,
                regulars: regulars as f64 / held.max(1) as f64,
                lives,
            }
        };
        let pools = &scenario.pools;
        Self {
            end,
            days,
            seed: scenario.seed,
            professional: story(
                SeatKind::Professional,
                1.5,
                0.3,
                1,
                pools.professional.total,
                0.84,
            ),
            analyzer: story(SeatKind::Analyzer, 12.0, 4.0, 4, pools.analyzer.total, 0.74),
            minutes: pools.analyzer_time.allocated_minutes as f64,
            purchase: day_ago(20.0),
            frozen: Frozen {
                days: (day_ago(8.0), day_ago(8.0) + Days::new(13)),
                why: "yearly accounts",
                run: months_ago(8.0) + TimeDelta::days(3),
            },
            clean_ups,
            gap,
            second_seats,
        }
    }

    /// Of a kind; there is none of users of a token license.
    pub fn story(&self, kind: SeatKind) -> Option<&Story> {
        match kind {
            SeatKind::Professional => Some(&self.professional),
            SeatKind::Analyzer => Some(&self.analyzer),
            SeatKind::User => None,
        }
    }

    /// Of both kinds.
    pub fn stories(&self) -> [&Story; 2] {
        [&self.professional, &self.analyzer]
    }

    /// Lets the site's rows tell the same: since when each seat is held, and who has two.
    pub fn tell(&self, control: &Control) {
        let mut site = control.site();
        for seat in &self.second_seats {
            site.add_seat(seat.clone());
        }
        let lives = self.stories().into_iter().flat_map(|story| &story.lives);
        for life in lives {
            let Some(place) = site.seats.place(life.seat) else { continue };
            let Some(seat) = site.seats.at_mut(place) else { continue };
            seat.created = life.given;
            // Whoever has come since stays.
            if seat.last_used.is_none_or(|used| used < self.end) {
                seat.last_used = life.last_used;
                let used = life.last_used.map(|used| used + TimeDelta::milliseconds(16));
                seat.modified = used.unwrap_or(life.given);
            }
            let before = life.given - TimeDelta::hours(1);
            let user = seat.user_place;
            if let Some(user) = user.and_then(|place| site.users.at_mut(place)) {
                user.created = user.created.min(before);
            }
        }
        site.cache.clear();
    }

    /// When the demo's daemon looked, from oldest to newest, the last time before the end: every so often
    /// since midnight of UTC, but for the days of the gap.
    pub fn looks(&self, every: TimeDelta) -> impl Iterator<Item = DateTime<Utc>> + use<> {
        let first = start_of(self.end.date_naive() - Days::new(self.days));
        let (end, gap) = (self.end, self.gap);
        let looks = std::iter::successors(Some(first), move |time| Some(*time + every));
        looks
            .take_while(move |time| *time < end)
            .filter(move |time| !(gap.0..=gap.1).contains(&time.date_naive()))
    }

    /// The first look at or after a time.
    pub fn noticed(&self, time: DateTime<Utc>, every: TimeDelta) -> DateTime<Utc> {
        let step = every.num_seconds().max(1);
        let seconds = (time.timestamp() + step - 1).div_euclid(step) * step;
        let look = DateTime::from_timestamp(seconds, 0).unwrap_or(time);
        if (self.gap.0..=self.gap.1).contains(&look.date_naive()) {
            return start_of(self.gap.1 + Days::new(1));
        }
        look
    }

    /// What a poll saw of the license at a time.
    pub fn pools_at(&self, time: DateTime<Utc>) -> Pools {
        let mut polls = Polls::new(self);
        polls.at(time)
    }

    /// How many people used a seat of a kind on a day: of today, up to the end.
    pub fn users(&self, kind: SeatKind, day: NaiveDate) -> u32 {
        let Some(story) = self.story(kind) else { return 0 };
        let on_day = |life: &&Life| life.last_used.is_some_and(|used| used.date_naive() == day);
        let shown = story.lives.iter().filter(on_day).count() as u32;
        if day == self.end.date_naive() {
            return shown;
        }
        let (held, _) = story.counts(start_of(day) + TimeDelta::hours(12));
        let people = f64::from(held) * story.regulars;
        let chance = Rng::with_seed(self.seed ^ day.to_epoch_days() as u64 ^ kind as u64).f64();
        let users = life::users_on(people, story.logins_per_day, day) * (0.96 + chance * 0.08);
        (users.round() as u32).max(shown)
    }
}

/// So many average months lie between two times.
fn months_between(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).num_seconds() as f64 / 86_400.0 / MONTH
}

fn start_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past() -> Past {
        Past::demo(&Scenario::demo(), "2026-11-24T09:30:00Z".parse().unwrap())
    }

    fn every_hour(past: &Past) -> Vec<(DateTime<Utc>, Pools)> {
        let mut polls = Polls::new(past);
        past.looks(TimeDelta::hours(1)).map(|time| (time, polls.at(time))).collect()
    }

    #[test]
    fn the_past_ends_where_the_site_begins_and_is_the_same_for_the_same_seed() {
        let past = past();
        assert_eq!(past, self::past());
        let clock = ClockSettings { start: Some(When::At(past.end)), speed: 0.0, skew_seconds: 0 };
        let control = Control::new(&Scenario { clock, ..Scenario::demo() });
        past.tell(&control);
        for story in past.stories() {
            let seats = control.seats(story.kind);
            let held = |seat: &&Seat| seat.quarantined_until.is_none();
            let count = |count: usize| u32::try_from(count).unwrap();
            let held = count(seats.iter().filter(held).count());
            let rest = count(seats.len()) - held;
            assert_eq!(story.counts(past.end), (held, rest), "{:?}", story.kind);
            // Each row tells what its life does.
            for seat in &seats {
                let life = story.lives.iter().find(|life| life.seat == seat.id).unwrap();
                assert_eq!(seat.created, life.given);
                assert_eq!(seat.last_used, life.last_used);
                assert!(seat.last_used.is_none_or(|used| seat.created <= used && used <= past.end));
                let from = seat.quarantined_until.map(|until| until - QUARANTINE);
                assert_eq!(from, life.end.map(|end| end.time), "{life:?}");
            }
        }
        let minutes = past.pools_at(past.end).analyzer_capacity.unwrap().used_minutes;
        let site = control.site();
        assert_eq!(minutes, site.life.used_minutes() as f64);
    }

    /// Also on the first of a month, in the night, at a weekend and between the years.
    #[test]
    fn every_end_has_a_past() {
        for end in ["2026-11-01T00:00:30Z", "2026-12-27T03:30:00Z", "2027-01-02T23:59:59Z"] {
            let end = end.parse().unwrap();
            let past = Past::demo(&Scenario::demo(), end);
            for story in past.stories() {
                let open = story.lives.iter().filter(|life| life.end.is_none()).count();
                assert_eq!(story.counts(end).0 as usize, open);
                let (wanted, grown) = (story.per_month * 3.0, MONTH * 3.0);
                let before = end - TimeDelta::days(grown as i64);
                let more = f64::from(story.counts(end).0) - f64::from(story.counts(before).0);
                assert!((more - wanted).abs() < 8.0, "{more} {:?}", story.kind);
            }
        }
    }

    #[test]
    fn totals_grow_once_and_seats_never_exceed_them() {
        let (mut totals, past) = (Vec::new(), past());
        for (time, pools) in every_hour(&past) {
            for pool in [pools.professional.unwrap(), pools.analyzer.unwrap()] {
                assert!(pool.used <= pool.allocated && pool.allocated <= pool.total, "{time}");
                let free = pool.total - pool.allocated - pool.quarantined;
                assert_eq!(pool.available, free, "{time}");
            }
            totals.push(pools.professional.unwrap().total);
        }
        totals.dedup();
        assert_eq!(totals, [101.0, 120.0]);
    }

    #[test]
    fn a_clean_up_is_seen_at_the_next_poll() {
        let past = past();
        for clean_up in &past.clean_ups {
            let at = |time| past.pools_at(time).analyzer.unwrap().allocated;
            let fell = at(clean_up.time - TimeDelta::minutes(5)) - at(clean_up.time);
            assert_eq!(fell, f64::from(clean_up.analyzer));
        }
    }

    /// Ninety days of idle time was the rule, and all that were due were taken.
    #[test]
    fn releases_follow_the_rules_of_their_time() {
        let past = past();
        let users = Control::new(&Scenario {
            clock: ClockSettings { start: Some(When::At(past.end)), speed: 0.0, skew_seconds: 0 },
            ..Scenario::demo()
        })
        .users();
        let kept = |person: &Person| {
            users.iter().any(|user| user.id == person.id && !user.tags.is_empty())
        };
        let threshold = TimeDelta::days(90);
        for story in past.stories() {
            for life in &story.lives {
                assert!(life.last_used.is_none_or(|used| used > life.given), "{life:?}");
                let Some(End { time, why: Loss::Released { clean_up } }) = life.end else {
                    continue;
                };
                assert_eq!(past.clean_ups[clean_up].time.date_naive(), time.date_naive());
                assert!(time - life.last_used.unwrap() >= threshold, "{life:?}");
            }
            let last = past.clean_ups[1].time;
            let due = story.lives.iter().filter(|life| {
                let since = life.last_used.unwrap_or(life.given);
                life.end.is_none() && life.is_held(last) && last - since >= threshold
            });
            assert!(due.clone().all(|life| kept(&life.person)), "{:?}", due.collect::<Vec<_>>());
        }
    }

    #[test]
    fn some_came_back_and_one_had_moved() {
        let past = past();
        for (story, expected) in past.stories().into_iter().zip([2, 8]) {
            let again: Vec<&Life> = story.lives.iter().filter(|life| life.returned).collect();
            assert_eq!(again.len(), expected, "{:?}", story.kind);
            let mut moved = 0;
            for life in again {
                let before = |other: &&Life| {
                    other.person.id == life.person.id
                        && matches!(other.end, Some(End { why: Loss::Released { .. }, .. }))
                };
                let before = story.lives.iter().find(before).unwrap();
                assert!(before.end.unwrap().time < life.given && life.end.is_none());
                moved += usize::from(before.person.directory != life.person.directory);
            }
            assert_eq!(moved, 1);
        }
        let two = past.second_seats.iter().filter_map(|seat| seat.user);
        let two: Vec<Uuid> = two.collect();
        assert_eq!(two.len(), 2);
        for user in two {
            for story in past.stories() {
                assert!(story.lives.iter().any(|l| l.person.id == user && l.end.is_none()));
            }
        }
    }
}
