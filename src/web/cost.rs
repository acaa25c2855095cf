//! What the licenses cost, and which department's people have them.

use askama::Template;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse;

use super::answer::{self, Answer, Failure, age};
use super::asked::{Asked, written};
use super::frame::{Frame, Part, site_address};
use super::wording::locale;
use super::{Served, sheet, site};
use crate::insight::chargeback::{Amounts, Row};
use crate::insight::groups::Group;
use crate::insight::money::percent_of;
use crate::insight::words::{self, renewal as said};
use crate::license::SeatType;
use crate::plain::one_line;
use crate::planning::Planning;
use crate::planning::chargeback::{By, ByGroup, Unknown};
use crate::planning::idle::{self, AsOf};
use crate::report::chargeback;
use crate::words::{Locale, local};

/// Rows of the page; the file has all.
const ROWS: usize = 500;

/// Characters of the name of a property.
const LONGEST: usize = 200;

#[derive(Template)]
#[template(path = "cost.html")]
struct Page {
    frame: Frame,
    site: String,
    seen: Option<String>,
    facts: Vec<(String, String)>,
    /// What idle seats cost: name, seats, amount, what it is.
    idle: Vec<[String; 4]>,
    relation: &'static str,
    /// The recommended order, and how it belongs together with the budget.
    order: Option<(String, String)>,
    renewal: String,
    releases: String,
    by: String,
    /// `directory`, and the properties that the settings name.
    choices: Vec<(String, String, bool)>,
    why: String,
    currency: String,
    types: Vec<TypeView>,
    left_out: usize,
    /// Seats and amounts of all.
    total: Vec<String>,
    remarks: Vec<String>,
    list_seen: String,
    csv: String,
}

struct TypeView {
    title: &'static str,
    rows: Vec<RowView>,
}

struct RowView {
    name: String,
    /// The seats behind the row, where a filter finds them.
    address: Option<String>,
    /// Seats, share of what is entitled, idle, reclaimable, saved.
    cells: Vec<String>,
}

/// By what it is asked for.
fn by(asked: &Asked) -> Result<By, Failure> {
    let text = one_line(asked.get("by").unwrap_or("directory"));
    if text.chars().count() > LONGEST {
        let why = format!("by: the name of a property has at most {LONGEST} characters.");
        return Err(Failure::Wrong(why));
    }
    Ok(By::parse(&text))
}

pub(super) async fn page(
    served: &Served,
    headers: &HeaderMap,
    name: &str,
    query: Option<&str>,
) -> Answer {
    let of = served.site(name)?;
    let by = by(&Asked::of(query)?)?;
    let status = served.status().await?;
    let (now, locale) = (status.time, served.source.settings.locale);
    let planning = served.known.planning(&served.source, name).await?;
    let answer = served.known.cost_by(&served.source, name, &by).await?;
    let base = site_address(name, "/cost");
    let by_name = one_line(by.as_str());
    let named = of.seats.iter().flat_map(|monitor| &monitor.breakdown_by);
    let choices = ["directory"].into_iter().chain(named.map(String::as_str)).map(|choice| {
        let current = choice.eq_ignore_ascii_case(&by_name);
        (one_line(choice), format!("{base}?{}", written(&[("by", choice)])), current)
    });
    let seen = planning.pools.iter().map(|pool| pool.as_of).min();
    let known = answer.as_ref().as_ref();
    let rows = known.map_or(0, |of| of.chargeback.rows.len());
    let page = Page {
        frame: Frame::new(served, &status, Part::Cost, Some(name)),
        site: name.to_owned(),
        seen: seen.map(|time| age(time, now)),
        facts: facts(&planning),
        idle: idle_lines(&planning, locale),
        relation: idle::RELATION,
        order: {
            // Each case is followed day by day, once.
            let _turn = served.turn().await;
            let planning = planning.clone();
            let make = move || {
                // Without prices there is nothing to set it beside: no case is followed.
                let cost = planning.cost()?;
                let order = planning.order()?;
                let text = said::order_beside_budget(order, locale)?;
                let beside = cost.beside(order);
                Some((text, beside.map(|of| said::beside(&of, locale)).unwrap_or_default()))
            };
            tokio::task::spawn_blocking(make).await.ok().flatten()
        },
        renewal: site_address(name, "/renewal"),
        releases: site_address(name, "/releases"),
        choices: choices.collect(),
        why: known.err().map(why).unwrap_or_default(),
        currency: known.map(|of| of.chargeback.currency.to_string()).unwrap_or_default(),
        types: known.map(|of| types(of, name, &by, locale)).unwrap_or_default(),
        left_out: rows.saturating_sub(ROWS),
        total: known.map(|of| total(of, locale)).unwrap_or_default(),
        remarks: known.map(remarks).unwrap_or_default(),
        list_seen: known.map(|of| age(of.as_of, now)).unwrap_or_default(),
        csv: format!("{}?{}", site_address(name, "/cost.csv"), written(&[("by", by.as_str())])),
        by: by_name,
    };
    Ok(answer::page(headers, now, &page))
}

