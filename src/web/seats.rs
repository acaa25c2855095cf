//! Seats: all of them, filtered, sorted, a page at a time.

mod filter;
mod place;

use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use self::filter::Wanted;
use super::answer::{self, Answer, Failure, age};
use super::asked::{Asked, written};
use super::frame::{Frame, Part, site_address};
use super::known::People;
use super::plan::LastPlan;
use super::wording::number;
use super::{Served, sheet};
use crate::config::settings::Site;
use crate::insight::groups::spelling;
use crate::insight::idle::Use;
use crate::license::{Moment, Seat};
use crate::plain::{one_line, shortened};
use crate::spreadsheet::Cell;
use crate::store::{FoundSeats, KnownSeat, SeatOrder, SeatPlace};
use crate::words::short_id;

/// Rows of a page.
const ROWS: usize = 50;

/// So many values of a property are named where one is not there, in so many characters.
const MOST_VALUES: usize = 12;
const LONGEST: usize = 600;

/// Rows of a file; the address of the next one is in its head.
const FILE_ROWS: usize = 10_000;

#[derive(Template)]
#[template(path = "seats.html")]
struct Page {
    frame: Frame,
    site: String,
    q: String,
    names: bool,
    /// The property that `dept:` is.
    department: Option<String>,
    /// Why nothing can be shown for what was asked.
    wrong: Vec<String>,
    words: String,
    orders: Vec<(&'static str, &'static str, bool)>,
    total: String,
    as_of: Vec<(&'static str, String)>,
    plan_seen: Option<String>,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    csv: String,
}

struct Row {
    person: String,
    address: Option<String>,
    directory: String,
    seat_type: &'static str,
    allocated: String,
    used: String,
    idle: String,
    rules: String,
    state: String,
}

/// What an address asks for.
struct Question {
    wanted: Wanted,
    q: String,
    order: SeatOrder,
    order_word: &'static str,
    after: Option<SeatPlace>,
}

pub(super) const ORDERS: [(&str, &str, SeatOrder); 4] = [
    ("idle", "idle longest", SeatOrder::Idle),
    ("used", "used last", SeatOrder::Used),
    ("allocated", "allocated last", SeatOrder::Allocated),
    ("person", "account", SeatOrder::Person),
];

impl Question {
    fn of(asked: &Asked, site: &Site, names: bool) -> Result<Self, Failure> {
        let word = asked.get("sort").unwrap_or(ORDERS[0].0);
        let known = ORDERS.iter().find(|(name, ..)| *name == word);
        let all = || {
            let offered = ORDERS.iter().filter(|(.., order)| names || *order != SeatOrder::Person);
            offered.map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
        };
        let (order_word, _, order) = known.ok_or_else(|| {
            Failure::Wrong(format!("sort: {word:?} is none; write one of {}.", all()))
        })?;
        if *order == SeatOrder::Person && !names {
            let text = "sort: people are not named here (Butler.web.showNames), so rows can't be in their order.";
            return Err(Failure::Wrong(text.to_owned()));
        }
        let after = asked.get("after").map(|text| {
            let wrong = "after: the address of this page is not whole; begin at the first one.";
            place::read(text).ok_or_else(|| Failure::Wrong(wrong.to_owned()))
        });
        let q = one_line(asked.get("q").unwrap_or_default());
        let wanted = Wanted::of(&q, names, department(site));
        Ok(Self { wanted, q, order: *order, order_word, after: after.transpose()? })
    }

