//! Every statement of the store, and the way SQLite takes to its answer.
//!
//! The statements are read from the sources, so none can be forgotten: each begins with a text
//! literal in `src/store`, and nothing else speaks SQL. A table is large when it grows with the
//! seats, the queued events or the years of a site. Its rows are reached by a column that tells few
//! of them apart from the rest; whatever reads more has its reason in [`WHOLE`], and nothing does so
//! once for each row of something else.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// Large tables, with the columns that tell nothing apart within a site: equal for very many rows.
const LARGE: [(&str, &[&str]); 14] = [
    ("event", &[]),
    ("delivery", &["queue", "class", "dead"]),
    ("ledger", &["kind", "site"]),
    ("seat", &["site", "seat_type"]),
    ("seat_person", &["site"]),
    ("seat_change", &["site"]),
    ("seat_gap", &["site"]),
    ("release_past", &["site", "seat_type"]),
    ("release_seat", &["site", "action", "done"]),
    ("history_raw", &["source"]),
    ("history_hour", &["series"]),
    ("history_day", &["series"]),
    ("history_dirty", &["unit", "source"]),
    ("alert_history", &[]),
];

/// The beginning of each statement that reads much of a large table, and why it may.
const WHOLE: [(&str, &str); 38] = [
    (
        "SELECT seat_type, seat, directory, user_id, name, deleted_user, created, last_used, excess, quarantined, user FROM seat",
        "by hand, aside: what is looked for may be any part of a name",
    ),
    ("SELECT json FROM seat_change WHERE site = ?1 AND user = ?2", "by hand, aside, of one person"),
    (
        "SELECT coalesce(json_extract(json, '$.holder.directory')",
        "aside, once a plan, if a rule of neverRelease nearly names somebody whose seat is due",
    ),
    ("SELECT json_extract(entry, '$.holder.directory')", "as the one before"),
    ("SELECT EXISTS (SELECT 1 FROM release_pause", "stops at the first row of each"),
    (
        "SELECT coalesce(json_extract(entry, '$.knownAs'), '') FROM ledger",
        "what a person said: few records",
    ),
    (
        "SELECT time, coalesce(json_extract(entry, '$.by'), '') FROM ledger",
        "what a person said: few records, of which the last is taken",
    ),
    (
        "SELECT time, site, rule, subject, what, severity, text, sent FROM alert_history",
        "by hand, backwards, stops at its limit",
    ),
    ("SELECT (SELECT min(hour) FROM history_hour", "takes the first and the last entry of the key"),
    ("SELECT (SELECT min(day) FROM history_day", "takes the first and the last entry of the key"),
    ("SELECT max(time) FROM history_raw", "takes the last entry of the key"),
    ("SELECT source, bucket FROM history_dirty", "stops at its limit"),
    (
        "SELECT destination, event.id, site",
        "by hand, in the order of the index, stops at its limit",
    ),
    ("UPDATE queue SET nudge = nudge + 1", "by hand, once: whether a queue has deliveries"),
    (
        "INSERT OR IGNORE INTO delivery (queue, class, dead, seq, attempts, last_error) SELECT",
        "at a start, once: what was queued for an address that was not known; stops at its limit",
    ),
    ("DELETE FROM delivery WHERE queue = ?1 AND (class, dead, seq) IN", "as the one before"),
    ("SELECT count(*) FROM delivery WHERE dead = 0", "by hand, once: the answer is a count"),
    ("UPDATE delivery SET dead = 0", "by hand, stops at its limit, and finds only dead ones"),
    (
        "SELECT queue, class, seq FROM delivery WHERE queue IN",
        "by hand, stops at its limit, and removes what it finds",
    ),
    ("SELECT id, destination, pending", "takes the first entry of the key, for each queue"),
    (
        "SELECT delivery.seq, event.json",
        "is read row by row: stops at the limit, and looks further only beside a series that is passed over",
    ),
    (
        "SELECT queue, class, seq, site, kind FROM delivery",
        "once after an outage of a destination that wants the newest only: all that wait are looked at",
    ),
    (
        "SELECT event.id, event.site, event.kind, delivery.attempts",
        "takes the first entry of the key",
    ),
    ("SELECT seq, last_error FROM delivery", "takes the last entry of the key"),
    (
        "SELECT queue, class, seq FROM delivery WHERE queue = ?1 AND class = ?2",
        "stops at its limit",
    ),
    (
        "SELECT coalesce( (SELECT max(time) FROM ledger WHERE kind = 'archived'",
        "verifying, of a ledger with archives: a few records, then the first one",
    ),
    (
        "SELECT o.seq, o.hash, o.time",
        "all outcomes of a site are what a report and an export ask for",
    ),
    (
        "SELECT seq, time, site, run, kind, entry, previous, hash FROM ledger WHERE kind = 'runStarted'",
        "a run a day; stops at its limit",
    ),
    (
        "SELECT time, entry FROM ledger WHERE kind = 'accepted'",
        "of its kind only: a person accepts something a few times a year",
    ),
    (
        "SELECT seq, time, site, run, kind, entry, previous, hash FROM ledger ORDER BY seq",
        "verifying and exporting read the whole ledger",
    ),
    (
        "SELECT seq, time, site, run, kind, entry, previous, hash FROM ledger WHERE kind = 'outcome'",
        "by hand: what later runs found out of one",
    ),
    (
        "SELECT seat_type, user, time FROM release_past WHERE site = ?1",
        "all that was taken from people is what a plan and a comparison need",
    ),
    (
        "SELECT done, action, seat_type, user FROM release_seat",
        "all that was taken and given back is what growth and savings are reckoned with",
    ),
    ("SELECT count(*) FROM ledger", "a copy is compared whole, once for each format"),
    (
        "SELECT user, json_array_length(json, '$.roles')",
        "once a plan, if rules look at roles or groups: whose are known",
    ),
    (
        "SELECT DISTINCT value FROM seat_person",
        "once a plan, if rules look at roles or groups: a site has no list of them",
    ),
    (
        "SELECT started.time, json_extract(started.entry, '$.mode')",
        "backwards, stops at the first run that was done or at its limit",
    ),
    (
        "SELECT started.seq, json_extract(started.entry, '$.mode')",
        "backwards, stops at the first run that was real or at its limit",
    ),
];

