//! What people do while the clock runs: they log in, stay, join and leave.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc, Weekday};
use fastrand::Rng;

use super::people::SeatKind;
use super::site::Site;

/// Time is lived through in steps of this length.
const STEP: TimeDelta = TimeDelta::minutes(1);
/// A clock that jumps further than this is lived through for the last part only.
const LONGEST: TimeDelta = TimeDelta::days(31);
/// How much of the past is lived through before the site opens, so that people are there.
const WARM_UP: TimeDelta = TimeDelta::hours(3);
/// Minutes that each session of Analyzer Capacity costs at least.
const CAPACITY_MINUTES: i64 = 6;

const KEPT_CAPACITY_SESSIONS: usize = 200;

/// How many of a day's logins fall into each hour (UTC), as a multiple of the average hour.
const HOURS: [f64; 24] = [
    0.1, 0.1, 0.1, 0.1, 0.2, 0.4, 1.0, 2.2, 3.0, 2.8, 2.3, 1.8, 1.4, 2.1, 2.2, 1.7, 1.1, 0.6, 0.3,
    0.2, 0.1, 0.1, 0.05, 0.05,
];

#[derive(Debug)]
pub(super) struct Life {
    /// Places of the seats whose users come again and again.
    pub regulars: Vec<usize>,
    lived_until: DateTime<Utc>,
    sessions: [i64; 3],
    ends: BinaryHeap<Reverse<(DateTime<Utc>, usize)>>,
    minutes: i64,
    month: (i32, u32),
    /// The newest sessions of Analyzer Capacity: when, and the place of the user.
    pub capacity_sessions: VecDeque<(DateTime<Utc>, usize)>,
}

impl Life {
    pub(crate) fn new(start: DateTime<Utc>) -> Self {
        Self {
            regulars: Vec::new(),
            lived_until: start,
            sessions: [0; 3],
            ends: BinaryHeap::new(),
            minutes: 0,
            month: (start.year(), start.month()),
            capacity_sessions: VecDeque::new(),
        }
    }

    /// Sessions that are open with seats of a kind.
    pub(crate) fn sessions(&self, kind: SeatKind) -> i64 {
        self.sessions[kind.index()]
    }

    /// Minutes of Analyzer Capacity used in the current month.
    pub(crate) fn used_minutes(&self) -> i64 {
        self.minutes
    }

    pub(crate) fn session_begins(&mut self, kind: SeatKind, now: DateTime<Utc>, rng: &mut Rng) {
        let end = now + TimeDelta::minutes(rng.i64(5..95));
        self.sessions[kind.index()] += 1;
        self.ends.push(Reverse((end, kind.index())));
    }

    fn end_sessions(&mut self, now: DateTime<Utc>) {
        while let Some(Reverse((end, kind))) = self.ends.peek().copied() {
            if end > now {
                break;
            }
            self.ends.pop();
            self.sessions[kind] -= 1;
        }
    }

    fn turn_month(&mut self, now: DateTime<Utc>) {
        let month = (now.year(), now.month());
        if month != self.month {
            self.month = month;
            self.minutes = 0;
        }
    }
}

impl Site {
    /// Lives through the time that passed since the last call.
    pub(crate) fn catch_up(&mut self) {
        let now = self.now();
        self.live_until(now);
        self.end_quarantines(now);
        self.life.end_sessions(now);
        self.life.turn_month(now);
    }

    /// Lives through some hours before the start, and lets the month's minutes stand where the
    /// month is.
    pub(crate) fn warm_up(&mut self) {
        if self.population.logins_per_day <= 0.0 {
            return;
        }
        let start = self.clock.start;
        let pool = &self.pools.analyzer_time;
        let of_month = pool.allocated_minutes as f64;
        self.life.lived_until = start - WARM_UP;
        self.live_until(start);
        self.life.minutes = minutes_at(of_month, self.seed, start) as i64;
    }

    fn live_until(&mut self, now: DateTime<Utc>) {
        if self.population.logins_per_day <= 0.0 {
            self.life.lived_until = now;
            return;
        }
        let earliest = now - LONGEST;
        if self.life.lived_until < earliest || self.life.lived_until > now {
            self.life.lived_until = self.life.lived_until.clamp(earliest, now);
        }
        while self.life.lived_until + STEP <= now {
            self.life.lived_until += STEP;
            self.step(self.life.lived_until);
        }
    }

