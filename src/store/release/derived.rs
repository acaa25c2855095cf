//! What the store notes beside the ledger about pauses, announcements, earlier releases and open
//! intents, and whether it follows from the ledger: rebuilt from the records and compared.

use std::cmp::Ordering;

use chrono::DateTime;
use rusqlite::types::Value;
use rusqlite::{Connection, Rows, params, params_from_iter};

use super::past::{follow, to_json};
use crate::ledger::Record;
use crate::ledger::chain::Raw;
use crate::ledger::past::Announcement;
use crate::license::{Moment, Sameness};
use crate::store::{file, site};

/// A table whose rows follow from the ledger.
struct Derived {
    name: &'static str,
    /// SQL for when a row came to be, in milliseconds; `None` where an archive leaves no row behind.
    made: Option<&'static str>,
}

/// All of them. `release_claim` and `release_plan` say more than the ledger does.
const DERIVED: [Derived; 5] = [
    Derived { name: "release_unsettled", made: None },
    Derived { name: "release_past", made: Some("time") },
    Derived { name: SEATS, made: Some("time") },
    Derived {
        name: "release_announced",
        made: Some(
            "CAST(1000 * unixepoch(json_extract(iif(json_valid(json), json, '{}'), '$.announced'), \
             'subsec') AS INTEGER)",
        ),
    },
    Derived { name: "release_pause", made: Some("since") },
];

/// The table that came last, and the format that it came with.
const SEATS: &str = "release_seat";
const SEATS_SINCE: i64 = 8;

/// Where it is kept which site answered.
const IDENTITY: &str = "site_identity";

/// How far a machine's clock may be ahead of another one's that took a lock.
const CLOCKS: i64 = 5 * 60 * 1000;

/// A run has its first record by then.
const BEGUN: i64 = 15 * 60 * 1000;

/// Something that the store notes and the ledger does not say, or the other way round, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub table: &'static str,
    pub site: String,
    /// What follows from the ledger.
    pub ledger: Option<String>,
    /// What the store notes.
    pub store: Option<String>,
}

impl Difference {
    /// A record that nothing can be made of.
    pub(super) fn unreadable(seq: u64, why: &str) -> Self {
        let store = Some(format!("record {seq}, of which nothing can be made ({why})"));
        Self { table: "ledger", site: String::new(), ledger: None, store }
    }
}

/// Where the file itself is not as it was made.
impl Difference {
    pub(super) fn guard(name: &str, table: &str) -> Self {
        let store =
            format!("a guard or trigger {name} of table {table} that is not as Bursar makes it");
        Self { table: "sqlite_schema", site: String::new(), ledger: None, store: Some(store) }
    }

    pub(super) fn damage(says: &str) -> Self {
        let store =
            format!("rows that its indexes do not lead to (`PRAGMA integrity_check`: {says})");
        Self { table: "sqlite_schema", site: String::new(), ledger: None, store: Some(store) }
    }
}

/// The tables as they follow from the records that were pushed.
#[derive(Debug)]
pub struct Rebuilt {
    db: Connection,
    /// A record that can't be followed.
    failed: Option<(u64, String)>,
    /// Rows that come from archived records, which are not there to be looked at.
    trusted: u64,
}

impl Rebuilt {
    /// From the first record on.
    pub fn new() -> rusqlite::Result<Self> {
        let db = file::in_memory()?;
        db.set_prepared_statement_cache_capacity(64);
        // One transaction for all of it: nothing of it is kept.
        db.execute_batch("BEGIN")?;
        Ok(Self { db, failed: None, trusted: 0 })
    }

