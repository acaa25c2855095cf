//! Rules of the seats as they are now.

use super::{condition, known, number, seats_text};
use crate::alert::facts::{ChurnFacts, Dated, Fact, Facts};
use crate::alert::policy::Limits;
use crate::alert::{Condition, Judged, Level};
use crate::event::Rule;
use crate::license::pools::SeatPool;
use crate::license::{Pools, SeatType};

const FREE_OR_BUY: &str = "release idle seats (bursar release plan shows which), or buy more; bursar insight forecast \
     says how long they last";

pub(super) fn judge(facts: &Facts, limits: &Limits) -> Vec<Judged> {
    let pools = &facts.pools;
    let of_each = |rule: Rule, judge: &dyn Fn(&Pool) -> Option<Condition>| {
        known(rule, pools, |dated| of(dated).iter().filter_map(judge).collect())
    };
    vec![
        of_each(Rule::SeatsLow, &|pool| low(pool, limits)),
        of_each(Rule::UtilizationHigh, &|pool| utilization(pool, limits)),
        of_each(Rule::SeatsGone, &gone),
        of_each(Rule::SeatsExcess, &excess),
        quarantine(facts, limits),
        known(Rule::ChurnHigh, &facts.churn, |all| {
            all.iter().filter_map(|churn| churn_high(churn, facts, limits)).collect()
        }),
    ]
}

/// A type of seats that the license has.
struct Pool {
    seat_type: SeatType,
    pool: SeatPool,
    time: chrono::DateTime<chrono::Utc>,
}

impl Pool {
    fn condition(&self, rule: Rule, title: String, text: String, hint: &str) -> Condition {
        condition(rule, self.seat_type.as_str(), self.time, title, text, hint)
            .with("total", self.pool.total)
            .with("allocated", self.pool.allocated)
            .with("available", self.pool.available)
            .with("quarantined", self.pool.quarantined)
            .with("excess", self.pool.excess)
    }

    fn title(&self) -> &'static str {
        self.seat_type.title()
    }
}

fn of(dated: &Dated<Pools>) -> Vec<Pool> {
    let of = |seat_type: SeatType| {
        let pool = dated.value.seats(seat_type);
        let pool = pool.filter(|pool| pool.enabled && pool.total > 0.0)?;
        Some(Pool { seat_type, pool, time: dated.time })
    };
    SeatType::counted().filter_map(of).collect()
}

/// The limit is a number of seats, a share of all, or the larger of both. It is over a bit beyond
/// the limit, so that one person who comes and goes doesn't make a message each time.
fn low(pool: &Pool, limits: &Limits) -> Option<Condition> {
    let (total, free) = (pool.pool.total, pool.pool.free());
    let share = limits.low_percent.map(|percent| (total * percent / 100.0).floor());
    let limit = limits.low_seats.into_iter().chain(share).reduce(f64::max)?.max(0.0);
    let over = limit + 1.0 + (limit / 10.0).floor();
    let level = if free <= limit { Level::Holds } else { Level::Lingers };
    let title = format!("{} seats are low", pool.title());
    let text = format!(
        "{} of {} {} seats {} free, the limit is {}",
        number(free),
        number(total),
        pool.title(),
        if free == 1.0 { "is" } else { "are" },
        number(limit)
    );
    (free <= over).then(|| {
        pool.condition(Rule::SeatsLow, title, text, FREE_OR_BUY).with("limit", limit).level(level)
    })
}

fn utilization(pool: &Pool, limits: &Limits) -> Option<Condition> {
    const BAND: f64 = 2.0;
    let percent = pool.pool.allocated / pool.pool.total * 100.0;
    let limit = limits.utilization_percent;
    let level = if percent >= limit { Level::Holds } else { Level::Lingers };
    let title = format!("{} seats are nearly all allocated", pool.title());
    let text = format!(
        "{percent:.0} % of the {} seats are allocated ({} of {}), the limit is {} %",
        pool.title(),
        number(pool.pool.allocated),
        number(pool.pool.total),
        number(limit)
    );
    (percent > limit - BAND).then(|| {
        pool.condition(Rule::UtilizationHigh, title, text, FREE_OR_BUY)
            .with("percent", (percent * 10.0).round() / 10.0)
            .with("limit", limit)
            .level(level)
    })
}

