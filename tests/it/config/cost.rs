//! `cost`: amounts keep every digit, however they are written.

use bursar::insight::cost::Prices;
use bursar::insight::purchase::Term;

use super::{environment, load, warnings, working};

fn with_cost(cost: &str) -> String {
    let mut text = working("  cost:\n");
    for line in cost.lines() {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

fn prices(cost: &str) -> Option<Prices> {
    let text = with_cost(cost);
    load(&text, &environment()).unwrap_or_else(|e| panic!("{e}\n{text}")).settings.cost
}

/// Warnings or errors, without the file's name.
fn said(cost: &str) -> String {
    let all = match load(&with_cost(cost), &environment()) {
        Ok(loaded) => warnings(&loaded),
        Err(problems) => format!("{problems}\n"),
    };
    all.replace("conf/x.yaml:", "")
}

#[test]
fn without_prices_there_is_no_cost() {
    assert_eq!(load(&working(""), &environment()).unwrap().settings.cost, None);
    assert_eq!(prices("currency:\nprofessional:\n"), None);
}

#[test]
fn amounts_are_numbers_or_texts_and_keep_their_digits() {
    let prices = prices(
        "currency: eur
professional:
  perSeatPerYear: 1234.10
analyzer:
  perSeatPerYear: '499.9900'
analyzerCapacity:
  perThousandMinutes: 0.1
budgetPerYear: 100000",
    )
    .unwrap();
    assert_eq!(prices.currency.as_str(), "EUR");
    let text = |amount: Option<_>| amount.map(|a: rust_decimal::Decimal| a.to_string());
    assert_eq!(text(prices.professional_per_seat_per_year).as_deref(), Some("1234.1"));
    assert_eq!(text(prices.analyzer_per_seat_per_year).as_deref(), Some("499.9900"));
    assert_eq!(text(prices.capacity_per_thousand_minutes).as_deref(), Some("0.1"));
    assert_eq!(text(prices.budget_per_year).as_deref(), Some("100000"));
}

#[test]
fn seats_are_bought_for_a_year_unless_a_term_is_set() {
    let of =
        |more: &str| prices(&format!("currency: EUR\nanalyzer: {{perSeatPerYear: 1}}\n{more}"));
    assert_eq!(of("").unwrap().term, Term::default());
    assert_eq!(of("term: 36 months").unwrap().term, Term::parse("3 years").unwrap());
    assert_ne!(of("term: 36 months"), of(""));
}

#[test]
fn an_amount_may_come_from_outside() {
    let mut env = environment();
    env.variables.insert("SEAT_PRICE".into(), "850.50".into());
    let text = with_cost("currency: SEK\nprofessional:\n  perSeatPerYear: ${env:SEAT_PRICE}\n");
    let prices = load(&text, &env).unwrap().settings.cost.unwrap();
    assert_eq!(prices.professional_per_seat_per_year.unwrap().to_string(), "850.50");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases = [
        "currency: euros\nbudgetPerYear: -5",
        "professional: {perSeatPerYear: 12.50}",
        "currency: EUR\nprofessional: {perSeatPerYear: '1,234.50'}\nanalyzer: {perSeatPerYear: 5 EUR}",
        "currency: EUR\nprofessional: {perSeatPerYear: 1000000000000.01}",
        "currency: EUR\nprofessional: {perSeatPerYear: 0.12345678901234567}",
        "currency: EUR\nprofessional: {perSeatPerYear: true}\nanalyzer: {perSeatPerYear: [5]}",
        "currency: EUR\nprofessional: 100",
        "currency: EUR",
        "currency: EUR\nbudgetPerYear: 7",
        "currency: EUR\nprofesional: {perSeatPerYear: 1}",
        "currency: EUR\nanalyzer: {perSeatPerYear: 1}\nterm: 2 weeks",
    ];
    insta::assert_snapshot!(cases.map(said).join("\n"), @r#"
    18:15: Butler.cost.currency: "euros" is not a currency; write its three letters from ISO 4217, such as EUR, USD or SEK
    19:20: Butler.cost.budgetPerYear: "-5" is below 0; write 0 or more

    18:5: Butler.cost.currency: this is missing: there are amounts; write the three letters of their currency, such as EUR

    19:36: Butler.cost.professional.perSeatPerYear: "1,234.50" is not an amount; write digits and a point, such as 1234.50, without separators and currency
    20:32: Butler.cost.analyzer.perSeatPerYear: "5 EUR" is not an amount; write digits and a point, such as 1234.50, without separators and currency

    19:36: Butler.cost.professional.perSeatPerYear: "1000000000000.01" is more than a license can cost; write at most 1000000000000

    19:36: Butler.cost.professional.perSeatPerYear: expected an amount, found 0.12345678901234566; it has more digits than a number keeps: put it in quotes

    19:36: Butler.cost.professional.perSeatPerYear: expected an amount, found true; write digits and a point, such as 1234.50
    20:32: Butler.cost.analyzer.perSeatPerYear: expected an amount, found a list; write digits and a point, such as 1234.50

    19:19: Butler.cost.professional: expected a section, found 100; write its keys on the lines below, indented

    18:15: warning: Butler.cost.currency: no cost is computed: nothing has a price; write professional.perSeatPerYear, analyzer.perSeatPerYear or analyzerCapacity.perThousandMinutes

    19:20: warning: Butler.cost.budgetPerYear: no cost is computed: nothing has a price; write professional.perSeatPerYear, analyzer.perSeatPerYear or analyzerCapacity.perThousandMinutes

    18:15: warning: Butler.cost.currency: no cost is computed: nothing has a price; write professional.perSeatPerYear, analyzer.perSeatPerYear or analyzerCapacity.perThousandMinutes
    19:5: Butler.cost.profesional: this is not a setting; did you mean professional?

    20:11: Butler.cost.term: "2 weeks" is no time that seats are bought for; write a number of months or years, such as 1 year or 36 months, at most 10 years
    "#);
}