    fn step(&mut self, now: DateTime<Utc>) {
        self.end_quarantines(now);
        self.life.end_sessions(now);
        self.life.turn_month(now);
        let busy = busyness(now);
        let share_of_day = STEP.num_seconds() as f64 / 86_400.0;
        let per_day = self.population.logins_per_day;
        let regulars = self.life.regulars.len() as f64;
        for _ in 0..self.roll(regulars * per_day * share_of_day * busy) {
            let n = self.generator.rng().usize(..self.life.regulars.len());
            self.seat_logs_in(self.life.regulars[n], now);
        }
        // Once in a while somebody comes back after a long time.
        let others = self.seats.len() as f64 - regulars;
        for _ in 0..self.roll(others.max(0.0) * 0.003 * share_of_day * busy) {
            let place = self.generator.rng().usize(..self.seats.capacity());
            self.seat_logs_in(place, now);
        }
        let pool = &self.pools.analyzer_time;
        let per_day = pool.allocated_minutes as f64 * 0.7 / 30.0 / CAPACITY_MINUTES as f64;
        if pool.enabled {
            let sessions = self.roll(per_day * share_of_day * busy);
            self.life.minutes += sessions as i64 * CAPACITY_MINUTES;
            for _ in 0..sessions {
                let user = self.generator.rng().usize(..self.users.capacity());
                self.life.capacity_sessions.push_back((now, user));
            }
            while self.life.capacity_sessions.len() > KEPT_CAPACITY_SESSIONS {
                self.life.capacity_sessions.pop_front();
            }
        }
        let share_of_year = share_of_day / 365.0;
        let users = self.users.len() as f64;
        for _ in 0..self.roll(users * self.population.growth_per_year * share_of_year) {
            self.somebody_joins(now);
        }
        for _ in 0..self.roll(users * self.population.leavers_per_year * share_of_year) {
            self.somebody_leaves(now);
        }
    }

    /// So many things happen where `expected` happen on average.
    fn roll(&mut self, expected: f64) -> usize {
        let whole = expected.floor();
        whole as usize + usize::from(self.generator.rng().f64() < expected - whole)
    }

    fn seat_logs_in(&mut self, place: usize, now: DateTime<Utc>) {
        if let Some(user) = self.seats.at(place).and_then(|seat| seat.user_place) {
            self.log_in_at(user, now);
        }
    }

    fn somebody_joins(&mut self, now: DateTime<Utc>) {
        let mut user = self.generator.user(&self.population, now);
        (user.created, user.modified) = (now, now);
        (user.inactive, user.removed_externally) = (false, false);
        let place = self.add_user(user);
        // By a rule, when there is one; otherwise somebody may give a seat later.
        if self.log_in_at(place, now)
            && let Some(seat) = SeatKind::ALL.iter().find_map(|k| self.seat_of(place, *k))
            && let Some(seat_place) = self.seats.place(seat)
        {
            self.life.regulars.push(seat_place);
        }
    }

    fn somebody_leaves(&mut self, now: DateTime<Utc>) {
        if self.life.regulars.is_empty() {
            return;
        }
        let n = self.generator.rng().usize(..self.life.regulars.len());
        let seat_place = self.life.regulars.swap_remove(n);
        let user_place = self.seats.at(seat_place).and_then(|seat| seat.user_place);
        if let Some(user) = user_place.and_then(|place| self.users.at_mut(place)) {
            user.inactive = true;
            user.removed_externally = true;
            user.modified = now;
        }
    }
}

/// How much is going on, as a multiple of the average: by hour, weekday and season.
pub(super) fn busyness(now: DateTime<Utc>) -> f64 {
    of_day(now.date_naive()) * of_hour(now.hour() as usize, f64::from(now.minute()) / 60.0)
}

/// How much is going on at a time of each day, as a multiple of the day's average.
fn of_hour(hour: usize, part: f64) -> f64 {
    HOURS[hour] * (1.0 - part) + HOURS[(hour + 1) % 24] * part
}

/// How much is going on on a day, as a multiple of the average: by weekday and season.
pub(super) fn of_day(day: NaiveDate) -> f64 {
    let weekday = match day.weekday() {
        Weekday::Sat | Weekday::Sun => 0.15,
        _ => 1.34,
    };
    weekday * season(day)
}

/// Less in July and August, little between the years.
fn season(day: NaiveDate) -> f64 {
    match (day.month(), day.day()) {
        (12, 22..) | (1, ..=6) => 0.25,
        (7, _) => 0.6,
        (8, _) => 0.75,
        (12, _) => 0.9,
        (3 | 9 | 11, _) => 1.1,
        _ => 1.0,
    }
}

/// Sessions that are open at a time where so many people log in so often a day: they stay for 50 minutes
/// on average.
pub(super) fn sessions_at(people: f64, logins_per_day: f64, time: DateTime<Utc>) -> f64 {
    people * logins_per_day * busyness(time - TimeDelta::minutes(25)) * 50.0 / 1_440.0
}

/// Who comes on a day where so many people log in so often: whoever comes twice is one of them.
pub(super) fn users_on(people: f64, logins_per_day: f64, day: NaiveDate) -> f64 {
    people * (1.0 - (-logins_per_day * of_day(day)).exp())
}

/// How many minutes of a month's are used by a time in it: no two days are the same, and those of a seed are.
pub(super) fn minutes_at(of_month: f64, seed: u64, time: DateTime<Utc>) -> f64 {
    let today = time.date_naive();
    let month = today.with_day(1).unwrap_or(today);
    let before: f64 = month
        .iter_days()
        .take_while(|day| *day < today)
        .map(|day| minutes_on(of_month, seed, day))
        .sum();
    before + minutes_on(of_month, seed, today) * passed_of_day(time)
}

