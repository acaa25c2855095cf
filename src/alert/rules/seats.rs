//! Rules of the seats as they are now, and of the tokens.

use super::{condition, known, level_of, number, seats_text};
use crate::alert::facts::{ChurnFacts, Dated, Fact, Facts};
use crate::alert::policy::Limits;
use crate::alert::{Condition, Judged};
use crate::event::Rule;
use crate::license::pools::{SeatPool, TokenTotals};
use crate::license::{Pools, SeatType};

const FREE_OR_BUY: &str = "release idle seats (bursar release plan shows which), or buy more; bursar insight forecast \
     says how long they last";

/// What alerts on tokens are about, where those on seats have the type.
pub const TOKENS: &str = "tokens";

pub(super) fn judge(facts: &Facts, limits: &Limits) -> Vec<Judged> {
    let pools = &facts.pools;
    let of_each = |rule: Rule, judge: &dyn Fn(&Pool) -> Option<Condition>| {
        known(rule, pools, |dated| of(dated).iter().filter_map(judge).collect())
    };
    vec![
        of_each(Rule::SeatsLow, &|pool| low(pool, limits)),
        of_each(Rule::UtilizationHigh, &|pool| Some(utilization(pool, limits))),
        of_each(Rule::SeatsGone, &|pool| Some(gone(pool))),
        of_each(Rule::SeatsExcess, &excess),
        quarantine(facts, limits),
        known(Rule::ChurnHigh, &facts.churn, |all| {
            all.iter().map(|churn| churn_high(churn, facts, limits)).collect()
        }),
    ]
}

/// A type of seats that the license has, or its tokens.
struct Pool {
    /// `None`: tokens.
    seat_type: Option<SeatType>,
    pool: SeatPool,
    time: chrono::DateTime<chrono::Utc>,
}

impl Pool {
    fn condition(&self, rule: Rule, title: String, text: String, hint: &str) -> Condition {
        let condition = condition(rule, self.subject(), self.time, title, text, hint)
            .with("total", self.pool.total)
            .with("allocated", self.pool.allocated)
            .with("available", self.pool.available);
        // Those are counted of seats only.
        if self.seat_type.is_none() {
            return condition;
        }
        condition.with("quarantined", self.pool.quarantined).with("excess", self.pool.excess)
    }

    fn subject(&self) -> &'static str {
        self.seat_type.map_or(TOKENS, SeatType::as_str)
    }

    /// `Analyzer seats`, `tokens`
    fn all(&self) -> String {
        self.seat_type.map_or_else(|| TOKENS.to_owned(), |of| format!("{} seats", of.title()))
    }

    /// `Analyzer seats`, `Tokens`: how a title begins.
    fn title(&self) -> String {
        self.seat_type.map_or_else(|| "Tokens".to_owned(), |_| self.all())
    }

    /// `3 of 200 Analyzer seats are free`
    fn free_text(&self) -> String {
        let free = self.pool.free();
        let are = if free == 1.0 { "is" } else { "are" };
        format!("{} of {} {} {are} free", number(free), number(self.pool.total), self.all())
    }
}

/// What the license has. Of tokens those that are not available are taken, whoever has them.
fn of(dated: &Dated<Pools>) -> Vec<Pool> {
    let of = |seat_type: SeatType| {
        let pool = dated.value.seats(seat_type);
        let pool = pool.filter(|pool| pool.enabled && pool.total > 0.0)?;
        Some(Pool { seat_type: Some(seat_type), pool, time: dated.time })
    };
    let tokens = dated.value.tokens.filter(|totals| totals.enabled && totals.total_tokens > 0.0);
    let tokens = tokens.map(|totals| {
        let TokenTotals { enabled, total_tokens: total, available_tokens: available } = totals;
        let allocated = (total - available).max(0.0);
        let (used, quarantined, excess) = (allocated, 0.0, 0.0);
        let pool = SeatPool { enabled, total, allocated, available, used, quarantined, excess };
        Pool { seat_type: None, pool, time: dated.time }
    });
    SeatType::counted().filter_map(of).chain(tokens).collect()
}

/// It is over a bit beyond the limit, so that one person who comes and goes doesn't make a message each time.
fn low(pool: &Pool, limits: &Limits) -> Option<Condition> {
    let (total, free) = (pool.pool.total, pool.pool.free());
    let limit = limits.low(total)?;
    let band = limit + 1.0 + (limit / 10.0).floor();
    let title = format!("{} are low", pool.title());
    let text = format!("{}, the limit is {}", pool.free_text(), number(limit));
    let level = level_of(free <= limit, free <= band);
    let low = pool.condition(Rule::SeatsLow, title, text, FREE_OR_BUY);
    Some(low.with("limit", limit).level(level))
}