    fn address(&self, base: &str, after: Option<&SeatPlace>) -> String {
        let after = after.map(place::write).unwrap_or_default();
        let sort = if self.order_word == ORDERS[0].0 { "" } else { self.order_word };
        let query = written(&[("q", &self.q), ("sort", sort), ("after", &after)]);
        if query.is_empty() { base.to_owned() } else { format!("{base}?{query}") }
    }
}

pub(super) async fn page(
    served: &Served,
    headers: &HeaderMap,
    name: &str,
    query: Option<&str>,
) -> Answer {
    let site = served.site(name)?;
    let names = served.names();
    let mut question = Question::of(&Asked::of(query)?, site, names)?;
    let status = served.status().await?;
    let (now, zone) = (status.time, served.source.settings.time_zone);
    let plan = served.known.plan(&served.source, name).await?;
    let lists = served.source.store.seat_lists(name).await?;
    let found = find(served, name, &mut question, plan.as_deref(), ROWS, now).await?;
    let base = site_address(name, "/seats");
    let as_of = lists.iter().map(|list| (list.seat_type.title(), age(list.last_read, now)));
    let page = Page {
        frame: Frame::new(served, &status, Part::Seats, Some(name)),
        site: name.to_owned(),
        names,
        department: department(site).map(one_line),
        words: super::plan::words().join(", "),
        orders: ORDERS
            .iter()
            .filter(|(_, _, order)| names || *order != SeatOrder::Person)
            .map(|(word, title, order)| (*word, *title, *order == question.order))
            .collect(),
        total: number(found.total as f64),
        as_of: as_of.collect(),
        plan_seen: plan.as_ref().map(|plan| age(plan.time, now)),
        rows: found
            .seats
            .iter()
            .map(|known| row(name, known, plan.as_deref(), names, now, zone))
            .collect(),
        first: question.after.as_ref().map(|_| question.address(&base, None)),
        next: found.next.as_ref().map(|next| question.address(&base, Some(next))),
        csv: question.address(&site_address(name, "/seats.csv"), None),
        q: question.q,
        wrong: question.wanted.wrong,
    };
    Ok(answer::page(headers, now, &page))
}

/// The rows of a filter as a file.
pub(super) async fn csv(served: &Served, name: &str, query: Option<&str>) -> Answer {
    let site = served.site(name)?;
    let names = served.names();
    let mut question = Question::of(&Asked::of(query)?, site, names)?;
    if let Some(wrong) = question.wanted.wrong.first() {
        return Err(Failure::Wrong(wrong.clone()));
    }
    let now = served.source.clock.now();
    let plan = served.known.plan(&served.source, name).await?;
    let found = find(served, name, &mut question, plan.as_deref(), FILE_ROWS, now).await?;
    if let Some(wrong) = question.wanted.wrong.first() {
        return Err(Failure::Wrong(wrong.clone()));
    }
    let head =
        ["person", "directory", "type", "allocated", "lastUsed", "idleDays", "byTheRules", "state"];
    let mut sheet = sheet::Csv::new(&head.map(Cell::Text));
    for known in &found.seats {
        let seat = &known.seat;
        let idle = Use::of(seat).idle_days(now).map(|days| days.to_string()).unwrap_or_default();
        let row = row(name, known, plan.as_deref(), names, now, served.source.settings.time_zone);
        let (allocated, used) = (moment(&seat.created), moment(&seat.last_used));
        sheet.row([
            Cell::Text(&row.person),
            Cell::Text(&row.directory),
            Cell::Text(seat.seat_type.as_str()),
            Cell::Text(&allocated),
            Cell::Text(&used),
            Cell::Number(&idle),
            Cell::Text(&row.rules),
            Cell::Text(&row.state),
        ]);
    }
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    let mut response = ([kind, sheet::file_name(&[name, "seats"])], sheet.finish()).into_response();
    const TOTAL: HeaderName = HeaderName::from_static("bursar-total");
    response.headers_mut().insert(TOTAL, HeaderValue::from(found.total));
    if let Some(next) = &found.next {
        let next = question.address(&site_address(name, "/seats.csv"), Some(next));
        if let Ok(link) = HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

/// Seats as a program asks for them.
pub(super) struct Search {
    pub(super) seats: FoundSeats,
    pub(super) plan: Option<Arc<LastPlan>>,
    /// `after` of the next page.
    pub(super) next: Option<String>,
}

/// What a filter finds; one that can't be understood is refused.
pub(super) async fn search(
    served: &Served,
    name: &str,
    asked: &Asked,
    rows: usize,
    now: DateTime<Utc>,
) -> Result<Search, Failure> {
    let mut question = Question::of(asked, served.site(name)?, served.names())?;
    let plan = served.known.plan(&served.source, name).await?;
    let seats = find(served, name, &mut question, plan.as_deref(), rows, now).await?;
    if let Some(wrong) = question.wanted.wrong.first() {
        return Err(Failure::Wrong(wrong.clone()));
    }
    let next = seats.next.as_ref().map(place::write);
    Ok(Search { seats, plan, next })
}

async fn find(
    served: &Served,
    site: &str,
    question: &mut Question,
    plan: Option<&LastPlan>,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<FoundSeats, Failure> {
    let wanted = &mut question.wanted;
    let mut filter = wanted.filter.clone();
    if let Some(word) = wanted.why {
        match plan {
            Some(plan) => filter.only = Some(plan.seats_of(word)),
            None => wanted.wrong.push(format!(
                "why:{word}: no plan was stored yet; a rehearsal or a run stores one"
            )),
        }
    }
    for (property, value) in &wanted.properties {
        let people = served.known.people(&served.source, site, property).await?;
        match people.get(&value.to_lowercase()) {
            Some(users) => filter.people.push(users.clone()),
            None => wanted.wrong.push(no_such(&people, property, value)),
        }
    }
    if !wanted.wrong.is_empty() {
        return Ok(FoundSeats { total: 0, seats: Vec::new(), next: None });
    }
    let _turn = served.turn().await;
    let page = (question.after.clone(), limit);
    Ok(served.source.store.find_seats(site, filter, question.order, page, now).await?)
}

/// The custom property that is a department: the first that seats are counted by.
fn department(site: &Site) -> Option<&str> {
    Some(site.seats.as_ref()?.breakdown_by.first()?.as_str())
}

/// Nobody has that value; some that there are.
fn no_such(people: &People, property: &str, value: &str) -> String {
    let mut known: Vec<&str> = people.keys().map(String::as_str).collect();
    known.sort_unstable();
    let all = known.len();
    known.truncate(MOST_VALUES);
    let more = if all > known.len() { " ..." } else { "" };
    let known = match known.as_slice() {
        [] => "nobody was read so far".to_owned(),
        known => format!("there are {}{more}", known.join(", ")),
    };
    shortened(&format!("prop:{property}={value}: nobody who was read has it; {known}"), LONGEST)
}

fn row(
    site: &str,
    known: &KnownSeat,
    plan: Option<&LastPlan>,
    names: bool,
    now: DateTime<Utc>,
    zone: Tz,
) -> Row {
    let seat = &known.seat;
    let holder = seat.holder.as_ref();
    let decided = plan.and_then(|plan| plan.seats.get(&seat.id));
    Row {
        person: person(seat, names),
        address: holder.map(|holder| site_address(site, &format!("/person/{}", holder.id))),
        directory: holder.map(|holder| one_line(&spelling(&holder.directory))).unwrap_or_default(),
        seat_type: seat.seat_type.title(),
        allocated: day(&seat.created, zone),
        used: day(&seat.last_used, zone),
        idle: match Use::of(seat).idle_days(now) {
            Some(days) => format!("{} d", number(days as f64)),
            None => "–".to_owned(),
        },
        rules: match (plan, decided) {
            (None, _) => "no plan yet".to_owned(),
            (Some(_), None) => "not in the plan".to_owned(),
            (Some(_), Some(decided)) => decided.word().to_owned(),
        },
        state: state(seat),
    }
}

/// Who holds a seat, as far as that may be shown.
pub(super) fn person(seat: &Seat, names: bool) -> String {
    match (&seat.holder, &seat.deleted_user) {
        (Some(holder), _) => named(holder, names),
        (None, Some(deleted)) if names => format!("{} (deleted)", one_line(deleted)),
        (None, _) => "nobody (user deleted)".to_owned(),
    }
}

/// `Anna Ek (anna)`, or the beginning of an id.
pub(super) fn named(holder: &crate::license::Holder, names: bool) -> String {
    if !names {
        return format!("person {}", short_id(holder.id));
    }
    let account = one_line(&holder.account());
    match one_line(&holder.name) {
        name if name.is_empty() => account,
        name => format!("{name} ({account})"),
    }
}

/// What is unusual about it.
pub(super) fn state(seat: &Seat) -> String {
    let mut states = Vec::new();
    if seat.quarantined.is_some() {
        states.push("quarantined");
    }
    if seat.excess {
        states.push("excess");
    }
    if seat.holder.is_none() {
        states.push("without user");
    }
    states.join(", ")
}

/// The day of a moment.
pub(super) fn day(moment: &Moment, zone: Tz) -> String {
    match moment {
        Moment::Never => "never".to_owned(),
        Moment::At(at) => at.with_timezone(&zone).format("%Y-%m-%d").to_string(),
        Moment::Unreadable(text) => format!("can't be read: {}", one_line(text)),
    }
}

fn moment(moment: &Moment) -> String {
    match moment {
        Moment::Never => "never".to_owned(),
        Moment::At(at) => at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        Moment::Unreadable(text) => text.to_string(),
    }
}
