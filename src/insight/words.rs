//! Answers in English words.

pub mod renewal;

use chrono::{Datelike, NaiveDate};

use super::NotEnough;
use super::backtest::BackTest;
use super::budget::{Budget, Projection, Verdict, Year};
use super::cost::MoneyRange;
use super::forecast::RunsOut;
use super::growth::Estimate;
use super::models::Kind;
use super::money::Money;
use super::purchase::Purchase;
use super::reclaim::{HeldBack, KeepFree, Limits, Releasing, Spent};
use super::returns::{ComingBack, CouldBeSaved};
use crate::words::retold::MONTHS;
use crate::words::{Locale, counted};

/// The name of a month from 1 to 12.
pub fn month(number: u32) -> &'static str {
    let index = usize::try_from(number).unwrap_or(0).clamp(1, MONTHS.len()) - 1;
    MONTHS[index]
}

/// `5 March 2027`.
pub fn date(day: NaiveDate) -> String {
    Locale::default().date(day)
}

/// `1 reclaimable seat`.
pub fn reclaimable(seats: u32, l: Locale) -> String {
    counted(l, seats.into(), "reclaimable seat", "reclaimable seats")
}

/// `231 of 250 idle for 60 days or longer`: reclaimable, beside all that are idle.
pub fn of_idle(reclaimable: u32, idle: u32, threshold_days: u32, l: Locale) -> String {
    let days = counted(l, threshold_days.into(), "day", "days");
    let number = |seats: u32| l.number(seats.into());
    format!("{} of {} idle for {days} or longer", number(reclaimable), number(idle))
}

/// `74,088.00 to 82,320.00 EUR`, or the most, if nobody comes back.
pub fn could_be_saved(of: &CouldBeSaved, l: Locale) -> String {
    match of.low {
        Some(low) => amounts(&MoneyRange { low, middle: low, high: of.high }, l),
        None => format!("up to {}", of.high.written(l)),
    }
}

/// Why that is a range, or that it supposes that nobody comes back.
pub fn coming_back(of: &CouldBeSaved, l: Locale) -> String {
    let number = |seats: u32| l.number(seats.into());
    match of.coming_back {
        Some(ComingBack { back: 0, of: cases, within_days }) => format!(
            "nobody came back within {within_days} days of {} who lost a seat in the last 365",
            number(cases)
        ),
        Some(ComingBack { back, of: cases, within_days }) => format!(
            "the most if nobody comes back, the least if as many do as in the last 365 days: {} of {} within \
             {within_days} days",
            number(back),
            number(cases)
        ),
        None => format!(
            "if nobody comes back: how many do is not known, as {} in the last 365 days",
            match of.released {
                0 => "no seat was released".to_owned(),
                1 => "only 1 seat was released".to_owned(),
                few => format!("too few seats were released for long enough ({})", number(few)),
            }
        ),
    }
}

/// What the word means, wherever its figures are.
pub const RECLAIMABLE: &str = "due by the release rules, over as many runs as it takes";

/// What the cost of a year is divided by, beside its amount.
pub fn per_active_person(people: u32, with_minutes: bool, l: Locale) -> String {
    let people = counted(l, people.into(), "person", "people");
    let minutes = if with_minutes { ", minutes too" } else { "" };
    format!("all entitled{minutes}, by {people} active within 28 days")
}

/// That nothing of what is reclaimable goes by itself, and why; `None` where it does, or that isn't known.
pub fn not_released(of: Option<Releasing>) -> Option<&'static str> {
    match of? {
        Releasing::Real => None,
        Releasing::Rehearsal => Some("nothing is released: runs only rehearse (dryRun)"),
        Releasing::Off => Some("nothing is released: releases are off (licenseRelease)"),
        Releasing::TypeOff => Some("not released by the settings: default rules"),
    }
}

