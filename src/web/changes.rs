//! What changed about the seats, newest first.

use askama::Template;
use axum::http::HeaderMap;
use chrono::{DateTime, TimeDelta};

use super::Served;
use super::answer::{self, Answer, Failure};
use super::asked::{Asked, written};
use super::frame::{Frame, Part, site_address};
use super::seats::named;
use super::wording::local;
use crate::event::count_changes;
use crate::license::changes::By;
use crate::plain::one_line;
use crate::planning;
use crate::planning::changes::Deed;
use crate::store::Attempt;

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
    let attempts = store.attempts(name).await?;
    let (deeds, next) = newest(served, name, before, ROWS, &attempts).await?;
    let base = site_address(name, "/changes");
    let next = next.map(|place| format!("{base}?{}", written(&[("before", &place)])));
    let counted = (now - TimeDelta::days(DAYS), now);
    let counted = planning::changes::deeds(store, name, counted, &attempts).await?;
    let counted: Vec<_> = counted.into_iter().map(|deed| deed.change).collect();
    let counts = count_changes(&counted);
    let counts = counts.iter().map(|of| {
        [
            of.seat_type.title().to_owned(),
            of.kind.title().to_owned(),
            of.count.to_string(),
            of.churn.to_string(),
            of.by_bursar.to_string(),
        ]
    });
    let rows = deeds.iter().map(|deed| &deed.change).map(|change| Row {
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

/// Where a page ended: the time of a deed, and its number.
type Place = (i64, i64);

/// `before` of an address.
pub(super) fn place(asked: &Asked) -> Result<Option<Place>, Failure> {
    let Some(text) = asked.get("before") else { return Ok(None) };
    let parts =
        text.split_once('.').and_then(|(time, id)| Some((time.parse().ok()?, id.parse().ok()?)));
    let wrong = "before: the address of this page is not whole; begin at the first one.";
    parts.map(Some).ok_or_else(|| Failure::Wrong(wrong.to_owned()))
}

/// Where a deed stands among the others: its time and its number. What only the ledger tells has a number below
/// all others, so that it stands after what the lists tell of the same moment.
fn place_of(deed: &Deed) -> Place {
    let id = deed.seen.unwrap_or_else(|| deed.record.map_or(0, |seq| i64::MIN / 2 + seq as i64));
    (deed.change.time.timestamp_millis(), id)
}

/// So many deeds before a place, newest first, and `before` of the next page. `attempts` are those of the site.
pub(super) async fn newest(
    served: &Served,
    site: &str,
    before: Option<Place>,
    rows: usize,
    attempts: &[Attempt],
) -> Result<(Vec<Deed>, Option<String>), Failure> {
    let store = &served.source.store;
    let page = store.newest_seat_changes(site, before, rows + 1).await?;
    let whole = page.len() <= rows;
    let oldest = page.last().map(|(_, change)| change.time).filter(|_| !whole);
    let newest = before.and_then(|(time, _)| DateTime::from_timestamp_millis(time));
    let within = |of: &&Attempt| {
        oldest.is_none_or(|oldest| of.time >= oldest)
            && newest.is_none_or(|newest| of.time <= newest)
    };
    let attempts: Vec<&Attempt> = attempts.iter().filter(within).collect();
    let mut changes = page;
    if let Some((first, last)) = planning::changes::around(&attempts) {
        // What a reading tells of them, also where that is on another page.
        changes.retain(|(_, of)| of.time < first || of.time >= last);
        let mut after = None;
        loop {
            let part = store.next_seat_changes(site, (first, last), after).await?;
            let Some((id, change)) = part.last() else { break };
            after = Some((change.time, *id));
            changes.extend(part);
        }
    }
    let mut deeds = planning::changes::merge(changes, attempts);
    deeds.retain(|deed| before.is_none_or(|before| place_of(deed) < before));
    deeds.sort_by_key(|deed| std::cmp::Reverse(place_of(deed)));
    let more = deeds.len() > rows;
    deeds.truncate(rows);
    let last = deeds.last().filter(|_| more).map(place_of);
    Ok((deeds, last.map(|(time, id)| format!("{time}.{id}"))))
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