    /// From the first record on that a file still has. What it notes of the time before is taken on
    /// trust.
    pub(super) fn of(found: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT seq FROM ledger_end WHERE which = 'start'";
        let start: i64 = found.query_row(sql, [], |r| r.get(0))?;
        if start == 0 {
            return Self::new();
        }
        // The record of an archive is newer than what is in the archive.
        let archived: Option<i64> = found.query_row(
            "SELECT coalesce(
                 (SELECT max(time) FROM ledger WHERE kind = 'archived' AND
                      json_extract(iif(json_valid(entry), entry, '{}'), '$.through.seq') = ?1),
                 (SELECT time FROM ledger ORDER BY seq LIMIT 1))",
            [start],
            |r| r.get(0),
        )?;
        Self::on_trust(found, archived.unwrap_or(i64::MAX))
    }

    /// From what a file notes of the time until `until`, whose records were archived. What later
    /// records say of the same replaces it.
    fn on_trust(found: &Connection, until: i64) -> rusqlite::Result<Self> {
        let mut rebuilt = Self::new()?;
        for table in &DERIVED {
            let Some(made) = table.made else { continue };
            if lacks(found, table)? {
                continue;
            }
            let columns = columns(found, table.name)?;
            let mut insert = rebuilt.db.prepare(&columns.put_into(table))?;
            let mut rows = found.prepare(&columns.of(table, &format!("where {made} <= ?1")))?;
            let mut rows = rows.query([until])?;
            while let Some(row) = next(&mut rows, columns.names.len())? {
                insert.execute(params_from_iter(row))?;
                rebuilt.trusted += 1;
            }
        }
        Ok(rebuilt)
    }

    /// How many rows of archived records it began with.
    pub fn trusted(&self) -> u64 {
        self.trusted
    }

    /// The next record.
    pub fn push(&mut self, raw: &Raw) {
        match raw.record() {
            Ok(record) => self.follow(&record),
            Err(error) => self.fail(raw.seq, error.to_string()),
        }
    }

    fn follow(&mut self, record: &Record) {
        let (seq, time) = (record.seq as i64, record.time.timestamp_millis());
        if let Err(error) = follow(&self.db, seq, time, &record.site, &record.entry) {
            self.fail(record.seq, error.to_string());
        }
    }

    fn fail(&mut self, seq: u64, why: String) {
        self.failed.get_or_insert((seq, why));
    }

    /// The record that could not be followed, and why: then there is nothing to compare with.
    pub fn failed(&self) -> Option<&(u64, String)> {
        self.failed.as_ref()
    }

    /// What a file notes otherwise.
    pub(super) fn differences(&self, found: &Connection) -> rusqlite::Result<Vec<Difference>> {
        let mut differences = Vec::new();
        for table in &DERIVED {
            self.compare(table, found, &mut differences)?;
        }
        self.compare_identities(found, &mut differences)?;
        Ok(differences)
    }

    /// Polls learn more of a site than the ledger has, but never another one or another license.
    fn compare_identities(
        &self,
        found: &Connection,
        differences: &mut Vec<Difference>,
    ) -> rusqlite::Result<()> {
        for (site, known) in site::identities(&self.db)? {
            let store = match site::identity(found, &site)? {
                Some(store) if known.compare(&store) == Sameness::Same => continue,
                store => store.map(|_| format!("site {site} as another one")),
            };
            differences.push(Difference {
                table: IDENTITY,
                ledger: Some(format!("site {site} as the one that runs met")),
                site,
                store,
            });
        }
        Ok(())
    }

    fn compare(
        &self,
        table: &Derived,
        found: &Connection,
        differences: &mut Vec<Difference>,
    ) -> rusqlite::Result<()> {
        if lacks(found, table)? {
            return Ok(());
        }
        // A file of an older format may lack some.
        let columns = columns(found, table.name)?;
        let key = columns.names[..columns.keys].join(", ");
        let sql = columns.of(table, &format!("order by {key}"));
        let (mut ours, mut theirs) = (self.db.prepare(&sql)?, found.prepare(&sql)?);
        let (mut ours, mut theirs) = (ours.query([])?, theirs.query([])?);
        let count = columns.names.len();
        let start: i64 = found.query_row(
            "SELECT coalesce(max(seq), 0) FROM ledger_end WHERE which = 'start'",
            [],
            |r| r.get(0),
        )?;
        let (mut ledger, mut store) = (next(&mut ours, count)?, next(&mut theirs, count)?);
        loop {
            let order = match (&ledger, &store) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(ledger), Some(store)) => {
                    by_key(&ledger[..columns.keys], &store[..columns.keys])
                }
            };
            if order == Ordering::Less && table.name == SEATS && archived(&columns, &ledger, start)
            {
                ledger = next(&mut ours, count)?;
                continue;
            }
            let pair = match order {
                Ordering::Less => (std::mem::replace(&mut ledger, next(&mut ours, count)?), None),
                Ordering::Greater => {
                    (None, std::mem::replace(&mut store, next(&mut theirs, count)?))
                }
                Ordering::Equal => (
                    std::mem::replace(&mut ledger, next(&mut ours, count)?),
                    std::mem::replace(&mut store, next(&mut theirs, count)?),
                ),
            };
            if same(&columns.names, &pair) {
                continue;
            }
            let words = |row: &Vec<Value>| in_words(table.name, &columns.names, row);
            let site = pair.0.as_ref().or(pair.1.as_ref()).map(|row| text(&row[columns.site]));
            differences.push(Difference {
                table: table.name,
                site: site.unwrap_or_default(),
                ledger: pair.0.as_ref().map(words),
                store: pair.1.as_ref().map(words),
            });
        }
    }
}

