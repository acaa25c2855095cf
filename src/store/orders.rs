//! What people ordered on the pages, until the release engine has carried it out.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Store, StoreError, time_of};

/// How long orders stay that are over.
const KEPT: TimeDelta = TimeDelta::days(730);

/// Orders of a site that wait at once.
const MOST_ORDERS: usize = 1;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Ordered {
    /// Apply the plan of a run.
    Apply,
    /// Give the seats of a run back.
    Undo,
}

/// An order that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPageOrder {
    pub site: String,
    /// What tells the form that was sent from all others: the same one twice is one order.
    pub form: String,
    pub what: Ordered,
    /// Whose plan is applied, or whose seats go back.
    pub run: String,
    /// Of the plan that the person saw.
    pub digest: Option<String>,
    pub by: String,
    pub peer: String,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOrder {
    pub id: i64,
    pub site: String,
    pub what: Ordered,
    pub run: String,
    pub digest: Option<String>,
    pub by: String,
    pub peer: String,
    pub time: DateTime<Utc>,
    /// When the release engine took it up.
    pub taken: Option<DateTime<Utc>>,
    pub ended: Option<DateTime<Utc>>,
    /// The run that carried it out.
    pub done: Option<String>,
    /// What came of it, in words.
    pub outcome: Option<String>,
}

/// What became of a wish to order something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    New(i64),
    /// The same form was sent before.
    Again(i64),
    /// Another order of the site isn't over.
    Full,
}

impl Store {
    /// Keeps an order for the release engine.
    pub async fn place_order(&self, order: NewPageOrder) -> Result<Placed, StoreError> {
        let now = self.now_ms();
        let write = move |db: &Connection| {
            let again = db
                .prepare_cached("SELECT id FROM page_order WHERE form = ?1")?
                .query_row([&order.form], |r| r.get(0))
                .optional()?;
            if let Some(id) = again {
                return Ok(Placed::Again(id));
            }
            let open: i64 = db
                .prepare_cached(
                    "SELECT count(*) FROM page_order WHERE site = ?1 AND ended IS NULL",
                )?
                .query_row([&order.site], |r| r.get(0))?;
            if open >= MOST_ORDERS as i64 {
                return Ok(Placed::Full);
            }
            db.prepare_cached("DELETE FROM page_order WHERE ended < ?1")?
                .execute([now - KEPT.num_milliseconds()])?;
            let what: &'static str = order.what.into();
            db.prepare_cached(
                "INSERT INTO page_order (site, form, what, run, digest, by, peer, time)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .insert(params![
                order.site,
                order.form,
                what,
                order.run,
                order.digest,
                order.by,
                order.peer,
                now
            ])
            .map(Placed::New)
        };
        let placed = self.shared.gate.write("keep an order", write).await?;
        self.wake();
        Ok(placed)
    }

    /// The order that a form was sent for before.
    pub async fn order_of_form(&self, form: &str) -> Result<Option<PageOrder>, StoreError> {
        let form = form.to_owned();
        let query = move |db: &Connection| {
            let found = db
                .prepare_cached(
                    "SELECT id, site, what, run, digest, by, peer, time, taken, ended, done, outcome
                       FROM page_order WHERE form = ?1",
                )?
                .query_row([form], order)
                .optional()?;
            Ok(found.flatten())
        };
        self.shared.gate.read("look for an order by its form", query).await
    }

    /// The orders of a site, newest first, at most `limit`.
    pub async fn orders(&self, site: &str, limit: usize) -> Result<Vec<PageOrder>, StoreError> {
        let (site, limit) = (site.to_owned(), i64::try_from(limit).unwrap_or(i64::MAX));
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT id, site, what, run, digest, by, peer, time, taken, ended, done, outcome
                   FROM page_order WHERE site = ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let rows = query.query_map(params![site, limit], order)?;
            rows.filter_map(Result::transpose).collect()
        };
        self.shared.gate.read("list orders", query).await
    }

    /// Takes up the oldest order of a site that waits. Once it returns, the order is nobody else's, also after
    /// the end of the process: it is carried out once at most.
    pub async fn take_order(&self, site: &str) -> Result<Option<PageOrder>, StoreError> {
        let of = site.to_owned();
        let waits = move |db: &Connection| {
            db.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM page_order
                                 WHERE site = ?1 AND ended IS NULL AND taken IS NULL)",
            )?
            .query_row([of], |r| r.get(0))
        };
        // Most looks find nothing, and write nothing.
        if !self.shared.gate.read("look for an order", waits).await? {
            return Ok(None);
        }
        let (site, now) = (site.to_owned(), self.now_ms());
        let write = move |db: &Connection| {
            let taken = db
                .prepare_cached(
                    "UPDATE page_order SET taken = ?2
                      WHERE id = (SELECT min(id) FROM page_order
                                   WHERE site = ?1 AND ended IS NULL AND taken IS NULL)
                    RETURNING id, site, what, run, digest, by, peer, time, taken, ended, done, outcome",
                )?
                .query_row(params![site, now], order)
                .optional()?;
            Ok(taken.flatten())
        };
        self.shared.gate.write("take up an order", write).await
    }

    /// Orders that an earlier process took up and did not end: what came of them is in the ledger, and they
    /// are not carried out again.
    pub async fn cut_orders(&self, site: &str) -> Result<Vec<PageOrder>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT id, site, what, run, digest, by, peer, time, taken, ended, done, outcome
                   FROM page_order
                  WHERE site = ?1 AND ended IS NULL AND taken IS NOT NULL ORDER BY id",
            )?;
            let rows = query.query_map([site], order)?;
            rows.filter_map(Result::transpose).collect()
        };
        self.shared.gate.read("look for orders that were cut short", query).await
    }

    /// An order is over.
    pub async fn end_order(
        &self,
        id: i64,
        done: Option<String>,
        outcome: String,
    ) -> Result<(), StoreError> {
        let now = self.now_ms();
        let write = move |db: &Connection| {
            db.prepare_cached(
                "UPDATE page_order SET ended = ?2, done = ?3, outcome = ?4
                  WHERE id = ?1 AND ended IS NULL",
            )?
            .execute(params![id, now, done, outcome])
            .map(drop)
        };
        self.shared.gate.write("end an order", write).await
    }
}

/// `None` for an order of a kind that a newer release knows.
fn order(r: &Row<'_>) -> rusqlite::Result<Option<PageOrder>> {
    let Ok(what) = r.get::<_, String>(2)?.parse() else { return Ok(None) };
    let time = |column| Ok::<_, rusqlite::Error>(r.get::<_, Option<i64>>(column)?.map(time_of));
    Ok(Some(PageOrder {
        id: r.get(0)?,
        site: r.get(1)?,
        what,
        run: r.get(3)?,
        digest: r.get(4)?,
        by: r.get(5)?,
        peer: r.get(6)?,
        time: time_of(r.get(7)?),
        taken: time(8)?,
        ended: time(9)?,
        done: r.get(10)?,
        outcome: r.get(11)?,
    }))
}
