//! How many seats to renew a license with, so that they last a term, and what it costs to be wrong.
//!
//! The paths are those that say when seats run out ([`forecast`](super::forecast)): what counts is the
//! highest day of each within the term.

use chrono::{Months, NaiveDate};
use serde::Serialize;

use super::budget::of_seat_days;
use super::cost::MoneyRange;
use super::days_after;
use super::forecast::{Demand, Forecast};
use super::models::Kind;
use super::money::{Currency, Money};
use super::purchase::{self, Batch, Need, Term};
use super::ranked;
use super::reclaim::Releasing;

/// The terms and risks of whoever names none.
pub const MONTHS: [u32; 3] = [12, 24, 36];
pub const RISKS: [u8; 2] = [5, 20];

/// The longest term: as far as a forecast looks.
pub const MOST_MONTHS: u32 = 120;

/// Half of all cases: who takes more wants to be short.
pub const MOST_RISK: u8 = 50;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The first day of the term; today if absent, or if it lies before.
    pub on: Option<NaiveDate>,
    /// Lengths of the term, 1 to [`MOST_MONTHS`].
    pub months: Vec<u32>,
    /// Of 100 cases, in how many the seats may be too few; 1 to [`MOST_RISK`].
    pub risks: Vec<u8>,
}

impl Default for Question {
    fn default() -> Self {
        Self { on: None, months: MONTHS.to_vec(), risks: RISKS.to_vec() }
    }
}

/// What seats of a type cost, and for how long those are bought that have to be added.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// A seat for a year.
    pub per_seat: Money,
    pub term: Term,
}

/// The answer for one type of seats.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Renewal {
    /// The first day of the term.
    pub on: NaiveDate,
    pub today: NaiveDate,
    /// The last day with data: what the paths start from.
    pub as_of: NaiveDate,
    pub entitled: f64,
    pub taken: f64,
    pub free: f64,
    /// Neither taken nor free: in quarantine. As many are taken to be so later, and are in all seats
    /// to buy.
    pub held: u64,
    /// Nothing is free now: who waits for a seat is in no figure, so all seats here are the least.
    pub full: bool,
    /// What the paths are drawn from.
    pub model: Kind,
    /// What the release rules let go, over as many runs as that takes. Absent while the list of seats isn't known, and so is what
    /// follows from it.
    pub reclaimable: Option<u32>,
    /// Whether the settings let runs release them; absent where that isn't known.
    pub releasing: Option<Releasing>,
    /// Drawn paths: what all cases are counted in.
    pub paths: usize,
    /// The answer to begin with.
    pub recommended: Recommended,
    pub terms: Vec<TermAnswer>,
}

impl Renewal {
    /// Of all amounts; `None` without a price.
    pub fn currency(&self) -> Option<Currency> {
        let first = self.terms.first()?.choices.first()?;
        first.without_release.price.map(|price| price.currency)
    }

    /// The answer to begin with, and the last day of its term.
    pub fn to_order(&self) -> Option<(&Choice, NaiveDate)> {
        self.to_order_if(self.recommended.with_release)
    }

    /// The same term and risk, with what is reclaimable released before or without.
    pub fn to_order_if(&self, with_release: bool) -> Option<(&Choice, NaiveDate)> {
        let first = &self.recommended;
        let term = self.terms.iter().find(|term| term.months == first.months)?;
        let risk = term.choices.iter().find(|of| of.risk_percent == first.risk_percent)?;
        let choice = if with_release { risk.with_release.as_ref()? } else { &risk.without_release };
        Some((choice, term.last))
    }
}

/// The answer to begin with: for the time that seats are bought for, with the lowest risk that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommended {
    pub months: u32,
    pub risk_percent: u8,
    /// The months are those of `Butler.cost.term` (a year where the settings don't say); else the shortest term that
    /// is asked for.
    pub by_term: bool,
    /// The risk is the lower one of those that stand for whoever names none.
    pub by_default: bool,
    /// The seats after release: runs release for real what is reclaimable. Else those without release, since what nobody
    /// releases has to be bought.
    pub with_release: bool,
}

impl Recommended {
    fn of(question: &Question, price: Option<Price>, with_release: bool) -> Self {
        let term = price.map_or(Term::default(), |price| price.term).months();
        let by_term = question.months.contains(&term);
        let shortest = question.months.iter().copied().min().unwrap_or(term);
        Self {
            months: if by_term { term } else { shortest },
            risk_percent: question.risks.iter().copied().min().unwrap_or(RISKS[0]),
            by_term,
            by_default: question.risks == RISKS,
            with_release,
        }
    }

    /// Whether it is this answer.
    pub fn is(&self, months: u32, risk_percent: u8) -> bool {
        (self.months, self.risk_percent) == (months, risk_percent)
    }
}