/// A statement and where it stands.
struct Statement {
    place: String,
    sql: String,
}

/// What stands for the placeholders of statements that are put together.
fn filled(sql: &str, columns: &str, conditions: &[String]) -> Vec<String> {
    let sql = sql
        .replace("{COLUMNS}", columns)
        .replace("{CHUNK}", "1000")
        .replace("({})", "(1, 2)")
        // Each table, of which this is one that is large.
        .replace("{table}", "ledger");
    let all: Vec<String> = match sql.contains("{condition}") {
        true => conditions.iter().map(|condition| sql.replace("{condition}", condition)).collect(),
        false => vec![sql],
    };
    all.into_iter().map(|sql| sql.replace("{{", "{").replace("}}", "}")).collect()
}

fn statements() -> Vec<Statement> {
    let sources = sources();
    let literals: Vec<_> = sources.iter().map(|(path, text)| (path, literals(text))).collect();
    let is_sql = |text: &str| {
        let first = text.split_whitespace().next().unwrap_or_default();
        ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "REPLACE"].contains(&first)
    };
    let conditions: Vec<String> = literals
        .iter()
        .flat_map(|(_, literals)| literals)
        .filter(|(_, text)| text.starts_with("queue IN (SELECT id FROM queue"))
        .map(|(_, text)| text.clone())
        .collect();
    assert_eq!(conditions.len(), 3, "the conditions of a selector");
    let mut columns: HashMap<&Path, String> = HashMap::new();
    for ((path, text), (_, literals)) in sources.iter().zip(&literals) {
        let Some(start) = text.find("const COLUMNS: &str =") else { continue };
        let line = text[..start].lines().count();
        let next = literals.iter().find(|(at, _)| *at >= line).expect("the text of COLUMNS");
        let folder = path.parent().expect("a file is in a folder");
        assert!(columns.insert(folder, next.1.clone()).is_none(), "two COLUMNS in {folder:?}");
    }
    let mut statements = Vec::new();
    for (path, literals) in &literals {
        let columns = path.parent().and_then(|f| columns.get(f)).map_or("", String::as_str);
        for (line, text) in literals.iter().filter(|(_, text)| is_sql(text)) {
            for sql in filled(text, columns, &conditions) {
                statements.push(Statement { place: format!("{}:{line}", path.display()), sql });
            }
        }
    }
    statements
}

/// The sources of the store without tests.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/store"))];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if ["tests", "tests.rs", "samples.rs", "migrations"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
                sources.push((path, text[..end].to_owned()));
            }
        }
    }
    sources.sort();
    sources
}