/// Puts what follows from the ledger in place of what a store notes.
pub(super) fn replace(rebuilt: &Rebuilt, store: &Connection, now: i64) -> rusqlite::Result<()> {
    for table in &DERIVED {
        let columns = columns(store, table.name)?;
        store.execute(&format!("delete from {}", table.name), [])?;
        let mut insert = store.prepare(&columns.put_into(table))?;
        let mut rows = rebuilt.db.prepare(&columns.of(table, ""))?;
        let mut rows = rows.query([])?;
        while let Some(row) = next(&mut rows, columns.names.len())? {
            insert.execute(params_from_iter(row))?;
        }
    }
    for (site, known) in site::identities(&rebuilt.db)? {
        let found = site::identity(store, &site)?;
        if found.is_none_or(|found| known.compare(&found) != Sameness::Same) {
            site::keep_identity(store, &site, &known, now)?;
        }
    }
    Ok(())
}

/// Locks that hold at this time, and that no run of the ledger can have.
pub(super) fn odd_claims(db: &Connection, now: i64) -> rusqlite::Result<Vec<Difference>> {
    let mut query = db.prepare(
        "SELECT site, run, owner, since,
                (SELECT max(CASE kind WHEN 'runEnded' THEN time END) FROM ledger
                  WHERE run = release_claim.run AND run <> ''),
                EXISTS (SELECT 1 FROM ledger WHERE run = release_claim.run AND run <> '')
           FROM release_claim WHERE until > ?1 ORDER BY site",
    )?;
    let mut rows = query.query(params![now])?;
    let mut odd = Vec::new();
    while let Some(row) = rows.next()? {
        let (site, run, owner): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let since: i64 = row.get(3)?;
        let (ended, begun): (Option<i64>, bool) = (row.get(4)?, row.get(5)?);
        let why = match ended {
            Some(ended) if ended < now - CLOCKS => format!("which ended on {}", time(ended)),
            _ if !begun && (since < now - BEGUN || since > now + CLOCKS) => {
                format!("of which the ledger has no record, since {}", time(since))
            }
            _ => continue,
        };
        let store = format!("that run {run} ({owner}) has the release lock of site {site}, {why}");
        odd.push(Difference { table: "release_claim", site, ledger: None, store: Some(store) });
    }
    Ok(odd)
}

/// Whether a row of [`SEATS`] is of a record that lies in an archive: one that was archived before the table
/// came is in no file.
fn archived(columns: &Columns, row: &Option<Vec<Value>>, start: i64) -> bool {
    let place = columns.names.iter().position(|name| name.trim_matches('"') == "intent");
    let intent = place.zip(row.as_ref()).map(|(place, row)| &row[place]);
    matches!(intent, Some(Value::Integer(intent)) if *intent <= start)
}

/// Whether a file is of a format that has no such table yet. One of this format without it is damaged.
fn lacks(found: &Connection, table: &Derived) -> rusqlite::Result<bool> {
    let format: i64 = found.pragma_query_value(None, "user_version", |r| r.get(0))?;
    Ok(format < SEATS_SINCE && table.name == SEATS && !found.table_exists(None, SEATS)?)
}

struct Columns {
    /// Those of the key first.
    names: Vec<String>,
    keys: usize,
    /// Place of the site.
    site: usize,
}

/// Whole tables, of which only a file itself knows the columns.
impl Columns {
    fn of(&self, table: &Derived, which: &str) -> String {
        format!("select {} from {} {which}", self.names.join(", "), table.name)
    }

    fn put_into(&self, table: &Derived) -> String {
        let places: Vec<_> = (1..=self.names.len()).map(|n| format!("?{n}")).collect();
        let (names, places) = (self.names.join(", "), places.join(", "));
        format!("insert into {} ({names}) values ({places})", table.name)
    }
}

