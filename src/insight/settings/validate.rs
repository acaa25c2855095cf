//! `cost`.

use chrono::{Datelike, Months, NaiveDate};
use rust_decimal::Decimal;

use super::raw;
use crate::insight::contract::Contracts;
use crate::insight::cost::Prices;
use crate::insight::money::Currency;
use crate::insight::purchase::Term;
use crate::settings::{At, Check};

/// No license costs more; sums of what is below can be computed exactly.
const LARGEST: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);

/// Contracts of Qlik Sense began and end in these years.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2199;

const PRICES: [&str; 3] = [
    "professional.perSeatPerYear",
    "analyzer.perSeatPerYear",
    "analyzerCapacity.perThousandMinutes",
];

pub(crate) fn settings(check: &Check<'_>, at: &At<'_>) -> Option<Prices> {
    let raw: raw::Cost = at.read();
    let amount = |key: &str, text: &str| amount(check, &at.at(key), text);
    let professional = amount(PRICES[0], &raw.professional.per_seat_per_year);
    let analyzer = amount(PRICES[1], &raw.analyzer.per_seat_per_year);
    let minutes = amount(PRICES[2], &raw.analyzer_capacity.per_thousand_minutes);
    let budget = amount("budgetPerYear", &raw.budget_per_year);
    let term = term(check, &at.get("term"), &raw.term);

    let currency_at = at.get("currency");
    let text = raw.currency.trim();
    let currency = Currency::parse(text);
    let priced = professional.or(analyzer).or(minutes).is_some();
    let tried = PRICES.iter().map(|key| at.at(key)).any(|at| at.node.is_some() || at.broken);
    if currency.is_none() && !text.is_empty() {
        check.error(
            &currency_at,
            format!("{} is not a currency", currency_at.quoted(text)),
            "write its three letters from ISO 4217, such as EUR, USD or SEK",
        );
    } else if text.is_empty() && (priced || budget.is_some()) {
        check.error(
            &currency_at,
            "this is missing: there are amounts",
            "write the three letters of their currency, such as EUR",
        );
    } else if !priced && !tried && (!text.is_empty() || budget.is_some()) {
        let key = if budget.is_some() { "budgetPerYear" } else { "currency" };
        check.warn(
            &at.get(key),
            "no cost is computed: nothing has a price",
            format!("write {}, {} or {}", PRICES[0], PRICES[1], PRICES[2]),
        );
    }
    Some(Prices {
        currency: currency?,
        professional_per_seat_per_year: professional,
        analyzer_per_seat_per_year: analyzer,
        capacity_per_thousand_minutes: minutes,
        budget_per_year: budget,
        term: term?,
    })
    .filter(|_| priced)
}

/// When contracts renew, with or without prices.
pub(crate) fn contracts(check: &Check<'_>, at: &At<'_>) -> Contracts {
    let raw: raw::Cost = at.read();
    // What is wrong with it was said already.
    let term = Term::parse(&raw.term).unwrap_or_default();
    let latest = check.env.now().date_naive().checked_add_months(Months::new(term.months()));
    let day = |key: &str, text: &str| {
        let at = at.at(key);
        let day = day(check, &at, text)?;
        if latest.is_some_and(|latest| day > latest) {
            check.warn(
                &at,
                format!("{day} is more than cost.term ({}) ahead", term.in_words()),
                "set Butler.cost.term to as long as the contract runs, or write its next renewal",
            );
        }
        Some(day)
    };
    Contracts {
        term,
        all: day("renewsOn", &raw.renews_on),
        professional: day("professional.renewsOn", &raw.professional.renews_on),
        analyzer: day("analyzer.renewsOn", &raw.analyzer.renews_on),
        analyzer_capacity: day("analyzerCapacity.renewsOn", &raw.analyzer_capacity.renews_on),
    }
}

fn day(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let day = day.filter(|day| YEARS.contains(&day.year()));
    if day.is_none() {
        check.error(
            at,
            format!("{} is no day on which a contract is renewed", at.quoted(text)),
            "write year, month and day, such as 2027-03-31",
        );
    }
    day
}

fn term(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<Term> {
    let term = Term::parse(text);
    if term.is_none() {
        check.error(
            at,
            format!("{} is no time that seats are bought for", at.quoted(text)),
            "write a number of months or years, such as 1 year or 36 months, at most 10 years",
        );
    }
    term
}

fn amount(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<Decimal> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    match Decimal::from_str_exact(text) {
        Ok(amount) if amount.is_sign_negative() && !amount.is_zero() => {
            check.error(at, format!("{} is below 0", at.quoted(text)), "write 0 or more");
        }
        Ok(amount) if amount > LARGEST => {
            let what = format!("{} is more than a license can cost", at.quoted(text));
            check.error(at, what, "write at most 1000000000000");
        }
        Ok(amount) => return Some(amount.abs()),
        Err(_) => check.error(
            at,
            format!("{} is not an amount", at.quoted(text)),
            "write digits and a point, such as 1234.50, without separators and currency",
        ),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_amount_is_a_million_millions() {
        assert_eq!(LARGEST.to_string(), "1000000000000");
    }
}