/// The text literals of a source, each with the number of its line.
fn literals(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut rest = source.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '/' if source[at..].starts_with("//") => {
                while rest.next_if(|(_, c)| *c != '\n').is_some() {}
            }
            // A character that is a quotation mark.
            '\'' if source[at..].starts_with("'\"'") => {
                rest.next();
                rest.next();
            }
            '"' => {
                let line = source[..at].matches('\n').count() + 1;
                let mut text = String::new();
                while let Some((_, c)) = rest.next_if(|(_, c)| *c != '"') {
                    if c != '\\' {
                        text.push(c);
                        continue;
                    }
                    match rest.next() {
                        // The line goes on after its blanks.
                        Some((_, '\n')) => {
                            while rest.next_if(|(_, c)| c.is_whitespace()).is_some() {}
                        }
                        Some((_, c)) => text.push(c),
                        None => {}
                    }
                }
                rest.next();
                found.push((line, text));
            }
            _ => {}
        }
    }
    found
}

/// A line of a query plan, and the lines that it is a part of.
struct Step {
    id: i64,
    parent: i64,
    text: String,
}

fn plan(db: &Connection, sql: &str) -> rusqlite::Result<Vec<Step>> {
    let mut query = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    for number in 1..=query.parameter_count() {
        query.raw_bind_parameter(number, None::<i64>)?;
    }
    let mut steps = Vec::new();
    let mut rows = query.raw_query();
    while let Some(row) = rows.next()? {
        steps.push(Step { id: row.get(0)?, parent: row.get(1)?, text: row.get(3)? });
    }
    Ok(steps)
}

/// The table of each name that a statement gives one.
fn tables(sql: &str) -> HashMap<String, String> {
    let words: Vec<&str> = sql
        .split(|c: char| c.is_whitespace() || "(),;".contains(c))
        .filter(|w| !w.is_empty())
        .collect();
    let mut names = HashMap::new();
    for (at, word) in words.iter().enumerate() {
        if !["FROM", "JOIN", "UPDATE", "INTO"].contains(word) {
            continue;
        }
        let Some(table) = words.get(at + 1) else { continue };
        names.insert((*table).to_owned(), (*table).to_owned());
        let alias = match words.get(at + 2) {
            Some(&"AS") => words.get(at + 3),
            next => next,
        };
        let is_name = |w: &&&str| w.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if let Some(alias) = alias.filter(is_name) {
            names.insert((*alias).to_owned(), (*table).to_owned());
        }
    }
    names
}

/// The large table that a step reads much of.
fn much_of(step: &str, names: &HashMap<String, String>) -> Option<&'static str> {
    let mut words = step.split_whitespace();
    let how = words.next()?;
    // The values within a row are few.
    if !["SCAN", "SEARCH"].contains(&how) || step.contains("VIRTUAL TABLE") {
        return None;
    }
    let name = words.next()?;
    let table = names.get(name).map_or(name, String::as_str);
    let (table, wide) = LARGE.iter().find(|(large, _)| *large == table)?;
    let constraint = step.rsplit_once('(').map_or("", |(_, c)| c.trim_end_matches(')'));
    let narrow = constraint.split(" AND ").any(|term| {
        let column = term.trim_end_matches(['=', '<', '>', '?']);
        !column.is_empty() && !column.starts_with("ANY") && !wide.contains(&column)
    });
    (how == "SCAN" || !narrow).then_some(table)
}

/// Whether a step is done once for each row of another.
fn in_a_loop(steps: &[Step], at: usize) -> bool {
    let step = &steps[at];
    let reads = |text: &str| text.starts_with("SCAN ") || text.starts_with("SEARCH ");
    let inner = steps[..at].iter().any(|other| {
        other.parent == step.parent && reads(&other.text) && !other.text.contains("CONSTANT ROW")
    });
    let outer = steps.iter().position(|other| other.id == step.parent);
    let correlated = steps[at].text.starts_with("CORRELATED");
    inner && reads(&step.text) || correlated || outer.is_some_and(|outer| in_a_loop(steps, outer))
}

