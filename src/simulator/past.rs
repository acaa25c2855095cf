//! Years of believable history of the demo's site, with the truth that it was made from: what the
//! commands say of it can be compared.
//!
//! Allocated seats grow along a line, with a clean-up now and then; used seats breathe with the
//! hour, the weekday, summer and Christmas. Everything follows from a seed and the end.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc, Weekday};
use fastrand::Rng;

use super::{Scenario, life};
use crate::license::Pools;
use crate::license::pools::{MinutePool, SeatPool};

/// Days of a month on average.
const MONTH: f64 = 30.4375;

/// How a kind of seats developed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Story {
    /// Allocated at the end.
    pub allocated: f64,
    /// Seats a month, clean-ups aside.
    pub per_month: f64,
    /// Entitled at the end.
    pub total: f64,
    /// Entitled before the purchase.
    pub total_before: f64,
    /// Share of the allocated seats that people use on a usual working day.
    pub in_use: f64,
}

/// Seats that were released on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanUp {
    pub time: DateTime<Utc>,
    pub professional: u32,
    pub analyzer: u32,
}

/// The truth about the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    pub end: DateTime<Utc>,
    pub days: u64,
    pub professional: Story,
    pub analyzer: Story,
    /// Share of the seats in quarantine, always.
    pub quarantined_share: f64,
    /// Minutes a month that the license has.
    pub minutes: f64,
    /// When the larger totals begin.
    pub purchase: NaiveDate,
    pub clean_ups: Vec<CleanUp>,
    /// Days on which nothing was polled.
    pub gap: (NaiveDate, NaiveDate),
}

impl Past {
    /// Three years until `end`: a purchase 20 months ago, clean-ups 14 and 5 months ago, and four
    /// days without polls. The end is what the scenario is at its start.
    pub fn demo(scenario: &Scenario, end: DateTime<Utc>) -> Self {
        let (pools, people) = (&scenario.pools, &scenario.population);
        let months_ago = |months: f64| {
            let day = (end - TimeDelta::days((months * MONTH) as i64)).date_naive();
            day.and_time(NaiveTime::from_hms_opt(3, 0, 0).unwrap_or_default()).and_utc()
        };
        let story = |allocated: usize, per_month, total: i64, before: f64, in_use| Story {
            allocated: allocated as f64,
            per_month,
            total: total as f64,
            total_before: (total as f64 * before).round(),
            in_use,
        };
        let gap = months_ago(9.0).date_naive();
        Self {
            end,
            days: 1096,
            professional: story(people.professional, 1.5, pools.professional.total, 0.84, 0.62),
            analyzer: story(people.analyzer, 12.0, pools.analyzer.total, 0.78, 0.48),
            quarantined_share: people.quarantined_share,
            minutes: pools.analyzer_time.allocated_minutes as f64,
            purchase: months_ago(20.0).date_naive(),
            clean_ups: vec![
                CleanUp { time: months_ago(14.0), professional: 8, analyzer: 60 },
                CleanUp { time: months_ago(5.0), professional: 6, analyzer: 45 },
            ],
            gap: (gap, gap + Days::new(3)),
        }
    }

    /// What was polled, every six hours of UTC, oldest first; the last poll is before the end.
    pub fn polls(&self, seed: u64) -> Vec<(DateTime<Utc>, Pools)> {
        let mut rng = Rng::with_seed(seed);
        let first = self.end.date_naive() - Days::new(self.days);
        let a_day = |day: NaiveDate| {
            let year = 1.0 - (self.end.date_naive() - day).num_days() as f64 / 365.25 * 0.12;
            self.minutes / 30.0 * 0.9 * year * season(day) * weekday(day) * 1.35
        };
        // This month's end where the living site stands.
        let today = self.end.date_naive();
        let month = today.with_day(1).unwrap_or(today);
        let so_far: f64 = month.iter_days().take_while(|day| *day < today).map(a_day).sum();
        let lived = life::minutes_at(self.minutes, today.and_time(NaiveTime::MIN).and_utc());
        let pace = if so_far > 0.0 { lived / so_far } else { 0.0 };
        let mut minutes = 0.0;
        let mut polls = Vec::new();
        for day in first.iter_days().take_while(|day| *day <= self.end.date_naive()) {
            if day.day() == 1 {
                minutes = 0.0;
            }
            minutes += match day {
                day if day == today => 0.0,
                day if day >= month => a_day(day) * pace,
                day => a_day(day),
            };
            for hour in [2, 8, 14, 20] {
                let at = day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(hour);
                let silent = (self.gap.0..=self.gap.1).contains(&day);
                if silent || at >= self.end {
                    continue;
                }
                let released = |of: fn(&CleanUp) -> u32| {
                    let later = self.clean_ups.iter().filter(|clean_up| clean_up.time > at);
                    later.map(|clean_up| f64::from(of(clean_up))).sum::<f64>()
                };
                let late = day >= self.purchase;
                let professional = self.seats(
                    at,
                    &self.professional,
                    released(|c| c.professional),
                    late,
                    &mut rng,
                );
                let analyzer =
                    self.seats(at, &self.analyzer, released(|c| c.analyzer), late, &mut rng);
                let capacity = MinutePool {
                    enabled: true,
                    allocated_minutes: self.minutes,
                    used_minutes: minutes.floor().min(self.minutes),
                    unavailable_minutes: 0.0,
                };
                let pools = Pools {
                    professional: Some(professional),
                    analyzer: Some(analyzer),
                    analyzer_capacity: Some(capacity),
                    ..Pools::default()
                };
                polls.push((at, pools));
            }
        }
        polls
    }