/// The same rows as a file, as `bursar insight cost --by ... --csv` writes them.
pub(super) async fn csv(served: &Served, name: &str, query: Option<&str>) -> Answer {
    served.site(name)?;
    let by = by(&Asked::of(query)?)?;
    let answer = served.known.cost_by(&served.source, name, &by).await?;
    let known = match &*answer {
        Ok(known) => known,
        // Half an invoice is none.
        Err(unknown) => return Err(Failure::Wrong(format!("{}.", why(unknown)))),
    };
    let text = chargeback::csv([(name, known)]).expect("memory takes every row");
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    let file = sheet::file_name(&[name, "cost", by.as_str()]);
    Ok(([(header::CONTENT_TYPE, kind), file], text).into_response())
}

/// What the licenses cost, in few facts; none without prices.
pub(super) fn facts(planning: &Planning) -> Vec<(String, String)> {
    let Some(cost) = planning.cost() else {
        let unknown =
            planning.prices.map(|_| ("A year".to_owned(), words::NO_ENTITLEMENT.to_owned()));
        return unknown.into_iter().collect();
    };
    let mut facts = Vec::new();
    let mut fact = |name: &str, text: String| facts.push((name.to_owned(), text));
    fact("A year", cost.entitled.written(locale()));
    fact(
        "Of it reclaimable",
        match cost.reclaimable {
            // The answer to what idle seats cost; the others stand beside it.
            Some(idle) => match percent_of(idle, cost.entitled) {
                Some(share) => format!(
                    "{} ({} %), {}",
                    idle.written(locale()),
                    locale().fixed(share, 1),
                    words::RECLAIMABLE
                ),
                None => idle.written(locale()),
            },
            None => site::NO_LIST.to_owned(),
        },
    );
    if let Some(of) = &cost.could_be_saved {
        let (amount, back) =
            (words::could_be_saved(of, locale()), words::coming_back(of, locale()));
        fact("Could be saved", format!("{amount} a year; {back}"));
    }
    fact("Saved in the last 365 days", cost.saved_last_year.amount.written(locale()));
    let year = cost.next_year.year;
    fact(
        if year.by_renewal { "Year of the budget" } else { "Next 12 months" },
        format!(
            "{} {}",
            words::for_seats(&cost.next_year.to_pay, locale()),
            words::budget_year(&year, locale())
        ),
    );
    for projection in cost.next_year.by_type.iter().filter(|of| of.missing_high > 0) {
        let first = words::first_to_buy(&projection.to_buy, locale()).unwrap_or_default();
        fact("To buy", format!("{}; {first}", words::to_buy(projection, locale())));
    }
    let budget = cost.budget.as_ref();
    fact(
        "Budget",
        budget.map_or_else(|| "none set".to_owned(), |of| words::budget_in_year(of, locale())),
    );
    facts
}

fn idle_lines(planning: &Planning, l: Locale) -> Vec<[String; 4]> {
    let Some(cost) = planning.cost() else { return Vec::new() };
    let line = |of: idle::Line| {
        let as_of = match of.as_of {
            AsOf::List(time) => format!("list of {}", local(time, planning.zone)),
            AsOf::Day(day) => l.day(day),
            AsOf::Year(last) => format!("365 days to {}", l.day(last)),
        };
        let mark = if of.is_answer { " *" } else { "" };
        let seats = of.seats.map_or_else(|| "–".to_owned(), |seats| l.number(seats.into()));
        [format!("{}{mark}", of.name), seats, of.amount, format!("{} ({as_of})", of.what)]
    };
    let lines = idle::lines(&cost, None, planning.today, l);
    match lines.iter().any(|line| line.is_answer) {
        true => lines.into_iter().map(line).collect(),
        false => Vec::new(),
    }
}