/// How what is reclaimable goes, and what holds back the rest, each in a line; empty where all goes in the next run.
pub fn limits_each(of: &Limits, l: Locale) -> Vec<String> {
    let number = |seats: u32| l.number(seats.into());
    let mut lines: Vec<String> =
        not_released(of.releasing).map(str::to_owned).into_iter().collect();
    if let Some(max) = of.max_releases {
        lines.push(match max.min(of.next_run) == max {
            true => format!("next run: {} of them, the most of one (maxReleases)", number(max)),
            false => {
                format!("next run: {} of them (maxReleases {})", number(of.next_run), number(max))
            }
        });
    }
    if of.after_notice > 0 {
        lines.push(format!("{} of them only after a notice", number(of.after_notice)));
    }
    if let Some(KeepFree { is, free, seats }) = of.keep_free {
        let [is, free, seats] = [is, free, seats].map(number);
        lines.push(format!("{seats} stay: {is} are to be free, {free} are (keepFree)"));
        lines.push(format!("seats go only until {is} are free"));
    }
    if let Some(HeldBack { seats, max_release_percent: percent, due, of }) = of.held_back {
        let [seats, due, of] = [seats, due, of].map(number);
        lines.push(format!("{seats} are held back by a guard (maxReleasePercent)"));
        lines.push(format!("{due} of {of} are due, and above {percent} % it stops a run"));
    }
    if let Some(Spent { taken, of }) = of.spent {
        let [taken, of] = [taken, of].map(number);
        lines.push(format!(
            "before the limit of 22 hours: {taken} of maxReleases ({of}) went in the last ones"
        ));
    }
    lines
}

/// The same in one; `None` where nothing decides.
pub fn limits(of: &Limits, l: Locale) -> Option<String> {
    let parts = limits_each(of, l);
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What a forecast is made with.
pub fn model(kind: Kind) -> &'static str {
    match kind {
        Kind::Straight => "straight line",
        Kind::Level => "no growth",
        Kind::Damped => "damped trend",
        Kind::Seasonal => "yearly season",
        Kind::Mean => "mean of all",
    }
}

/// `88 % of 154 earlier ranges held, before they were widened`.
pub fn held(test: &BackTest) -> String {
    format!(
        "{:.0} % of {} earlier ranges held, before they were widened",
        test.coverage_percent, test.forecasts
    )
}

/// What a forecast is made with, and why.
pub fn chosen(kind: Kind, test: &Result<BackTest, NotEnough>) -> String {
    let name = model(kind);
    let Ok(test) = test else { return format!("{name}, too little data to try others") };
    let least = test.scores.iter().min_by(|a, b| a.score.total_cmp(&b.score));
    let why = if least.is_some_and(|least| least.model == kind) {
        "the least error so far"
    } else {
        // No worse than the best by more than chance.
        "simplest of the best so far"
    };
    format!("{name}, {why} (no change = 1):")
}

/// The error of each model in the test of the past.
pub fn scores(test: &BackTest) -> String {
    let name = |kind| match kind {
        Kind::Straight => "line",
        Kind::Level => "level",
        Kind::Damped => "damped",
        Kind::Seasonal => "season",
        Kind::Mean => "mean",
    };
    let scores = test.scores.iter().map(|of| format!("{} {:.2}", name(of.model), of.score));
    scores.collect::<Vec<_>>().join(", ")
}

/// When the seats run out, to be put after "the free seats run out" or before a full stop.
pub fn runs_out(answer: &RunsOut, today: NaiveDate, locale: Locale) -> String {
    match answer {
        RunsOut::Already => "none are free now".to_owned(),
        RunsOut::NotWithinTenYears => "not within 10 years".to_owned(),
        RunsOut::Between { earliest, latest: None, median, within_ten_years_percent } => {
            let first = if *earliest <= today {
                "any day now".to_owned()
            } else {
                format!("not before {}", locale.month(*earliest))
            };
            match median {
                // What is years away is not known to the month.
                Some(day) if day.year() > today.year() + 1 => {
                    format!("{first}; one in two by {}", day.year())
                }
                Some(day) => format!("{first}; one in two by {}", locale.month(*day)),
                None => {
                    format!("{first}; within 10 years in {within_ten_years_percent} of 100 cases")
                }
            }
        }
        RunsOut::Between { earliest, latest: Some(latest), .. } => {
            if *earliest <= today {
                format!("between now and {}", locale.date(*latest))
            } else {
                locale.between(*earliest, *latest)
            }
        }
    }
}

/// `between 1.00 and 2.00 EUR`, or one amount.
pub fn money(range: &MoneyRange, locale: Locale) -> String {
    match ends(range, locale) {
        (None, high) => high,
        (Some(low), high) => format!("between {low} and {high}"),
    }
}

/// Both ends of a range: the currency is said once. No lower one where both are the same.
fn ends(range: &MoneyRange, locale: Locale) -> (Option<String>, String) {
    let (low, high) = (range.low.rounded(), range.high.rounded());
    let low = (low != high).then(|| locale.separated(&low.to_string()));
    (low, range.high.written(locale))
}

