//! Lists of objects: short, in full, counted, one by id, as a table.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use hyper::body::Bytes;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::filter::{self, Filter};
use super::people::{Seat, SeatKind, split_name};
use super::properties::{Entity, Type};
use super::routes::{HttpResponse, Request};
use super::rows::{SeatRow, UserRef, UserRow, condensed, reference};
use super::site::Site;
use super::wire::{NO_ID, named_id, time_text};

/// A type of objects that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Users,
    Seats(SeatKind),
    Apps,
    Tasks,
    Executions,
    Nodes,
    Services,
    Rules,
    Tags,
    PropertyDefinitions,
    /// Sessions of Analyzer Capacity.
    CapacityUsage,
}

impl Kind {
    /// The type of a path's first part, in lower case.
    pub(crate) fn of_route(name: &str) -> Option<Self> {
        Some(match name {
            "user" => Self::Users,
            "app" => Self::Apps,
            "reloadtask" => Self::Tasks,
            "executionresult" => Self::Executions,
            "servernodeconfiguration" => Self::Nodes,
            "servicestatus" => Self::Services,
            "systemrule" => Self::Rules,
            "tag" => Self::Tags,
            "custompropertydefinition" => Self::PropertyDefinitions,
            _ => return None,
        })
    }

    /// The fields of the short form.
    fn short_fields(self) -> &'static [&'static str] {
        match self {
            Self::Users => &[
                "id",
                "userId",
                "userDirectory",
                "userDirectoryConnectorName",
                "name",
                "privileges",
            ],
            Self::Apps => &[
                "id",
                "name",
                "appId",
                "publishTime",
                "published",
                "stream",
                "savedInProductVersion",
                "migrationHash",
                "availabilityStatus",
                "privileges",
            ],
            Self::Tasks => &["id", "name", "operational", "privileges"],
            Self::Nodes => {
                &["id", "name", "hostName", "temporaryfilepath", "serviceCluster", "privileges"]
            }
            Self::Tags | Self::PropertyDefinitions => &["id", "name", "privileges"],
            Self::Rules => &["id", "category", "type", "name", "rule", "privileges"],
            Self::Seats(_) | Self::Executions | Self::Services | Self::CapacityUsage => {
                &["id", "privileges"]
            }
        }
    }
}

/// What of a list is wanted: filter, order and, from a selection, ids.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    filter: Option<Filter>,
    /// Path and whether the order goes down.
    order: Option<(Vec<String>, bool)>,
    ids: Option<Vec<Uuid>>,
}

impl Wanted {
    pub(crate) fn of(request: &Request, entity: Entity<'_>) -> Result<Self, HttpResponse> {
        let refused = |text: String| HttpResponse::text(400, text);
        let filter = match request.param("filter").map(str::trim) {
            None | Some("") => None,
            Some(text) => {
                let checked = filter::parse(text).and_then(|filter| entity.checked(&filter, text));
                Some(checked.map_err(|error| refused(error.to_string()))?)
            }
        };
        let order = match request.param("orderby").map(str::trim) {
            None | Some("") => None,
            Some(text) => {
                let order = order(text, entity);
                Some(order.ok_or_else(|| refused(format!("Cannot parse the expression: {text}")))?)
            }
        };
        Ok(Self { filter, order, ids: None })
    }

    pub(crate) fn among(self, ids: Vec<Uuid>) -> Self {
        Self { ids: Some(ids), ..self }
    }

    fn is_all(&self) -> bool {
        self.filter.is_none() && self.order.is_none() && self.ids.is_none()
    }

    fn is_filter(&self) -> bool {
        self.filter.is_some() && self.order.is_none() && self.ids.is_none()
    }

    fn fits(&self, id: Uuid, row: impl FnOnce() -> Value) -> Option<Value> {
        if self.ids.as_ref().is_some_and(|ids| !ids.contains(&id)) {
            return None;
        }
        let row = row();
        self.filter.as_ref().is_none_or(|filter| filter.matches(&row)).then_some(row)
    }

    fn sort(&self, rows: &mut [Value]) {
        if let Some((path, down)) = &self.order {
            rows.sort_by(|a, b| {
                let order = filter::compare_at(a, b, path);
                if *down { order.reverse() } else { order }
            });
        }
    }
}