/// A term: by risk.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TermAnswer {
    pub months: u32,
    pub last: NaiveDate,
    pub choices: Vec<RiskAnswer>,
}

impl TermAnswer {
    /// The answers, each once: of risks that lead to the same seats, with the first of them.
    pub fn rows(&self) -> impl Iterator<Item = (Vec<u8>, &RiskAnswer)> {
        let same = |a: &RiskAnswer, b: &RiskAnswer| {
            a.without_release == b.without_release && a.with_release == b.with_release
        };
        self.choices
            .chunk_by(same)
            .map(|of| (of.iter().map(|of| of.risk_percent).collect(), &of[0]))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RiskAnswer {
    pub risk_percent: u8,
    pub without_release: Choice,
    /// When the reclaimable seats are released once, before the term begins. Absent while they aren't known.
    pub with_release: Option<Choice>,
}

/// So many seats for a term.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// To have from the first day of the term on, those in quarantine with them.
    pub seats: u64,
    /// More than are entitled on that day.
    pub change: i64,
    /// For the whole term. Absent without a price, as all amounts.
    pub price: Option<Money>,
    pub too_many: TooMany,
    pub too_few: TooFew,
}

/// What is paid for and nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TooMany {
    /// Free seats on an average day of the term: in 10, 50 and 90 of 100 cases no more.
    pub seats: Ends,
    /// Of free seats over the whole term.
    pub idle: Option<MoneyRange>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ends {
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

/// The cases in which they don't last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TooFew {
    /// Of all cases.
    pub cases_percent: f64,
    /// Of those cases; absent when there are none.
    pub missing: Option<Missing>,
}

/// In the middle of the cases that are short, and in nine of ten of them no more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    pub seats_middle: u64,
    pub seats_high: u64,
    /// Each bought on the first day that lacks it, as `Purchase` of the budget.
    pub cost_middle: Option<Money>,
    pub cost_high: Option<Money>,
}

/// The last day of a term.
pub fn last_day(on: NaiveDate, months: u32) -> NaiveDate {
    on.checked_add_months(Months::new(months)).map_or(NaiveDate::MAX, |next| days_after(next, -1))
}

/// How many seats each term needs. `entitled` is what is known to be entitled on the first day of the
/// term.
pub fn renewal(
    forecast: &Forecast,
    question: &Question,
    reclaimable: Option<u32>,
    releasing: Option<Releasing>,
    entitled: f64,
    price: Option<Price>,
) -> Renewal {
    let on = question.on.unwrap_or(forecast.today).max(forecast.today);
    let longest = question.months.iter().copied().max().unwrap_or(1);
    let paths = forecast.demand((on, last_day(on, longest)));
    let with_release =
        releasing == Some(Releasing::Real) && reclaimable.is_some_and(|seats| seats > 0);
    let held = (forecast.held() - ROUNDING).ceil().max(0.0) as u64;
    let terms = question.months.iter().map(|months| {
        let last = last_day(on, *months);
        let days = (last - on).num_days() as usize + 1;
        let paths: Vec<Path<'_>> = paths.iter().map(|path| Path::new(path, days)).collect();
        let term = Asked { on, months: *months, last, held, entitled, price };
        let choices = question.risks.iter().map(|risk| RiskAnswer {
            risk_percent: *risk,
            without_release: term.choice(&paths, *risk, 0),
            with_release: reclaimable.map(|seats| term.choice(&paths, *risk, seats)),
        });
        TermAnswer { months: *months, last, choices: choices.collect() }
    });
    Renewal {
        on,
        today: forecast.today,
        as_of: forecast.as_of,
        entitled: forecast.entitled,
        taken: forecast.taken,
        free: forecast.free,
        held,
        full: forecast.free <= 0.0,
        model: forecast.model,
        reclaimable,
        releasing,
        paths: paths.len(),
        recommended: Recommended::of(question, price, with_release),
        terms: terms.collect(),
    }
}

/// What may come on the days of a term.
struct Path<'a> {
    days: &'a [Demand],
    highest: f64,
}

impl<'a> Path<'a> {
    fn new(path: &'a [Demand], days: usize) -> Self {
        let days = &path[..days.min(path.len())];
        Self { days, highest: days.iter().map(|day| day.highest).fold(0.0, f64::max) }
    }
}

/// Less than a millionth of a seat is rounding.
const ROUNDING: f64 = 1e-6;

struct Asked {
    on: NaiveDate,
    months: u32,
    last: NaiveDate,
    held: u64,
    entitled: f64,
    price: Option<Price>,
}

