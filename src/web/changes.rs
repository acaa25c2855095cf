//! What changed about the seats, newest first.

use askama::Template;
use axum::http::HeaderMap;
use chrono::TimeDelta;

use super::Served;
use super::answer::{self, Answer, Failure};
use super::asked::{Asked, written};
use super::frame::{Frame, Part, site_address};
use super::seats::named;
use crate::license::Change;
use crate::license::changes::By;
use crate::plain::one_line;
use crate::words::local;

/// Rows of a page.
const ROWS: usize = 50;

/// Days that are counted.
const DAYS: i64 = 30;

#[derive(Template)]
#[template(path = "changes.html")]
struct Page {
    frame: Frame,
    site: String,
    counts: Vec<[String; 5]>,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
    first: String,
    watched: bool,
}

struct Row {
    time: String,
    person: String,
    address: Option<String>,
    seat_type: &'static str,
    what: &'static str,
    by: String,
    remark: &'static str,
}

pub(super) async fn page(
    served: &Served,
    headers: &HeaderMap,
    name: &str,
    query: Option<&str>,
) -> Answer {
    let site = served.site(name)?;
    let asked = Asked::of(query)?;
    let before = place(&asked)?;
    let status = served.status().await?;
    let (now, zone, names) = (status.time, served.source.settings.time_zone, served.names());
    let store = &served.source.store;
    let (changes, next) = newest(served, name, before, ROWS).await?;
    let base = site_address(name, "/changes");
    let next = next.map(|place| format!("{base}?{}", written(&[("before", &place)])));
    let counts = store.seat_change_counts(name, now - TimeDelta::days(DAYS), now).await?;
    let counts = counts.iter().map(|of| {
        [
            of.seat_type.title().to_owned(),
            of.kind.title().to_owned(),
            of.count.to_string(),
            of.churn.to_string(),
            of.by_bursar.to_string(),
        ]
    });
    let rows = changes.iter().map(|(_, change)| Row {
        time: local(change.time, zone),
        person: match (&change.holder, &change.deleted_user) {
            (Some(holder), _) => named(holder, names),
            (None, Some(deleted)) if names => one_line(deleted),
            (None, _) => "nobody".to_owned(),
        },
        address: change.holder.as_ref().map(|of| site_address(name, &format!("/person/{}", of.id))),
        seat_type: change.seat_type.title(),
        what: change.kind.title(),
        by: by(&change.by, names),
        remark: match (change.is_churn(), change.initial) {
            (true, _) => "came back soon",
            (_, true) => "from the first reading",
            _ => "",
        },
    });
    let page = Page {
        frame: Frame::new(served, &status, Part::Changes, Some(name)),
        site: name.to_owned(),
        counts: counts.collect(),
        rows: rows.collect(),
        next,
        is_first: before.is_none(),
        first: base,
        watched: site.seats.is_some(),
    };
    Ok(answer::page(headers, now, &page))
}

/// Where a page ended: the time of a change, and its number.
type Place = (i64, i64);

/// `before` of an address.
pub(super) fn place(asked: &Asked) -> Result<Option<Place>, Failure> {
    let Some(text) = asked.get("before") else { return Ok(None) };
    let parts =
        text.split_once('.').and_then(|(time, id)| Some((time.parse().ok()?, id.parse().ok()?)));
    let wrong = "before: the address of this page is not whole; begin at the first one.";
    parts.map(Some).ok_or_else(|| Failure::Wrong(wrong.to_owned()))
}

/// So many changes before a place, and `before` of the next page.
pub(super) async fn newest(
    served: &Served,
    site: &str,
    before: Option<Place>,
    rows: usize,
) -> Result<(Vec<(i64, Change)>, Option<String>), Failure> {
    let store = &served.source.store;
    let mut changes = store.newest_seat_changes(site, before, rows + 1).await?;
    let more = changes.len() > rows;
    changes.truncate(rows);
    let last = changes.last().filter(|_| more);
    let next = last.map(|(id, change)| format!("{}.{id}", change.time.timestamp_millis()));
    Ok((changes, next))
}

/// ` by ...`, as far as that is known and may be shown.
pub(super) fn by(by: &By, names: bool) -> String {
    match by {
        By::Unknown => String::new(),
        By::Bursar { .. } => " by Bursar".to_owned(),
        By::Someone { user } if names => format!(" by {}", one_line(user)),
        By::Someone { .. } => " by somebody".to_owned(),
    }
}