fn columns(db: &Connection, table: &str) -> rusqlite::Result<Columns> {
    let mut query = db.prepare(
        "SELECT name, pk FROM pragma_table_info(?1) ORDER BY CASE pk WHEN 0 THEN 1000 + cid ELSE pk END",
    )?;
    let found: Vec<(String, i64)> =
        query.query_map([table], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?;
    let keys = found.iter().filter(|(_, key)| *key > 0).count();
    let site = found.iter().position(|(name, _)| name == "site");
    let site = site.filter(|_| keys > 0).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let names = found.into_iter().map(|(name, _)| format!("\"{name}\"")).collect();
    Ok(Columns { names, keys, site })
}

fn next(rows: &mut Rows<'_>, columns: usize) -> rusqlite::Result<Option<Vec<Value>>> {
    let Some(row) = rows.next()? else { return Ok(None) };
    (0..columns).map(|column| row.get(column)).collect::<Result<_, _>>().map(Some)
}

/// As SQLite orders: the tables are strict, so both sides have the same type.
fn by_key(a: &[Value], b: &[Value]) -> Ordering {
    let compared = a.iter().zip(b).map(|pair| match pair {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (a, b) => text(a).as_bytes().cmp(text(b).as_bytes()),
    });
    compared.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn same(names: &[String], pair: &(Option<Vec<Value>>, Option<Vec<Value>>)) -> bool {
    let (Some(ledger), Some(store)) = pair else { return false };
    let equal = |(name, (a, b)): (&String, (&Value, &Value))| {
        // A later release may write the same with more fields.
        a == b
            || match name.as_str() {
                "\"json\"" => known(a).is_some_and(|a| Some(a) == known(b)),
                // Records of earlier releases write a time with other digits.
                "\"created\"" | "\"last_used\"" => moment(a).is_some_and(|a| Some(a) == moment(b)),
                _ => false,
            }
    };
    names.iter().zip(ledger.iter().zip(store)).all(equal)
}

fn moment(json: &Value) -> Option<Moment> {
    serde_json::from_str(&text(json)).ok()
}

/// An announcement, as this release writes it.
fn known(json: &Value) -> Option<String> {
    let announcement: Announcement = serde_json::from_str(&text(json)).ok()?;
    to_json(&announcement).ok()
}

fn in_words(table: &str, names: &[String], row: &[Value]) -> String {
    let value = |wanted: &str| {
        let place = names.iter().position(|name| name.trim_matches('"') == wanted);
        place.map(|place| &row[place])
    };
    let word = |wanted: &str| value(wanted).map(text).unwrap_or_default();
    let at = |wanted: &str| match value(wanted) {
        Some(Value::Integer(millis)) => time(*millis),
        other => other.map(text).unwrap_or_default(),
    };
    let site = word("site");
    match table {
        "release_unsettled" => {
            let more: Vec<_> = ["seat", "answered", "there"]
                .into_iter()
                .filter(|name| value(name).is_some_and(|value| *value != Value::Null))
                .map(|name| {
                    format!("{name} {}", if name == "there" { at(name) } else { word(name) })
                })
                .collect();
            let more =
                if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
            format!("record {} as an open intent of site {site}{more}", word("seq"))
        }
        "release_past" => format!(
            "{} as the last time at which the {} seat of user {} on site {site} was taken or given \
             back",
            at("time"),
            word("seat_type"),
            word("user"),
        ),
        SEATS => {
            let done = match value("done") {
                Some(Value::Integer(millis)) => format!("done on {}", time(*millis)),
                _ => "not done".to_owned(),
            };
            format!(
                "record {} as an attempt to {} the {} seat {} of user {} on site {site}, {done}",
                word("intent"),
                word("action"),
                word("seat_type"),
                word("seat"),
                word("user"),
            )
        }
        "release_announced" => match serde_json::from_str::<Announcement>(&word("json")) {
            Ok(of) => format!(
                "the announcement of {} that the {} seat of {} on site {site} goes on {}",
                time(of.announced.timestamp_millis()),
                of.seat_type.title(),
                of.holder.account(),
                time(of.due.timestamp_millis())
            ),
            Err(_) => format!("an unreadable announcement of seat {} of site {site}", word("seat")),
        },
        "release_pause" => format!(
            "a pause of site {site} until {} by {} since {}: {}",
            at("until"),
            word("by"),
            at("since"),
            word("why")
        ),
        _ => {
            let all: Vec<_> = names
                .iter()
                .zip(row)
                .map(|(name, value)| format!("{name} {}", text(value)))
                .collect();
            format!("a row of {table}: {}", all.join(", "))
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => hex::encode(bytes),
    }
}

fn time(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .map_or_else(|| millis.to_string(), |time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.ledger, &self.store) {
            (Some(ledger), None) => {
                write!(f, "the store does not note {ledger}, which follows from the ledger")
            }
            (None, Some(store)) => {
                write!(f, "the store notes {store}, which does not follow from the ledger")
            }
            (ledger, store) => {
                let [store, ledger] = [store, ledger].map(|s| s.as_deref().unwrap_or_default());
                write!(f, "the store notes {store}; by the ledger it is {ledger}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table that nobody compares could be changed unnoticed.
    #[test]
    fn every_table_of_releases_is_compared_or_named_here() {
        let db = file::in_memory().unwrap();
        let mut query = db
            .prepare(
                "SELECT name FROM sqlite_schema
                  WHERE type = 'table' AND name LIKE 'release\\_%' ESCAPE '\\' ORDER BY name",
            )
            .unwrap();
        let found: Vec<String> =
            query.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
        // Locks are looked at by `odd_claims`, plans by their digests.
        let mut known: Vec<_> = DERIVED.iter().map(|table| table.name).collect();
        known.extend(["release_claim", "release_plan"]);
        known.sort_unstable();
        assert_eq!(found, known);
        for table in &DERIVED {
            assert!(columns(&db, table.name).is_ok_and(|columns| columns.keys > 0));
        }
    }
}