impl Asked {
    /// The fewest seats that demand goes beyond in so many of 100 cases at most.
    fn choice(&self, paths: &[Path<'_>], risk: u8, released: u32) -> Choice {
        let released = f64::from(released);
        let mut highest: Vec<f64> = paths.iter().map(|path| path.highest - released).collect();
        highest.sort_unstable_by(|a, b| b.total_cmp(a));
        let beyond = (highest.len() * usize::from(risk) / 100).min(highest.len() - 1);
        let usable = (highest[beyond] - ROUNDING).ceil().max(0.0);
        let seats = usable as u64 + self.held;
        Choice {
            seats,
            change: seats as i64 - self.entitled.round() as i64,
            price: self.price.map(|price| {
                let year = price.per_seat.times(seats).times(self.months);
                year.over(12).unwrap_or(Money::zero(price.per_seat.currency))
            }),
            too_many: self.too_many(paths, usable, released),
            too_few: self.too_few(paths, usable, released),
        }
    }

    fn too_many(&self, paths: &[Path<'_>], usable: f64, released: f64) -> TooMany {
        let idle = |path: &Path<'_>| -> f64 {
            let taken = path.days.iter().map(|day| (day.usual - released).max(0.0));
            taken.map(|taken| (usable - taken).max(0.0)).sum()
        };
        let mut seat_days: Vec<f64> = paths.iter().map(idle).collect();
        seat_days.sort_unstable_by(f64::total_cmp);
        let [low, middle, high] = [10, 50, 90].map(|percent| *ranked(&seat_days, percent));
        let days = paths.first().map_or(1, |path| path.days.len().max(1)) as f64;
        TooMany {
            seats: Ends { low: low / days, middle: middle / days, high: high / days },
            idle: self.price.map(|price| {
                let [low, middle, high] =
                    [low, middle, high].map(|seat_days| of_seat_days(price.per_seat, seat_days));
                MoneyRange { low, middle, high }
            }),
        }
    }

    fn too_few(&self, paths: &[Path<'_>], usable: f64, released: f64) -> TooFew {
        let is_short = |path: &&Path<'_>| path.highest - released - ROUNDING > usable;
        let short: Vec<Vec<Batch>> = paths
            .iter()
            .filter(is_short)
            .map(|path| {
                purchase::batches(path.days.iter().zip(self.on.iter_days()).map(|(of, day)| Need {
                    day,
                    seats: of.highest - released,
                    usable,
                }))
            })
            .collect();
        let cases_percent = short.len() as f64 * 100.0 / paths.len() as f64;
        if short.is_empty() {
            return TooFew { cases_percent, missing: None };
        }
        let mut seats: Vec<u64> =
            short.iter().map(|of| of.iter().map(|batch| batch.seats).sum()).collect();
        seats.sort_unstable();
        let costs = self.price.map(|price| {
            let cost = |of: &Vec<Batch>| purchase::cost(of, price.per_seat, price.term, self.last);
            let mut costs: Vec<Money> = short.iter().map(cost).collect();
            costs.sort_unstable_by_key(|cost| cost.amount);
            costs
        });
        let cost = |percent| costs.as_ref().map(|costs| *ranked(costs, percent));
        TooFew {
            cases_percent,
            missing: Some(Missing {
                seats_middle: *ranked(&seats, 50),
                seats_high: *ranked(&seats, 90),
                cost_middle: cost(50),
                cost_high: cost(90),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::forecast::forecast;
    use super::super::growth::History;
    use super::super::series::{Daily, Entitled, Series};
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn price(amount: &str) -> Price {
        let money = Money::new(amount.parse().unwrap(), Currency::parse("EUR").unwrap());
        Price { per_seat: money, term: Term::default() }
    }

    /// 28 weeks that end with 15 July 2026.
    fn of(level: impl Fn(f64) -> f64) -> Forecast {
        let first = day("2026-01-01");
        let days = (0..196).map(|i| Daily::flat(days_after(first, i), level(i as f64)));
        let (series, entitled) = (Series::new(days), Entitled::always(200.0));
        let history = History { series: &series, entitled: &entitled, released: &[] };
        forecast(&history, 0, days_after(first, 195)).unwrap()
    }

    fn ask(forecast: &Forecast, question: &Question, reclaimable: Option<u32>) -> Renewal {
        renewal(forecast, question, reclaimable, None, 200.0, Some(price("365")))
    }

    /// From 119.5 seats, 0.1 more each day: 155.9 on the 364th and last day of a year.
    #[test]
    fn a_line_needs_what_it_reaches_on_the_last_day_of_the_term() {
        let question = Question { months: vec![12, 24], ..Question::default() };
        let answer = ask(&of(|i| 100.0 + i * 0.1), &question, Some(10));
        assert_eq!((answer.on, answer.paths, answer.full), (day("2026-07-15"), 400, false));
        let first = answer.recommended;
        assert_eq!(
            (first.months, first.risk_percent, first.by_term, first.by_default),
            (12, 5, true, true)
        );
        let other = Question { months: vec![24, 36], risks: vec![10], on: None };
        let other = Recommended::of(&other, Some(price("1")), false);
        assert_eq!(
            (other.months, other.risk_percent, other.by_term, other.by_default),
            (24, 10, false, false)
        );
        let year = &answer.terms[0];
        assert_eq!((year.months, year.last), (12, day("2027-07-14")));
        for (risk, choice) in [5, 20].into_iter().zip(&year.choices) {
            assert_eq!(choice.risk_percent, risk);
            let without = &choice.without_release;
            assert_eq!((without.seats, without.change), (156, -44));
            assert_eq!(without.price.unwrap().to_string(), "56,940.00 EUR");
            // 156 less 119.5 on the first day, 155.9 on the last: 18.3 on the average one. A seat is one euro
            // a day.
            let TooMany { seats, idle } = without.too_many;
            assert!((seats.middle - 18.3).abs() < 0.01, "{seats:?}");
            let idle = idle.unwrap().middle.amount;
            assert!(idle > 6_675.into() && idle < 6_684.into(), "{idle}");
            assert_eq!(without.too_few, TooFew { cases_percent: 0.0, missing: None });
            let with = choice.with_release.as_ref().unwrap();
            assert_eq!((with.seats, with.change), (146, -54));
        }
        // 366 days more: 192.5, for two years.
        let both = &answer.terms[1].choices[0].without_release;
        assert_eq!(both.seats, 193);
        assert_eq!(both.price.unwrap().to_string(), "140,890.00 EUR");
    }

    #[test]
    fn a_level_needs_what_it_is_and_a_later_term_what_comes_later() {
        let forecast = of(|_| 40.0);
        let answer = ask(&forecast, &Question::default(), None);
        assert!(answer.terms.iter().flat_map(|term| &term.choices).all(|choice| {
            let without = &choice.without_release;
            let idle = without.too_many.idle.unwrap();
            without.seats == 40 && idle.high.amount.is_zero() && choice.with_release.is_none()
        }));
        let later = Question { on: Some(day("2027-07-15")), ..Question::default() };
        let growing = of(|i| 100.0 + i * 0.1);
        // It begins with 156.
        assert_eq!(ask(&growing, &later, None).terms[0].choices[0].without_release.seats, 193);
    }

    #[test]
    fn seats_in_quarantine_are_bought_beside_those_that_people_want() {
        // 160 are free, of which 12 can't be given out.
        let answer = ask(&of(|_| 40.0).with_free(148.0), &Question::default(), None);
        assert_eq!(answer.held, 12);
        assert_eq!(answer.terms[0].choices[0].without_release.seats, 52);
        assert!(ask(&of(|_| 40.0).with_free(0.0), &Question::default(), None).full);
    }

    /// As many cases are short as asked for, the fewest seats for that are named, and what they lack is
    /// priced as what the budget buys.
    #[test]
    fn the_risk_is_the_share_of_cases_that_go_beyond() {
        // A week of 110 now and then.
        let noisy = of(|i| {
            let week = (i / 7.0) as u64;
            100.0 + i * 0.05 + ((week * 7_919 + 13) % 11) as f64
        });
        let question = Question { months: vec![12], risks: vec![1, 5, 20, 50], on: None };
        let answer = ask(&noisy, &question, None);
        let paths = noisy.demand((answer.on, answer.terms[0].last));
        let beyond = |seats: f64| {
            let highest =
                paths.iter().map(|path| path.iter().map(|d| d.highest).fold(0.0, f64::max));
            highest.filter(|highest| *highest > seats).count()
        };
        let mut before = u64::MAX;
        for choice in &answer.terms[0].choices {
            let (risk, choice) = (usize::from(choice.risk_percent), &choice.without_release);
            assert!(beyond(choice.seats as f64) <= risk * 4);
            assert!(beyond(choice.seats as f64 - 1.0) > risk * 4);
            assert_eq!(choice.too_few.cases_percent, beyond(choice.seats as f64) as f64 / 4.0);
            assert!(choice.seats < before, "less risk needs more seats");
            before = choice.seats;
            let Some(missing) = choice.too_few.missing else { continue };
            // One euro a day, for the year that a seat is bought for.
            let cost =
                |seats: u64| Some(Money::new((seats * 365).into(), price("1").per_seat.currency));
            assert_eq!(missing.cost_middle, cost(missing.seats_middle));
            assert_eq!(missing.cost_high, cost(missing.seats_high));
        }
        assert!(before < answer.terms[0].choices[0].without_release.seats);
    }
}
