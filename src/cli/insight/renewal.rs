//! `bursar insight renewal`: how many seats to renew with.

use std::fmt::Write;

use chrono::NaiveDate;
use serde::Serialize;

use super::chart::{Plot, Style};
use super::utilization::capital;
use super::{Assumed, Exit, heading, no_history, table, things, types};
use crate::cli::text::wrapped;
use crate::insight::order::Order;
use crate::insight::renewal::{self, Choice, MONTHS, MOST_MONTHS, MOST_RISK, RISKS};
use crate::insight::words::{self, renewal as said};
use crate::license::SeatType;
use crate::planning::Planning;
use crate::planning::renewal::{Begins, RenewalView, TypeRenewal, check};
use crate::words::counted;

/// Show how many seats to buy so that they last a term with a risk, and what it costs to be wrong
///
/// The same drawn paths as in `insight forecast`: the seats are the fewest that demand goes beyond within
/// the term in at most so many of 100 cases.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prices come from Butler.cost.\n\nExamples:\n  bursar insight renewal -c bursar.yaml --on 2027-04-01\n  bursar insight renewal -c bursar.yaml --months 12,36 --risk 10 --json"
)]
pub struct Renewal {
    #[command(flatten)]
    question: super::Question,
    #[command(flatten)]
    options: Options,
}

/// What of it is asked.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// First day of the term, such as 2027-04-01 [default: the day on which the contract renews, Butler.cost.renewsOn; else the day after the server license ends; else today]
    #[arg(long, value_name = "DATE")]
    pub on: Option<NaiveDate>,
    /// Lengths of the term
    #[arg(
        long, value_name = "N", value_delimiter = ',', default_values_t = MONTHS,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_MONTHS))
    )]
    pub months: Vec<u32>,
    /// Of 100 cases, in how many the seats may be too few
    #[arg(
        long, value_name = "PERCENT", value_delimiter = ',', default_values_t = RISKS,
        value_parser = clap::value_parser!(u8).range(1..=i64::from(MOST_RISK))
    )]
    pub risk: Vec<u8>,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    pub seat_type: Option<SeatType>,
}

/// The answer of a site.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteRenewal {
    pub types: Vec<TypeRenewal>,
    /// The recommended answers of them in one total; `null` without any.
    pub order: Option<Order>,
}

impl Options {
    fn asked(&self) -> renewal::Question {
        let (mut months, mut risks) = (self.months.clone(), self.risk.clone());
        months.sort_unstable();
        months.dedup();
        risks.sort_unstable();
        risks.dedup();
        renewal::Question { on: self.on, months, risks }
    }
}

impl Renewal {
    pub fn execute(self) -> anyhow::Result<Exit> {
        let options = self.options;
        let asked = options.asked();
        let check = |today| check(&asked, today).map_err(|refused| refused.to_string());
        self.question.ask_assuming(
            Assumed { check: &check, release_threshold: None },
            |planning| figures(planning, &options),
            |planning, style| render(planning, &options, style),
        )
    }
}

pub fn figures(planning: &Planning, options: &Options) -> SiteRenewal {
    let asked = options.asked();
    let types = types(planning, options.seat_type);
    let types = types.into_iter().filter_map(|seat_type| planning.renewal(seat_type, &asked));
    let types: Vec<_> = types.collect();
    let order = planning.order_of(&types);
    SiteRenewal { types, order }
}

pub fn render(planning: &Planning, options: &Options, style: &Style) -> String {
    let mut out = heading(planning, style);
    let answer = figures(planning, options);
    if answer.types.is_empty() {
        out.push_str(&no_history("seats"));
    }
    for (n, answer) in answer.types.iter().enumerate() {
        if n > 0 {
            out.push('\n');
        }
        let what = capital(&things(answer.seat_type));
        match &answer.renewal {
            Ok(view) => {
                let from = format!("{what}, from {}", style.locale.date(view.answer.on));
                let _ = writeln!(out, "{}", style.paint.strong(&from));
                lines(&mut out, planning, answer.seat_type, view, style);
            }
            Err(why) => {
                let _ = writeln!(out, "{}", style.paint.strong(&what));
                let _ = writeln!(out, "  To buy          {why}");
            }
        }
        curve(&mut out, planning, answer, style);
    }
    if let Some(of) = answer.order.as_ref().filter(|of| !of.lines.is_empty()) {
        order(&mut out, planning, of, style);
    }
    out
}

/// The recommended order, with its total beside the budget.
fn order(out: &mut String, planning: &Planning, of: &Order, style: &Style) {
    let (l, paint) = (style.locale, style.paint);
    let _ = writeln!(out, "\n{}", paint.strong("Recommended order"));
    for line in &of.lines {
        let [seats, why] = said::ordered(line, l);
        let _ = writeln!(out, "  {seats}\n      {}", said::term(line, l));
        let _ = writeln!(out, "      {}", paint.faint(&why));
    }
    for (n, line) in said::order_total(of, l).into_iter().enumerate() {
        let _ = writeln!(out, "  {:<15} {line}", if n == 0 { "Together" } else { "" });
    }
    if let Some(of) = planning.cost().and_then(|cost| cost.budget) {
        let _ = writeln!(out, "  {:<15} {}", "Budget", words::budget(&of, l));
        let _ = writeln!(out, "  {:<15} {}", "", words::budget_year(&of.year, l));
    }
    if let Some(of) = planning.cost().and_then(|cost| cost.beside(of)) {
        let text = wrapped(&said::beside(&of, l), 76);
        for line in text.lines() {
            let _ = writeln!(out, "  {}", paint.faint(line.trim_start()));
        }
    }
}