/// The minutes that are used on a day.
pub(super) fn minutes_on(of_month: f64, seed: u64, day: NaiveDate) -> f64 {
    let chance = Rng::with_seed(seed ^ (day.num_days_from_ce() as u64) << 20).f64();
    of_month * 0.7 / 30.0 * of_day(day) * (0.85 + 0.3 * chance)
}

/// The share of a day's logins that lies before a time of it.
pub(super) fn passed_of_day(time: DateTime<Utc>) -> f64 {
    let (hour, part) = (time.hour() as usize, f64::from(time.minute()) / 60.0);
    let full = |hour: usize| (of_hour(hour, 0.0) + of_hour(hour, 1.0)) / 2.0;
    let before: f64 = (0..hour).map(full).sum();
    let rest = (of_hour(hour, 0.0) + of_hour(hour, part)) / 2.0 * part;
    (before + rest) / (0..24).map(full).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::super::scenario::{ClockSettings, LicenseRule, Population, Scenario};
    use super::super::{PoolSettings, SeatPool, When};
    use super::*;

    fn site(population: Population) -> Site {
        let mut pools = PoolSettings { analyzer: SeatPool::of(2000), ..PoolSettings::default() };
        pools.analyzer_time.allocated_minutes = 10_000;
        let rule = LicenseRule { name: "all".to_owned(), ..LicenseRule::default() };
        Site::new(&Scenario {
            // A Monday.
            clock: ClockSettings {
                start: Some("2026-01-12T00:00:00Z".parse::<When>().unwrap()),
                speed: 0.0,
                skew_seconds: 0,
            },
            pools,
            population,
            license_rules: vec![rule],
            ..Scenario::default()
        })
    }

    fn busy() -> Population {
        Population {
            logins_per_day: 2.0,
            growth_per_year: 5.0,
            leavers_per_year: 1.0,
            ..Population::of(1000, 0, 800)
        }
    }

    fn pass(site: &mut Site, by: TimeDelta) {
        let now = site.now() + by;
        site.clock.set(now);
        site.catch_up();
    }

    #[test]
    fn days_have_a_shape() {
        let mut site = site(busy());
        let mut used = Vec::new();
        for _ in 0..14 * 24 {
            pass(&mut site, TimeDelta::hours(1));
            used.push(site.life.sessions(SeatKind::Analyzer));
        }
        let at = |day: usize, hour: usize| used[day * 24 + hour - 1];
        assert!(at(1, 9) > 20, "Tuesday morning: {}", at(1, 9));
        assert!(at(1, 3) * 5 < at(1, 9), "Tuesday night: {}", at(1, 3));
        assert!(at(5, 9) * 4 < at(1, 9), "Saturday morning: {}", at(5, 9));
        assert!(used.iter().all(|&sessions| sessions >= 0));
    }

    #[test]
    fn the_site_grows_and_people_leave() {
        let mut site = site(busy());
        let (users, seats) = (site.users.len(), site.seats.len());
        let inactive = |site: &Site| site.users.iter().filter(|u| u.inactive).count();
        let inactive_before = inactive(&site);
        pass(&mut site, TimeDelta::days(14));
        // 1,000 users grow by 5,000 a year: about 190 in two weeks.
        assert!((120..300).contains(&(site.users.len() - users)));
        assert!(site.seats.len() > seats, "the rule gives the new ones a seat");
        assert!(inactive(&site) > inactive_before);
        let newest = site.seats.iter().filter_map(|seat| seat.last_used).max().unwrap();
        assert!(site.now() - newest < TimeDelta::hours(2));
    }

    #[test]
    fn minutes_add_up_until_the_month_ends() {
        let mut site = site(busy());
        let mut last = site.life.used_minutes();
        assert!(last > 0, "the month is 11 days old");
        for _ in 0..19 {
            pass(&mut site, TimeDelta::days(1));
            assert!(site.life.used_minutes() >= last);
            last = site.life.used_minutes();
        }
        assert!((5000..9000).contains(&last), "{last}");
        pass(&mut site, TimeDelta::days(2));
        assert!(site.life.used_minutes() < last / 5);
    }

    #[test]
    fn the_same_seed_lives_the_same_life() {
        let life = || {
            let mut site = site(busy());
            pass(&mut site, TimeDelta::days(2));
            let seats: Vec<_> = site.seats.iter().cloned().collect();
            (site.overview(), seats)
        };
        assert_eq!(life(), life());
    }

    #[test]
    fn nobody_does_anything_unless_told_to() {
        let mut site = site(Population::of(100, 20, 50));
        let seats = |site: &Site| site.seats.iter().cloned().collect::<Vec<_>>();
        let before = seats(&site);
        pass(&mut site, TimeDelta::days(400));
        assert_eq!(seats(&site), before);
    }

    #[test]
    fn a_jump_of_years_is_lived_through_in_the_end_only() {
        let mut site = site(busy());
        pass(&mut site, TimeDelta::days(3650));
        assert!(site.users.len() < 3000);
        pass(&mut site, TimeDelta::days(-3650));
        pass(&mut site, TimeDelta::minutes(5));
    }
}