/// `+1.2 to +1.8`, with as many digits as tell the two ends apart; to be put after "in 80 of 100 cases".
pub fn growth(range: &Estimate, locale: Locale) -> String {
    let signed = |value: f64, digits: usize| {
        let text = format!("{value:+.digits$}");
        match text.trim_end_matches('0').trim_end_matches('.') {
            "+0" | "-0" => "0".to_owned(),
            text => locale.separated(text),
        }
    };
    (1..=3)
        .map(|digits| (signed(range.low, digits), signed(range.high, digits)))
        .find(|(low, high)| low != high)
        .map_or_else(|| "the same".to_owned(), |(low, high)| format!("{low} to {high}"))
}

/// `1.00 to 2.00 EUR`, or one amount.
pub fn amounts(range: &MoneyRange, locale: Locale) -> String {
    match ends(range, locale) {
        (None, high) => high,
        (Some(low), high) => format!("{low} to {high}"),
    }
}

/// `40 to 43 Analyzer seats (140 to 143 in all): 16,800.00 to 18,060.00 EUR`.
pub fn to_buy(projection: &Projection, locale: Locale) -> String {
    let [seats, all, amount] = to_buy_each(projection, locale);
    format!("{seats} ({all}): {amount}")
}

/// The same apart: `40 to 43 Analyzer seats`, `140 to 143 in all`, and the amount.
pub fn to_buy_each(projection: &Projection, locale: Locale) -> [String; 3] {
    let Purchase { seats_low, seats_high, cost, .. } = &projection.to_buy;
    let seats = |seats: u64| locale.separated(&seats.to_string());
    let range = |more: u64| match seats_low == seats_high {
        true => seats(more + seats_high),
        false => format!("{} to {}", seats(more + seats_low), seats(more + seats_high)),
    };
    let amount = match *seats_low {
        0 => format!("up to {}", cost.high.written(locale)),
        _ => amounts(cost, locale),
    };
    let seats = if *seats_high == 1 { "seat" } else { "seats" };
    let many = format!("{} {} {seats}", range(0), projection.seat_type.title());
    [many, format!("{} in all", range(projection.entitled_seats)), amount]
}

/// `the first has to be there by 5 March 2027`, the first day on which the seats may run out; where it may be that
/// none has to be bought, that. `None` when none has.
pub fn first_to_buy(purchase: &Purchase, locale: Locale) -> Option<String> {
    let day = locale.date(purchase.earliest.filter(|_| purchase.seats_high > 0)?);
    Some(match purchase.seats_low {
        0 => format!("if any, the first by {day}"),
        _ => format!("the first has to be there by {day}"),
    })
}

/// `550,000.00 EUR to pay for seats`: of what is to be paid in a year.
pub fn for_seats(to_pay: &MoneyRange, locale: Locale) -> String {
    format!("{} to pay for seats", money(to_pay, locale))
}

/// `16,800.00 EUR for minutes, as now`, beside [`for_seats`]: what minutes come to is not forecast.
pub fn for_minutes(entitled: Money, locale: Locale) -> String {
    format!("{} for minutes, as now", entitled.written(locale))
}

/// What running out is, for seats to buy and forecasts alike.
pub const FIRST_TO_BUY: &str = "seats run out on the first day on which all are taken";

/// Of what a damped trend says: why it is more than the growth, where it is.
pub fn of_late(growth: &Estimate, damped_per_month: f64) -> &'static str {
    if damped_per_month > growth.middle { "; faster of late" } else { "" }
}

/// `within 50,000.00 EUR, 8,000.00 EUR left`, of a verdict on what is to be paid for a year.
pub fn verdict(of: &Verdict, budget: Money, locale: Locale) -> String {
    let budget = budget.written(locale);
    match of {
        Verdict::Within { left } => format!("within {budget}, {} left", amounts(left, locale)),
        Verdict::MayExceed { by } => {
            let by = by.written(locale);
            format!("may exceed {budget} by up to {by}")
        }
        Verdict::Exceeded { by } => format!("exceeds {budget} by {}", amounts(by, locale)),
    }
}

/// `in the year from 12 January 2027 to 11 January 2028`: that of a budget.
pub fn budget_year(of: &Year, locale: Locale) -> String {
    format!("in the year from {} to {}", locale.date(of.first), locale.date(of.last))
}

/// `within 50,000.00 EUR, 8,000.00 EUR left`; where seats are bought for another time than a year, that they are
/// paid for all of it within this one.
pub fn budget(of: &Budget, locale: Locale) -> String {
    let is_bought = of.to_pay.high != of.entitled;
    let term = match of.term_months {
        12 => String::new(),
        _ if !is_bought => String::new(),
        months => format!("; seats to buy with the price of {}", months_in_words(months)),
    };
    verdict(&of.verdict, of.budget, locale) + &term
}

