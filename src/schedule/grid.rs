//! The calendar grid a schedule text stands for, and the times on it.
//!
//! A text such as `every 6 hours` is not an elapsed interval: it names the hours 0, 6, 12 and 18.
//! A [`Rule`] is a set of such constraints that must all hold; a schedule is one or more rules,
//! minus exceptions. A rule fires at the start of its finest unit (`every 6 hours`: at the hour,
//! `every weekday`: at midnight) and wherever a stretch of valid time begins.

use chrono::{
    DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;

/// What a constraint looks at. Ordered from coarse to fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    Year,
    Month,
    WeekOfYear,
    WeekOfMonth,
    DayOfYear,
    Day,
    /// The first, second ... time a day of the week occurs in a month.
    DayInstance,
    /// Sunday = 1.
    DayOfWeek,
    Hour,
    Minute,
    Second,
    /// Seconds since midnight.
    Time,
}

impl Unit {
    /// Smallest and largest value a text may name.
    pub(super) fn extent(self) -> (u32, u32) {
        match self {
            Self::Year => (1970, 2450),
            Self::Month => (1, 12),
            Self::WeekOfYear => (1, 53),
            Self::WeekOfMonth => (1, 6),
            Self::DayOfYear => (1, 366),
            Self::Day => (1, 31),
            Self::DayInstance => (1, 5),
            Self::DayOfWeek => (1, 7),
            Self::Hour => (0, 23),
            Self::Minute | Self::Second => (0, 59),
            Self::Time => (0, 86_399),
        }
    }

    /// Whether `last` makes sense: units whose count differs from one month or year to the next.
    pub(super) fn has_last(self) -> bool {
        matches!(
            self,
            Self::WeekOfYear | Self::WeekOfMonth | Self::DayOfYear | Self::Day | Self::DayInstance
        )
    }

    fn value(self, t: NaiveDateTime) -> u32 {
        match self {
            Self::Year => t.year().max(0) as u32,
            Self::Month => t.month(),
            Self::WeekOfYear => t.iso_week().week(),
            Self::WeekOfMonth => {
                let weekday = t.weekday().number_from_sunday();
                let first = t.with_day(1).unwrap_or(t).weekday().number_from_sunday();
                (t.day() + (first - 1) + (7 - weekday)) / 7
            }
            Self::DayOfYear => t.ordinal(),
            Self::Day => t.day(),
            Self::DayInstance => (t.day() - 1) / 7 + 1,
            Self::DayOfWeek => t.weekday().number_from_sunday(),
            Self::Hour => t.hour(),
            Self::Minute => t.minute(),
            Self::Second => t.second(),
            Self::Time => t.num_seconds_from_midnight(),
        }
    }

    /// Whether no later period of this unit lies in the same month or year.
    fn is_last(self, t: NaiveDateTime) -> bool {
        match self {
            Self::Day => (t + Duration::days(1)).month() != t.month(),
            Self::DayInstance => (t + Duration::days(7)).month() != t.month(),
            Self::DayOfYear => (t + Duration::days(1)).year() != t.year(),
            Self::WeekOfYear => (t + Duration::days(7)).iso_week().year() != t.iso_week().year(),
            Self::WeekOfMonth => {
                let to_saturday = 7 - t.weekday().number_from_sunday();
                (t + Duration::days(i64::from(to_saturday) + 1)).month() != t.month()
            }
            _ => false,
        }
    }

    fn starts_at(self, t: NaiveDateTime) -> bool {
        let midnight = t.num_seconds_from_midnight() == 0;
        match self {
            Self::Year => midnight && t.ordinal() == 1,
            Self::Month => midnight && t.day() == 1,
            Self::WeekOfYear => midnight && t.weekday().num_days_from_monday() == 0,
            Self::WeekOfMonth => {
                midnight && (t.day() == 1 || t.weekday().num_days_from_sunday() == 0)
            }
            Self::DayOfYear | Self::Day | Self::DayInstance | Self::DayOfWeek => midnight,
            Self::Hour => t.minute() == 0 && t.second() == 0,
            Self::Minute => t.second() == 0,
            Self::Second | Self::Time => true,
        }
    }

