//! What was polled of the past.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use fastrand::Rng;

use super::{Past, Story, start_of};
use crate::license::Pools;
use crate::license::pools::{MinutePool, SeatPool};
use crate::simulator::life;

/// Says what a poll at a time sees. Quick for times in their order.
#[derive(Debug, Clone)]
pub struct Polls {
    seed: u64,
    end: DateTime<Utc>,
    purchase: DateTime<Utc>,
    minutes: f64,
    professional: Track,
    analyzer: Track,
    /// Share of a day's logins before each minute of it.
    passed: Vec<f64>,
    /// The minutes of the month before a day, and those of the day.
    today: Option<(NaiveDate, f64, f64)>,
}

impl Polls {
    pub fn new(past: &Past) -> Self {
        let minutes =
            (0..1_440).map(|minute| start_of(NaiveDate::MIN) + chrono::TimeDelta::minutes(minute));
        Self {
            seed: past.seed,
            end: past.end,
            purchase: start_of(past.purchase),
            minutes: past.minutes,
            professional: Track::new(&past.professional),
            analyzer: Track::new(&past.analyzer),
            passed: minutes.map(life::passed_of_day).collect(),
            today: None,
        }
    }

    /// What the server says of the license at a time.
    pub fn at(&mut self, time: DateTime<Utc>) -> Pools {
        let mut rng = Rng::with_seed(self.seed ^ time.timestamp().unsigned_abs());
        let (late, busy) = (time >= self.purchase, life::sessions_at(1.0, 1.0, time));
        let mut seats = |track: &mut Track| track.at(time, late, busy, &mut rng);
        let (professional, analyzer) = (seats(&mut self.professional), seats(&mut self.analyzer));
        let capacity = MinutePool {
            enabled: true,
            allocated_minutes: self.minutes,
            used_minutes: self.used_minutes(time),
            unavailable_minutes: 0.0,
        };
        Pools {
            professional: Some(professional),
            analyzer: Some(analyzer),
            analyzer_capacity: Some(capacity),
            ..Pools::default()
        }
    }

    /// Of the month so far: less in the months before.
    fn used_minutes(&mut self, time: DateTime<Utc>) -> f64 {
        let day = time.date_naive();
        let (before, of_day) = match self.today {
            Some((of, before, of_day)) if of == day => (before, of_day),
            _ => {
                let number = |time: DateTime<Utc>| time.year() * 12 + time.month0() as i32;
                let months = f64::from(number(self.end) - number(time));
                let of_month = self.minutes * (1.0 - months * 0.01).clamp(0.5, 1.0);
                let before = life::minutes_at(of_month, self.seed, start_of(day));
                let of_day = life::minutes_on(of_month, self.seed, day);
                self.today = Some((day, before, of_day));
                (before, of_day)
            }
        };
        let minute = time.hour() * 60 + time.minute();
        let passed = self.passed.get(minute as usize).copied().unwrap_or_default();
        (before + of_day * passed).floor().min(self.minutes)
    }
}

/// The seats of a kind over time.
#[derive(Debug, Clone)]
struct Track {
    /// By how much the seats that are held and those in quarantine change.
    changes: Vec<(DateTime<Utc>, i32, i32)>,
    next: usize,
    held: i32,
    quarantined: i32,
    total: f64,
    total_before: f64,
    logins: f64,
}

impl Track {
    fn new(story: &Story) -> Self {
        let mut changes = Vec::new();
        for life in &story.lives {
            changes.push((life.given, 1, 0));
            changes.extend(life.end.map(|end| (end.time, -1, 0)));
            if let Some((from, to)) = life.quarantine() {
                changes.extend([(from, 0, 1), (to, 0, -1)]);
            }
        }
        changes.sort_unstable();
        Self {
            changes,
            next: 0,
            held: 0,
            quarantined: 0,
            total: story.total,
            total_before: story.total_before,
            logins: story.logins_per_day * story.regulars,
        }
    }

    fn at(&mut self, time: DateTime<Utc>, late: bool, busy: f64, rng: &mut Rng) -> SeatPool {
        if self.next.checked_sub(1).is_some_and(|last| self.changes[last].0 > time) {
            (self.next, self.held, self.quarantined) = (0, 0, 0);
        }
        while let Some((_, held, quarantined)) =
            self.changes.get(self.next).filter(|(at, ..)| *at <= time)
        {
            self.held += held;
            self.quarantined += quarantined;
            self.next += 1;
        }
        let total = if late { self.total } else { self.total_before };
        let (allocated, quarantined) = (f64::from(self.held), f64::from(self.quarantined));
        let expected = allocated * self.logins * busy;
        let used = expected + (rng.f64() + rng.f64() - 1.0) * 2.0 * expected.sqrt();
        SeatPool {
            enabled: true,
            total,
            allocated,
            available: (total - allocated - quarantined).max(0.0),
            used: used.round().clamp(0.0, allocated),
            quarantined,
            excess: 0.0,
        }
    }
}
