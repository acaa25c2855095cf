//! Money: decimals with a currency, rounded when it is shown and nowhere before.
//!
//! An amount keeps all its digits (up to 28) through a computation. Only [`Display`](fmt::Display)
//! and JSON round, half to even, to the smallest unit of the currency: sums of shown amounts may
//! therefore differ from a shown sum by that unit.

use std::fmt;
use std::ops::{Add, Sub};

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};

use crate::words::Locale;

/// Three letters of ISO 4217, such as `EUR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// Currencies whose smallest unit is not a hundredth (ISO 4217, list one).
const WITHOUT_UNIT: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF",
];
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

impl Currency {
    /// `None` unless it is three letters; small ones are taken for capitals.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 3] = text.trim().as_bytes().try_into().ok()?;
        let letters = letters.map(|letter| letter.to_ascii_uppercase());
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is three ASCII letters")
    }

    /// Digits after the point.
    pub fn digits(&self) -> u32 {
        let code = self.as_str();
        if WITHOUT_UNIT.contains(&code) {
            0
        } else if THOUSANDTHS.contains(&code) {
            3
        } else {
            2
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// An amount of a currency. All amounts of a computation are in the one currency of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// Not rounded.
    pub amount: Decimal,
    pub currency: Currency,
}

impl Money {
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    pub fn zero(currency: Currency) -> Self {
        Self::new(Decimal::ZERO, currency)
    }

    /// So many times; the largest amount there is if that is beyond it.
    pub fn times(self, count: impl Into<Decimal>) -> Self {
        let count = count.into();
        let amount = self.amount.checked_mul(count).unwrap_or_else(|| {
            if self.amount.is_sign_negative() == count.is_sign_negative() {
                Decimal::MAX
            } else {
                Decimal::MIN
            }
        });
        Self { amount, ..self }
    }

    /// One of so many parts; `None` of nothing.
    pub fn over(self, parts: impl Into<Decimal>) -> Option<Self> {
        Some(Self { amount: self.amount.checked_div(parts.into())?, ..self })
    }

    /// Rounded half to even to the currency's smallest unit, with all its digits.
    pub fn rounded(&self) -> Decimal {
        let digits = self.currency.digits();
        let mut amount =
            self.amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointNearestEven);
        amount.rescale(digits);
        if amount.is_zero() {
            amount.set_sign_positive(true);
        }
        amount
    }

    /// `12,345.60 EUR`, with the separators of a locale.
    pub fn written(&self, locale: Locale) -> String {
        format!("{} {}", locale.separated(&self.rounded().to_string()), self.currency)
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { amount: self.amount.saturating_add(other.amount), ..self }
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { amount: self.amount.saturating_sub(other.amount), ..self }
    }
}

/// The sum of amounts that there are; `None` of none.
pub fn sum(amounts: impl IntoIterator<Item = Money>) -> Option<Money> {
    amounts.into_iter().reduce(Add::add)
}

/// A total in whole units of its currency, shared in the proportion of exact parts: each is rounded down,
/// and what is left goes, a unit each, to those with the largest remainders (the first of equal ones).
/// The shares add up to the rounded total exactly.
pub fn apportion(total: Money, parts: &[Money]) -> Vec<Money> {
    let digits = total.currency.digits();
    let unit = Decimal::new(1, digits);
    let down = |money: &Money| {
        money.amount.round_dp_with_strategy(digits, RoundingStrategy::ToNegativeInfinity)
    };
    let mut shares: Vec<Decimal> = parts.iter().map(down).collect();
    let mut left = total.rounded() - shares.iter().sum::<Decimal>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|n| std::cmp::Reverse(parts[*n].amount - shares[*n]));
    for n in order {
        if left < unit {
            break;
        }
        shares[n] += unit;
        left -= unit;
    }
    shares.into_iter().map(|share| Money::new(share, total.currency)).collect()
}

/// `12,345.60 EUR`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(Locale::default()))
    }
}

/// `{"amount": "12345.60", "currency": "EUR"}`: text, so that no reader makes a float of it.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written {
            amount: String,
            currency: Currency,
        }
        let amount = self.rounded().to_string();
        Written { amount, currency: self.currency }.serialize(serializer)
    }
}

/// A part in percent of the whole; `None` of nothing.
pub fn percent_of(part: Money, whole: Money) -> Option<f64> {
    let share = part.amount.checked_div(whole.amount)?;
    share.to_f64().map(|share| share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: &str, currency: &str) -> Money {
        Money::new(amount.parse().unwrap(), Currency::parse(currency).unwrap())
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let shown = |amount, currency| money(amount, currency).to_string();
        assert_eq!(shown("0.125", "EUR"), "0.12 EUR");
        assert_eq!(shown("0.135", "EUR"), "0.14 EUR");
        assert_eq!(shown("2.5", "JPY"), "2 JPY");
        assert_eq!(shown("3.5", "jpy"), "4 JPY");
        assert_eq!(shown("1.0005", "KWD"), "1.000 KWD");
        assert_eq!(shown("-1234567.891", "USD"), "-1,234,567.89 USD");
        assert_eq!(shown("-0.001", "USD"), "0.00 USD");
        assert_eq!(shown("123", "USD"), "123.00 USD");
    }

    #[test]
    fn nothing_is_rounded_on_the_way() {
        let third = money("100", "EUR").over(3).unwrap();
        assert_eq!(third.to_string(), "33.33 EUR");
        assert_eq!((third + third + third).to_string(), "100.00 EUR");
        assert_eq!(money("0.1", "EUR") + money("0.2", "EUR"), money("0.3", "EUR"));
        assert_eq!(money("1", "EUR").over(0), None);
    }

    #[test]
    fn what_is_left_of_a_total_goes_to_the_largest_remainders() {
        let shares = |total: &str, parts: &[&str], currency| -> Vec<String> {
            let parts: Vec<Money> = parts.iter().map(|part| money(part, currency)).collect();
            let shares = apportion(money(total, currency), &parts);
            shares.iter().map(|share| share.rounded().to_string()).collect()
        };
        let third = "33.333333333333";
        assert_eq!(shares("100", &[third, third, third], "EUR"), ["33.34", "33.33", "33.33"]);
        assert_eq!(
            shares("100", &["33.331", "33.334", "33.335"], "EUR"),
            ["33.33", "33.33", "33.34"]
        );
        assert_eq!(shares("10", &["2.5", "2.5", "5"], "JPY"), ["3", "2", "5"]);
        assert_eq!(shares("0.3", &["0.1", "0.2"], "EUR"), ["0.10", "0.20"]);
        assert_eq!(shares("0", &[], "EUR"), [""; 0]);
    }

    #[test]
    fn too_much_is_the_most_there_is() {
        let much = money("79228162514264337593543950335", "EUR");
        assert_eq!(much.times(2).amount, Decimal::MAX);
        assert_eq!(much.times(-2).amount, Decimal::MIN);
        assert_eq!((much + much).amount, Decimal::MAX);
    }

    #[test]
    fn json_holds_text() {
        let json = serde_json::to_string(&money("12345.6", "EUR")).unwrap();
        assert_eq!(json, r#"{"amount":"12345.60","currency":"EUR"}"#);
    }

    #[test]
    fn a_currency_is_three_letters() {
        for text in ["", "E", "EU", "EURO", "€", "E1R", "éé"] {
            assert_eq!(Currency::parse(text), None, "{text}");
        }
        assert_eq!(Currency::parse(" eur ").unwrap().as_str(), "EUR");
    }
}