    /// How many people used a Professional and an Analyzer seat on a day.
    pub fn users(&self, day: NaiveDate) -> (u32, u32) {
        let months = (self.end.date_naive() - day).num_days() as f64 / MONTH;
        let of = |story: &Story| {
            let share = story.in_use * season(day) * weekday(day);
            ((story.allocated - story.per_month * months).max(0.0) * share).round() as u32
        };
        (of(&self.professional), of(&self.analyzer))
    }

    fn seats(
        &self,
        at: DateTime<Utc>,
        story: &Story,
        released_later: f64,
        after_purchase: bool,
        rng: &mut Rng,
    ) -> SeatPool {
        let total = if after_purchase { story.total } else { story.total_before };
        let months = (self.end - at).num_seconds() as f64 / 86_400.0 / MONTH;
        // People come and go: a seat in two hundred more or less.
        let noise = (rng.f64() - 0.5) * story.allocated / 200.0;
        let line = story.allocated - story.per_month * months + released_later;
        let allocated = (line + noise).round().clamp(0.0, total);
        let quarantined = (allocated * self.quarantined_share).round();
        let day = at.date_naive();
        let of_day = if (6..18).contains(&at.hour()) { 1.0 } else { 0.15 };
        let share = story.in_use * season(day) * weekday(day) * of_day;
        let used = (allocated * share * (0.95 + rng.f64() / 10.0)).round().clamp(0.0, allocated);
        SeatPool {
            enabled: true,
            total,
            allocated,
            available: (total - allocated - quarantined).max(0.0),
            used,
            quarantined,
            excess: 0.0,
        }
    }
}

/// How much of the usual is done: less in July and August, little between the years.
fn season(day: NaiveDate) -> f64 {
    match (day.month(), day.day()) {
        (12, 22..) | (1, ..=6) => 0.25,
        (7, _) => 0.55,
        (8, ..=15) => 0.7,
        _ => 1.0,
    }
}

fn weekday(day: NaiveDate) -> f64 {
    match day.weekday() {
        Weekday::Sat | Weekday::Sun => 0.08,
        Weekday::Fri => 0.85,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past() -> Past {
        let end = "2026-11-24T09:30:00Z".parse().unwrap();
        Past::demo(&Scenario::demo(), end)
    }

    #[test]
    fn the_past_ends_where_the_site_begins_and_is_the_same_for_the_same_seed() {
        let polls = past().polls(1);
        assert_eq!(polls, past().polls(1));
        assert!(polls.is_sorted_by_key(|(at, _)| *at));
        let (at, last) = polls.last().unwrap();
        assert!(*at < past().end && past().end - at < TimeDelta::hours(6));
        let allocated = last.analyzer.unwrap().allocated;
        assert!((allocated - 780.0).abs() <= 3.0, "{allocated}");
        assert_eq!(polls.len() as u64, 1096 * 4 - 4 * 4 + 2);
    }

    #[test]
    fn totals_grow_once_and_seats_never_exceed_them() {
        let mut totals = Vec::new();
        for (_, pools) in past().polls(1) {
            let pool = pools.professional.unwrap();
            assert!(pool.used <= pool.allocated && pool.allocated <= pool.total);
            let free = (pool.total - pool.allocated - pool.quarantined).max(0.0);
            assert_eq!(pool.available, free);
            totals.push(pool.total);
        }
        totals.dedup();
        assert_eq!(totals, [101.0, 120.0]);
    }

    #[test]
    fn a_clean_up_is_seen() {
        let polls = past().polls(1);
        for clean_up in past().clean_ups {
            let split = polls.partition_point(|(at, _)| *at < clean_up.time);
            let of = |(_, pools): &(_, Pools)| pools.analyzer.unwrap().allocated;
            let fell = of(&polls[split - 1]) - of(&polls[split]);
            assert!((fell - f64::from(clean_up.analyzer)).abs() <= 6.0, "{fell}");
        }
    }
}