    /// A later time, not beyond the start of the unit's next period.
    fn step(self, t: NaiveDateTime) -> NaiveDateTime {
        match self {
            Self::Year => midnight(t.year() + 1, 1, t),
            Self::Month if t.month() == 12 => midnight(t.year() + 1, 1, t),
            Self::Month => midnight(t.year(), t.month() + 1, t),
            Self::Hour => next_multiple(t, 3_600),
            Self::Minute => next_multiple(t, 60),
            Self::Second | Self::Time => t + Duration::seconds(1),
            _ => next_midnight(t),
        }
    }
}

fn next_midnight(t: NaiveDateTime) -> NaiveDateTime {
    next_multiple(t, 86_400)
}

fn next_multiple(t: NaiveDateTime, seconds: u32) -> NaiveDateTime {
    let past = t.num_seconds_from_midnight() % seconds;
    t + Duration::seconds(i64::from(seconds - past))
}

/// The first of a month; `fallback` moved on by a day beyond the calendar's end.
fn midnight(year: i32, month: u32, fallback: NaiveDateTime) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(year, month, 1)
        .and_then(|d| d.and_hms_opt(0, 0, 0))
        .unwrap_or_else(|| next_midnight(fallback))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// One of these; sorted. 0 is the last one for units that have a last.
    In(Vec<u32>),
    /// This or later.
    After(u32),
    /// Earlier than this.
    Before(u32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Constraint {
    pub(super) unit: Unit,
    pub(super) test: Test,
}

impl Constraint {
    fn holds(&self, t: NaiveDateTime) -> bool {
        let value = self.unit.value(t);
        match &self.test {
            Test::In(values) => {
                values.binary_search(&value).is_ok()
                    || (self.unit.has_last() && values.first() == Some(&0) && self.unit.is_last(t))
            }
            Test::After(least) => value >= *least,
            Test::Before(limit) => value < *limit,
        }
    }

    /// A later time, not beyond the next one at which the constraint may hold.
    fn skip(&self, t: NaiveDateTime) -> NaiveDateTime {
        if self.unit != Unit::Time {
            return self.unit.step(t);
        }
        let now = Unit::Time.value(t);
        let next = match &self.test {
            Test::In(values) => values.iter().copied().find(|v| *v > now),
            Test::After(least) => (*least > now).then_some(*least),
            Test::Before(_) => None,
        };
        next.map_or_else(|| next_midnight(t), |v| t + Duration::seconds(i64::from(v - now)))
    }
}

impl Constraint {
    /// A later time, not beyond the first one at which a constraint that holds may cease to.
    fn ceases(&self, t: NaiveDateTime) -> NaiveDateTime {
        match (self.unit, &self.test) {
            (Unit::Time, Test::After(_)) => next_midnight(t),
            (Unit::Time, Test::Before(limit)) => {
                t + Duration::seconds(i64::from(limit - Unit::Time.value(t)))
            }
            (unit, _) => unit.step(t),
        }
    }
}

/// Constraints that must all hold. Sorted from coarse to fine, never empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rule {
    pub(super) constraints: Vec<Constraint>,
}

impl Rule {
    fn holds(&self, t: NaiveDateTime) -> bool {
        self.constraints.iter().all(|c| c.holds(t))
    }

    fn finest(&self) -> Option<Unit> {
        let named = self.constraints.iter().filter(|c| matches!(c.test, Test::In(_)));
        named.map(|c| c.unit).max()
    }

    /// Whether the rule repeats within the hour or every hour, so that it fires in both passes of
    /// an hour that a clock change repeats.
    fn is_interval(&self) -> bool {
        let whole_day = |c: &Constraint| match (&c.test, c.unit) {
            (_, Unit::Time) => false,
            (Test::In(values), Unit::Hour) => values.len() == 24,
            _ => true,
        };
        matches!(self.finest(), Some(Unit::Hour | Unit::Minute | Unit::Second))
            && self.constraints.iter().all(whole_day)
    }
}

/// Steps after which a search is given up: five years take some thousand, unless exceptions take
/// away every single second.
const MAX_STEPS: u32 = 1_000_000;

/// The whole grid of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) rules: Vec<Rule>,
    pub(super) exceptions: Vec<Rule>,
}

impl Grid {
    /// Whether any constraint names years, so that it can run out.
    pub(super) fn names_years(&self) -> bool {
        self.rules.iter().flat_map(|r| &r.constraints).any(|c| c.unit == Unit::Year)
    }

    /// The first time after `after` and not after `limit`.
    pub(super) fn next_after(
        &self,
        after: DateTime<Utc>,
        zone: Tz,
        limit: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        self.rules.iter().filter_map(|rule| self.next_of(rule, after, zone, limit)).min()
    }