fn utilization(pool: &Pool, limits: &Limits) -> Condition {
    const BAND: f64 = 2.0;
    let percent = pool.pool.allocated / pool.pool.total * 100.0;
    let limit = limits.utilization_percent;
    let title = format!("{} are nearly all allocated", pool.title());
    let text = format!(
        "{percent:.0} % of the {} are allocated ({} of {}), the limit is {} %",
        pool.all(),
        number(pool.pool.allocated),
        number(pool.pool.total),
        number(limit)
    );
    pool.condition(Rule::UtilizationHigh, title, text, FREE_OR_BUY)
        .with("percent", (percent * 10.0).round() / 10.0)
        .with("limit", limit)
        .level(level_of(percent >= limit, percent > limit - BAND))
}

/// Free seats at which none being free isn't over yet: one, or 1 % of all.
fn band_of_gone(total: f64) -> f64 {
    (total / 100.0).floor().max(1.0)
}

fn gone(pool: &Pool) -> Condition {
    let free = pool.pool.free();
    let one = match pool.seat_type {
        Some(seat_type) => format!("{} seat", seat_type.title()),
        None => "token".to_owned(),
    };
    let (total, quarantined) = (number(pool.pool.total), number(pool.pool.quarantined));
    let text = match (free <= 0.0, pool.pool.quarantined > 0.0) {
        (true, false) => format!("all {total} {} are taken", pool.all()),
        // Who is in quarantine has none: it is not taken, and nobody can get it.
        (true, true) => format!(
            "none of {total} {} is free: {} are allocated, {quarantined} in quarantine",
            pool.all(),
            number(pool.pool.allocated)
        ),
        (false, false) => pool.free_text(),
        (false, true) => format!("{}, {quarantined} in quarantine", pool.free_text()),
    };
    pool.condition(Rule::SeatsGone, format!("No {one} is free"), text, FREE_OR_BUY)
        .level(level_of(free <= 0.0, free <= band_of_gone(pool.pool.total)))
}

/// Goes on until a seat is free again: what swings between the last seat and one too many is told
/// once.
fn excess(pool: &Pool) -> Option<Condition> {
    pool.seat_type?;
    let (excess, free) = (pool.pool.excess, pool.pool.free());
    let title = format!("More {} are allocated than licensed", pool.title());
    let text = if excess > 0.0 {
        let (total, all) = (number(pool.pool.total), pool.all());
        format!("{} in excess of the {total} {all} of the license", seats_text(excess))
    } else {
        format!("no seat in excess, {}", pool.free_text())
    };
    let hint = "deallocate seats or buy more: people beyond the license lose access, and it is \
                a matter of compliance";
    let level = level_of(excess > 0.0, free <= 0.0);
    Some(pool.condition(Rule::SeatsExcess, title, text, hint).level(level))
}

fn quarantine(facts: &Facts, limits: &Limits) -> Judged {
    let rule = Rule::QuarantineRising;
    let (Fact::Known(dated), Fact::Known(before)) = (&facts.pools, &facts.quarantined_before)
    else {
        return known(rule, &facts.pools, |_| Vec::new()).unless_unknown(&facts.quarantined_before);
    };
    let limit = limits.quarantine_seats;
    let band = limit - (1.0 + (limit / 10.0).floor()).min(limit - 1.0);
    let rising = |pool: &Pool| {
        let seat_type = pool.seat_type?;
        let (_, before) = before.iter().find(|(of, _)| *of == seat_type)?;
        let more = pool.pool.quarantined - before;
        let title = format!("More {} are in quarantine", pool.title());
        let than = if more < 0.0 { "fewer" } else { "more" };
        let text = format!(
            "{} {} are quarantined, {} {than} than a week ago",
            number(pool.pool.quarantined),
            pool.all(),
            number(more.abs())
        );
        let hint = "a seat that is taken from somebody who used it within 7 days is locked for \
                    7 days: see who takes seats away (bursar insight changes)";
        let level = level_of(more >= limit, more >= band);
        Some(pool.condition(rule, title, text, hint).with("aWeekAgo", *before).level(level))
    };
    let unknown = of(dated)
        .iter()
        .filter_map(|pool| pool.seat_type)
        .filter(|seat_type| !before.iter().any(|(of, _)| of == seat_type))
        .map(|seat_type| seat_type.as_str().to_owned())
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

fn churn_high(churn: &ChurnFacts, facts: &Facts, limits: &Limits) -> Condition {
    const BAND: f64 = 2.0;
    let percent = f64::from(churn.again) / f64::from(churn.allocated.max(1)) * 100.0;
    let holds = churn.again >= limits.churn_seats && percent >= limits.churn_percent;
    let fewest = limits.churn_seats.saturating_sub(1).max(1);
    let lingers = churn.again >= fewest && percent > limits.churn_percent - BAND;
    let level = level_of(holds, lingers);
    let title = churn.seat_type.title();
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
    .level(level)
}