/// The statements within triggers, whose rows stand for parameters. They are done for each row.
fn triggers(db: &Connection) -> Vec<Statement> {
    let mut query =
        db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let rows = query.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    let mut statements = Vec::new();
    for (name, sql) in rows.map(|row: rusqlite::Result<(String, String)>| row.unwrap()) {
        let (head, body) = sql.split_once("BEGIN").expect("a trigger has a body");
        let condition = head.split_once("WHEN").map(|(_, when)| format!("SELECT {when}"));
        let body = body.trim().trim_end_matches("END").split(';').map(str::to_owned);
        for part in condition.into_iter().chain(body).filter(|part| !part.trim().is_empty()) {
            let mut sql = String::new();
            for (n, piece) in part
                .split_inclusive(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
                .enumerate()
            {
                let bare =
                    piece.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
                match bare.starts_with("NEW.") || bare.starts_with("OLD.") {
                    true => sql.push_str(&format!("?{}{}", n + 1, &piece[bare.len()..])),
                    false => sql.push_str(piece),
                }
            }
            if !sql.contains("RAISE") {
                statements.push(Statement { place: format!("trigger {name}"), sql });
            }
        }
    }
    statements
}

/// The complaints about a statement, and the entry of [`WHOLE`] that it uses.
fn judge(db: &Connection, statement: &Statement, each_row: bool) -> (Vec<String>, Option<usize>) {
    let Statement { place, sql } = statement;
    let one_line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let steps = match plan(db, sql) {
        Ok(steps) => steps,
        Err(error) => return (vec![format!("{place}: {error}: {one_line}")], None),
    };
    let names = tables(sql);
    let allowed = WHOLE.iter().position(|(begin, _)| one_line.starts_with(begin));
    let mut used = None;
    let mut complaints = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let Some(table) = much_of(&step.text, &names) else { continue };
        // The first entry of a key is one row, whatever else is in the table.
        let first = one_line.contains("SELECT min(seq) FROM delivery");
        if (each_row || in_a_loop(&steps, at)) && !first {
            complaints.push(format!(
                "{place}: reads much of {table} for each row of another ({}): {one_line}",
                step.text
            ));
        } else if allowed.is_some() {
            used = allowed;
        } else {
            complaints.push(format!(
                "{place}: reads much of {table} ({}), and nothing says why: {one_line}",
                step.text
            ));
        }
    }
    (complaints, used)
}

fn newest() -> Connection {
    let db = crate::store::opened::empty_database();
    for step in crate::store::file::MIGRATIONS {
        db.execute_batch(step).unwrap();
    }
    db.execute_batch(crate::store::demo::TABLE).unwrap();
    db
}

#[test]
fn no_statement_reads_a_large_table_for_nothing() {
    let db = newest();
    let all = statements();
    assert!(all.len() > 140, "{} statements were found", all.len());
    let mut complaints = Vec::new();
    let mut used = HashSet::new();
    for statement in &all {
        let (wrong, entry) = judge(&db, statement, false);
        complaints.extend(wrong);
        used.extend(entry);
    }
    let within = triggers(&db);
    assert!(within.len() > 8, "{} statements of triggers were found", within.len());
    complaints.extend(within.iter().flat_map(|statement| judge(&db, statement, true).0));
    let unused = WHOLE.iter().enumerate().filter(|(at, _)| !used.contains(at));
    complaints
        .extend(unused.map(|(_, (begin, _))| format!("nothing needs this exception: {begin}")));
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Without its index, the statement that held the store for 14 seconds is found.
#[test]
fn what_was_quadratic_is_found() {
    let db = newest();
    db.execute_batch("DROP INDEX seat_user; DROP INDEX ledger_time").unwrap();
    let complaints: BTreeMap<String, String> = statements()
        .iter()
        .flat_map(|statement| judge(&db, statement, false).0)
        .map(|wrong| (wrong.split(':').next().unwrap_or_default().to_owned(), wrong))
        .collect();
    let all: Vec<&str> = complaints.values().map(String::as_str).collect();
    assert!(all.iter().any(|wrong| wrong.contains("reads much of seat for each row")), "{all:?}");
    assert!(all.iter().any(|wrong| wrong.contains("reads much of ledger (")), "{all:?}");
}

/// All that is prepared is written down where [`statements`] looks: as a literal, or put together
/// from one.
#[test]
fn nothing_else_speaks_sql() {
    let mut odd = Vec::new();
    for (path, source) in sources() {
        for call in [".prepare(", ".prepare_cached(", ".execute_batch("] {
            for (at, _) in source.match_indices(call) {
                let argument = source[at + call.len()..].trim_start();
                // `sql`: a parameter of a closure or a loop over literals of the same file.
                if !['"', '&', 's'].iter().any(|c| argument.starts_with(*c)) {
                    let line = source[..at].matches('\n').count() + 1;
                    odd.push(format!("{}:{line}", path.display()));
                }
            }
        }
    }
    assert!(odd.is_empty(), "a statement that is no literal: {odd:?}");
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("store") || path.ends_with("tests.rs") || path.ends_with("tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                assert!(!text.contains("rusqlite::"), "{} speaks SQL", path.display());
            }
        }
    }
}