/// The same with the year that it is of.
pub fn budget_in_year(of: &Budget, locale: Locale) -> String {
    format!("{}, {}", budget(of, locale), budget_year(&of.year, locale))
}

/// `about 27 months`, `about 3 weeks`: how long something lasts, as rough as it is known.
pub fn about_months(months: f64) -> String {
    let plural = |number: f64, unit: &str| {
        let s = if number == 1.0 { "" } else { "s" };
        format!("about {number} {unit}{s}")
    };
    if months >= 120.0 {
        "more than 10 years".to_owned()
    } else if months >= 1.95 {
        plural(months.round(), "month")
    } else {
        plural((months.max(0.0) * super::DAYS_PER_MONTH / 7.0).round(), "week")
    }
}

/// What stands for figures that need the list of seats.
pub const NO_LIST: &str = "not known yet: the list of seats was not read so far";

/// What stands for cost that needs the access licenses.
pub const NO_ENTITLEMENT: &str = "not known yet: the access licenses were not read so far";

/// `1 month`, `18 months`.
pub fn months_in_words(months: u32) -> String {
    if months == 1 { "1 month".to_owned() } else { format!("{months} months") }
}

/// In whole units, without the currency: `12,346`.
pub fn whole(money: Money, locale: Locale) -> String {
    locale.separated(&money.amount.round().normalize().to_string())
}

/// The same, or `-` where there is none.
pub fn whole_or_dash(money: Option<Money>, locale: Locale) -> String {
    money.map_or_else(|| "-".to_owned(), |money| whole(money, locale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_trend_that_fades_from_more_says_so() {
        let growth = Estimate { low: 1.0, middle: 2.0, high: 3.0 };
        assert_eq!(of_late(&growth, 1.5), "");
        assert!(of_late(&growth, 2.5).contains("faster of late"));
    }

    #[test]
    fn a_range_may_be_open() {
        let today = day("2026-11-24");
        let open = |earliest: &str, latest: Option<&str>, median: Option<&str>| {
            let between = RunsOut::Between {
                earliest: day(earliest),
                latest: latest.map(day),
                median: median.map(day),
                within_ten_years_percent: 31,
            };
            runs_out(&between, today, Locale::default())
        };
        let words = |earliest: &str, latest: Option<&str>| open(earliest, latest, None);
        assert_eq!(words("2027-03-05", Some("2027-06-20")), "between 5 March and 20 June 2027");
        assert_eq!(words("2026-11-24", Some("2027-06-20")), "between now and 20 June 2027");
        let few = "within 10 years in 31 of 100 cases";
        assert_eq!(words("2028-03-05", None), format!("not before March 2028; {few}"));
        assert_eq!(words("2026-11-24", None), format!("any day now; {few}"));
        assert_eq!(
            open("2028-03-05", None, Some("2030-06-01")),
            "not before March 2028; one in two by 2030"
        );
        assert_eq!(
            open("2026-11-24", None, Some("2027-06-01")),
            "any day now; one in two by June 2027"
        );
        assert_eq!(runs_out(&RunsOut::Already, today, Locale::default()), "none are free now");
        assert_eq!(
            runs_out(&RunsOut::NotWithinTenYears, today, Locale::default()),
            "not within 10 years"
        );
    }

    #[test]
    fn a_range_of_growth_has_two_ends() {
        let words = |low, middle, high| growth(&Estimate { low, middle, high }, Locale::default());
        assert_eq!(words(1.2, 1.5, 1.84), "+1.2 to +1.8");
        assert_eq!(words(1.46, 1.5, 1.54), "+1.46 to +1.54");
        assert_eq!(words(-0.04, 0.0, 1.0), "0 to +1");
        assert_eq!(words(-2.0, 0.0, 0.0), "-2 to 0");
        assert_eq!(words(0.0, 0.0, 0.0), "the same");
        assert_eq!(words(20.0, 20.0, 100.0), "+20 to +100");
    }

    #[test]
    fn months_are_rough() {
        let words = [27.2, 1.96, 1.0, 0.24, 0.0, 500.0].map(about_months);
        assert_eq!(
            words,
            [
                "about 27 months",
                "about 2 months",
                "about 4 weeks",
                "about 1 week",
                "about 0 weeks",
                "more than 10 years"
            ]
        );
    }
}