/// `name`, `name asc`, `name desc`.
fn order(text: &str, entity: Entity<'_>) -> Option<(Vec<String>, bool)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (path, down) = match words[..] {
        [path] => (path, false),
        [path, way] if way.eq_ignore_ascii_case("asc") => (path, false),
        [path, way] if way.eq_ignore_ascii_case("desc") => (path, true),
        _ => return None,
    };
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    entity.type_of(&path)?;
    Some((path, down))
}

impl Site {
    /// What a type of objects is on this server.
    pub(crate) fn entity(&self, kind: Kind) -> Entity<'_> {
        Entity { kind, quirks: &self.quirks, with_excess: self.pools.with_excess }
    }

    /// The rows that are wanted, in full.
    pub(crate) fn rows(&self, kind: Kind, wanted: &Wanted) -> Vec<Value> {
        let places = self.named(kind, wanted);
        let places = places.as_deref();
        let mut rows: Vec<Value> = match kind {
            Kind::Users => self
                .users
                .among(places)
                .filter_map(|user| {
                    wanted.fits(user.id, || value(&UserRow::new(user, &self.quirks)))
                })
                .collect(),
            Kind::Seats(kind) => self
                .seats
                .among(places)
                .filter(|seat| seat.kind == kind)
                .filter_map(|seat| wanted.fits(seat.id, || value(&self.seat_row(seat))))
                .collect(),
            Kind::Apps => wanted.of_values(self.operations.apps(self.now())),
            Kind::Tasks => wanted.of_values(self.operations.tasks(self.now())),
            Kind::Executions => wanted.of_values(self.operations.executions(self.now())),
            Kind::Nodes => wanted.of_values(self.operations.nodes_full()),
            Kind::Services => wanted.of_values(self.operations.services(self.now())),
            Kind::Rules => wanted.of_values(self.rule_rows()),
            Kind::Tags => wanted.of_values(self.tag_rows()),
            Kind::PropertyDefinitions => wanted.of_values(self.property_rows()),
            Kind::CapacityUsage => wanted.of_values(self.capacity_rows()),
        };
        wanted.sort(&mut rows);
        rows
    }

    /// Where the rows are that a filter names by their ids or their users' ids, in the order of the
    /// list. A site of 200,000 users finds a few of them without looking at all.
    fn named(&self, kind: Kind, wanted: &Wanted) -> Option<Vec<usize>> {
        let filter = wanted.filter.as_ref()?;
        let mut places: Vec<usize> = match kind {
            Kind::Users => {
                filter.ids(&["id"])?.into_iter().filter_map(|id| self.users.place(id)).collect()
            }
            Kind::Seats(_) => match filter.ids(&["id"]) {
                Some(ids) => ids.into_iter().filter_map(|id| self.seats.place(id)).collect(),
                None => {
                    let users = filter.ids(&["user", "id"])?;
                    let users = users.into_iter().filter_map(|id| self.users.place(id));
                    let seats = users.filter_map(|place| self.seats_of.get(&place)).flatten();
                    seats.filter_map(|id| self.seats.place(*id)).collect()
                }
            },
            _ => return None,
        };
        places.sort_unstable();
        places.dedup();
        Some(places)
    }

    /// A user in full, by `DIR\id`.
    pub(crate) fn user_row(&self, name: &str) -> Option<Value> {
        let (directory, id) = split_name(name)?;
        let user = self.user_place(directory, id).and_then(|place| self.users.at(place))?;
        Some(value(&UserRow::new(user, &self.quirks)))
    }

    fn seat_row<'a>(&'a self, seat: &'a Seat) -> SeatRow<'a> {
        let user = seat.user_place.and_then(|place| self.users.at(place));
        SeatRow::new(seat, user, &self.quirks, self.pools.with_excess)
    }

    /// One row in full.
    pub(crate) fn row(&self, kind: Kind, id: Uuid) -> Option<Value> {
        match kind {
            Kind::Users => self.users.get(id).map(|user| value(&UserRow::new(user, &self.quirks))),
            Kind::Seats(kind) => self
                .seats
                .get(id)
                .filter(|seat| seat.kind == kind)
                .map(|seat| value(&self.seat_row(seat))),
            _ => {
                let id = id.to_string();
                let rows = self.rows(kind, &Wanted::default());
                rows.into_iter().find(|row| row["id"] == id.as_str())
            }
        }
    }

    /// `/full`, `/count` or neither.
    pub(crate) fn list(&mut self, kind: Kind, form: &str, wanted: &Wanted) -> HttpResponse {
        match form {
            "count" => HttpResponse::count(self.count(kind, wanted)),
            "full" if wanted.is_all() => HttpResponse::bytes(self.all_rows(kind)),
            "full" if kind == Kind::Users && wanted.is_filter() => {
                // As bytes at once: users by id are what is asked for most.
                let cap = self.quirks.full_cap.unwrap_or(usize::MAX);
                match self.named(kind, wanted) {
                    Some(places) => {
                        let users = self.users.among(Some(&places)).take(cap);
                        let rows = users.map(|user| UserRow::new(user, &self.quirks));
                        HttpResponse::bytes(render(rows, places.len() * 900))
                    }
                    None => self.some_rows(kind, wanted),
                }
            }
            "full" => self.some_rows(kind, wanted),
            _ => {
                let mut rows = self.rows(kind, wanted);
                rows.truncate(self.quirks.full_cap.unwrap_or(usize::MAX));
                let fields = kind.short_fields();
                HttpResponse::json(&rows.iter().map(|row| condensed(row, fields)).collect())
            }
        }
    }

    fn some_rows(&self, kind: Kind, wanted: &Wanted) -> HttpResponse {
        let mut rows = self.rows(kind, wanted);
        rows.truncate(self.quirks.full_cap.unwrap_or(usize::MAX));
        HttpResponse::json(&Value::Array(rows))
    }

    fn count(&self, kind: Kind, wanted: &Wanted) -> usize {
        match kind {
            Kind::Users if wanted.is_all() => self.users.len(),
            Kind::Seats(kind) if wanted.is_all() => {
                self.seats.iter().filter(|seat| seat.kind == kind).count()
            }
            _ => self.rows(kind, wanted).len(),
        }
    }

    /// The whole list in full, rendered once for each state it is in.
    fn all_rows(&mut self, kind: Kind) -> Bytes {
        let cap = self.quirks.full_cap.unwrap_or(usize::MAX);
        let version = self.users.version() + self.seats.version();
        let key = format!("{kind:?} {cap}");
        let long = matches!(kind, Kind::Users | Kind::Seats(_));
        if let Some((at, bytes)) = self.cache.get(&key)
            && long
            && *at == version
        {
            return bytes.clone();
        }
        let bytes = match kind {
            Kind::Users => render(
                self.users.iter().take(cap).map(|user| UserRow::new(user, &self.quirks)),
                self.users.len() * 900,
            ),
            Kind::Seats(kind) => render(
                self.seats
                    .iter()
                    .filter(|seat| seat.kind == kind)
                    .take(cap)
                    .map(|seat| self.seat_row(seat)),
                self.seats.len() * 640,
            ),
            _ => {
                let rows = self.rows(kind, &Wanted::default());
                render(rows.into_iter().take(cap), 1024)
            }
        };
        if long {
            self.cache.insert(key, (version, bytes.clone()));
        }
        bytes
    }

    /// `POST /qrs/{type}/table`.
    pub(crate) fn table(&self, kind: Kind, wanted: &Wanted, request: &Request) -> HttpResponse {
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return HttpResponse::text(400, "Invalid body");
        };
        let Some(columns) = body.get("columns").and_then(Value::as_array) else {
            return HttpResponse::text(400, "Invalid body");
        };
        let entity = self.entity(kind);
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<String>>();
        let refused = |what: &str| HttpResponse::text(400, format!("Invalid {what}"));
        if let Some(column) = columns.iter().find(|column| !is_column(entity, column)) {
            return refused(&format!("column {}", column["name"].as_str().unwrap_or_default()));
        }
        let mut rows = self.rows(kind, wanted);
        if let Some(column) = request.param("sortcolumn") {
            let definition = columns.iter().find(|c| c["name"] == column);
            let path = path(definition.and_then(|c| c["definition"].as_str()).unwrap_or(column));
            if entity.type_of(&path).is_none() {
                return refused(&format!("column {column}"));
            }
            rows.sort_by(|a, b| filter::compare_at(a, b, &path));
            if request.param("orderascending").is_some_and(|v| v.eq_ignore_ascii_case("false")) {
                rows.reverse();
            }
        }
        let number = |name: &str, usual: usize| match request.param(name) {
            None => Ok(usual),
            Some(text) => text.parse::<usize>().map_err(|_| refused(name)),
        };
        let (skip, take) = match (number("skip", 0), number("take", usize::MAX)) {
            (Ok(skip), Ok(take)) => (skip, take),
            (Err(refusal), _) | (_, Err(refusal)) => return refusal,
        };
        let cells = |row: &Value| columns.iter().map(|column| cell(row, column)).collect::<Value>();
        let rows: Vec<Value> = rows.iter().skip(skip).take(take).map(cells).collect();
        let names: Vec<&Value> = columns.iter().map(|column| &column["name"]).collect();
        HttpResponse::created(&json!({
            "id": NO_ID,
            "columnNames": names,
            "rows": rows,
            "schemaPath": "Table",
        }))
    }

    /// The tags that users have.
    fn tag_rows(&self) -> Vec<Value> {
        let names: BTreeSet<_> = self.users.iter().flat_map(|user| &user.tags).collect();
        let row = |name: &String| {
            json!({
                "id": named_id("tag", name),
                "name": name,
                "privileges": null,
                "schemaPath": "Tag",
            })
        };
        names.into_iter().map(row).collect()
    }

    /// The custom properties that users have, with the values they have.
    fn property_rows(&self) -> Vec<Value> {
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, value) in self.users.iter().flat_map(|user| &user.custom_properties) {
            values.entry(name).or_default().insert(value);
        }
        let row = |(name, values): (&str, BTreeSet<&str>)| {
            json!({
                "id": named_id("property", name),
                "name": name,
                "valueType": "Text",
                "choiceValues": values,
                "objectTypes": ["User"],
                "description": "",
                "privileges": null,
                "schemaPath": "CustomPropertyDefinition",
            })
        };
        values.into_iter().map(row).collect()
    }

    fn capacity_rows(&self) -> Vec<Value> {
        let sessions = self.life.capacity_sessions.iter();
        sessions.filter_map(|&(start, place)| self.capacity_row(start, place)).collect()
    }

    /// The shape is from the API reference; nobody has seen a live one.
    fn capacity_row(&self, start: DateTime<Utc>, place: usize) -> Option<Value> {
        let user = self.users.at(place)?;
        let name = user.full_name();
        let key = format!("{name} {start}");
        let stop = start + TimeDelta::minutes(6);
        let node = named_id("node", "qlik01.example.com").to_string();
        let times = |row: Value| {
            let mut all = Map::new();
            all.insert("id".into(), row["id"].clone());
            all.insert("createdDate".into(), json!(time_text(start)));
            all.insert("modifiedDate".into(), json!(time_text(stop)));
            all.insert("modifiedByUserName".into(), json!(name));
            if let Value::Object(row) = row {
                all.extend(row.into_iter().filter(|(field, _)| field != "id"));
            }
            Value::Object(all)
        };
        Some(times(json!({
            "id": named_id("usage", &key).to_string(),
            "analyzerTimeAccessType": reference(named_id("capacity", "rule"), "Analyzer capacity"),
            "user": UserRef::new(user, &self.quirks),
            "useStartTime": time_text(start),
            "useStopTime": time_text(stop),
            "latestActivity": time_text(stop),
            "serverNodeConfigurationId": node,
            "hostName": "qlik01.example.com",
            "sessions": [times(json!({
                "id": named_id("session", &key).to_string(),
                "sessionID": named_id("proxy session", &key).to_string(),
                "latestActivity": time_text(stop),
                "serverNodeConfigurationId": node,
                "schemaPath": "License.AccessUsageSession",
            }))],
            "privileges": null,
            "schemaPath": "License.AnalyzerTimeAccessUsage",
        })))
    }

    fn rule_rows(&self) -> Vec<Value> {
        let at = time_text(self.clock.start - TimeDelta::days(300));
        self.rules
            .iter()
            .map(|rule| {
                let id = named_id("rule", &rule.name);
                let group = named_id("group", &rule.name);
                let kind = match rule.kind {
                    SeatKind::Professional => "Professional",
                    SeatKind::Analyzer => "Analyzer",
                    SeatKind::User => "User",
                };
                let mut conditions = Vec::new();
                if let Some(directory) = &rule.directory {
                    conditions.push(format!("(user.userDirectory=\"{directory}\")"));
                }
                if let Some(group) = &rule.group {
                    conditions.push(format!("(user.group=\"{group}\")"));
                }
                json!({
                    "id": id.to_string(),
                    "createdDate": at,
                    "modifiedDate": at,
                    "modifiedByUserName": "CORP\\admin01",
                    "category": "License",
                    "subcategory": "",
                    "type": "Custom",
                    "name": rule.name,
                    "rule": format!("({})", conditions.join(" and ")),
                    "resourceFilter": format!("License.{kind}AccessGroup_{group}"),
                    "actions": 15,
                    "comment": "",
                    "disabled": rule.disabled,
                    "privileges": null,
                    "schemaPath": "SystemRule",
                })
            })
            .chain(self.posted_rules.iter().cloned())
            .collect()
    }
}