    /// Walks stretches of constant offset. What a clock change skips fires once at its end; what
    /// it repeats fires once, unless the rule is an interval.
    fn next_of(
        &self,
        rule: &Rule,
        after: DateTime<Utc>,
        zone: Tz,
        limit: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        // Start in the stretch that `after` is in: a clock change may come the second after.
        let mut start = DateTime::from_timestamp(after.timestamp(), 0)?;
        let mut local = start.naive_utc() + offset(zone, start) + Duration::seconds(1);
        // A repeated hour that was entered before `after`: fixed times in it are done.
        if !rule.is_interval()
            && let Some(done) = repeated_until(zone, start)
        {
            local = local.max(done);
        }
        loop {
            let here = offset(zone, start);
            let last = limit.naive_utc() + here;
            let found = self.next_local(rule, local, last);
            let candidate = found.map(|t| Utc.from_utc_datetime(&(t - here)));
            let horizon = candidate.unwrap_or(limit);
            let Some(change) = next_change(zone, start, horizon) else {
                return candidate.filter(|t| *t <= limit);
            };
            if candidate.is_some_and(|t| t < change) {
                return candidate;
            }
            let before = change.naive_utc() + here;
            let behind = change.naive_utc() + offset(zone, change);
            if behind > before
                && self.next_local(rule, before.max(local), behind - Duration::seconds(1)).is_some()
            {
                return Some(change).filter(|t| *t <= limit);
            }
            start = change;
            local = if behind < before && !rule.is_interval() { before } else { behind };
        }
    }

    fn next_local(
        &self,
        rule: &Rule,
        from: NaiveDateTime,
        last: NaiveDateTime,
    ) -> Option<NaiveDateTime> {
        let finest = rule.finest();
        let mut t = from;
        for _ in 0..MAX_STEPS {
            if t > last {
                return None;
            }
            if let Some(broken) = rule.constraints.iter().find(|c| !c.holds(t)) {
                t = broken.skip(t);
            } else if let Some(exception) = self.exceptions.iter().find(|e| e.holds(t)) {
                let ends = exception.constraints.iter().map(|c| c.ceases(t));
                t = ends.min().unwrap_or_else(|| next_midnight(t));
            } else {
                let before = t - Duration::seconds(1);
                let begins = finest.is_some_and(|unit| unit.starts_at(t))
                    || !rule.holds(before)
                    || self.exceptions.iter().any(|e| e.holds(before));
                if begins {
                    return Some(t);
                }
                t = finest.unwrap_or(Unit::Minute).step(t);
            }
        }
        None
    }
}

fn offset(zone: Tz, t: DateTime<Utc>) -> Duration {
    let seconds = zone.offset_from_utc_datetime(&t.naive_utc()).fix().local_minus_utc();
    Duration::seconds(i64::from(seconds))
}

/// The first second in `(from, to]` at which the zone's offset differs from that at `from`.
/// Changes that cancel each other within a day are not seen; there are none in the zone data.
fn next_change(zone: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if zone == Tz::UTC {
        return None;
    }
    let first = offset(zone, from);
    let mut low = from;
    while low < to {
        let high = (low + Duration::days(1)).min(to);
        if offset(zone, high) != first {
            let (mut same, mut changed) = (low, high);
            while changed - same > Duration::seconds(1) {
                let middle = same + Duration::seconds((changed - same).num_seconds() / 2);
                if offset(zone, middle) == first {
                    same = middle;
                } else {
                    changed = middle;
                }
            }
            return Some(changed);
        }
        low = high;
    }
    None
}

/// When `t` lies in the second pass of a repeated hour: the local time at which that pass ends.
fn repeated_until(zone: Tz, t: DateTime<Utc>) -> Option<NaiveDateTime> {
    if zone == Tz::UTC {
        return None;
    }
    let local = t.naive_utc() + offset(zone, t);
    let earliest = match zone.offset_from_local_datetime(&local) {
        chrono::LocalResult::Ambiguous(a, b) => {
            let (a, b) = (a.fix().local_minus_utc(), b.fix().local_minus_utc());
            Duration::seconds(i64::from(a.max(b)))
        }
        _ => return None,
    };
    if offset(zone, t) == earliest {
        return None;
    }
    let change = next_change(zone, Utc.from_utc_datetime(&(local - earliest)), t)?;
    Some(change.naive_utc() + earliest)
}