fn why(unknown: &Unknown) -> String {
    one_line(&unknown.text())
}

fn types(of: &ByGroup, site: &str, by: &By, locale: Locale) -> Vec<TypeView> {
    let shown = &of.chargeback.rows[..of.chargeback.rows.len().min(ROWS)];
    let of_type = |rows: &[Row]| TypeView {
        title: rows[0].seat_type.map_or("Analyzer Capacity", SeatType::title),
        rows: rows.iter().map(|row| row_view(row, site, by, locale)).collect(),
    };
    shown.chunk_by(|a, b| a.seat_type == b.seat_type).map(of_type).collect()
}

fn row_view(row: &Row, site: &str, by: &By, locale: Locale) -> RowView {
    let amounts = row.amounts.as_ref();
    let mut cells = match row.seat_type {
        Some(_) => vec![locale.number(row.allocated.into())],
        None => vec![String::new()],
    };
    cells.extend(money(amounts, (row.idle, row.reclaimable), row.seat_type.is_some(), locale));
    RowView {
        name: one_line(row.group.title()),
        address: row.seat_type.and_then(|of| rows_behind(&row.group, of, site, by)),
        cells,
    }
}

/// The seats that a row counts.
fn rows_behind(group: &Group, of: SeatType, site: &str, by: &By) -> Option<String> {
    let word = match (group, by) {
        (Group::Value(value), By::Directory) => format!("dir:\"{value}\""),
        (Group::NoUser, _) => "state:deleted".to_owned(),
        (Group::Value(value), By::Property(name)) => format!("prop:\"{name}={value}\""),
        (Group::Without, By::Property(name)) => format!("prop:\"{name}={}\"", group.title()),
        _ => return None,
    };
    // A quote can't be written in the filter.
    if word.matches('"').count() > 2 {
        return None;
    }
    let q = format!("type:{} {word} state:allocated", of.as_str());
    let q = if matches!(group, Group::NoUser) { format!("type:{} {word}", of.as_str()) } else { q };
    Some(format!("{}?{}", site_address(site, "/seats"), written(&[("q", &q)])))
}

/// The share of what is entitled, idle, reclaimable and saved.
fn money(
    amounts: Option<&Amounts>,
    (idle, reclaimable): (u32, u32),
    seats: bool,
    locale: Locale,
) -> Vec<String> {
    let Some(Amounts { entitled, idle: idle_amount, reclaimable: due, saved, .. }) = amounts else {
        return vec![
            "no price".to_owned(),
            idle.to_string(),
            reclaimable.to_string(),
            "–".to_owned(),
        ];
    };
    let whole = |money| words::whole(money, locale);
    if !seats {
        return vec![whole(*entitled), String::new(), String::new(), String::new()];
    }
    let counted =
        |count: u32, amount| format!("{}: {}", locale.number(count.into()), whole(amount));
    vec![whole(*entitled), counted(idle, *idle_amount), counted(reclaimable, *due), whole(*saved)]
}

fn total(of: &ByGroup, locale: Locale) -> Vec<String> {
    let sum = |count: fn(&Row) -> u32| of.chargeback.rows.iter().map(count).sum::<u32>();
    let (idle, reclaimable) = (sum(|row| row.idle), sum(|row| row.reclaimable));
    let mut cells = vec![locale.number(sum(|row| row.allocated).into())];
    cells.extend(money(Some(&of.chargeback.total), (idle, reclaimable), true, locale));
    cells
}

fn remarks(of: &ByGroup) -> Vec<String> {
    let mut remarks = Vec::new();
    let days =
        of.chargeback.rows.iter().filter_map(|row| Some((row.seat_type?, row.threshold_days?)));
    let mut days: Vec<_> = days.map(|(of, days)| format!("{} {days}", of.title())).collect();
    days.dedup();
    if !days.is_empty() {
        remarks
            .push(format!("Idle for so many days, whatever the rules keep: {}.", days.join(", ")));
    }
    for of in &of.chargeback.without_price {
        remarks.push(format!("{} seats have no price: they are in no sum.", of.title()));
    }
    remarks
}