impl Wanted {
    fn of_values(&self, rows: Vec<Value>) -> Vec<Value> {
        rows.into_iter()
            .filter_map(|row| {
                let id = row["id"].as_str().and_then(|id| Uuid::try_parse(id).ok());
                self.fits(id.unwrap_or_default(), || row)
            })
            .collect()
    }
}

/// Whether the server knows a column of a table.
fn is_column(entity: Entity<'_>, column: &Value) -> bool {
    let (Some(name), Some(kind)) = (column["name"].as_str(), column["columnType"].as_str()) else {
        return false;
    };
    let definition = column["definition"].as_str().unwrap_or_default();
    let known = |path: &str| {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        entity.type_of(&path)
    };
    let is_known = match kind.to_ascii_lowercase().as_str() {
        "property" => known(definition).is_some_and(|of| !matches!(of, Type::Object(_))),
        "list" => known(definition).is_some(),
        "function" => {
            let inner = definition.strip_prefix("count(").and_then(|rest| rest.strip_suffix(')'));
            inner.and_then(known).is_some()
        }
        "privileges" => true,
        _ => false,
    };
    is_known && !name.is_empty() && !name.contains(char::is_whitespace)
}

fn cell(row: &Value, column: &Value) -> Value {
    let definition = column["definition"].as_str().unwrap_or_default();
    let property = |path: &str| {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        filter::first_at(row, &path).cloned().unwrap_or(Value::Null)
    };
    let kind = column["columnType"].as_str().unwrap_or_default();
    if kind.eq_ignore_ascii_case("function") {
        let inner = definition.strip_prefix("count(").and_then(|rest| rest.strip_suffix(')'));
        let list = inner.and_then(|name| row.get(name)).and_then(Value::as_array);
        return list.map_or(Value::Null, |list| json!(list.len()));
    }
    if kind.eq_ignore_ascii_case("privileges") {
        return Value::Null;
    }
    if kind.eq_ignore_ascii_case("list") {
        let list = row.get(definition).and_then(Value::as_array);
        return list.map_or(Value::Null, |list| Value::Array(list.clone()));
    }
    property(definition)
}

fn value(row: &impl serde::Serialize) -> Value {
    serde_json::to_value(row).unwrap_or_else(|_| Value::Object(Map::new()))
}

fn render<T: serde::Serialize>(rows: impl Iterator<Item = T>, size: usize) -> Bytes {
    let mut text = Vec::with_capacity(size + 2);
    text.push(b'[');
    for row in rows {
        if text.len() > 1 {
            text.push(b',');
        }
        serde_json::to_writer(&mut text, &row).expect("rows are made of texts and numbers");
    }
    text.push(b']');
    text.into()
}