fn lines(
    out: &mut String,
    planning: &Planning,
    seat_type: SeatType,
    view: &RenewalView,
    style: &Style,
) {
    let (answer, paint) = (&view.answer, style.paint);
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<15} {text}");
    };
    if view.begins != Begins::Asked {
        line("Because", view.begins.text(style.locale));
    }
    line(
        "Now",
        format!(
            "{} of {} taken, {} free",
            style.locale.number(answer.taken),
            style.locale.number(answer.entitled),
            style.locale.number(answer.free)
        ),
    );
    line(
        "Reclaimable",
        match answer.reclaimable {
            Some(seats) => {
                let seats = style.locale.number(seats.into());
                format!("{seats}, {}: \"after release\"", said::released(answer, style.locale))
            }
            None => paint.faint(words::NO_LIST),
        },
    );
    if let Some(seats) = planning.seat_counts(seat_type) {
        let list = style.locale.moment(seats.as_of, planning.zone);
        line("", format!("by the list of {list}"));
    }
    for why in words::limits_each(&planning.limits(seat_type), style.locale) {
        line("", why);
    }
    if let Some(Ok(forecast)) = planning.forecast(seat_type) {
        line("Model", words::chosen(forecast.model, &forecast.error));
        match &forecast.error {
            Ok(test) => line("", words::scores(test)),
            Err(why) => line("", format!("not tested on the past: {why}")),
        }
    }
    for note in said::notes(answer, style.locale) {
        line("Note", paint.warn(&note));
    }
    out.push('\n');
    let legend = said::legend(view.added_for_months).into_iter();
    for line in legend.chain(said::recommended(answer)) {
        let _ = writeln!(out, "  {}", paint.faint(&line));
    }
    let mut seats = Vec::new();
    let mut wrong = Vec::new();
    let first = &answer.recommended;
    for term in &answer.terms {
        for (n, (risks, risk)) in term.rows().enumerate() {
            let months = if n == 0 { term.months.to_string() } else { String::new() };
            let (choice, after) = (&risk.without_release, risk.with_release.as_ref());
            let percent = said::risks(&risks);
            let is_first = risks.iter().any(|risk| first.is(term.months, *risk));
            let [without, with] =
                [!first.with_release, first.with_release].map(|of| of && is_first);
            seats.push(vec![
                months.clone(),
                percent.clone(),
                paint.strong(&said::seats(choice, without, style.locale)),
                said::change(choice, style.locale),
                words::whole_or_dash(choice.price, style.locale),
                after
                    .map_or_else(|| "-".to_owned(), |after| said::seats(after, with, style.locale)),
                words::whole_or_dash(after.and_then(|after| after.price), style.locale),
            ]);
            wrong.push(of_being_wrong(months, percent, choice, style));
        }
    }
    let price = match answer.currency() {
        Some(currency) => format!("PRICE {currency}"),
        None => "PRICE".to_owned(),
    };
    let head = ["MONTHS", "RISK", "SEATS", "CHANGE", &price, "AFTER RELEASE", &price];
    out.push_str(&table(&head, seats, paint));
    out.push('\n');
    // Two tables: beside each other they are wider than a terminal of 80 columns.
    let (many, few): (Vec<_>, Vec<_>) = wrong.into_iter().unzip();
    out.push_str(&table(&["MONTHS", "RISK", "FREE", "PAID FOR THEM"], many, paint));
    out.push('\n');
    out.push_str(&table(&["MONTHS", "RISK", "TOO FEW", "MORE", "FOR"], few, paint));
}

/// What too many and too few seats cost, a row each.
fn of_being_wrong(
    months: String,
    percent: String,
    choice: &Choice,
    style: &Style,
) -> (Vec<String>, Vec<String>) {
    let many = vec![
        months.clone(),
        percent.clone(),
        style.locale.number(choice.too_many.seats.middle.round()),
        said::idle(&choice.too_many, style.locale),
    ];
    let few = vec![
        months,
        percent,
        said::cases(&choice.too_few, style.locale),
        said::missing_seats(&choice.too_few, style.locale),
        said::to_add(&choice.too_few, style.locale),
    ];
    (many, few)
}

const WIDTH: usize = 66;
const HEIGHT: usize = 10;

/// For which share of the days so many seats were taken.
fn curve(out: &mut String, planning: &Planning, answer: &TypeRenewal, style: &Style) {
    let Some(basis) = answer.curve.basis else { return };
    let line = answer.curve.steps();
    let entitled = planning.current(answer.seat_type).and_then(|now| now.entitled);
    let limit = entitled.map_or_else(Vec::new, |total| vec![(0.0, total), (100.0, total)]);
    let plot = Plot { line, band: Vec::new(), limit };
    out.push('\n');
    for line in plot.draw(style, WIDTH, HEIGHT) {
        let _ = writeln!(out, "{line}");
    }
    let (left, right) = ("0 %", "100 % of the days");
    let gap = WIDTH - left.len() - right.len();
    let _ = writeln!(out, "         {left}{}{right}", " ".repeat(gap));
    let (line, thin) = if style.ascii { ("*", "-") } else { ("line:", "faint:") };
    let legend = format!(
        "{line} so many taken, {} to {}   {thin} entitled",
        counted(style.locale, basis.days.into(), "day", "days"),
        style.locale.date(basis.last)
    );
    let _ = writeln!(out, "         {}", style.paint.faint(&legend));
}