fn gone(pool: &Pool) -> Option<Condition> {
    (pool.pool.free() <= 0.0).then(|| {
        let title = format!("No {} seat is free", pool.title());
        let mut text = format!("all {} {} seats are taken", number(pool.pool.total), pool.title());
        if pool.pool.quarantined > 0.0 {
            text.push_str(&format!(", {} in quarantine", number(pool.pool.quarantined)));
        }
        pool.condition(Rule::SeatsGone, title, text, FREE_OR_BUY)
    })
}

fn excess(pool: &Pool) -> Option<Condition> {
    (pool.pool.excess > 0.0).then(|| {
        let title = format!("More {} seats are allocated than licensed", pool.title());
        let text = format!(
            "{} in excess of the {} {} seats of the license",
            seats_text(pool.pool.excess),
            number(pool.pool.total),
            pool.title()
        );
        let hint = "deallocate seats or buy more: people beyond the license lose access, and it is \
                    a matter of compliance";
        pool.condition(Rule::SeatsExcess, title, text, hint)
    })
}

fn quarantine(facts: &Facts, limits: &Limits) -> Judged {
    let rule = Rule::QuarantineRising;
    let (Fact::Known(dated), Fact::Known(before)) = (&facts.pools, &facts.quarantined_before)
    else {
        return known(rule, &facts.pools, |_| Vec::new()).unless_unknown(&facts.quarantined_before);
    };
    let rising = |pool: &Pool| {
        let (_, before) = before.iter().find(|(seat_type, _)| *seat_type == pool.seat_type)?;
        let more = pool.pool.quarantined - before;
        (more >= limits.quarantine_seats).then(|| {
            let title = format!("More {} seats are in quarantine", pool.title());
            let text = format!(
                "{} {} seats are quarantined, {} more than a week ago",
                number(pool.pool.quarantined),
                pool.title(),
                number(more)
            );
            let hint = "a seat that is taken from somebody who used it within 7 days is locked for \
                        7 days: see who takes seats away (bursar insight changes)";
            pool.condition(rule, title, text, hint).with("aWeekAgo", *before)
        })
    };
    let unknown = of(dated)
        .iter()
        .filter(|pool| !before.iter().any(|(seat_type, _)| *seat_type == pool.seat_type))
        .map(|pool| pool.seat_type.as_str().to_owned())
        .collect();
    Judged {
        unknown: crate::alert::Unknown::These(unknown),
        ..Judged::of(rule, of(dated).iter().filter_map(rising))
    }
}

impl Judged {
    /// Nothing can be said without this fact.
    fn unless_unknown<T>(self, fact: &Fact<T>) -> Self {
        if matches!(fact, Fact::Unknown) { Self::unknown(self.rule) } else { self }
    }
}

fn churn_high(churn: &ChurnFacts, facts: &Facts, limits: &Limits) -> Option<Condition> {
    let percent = f64::from(churn.again) / f64::from(churn.allocated.max(1)) * 100.0;
    let high = churn.again >= limits.churn_seats && percent >= limits.churn_percent;
    let title = churn.seat_type.title();
    high.then(|| {
        let text = format!(
            "{} of {} {title} seats that were allocated within 28 days went to people who had \
             lost one not long before",
            churn.again, churn.allocated
        );
        let hint = "releaseThresholdDays may be too low, or somebody takes seats by hand";
        condition(
            Rule::ChurnHigh,
            churn.seat_type.as_str(),
            facts.now,
            format!("Many {title} seats come back"),
            text,
            hint,
        )
        .with("allocated", churn.allocated)
        .with("again", churn.again)
        .with("percent", (percent * 10.0).round() / 10.0)
    })
}
