//! Queries: the few shapes that Bursar sends, and nothing else.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{Database, Inner};

/// Tags, time in nanoseconds, fields.
type Row<'a> = (&'a str, i64, &'a BTreeMap<String, String>);

/// `/api/v3/query_sql`.
pub(super) fn sql(inner: &Inner, body: &str) -> Response {
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["format"], "jsonl");
    let name = body["db"].as_str().unwrap();
    let Some(database) = inner.databases.get(name) else {
        let text = format!("database not found: {name}");
        return (StatusCode::NOT_FOUND, axum::Json(json!({"error": text}))).into_response();
    };
    let sql = body["q"].as_str().unwrap();
    let (select, rest) = sql.split_once(" FROM \"").unwrap();
    let (table, condition) = rest.split_once('"').unwrap();
    if !database.rows.keys().any(|(other, ..)| other == table) {
        let text = format!(
            "error while planning query: Error during planning: table 'public.iox.{table}' not found"
        );
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let range = match condition.strip_prefix(" WHERE time >= '") {
        None => i64::MIN..i64::MAX,
        Some(condition) => {
            let (from, to) = condition.split_once("' AND time < '").unwrap();
            nanos(from)..nanos(to.strip_suffix('\'').unwrap())
        }
    };
    let rows = rows(database, table, range);
    if let Some(refusal) = too_many(inner, &rows) {
        return refusal;
    }
    let lines: Vec<String> = match select {
        "SELECT *" => rows.iter().map(|row| object(database, table, row).to_string()).collect(),
        "SELECT min(time) AS first, max(time) AS last" => {
            let times = rows.iter().map(|(_, time, _)| *time);
            let (first, last) = (times.clone().min().unwrap(), times.max().unwrap());
            vec![json!({"first": text(first), "last": text(last)}).to_string()]
        }
        other => panic!("{other}"),
    };
    lines.join("\n").into_response()
}

fn rows<'a>(database: &'a Database, table: &str, range: Range<i64>) -> Vec<Row<'a>> {
    let all = database.rows.iter().filter(|((t, _, time), _)| t == table && range.contains(time));
    let mut rows: Vec<Row<'a>> =
        all.map(|((_, tags, time), fields)| (tags.as_str(), *time, fields)).collect();
    // In no order that anybody asked for.
    rows.sort_by_key(|(tags, time, _)| (time % 7, *time, *tags));
    rows
}

fn too_many(inner: &Inner, rows: &[Row<'_>]) -> Option<Response> {
    let day = |row: &Row<'_>| row.1 / 86_400_000_000_000;
    let days = rows.iter().map(day).max()? - rows.iter().map(day).min()? + 1;
    inner.limit_days.filter(|limit| days > *limit)?;
    let text = "error while planning query: External error: Query would exceed file limit of 432 \
                parquet files. Please specify a smaller time range for your query.";
    Some((StatusCode::INTERNAL_SERVER_ERROR, text).into_response())
}

fn object(database: &Database, table: &str, (tags, time, fields): &Row<'_>) -> Value {
    let mut object = Map::new();
    for (name, value) in tags.split(',').filter_map(|tag| tag.split_once('=')) {
        object.insert(name.to_owned(), value.into());
    }
    for (name, value) in *fields {
        object.insert(name.clone(), field(database, table, name, value));
    }
    object.insert("time".to_owned(), text(*time).into());
    Value::Object(object)
}

fn field(database: &Database, table: &str, name: &str, value: &str) -> Value {
    let key = (table.to_owned(), name.to_owned());
    match database.columns[&key] {
        "float" => value.parse::<f64>().unwrap().into(),
        "boolean" => (value == "true").into(),
        _ => value.into(),
    }
}

fn text(nanos: i64) -> String {
    DateTime::from_timestamp_nanos(nanos).format("%Y-%m-%dT%H:%M:%S%.f").to_string()
}

fn nanos(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp_nanos_opt().unwrap()
}

/// `/query`, as in 1.x.
pub(super) fn influxql(inner: &Inner, query: &HashMap<String, String>) -> Response {
    assert_eq!((&*query["epoch"], &*query["chunked"]), ("ms", "true"));
    let Some(database) = inner.databases.get(&query["db"]) else {
        let error = json!({"results": [{"error": "database not found"}]});
        return axum::Json(error).into_response();
    };
    let q = &query["q"];
    let (select, rest) = q.strip_prefix("SELECT ").unwrap().split_once(" FROM \"").unwrap();
    let (table, rest) = rest.split_once('"').unwrap();
    let columns: Vec<&str> = select.split(", ").map(|c| c.split('"').nth(1).unwrap()).collect();
    let (range, pick) = match rest.strip_prefix(" WHERE time >= ") {
        Some(condition) => {
            let (from, rest) = condition.split_once("s AND time < ").unwrap();
            let to = rest.strip_suffix("s GROUP BY *").unwrap();
            let nanos = |text: &str| text.parse::<i64>().unwrap() * 1_000_000_000;
            (nanos(from)..nanos(to), None)
        }
        None => (i64::MIN..i64::MAX, Some(rest)),
    };
    let mut rows = rows(database, table, range);
    rows.sort_by_key(|row| row.1);
    match pick {
        None => {}
        Some(" ORDER BY time ASC LIMIT 1") => rows.truncate(1),
        Some(" ORDER BY time DESC LIMIT 1") => drop(rows.drain(..rows.len().saturating_sub(1))),
        Some(other) => panic!("{other}"),
    }
    let mut groups: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (tags, time, fields) in rows {
        let mut values = vec![json!(time / 1_000_000)];
        values.extend(columns.iter().map(|name| match fields.get(*name) {
            Some(value) => field(database, table, name, value),
            None => Value::Null,
        }));
        groups.entry(if pick.is_some() { "" } else { tags }).or_default().push(values.into());
    }
    let names: Vec<&str> = [&["time"][..], &columns].concat();
    // One chunk for each series.
    let chunk = |(tags, values): (&&str, &Vec<Value>)| {
        let tags: Map<String, Value> = tags
            .split(',')
            .filter_map(|tag| tag.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let series = json!({"name": table, "tags": tags, "columns": names, "values": values});
        json!({"results": [{"statement_id": 0, "series": [series]}]}).to_string() + "\n"
    };
    let text: String = groups.iter().map(chunk).collect();
    if text.is_empty() {
        "{\"results\":[{\"statement_id\":0}]}\n".into_response()
    } else {
        text.into_response()
    }
}
