//! Every path with its parameters and its answer: one table, of which the routes, the OpenAPI document and `/api` are made.

use std::pin::Pin;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{history, order, release, rest, seats, site, view};
use crate::plain::in_json;
use crate::secret::mask_own;
use crate::web::Served;
use crate::web::answer::Failure;
use crate::web::seats::ORDERS;

/// A path below `/api/v1`.
pub(super) struct Endpoint {
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) parameters: Vec<Parameter>,
    schema: fn(&mut SchemaGenerator) -> Value,
    pub(super) answer: fn(Ask) -> Made,
}

/// What is asked of a path.
pub(super) struct Ask {
    pub(super) of: Served,
    /// The names in the path, in order: of a site, of a person.
    pub(super) names: Vec<String>,
    pub(super) query: Option<String>,
}

impl Ask {
    fn site(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    fn person(&self) -> &str {
        self.names.get(1).map_or("", String::as_str)
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }
}

/// An answer as JSON, once it is made.
pub(super) type Made = Pin<Box<dyn Future<Output = Result<String, Failure>> + Send>>;

fn made<T: Serialize>(answer: impl Future<Output = Result<T, Failure>> + Send + 'static) -> Made {
    Box::pin(async move { Ok(as_json(answer.await?)) })
}

/// As it goes out: secrets masked, signs that mislead escaped.
pub(super) fn as_json(value: impl Serialize) -> String {
    let json = crate::plain::to_json(&value).expect("answers have texts for keys");
    in_json(&mask_own(&json)).into_owned()
}

pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    schema: Value,
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn parameter(name: &'static str, text: &'static str, schema: Value) -> Parameter {
    Parameter { name, text, schema }
}

/// Any text, as far as the head of a request goes.
fn text() -> Value {
    json!({ "type": "string", "maxLength": 1000 })
}

/// The end of a page.
fn place() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 1000 })
}

fn day() -> Value {
    json!({ "type": "string", "format": "date" })
}

fn number(most: u32, default: u32) -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": most, "default": default })
}

/// All of them.
#[rustfmt::skip] // a table
pub(super) fn all() -> Vec<Endpoint> {
    let end = |path, summary, parameters, schema, answer| Endpoint { path, summary, parameters, schema, answer };
    let seat_type = || json!({ "type": "string", "enum": ["professional", "analyzer", "user"] });
    let step = json!({ "type": "string", "enum": ["day", "week", "month"], "default": "day" });
    let sort = json!({ "type": "string", "enum": ORDERS.map(|(name, ..)| name), "default": "idle" });
    vec![
        end("/status", "The picture of now, in few words", vec![], of::<rest::Status>,
            |ask| made(async move { rest::status(&ask.of, ask.query()).await })),
        end("/sites", "All sites as they are now", vec![], of::<site::Sites>,
            |ask| made(async move { site::all(&ask.of, ask.query()).await })),
        end("/sites/{site}", "A site as it is now", vec![], of::<site::Site>,
            |ask| made(async move { site::one(&ask.of, ask.site(), ask.query()).await })),
        end("/sites/{site}/licenses", "Pools, use, how long they last, capacity, cost", vec![], of::<site::Licenses>,
            |ask| made(async move { site::licenses(&ask.of, ask.site(), ask.query()).await })),
        end("/sites/{site}/seats", "Seats, filtered and sorted, a page at a time", vec![
            parameter("q", "The words of the filter bar: `type:analyzer idle:>60 why:tag`", text()),
            parameter("sort", "The order; `person` only where people are named", sort),
            parameter("after", "`next` of the page before", place()),
            parameter("limit", "Rows of a page", number(1000, 100)),
        ], of::<seats::Seats>,
            |ask| made(async move { seats::list(&ask.of, ask.site(), ask.query()).await })),
        end("/sites/{site}/people/{person}", "A person with their seats and what happened to them", vec![], of::<seats::OnePerson>,
            |ask| made(async move { seats::person(&ask.of, ask.site(), ask.person(), ask.query()).await })),
        end("/sites/{site}/changes", "What changed about the seats, newest first", vec![
            parameter("before", "`next` of the page before", place()),
            parameter("limit", "Rows of a page", number(1000, 100)),
        ], of::<seats::Changes>,
            |ask| made(async move { seats::changes(&ask.of, ask.site(), ask.query()).await })),
        end("/sites/{site}/trends", "What was taken and entitled over time, and what may come", vec![
            parameter("type", "Of the first type that there is history of, unless it is named", seat_type()),
            parameter("from", "First day; a year ago, unless it is named", day()),
            parameter("to", "Last day; in a year, unless it is named", day()),
            parameter("step", "What a period is", step),
        ], of::<history::Trends>,
            |ask| made(async move { history::trends(&ask.of, ask.site(), ask.query()).await })),
        end("/sites/{site}/forecast", "When the free seats run out, by type", vec![
            parameter("months", "So many months ahead", number(120, 12)),
        ], of::<history::Forecasts>,
            |ask| made(async move { history::forecast(&ask.of, ask.site(), ask.query()).await })),
        end("/sites/{site}/order", "What to renew with: the recommended order, beside the budget", vec![], of::<order::Order>,
            |ask| made(async move { order::order(&ask.of, ask.site(), ask.query()).await })),
        end("/sites/{site}/releases", "The next run, the last plan, the runs, the ledger", vec![], of::<release::Releases>,
            |ask| made(async move { release::releases(&ask.of, ask.site(), ask.query()).await })),
        end("/alerts", "What fires, pends, is silenced, and what happened", vec![], of::<rest::Alerts>,
            |ask| made(async move { rest::alerts(&ask.of, ask.query()).await })),
        end("/destinations", "What waits for each destination, and what was refused", vec![], of::<rest::Destinations>,
            |ask| made(async move { rest::destinations(&ask.of, ask.query()).await })),
        end("/settings", "The settings in effect, secrets masked", vec![], of::<rest::Settings>,
            |ask| made(async move { rest::settings(&ask.of, ask.query()).await })),
        end("/health", "Whether the daemon does its work", vec![], of::<rest::Health>,
            |ask| made(async move { rest::health(&ask.of, ask.query()).await })),
    ]
}

/// The OpenAPI document.
pub fn openapi() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    let mut generator = settings.into_generator();
    let problem = of::<view::Problem>(&mut generator);
    let mut paths = Map::new();
    for Endpoint { path, summary, parameters, schema, .. } in all() {
        let answer = schema(&mut generator);
        let of_path = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let of_path = of_path.map(|name| {
            let text = match name {
                "person" => "The id of a user",
                _ => "The name of a site in the settings; `default` where they name none",
            };
            json!({ "name": name, "in": "path", "required": true, "description": text,
                "schema": { "type": "string", "minLength": 1, "maxLength": 200 } })
        });
        let asked = parameters.iter().map(|of| {
            json!({ "name": of.name, "in": "query", "required": false, "description": of.text,
                "schema": of.schema })
        });
        let parameters: Vec<_> = of_path.chain(asked).collect();
        let refused = |text: &str| json!({ "description": text, "content": { "application/problem+json": { "schema": problem } } });
        let mut responses = json!({
            "200": {
                "description": summary,
                "headers": { "ETag": { "description": "Of the content", "schema": { "type": "string" } } },
                "content": { "application/json": { "schema": answer } },
            },
            "304": { "description": "Nothing changed since the `If-None-Match` of the request" },
            "400": refused("What is asked can't be understood; `detail` says what to write"),
            "503": refused("The store can't be read"),
        });
        if path.contains('{') {
            responses["404"] = refused("There is no such site or person");
        }
        let get = json!({ "summary": summary, "operationId": id(path), "parameters": parameters,
            "responses": responses });
        paths.insert(path.to_owned(), json!({ "get": get }));
    }
    let mut schemas = Value::Object(generator.take_definitions(true));
    closed(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bursar",
            "version": "1",
            "description": "What the pages show, as JSON. Everything only reads; keys are only ever added.",
        },
        "servers": [{ "url": "/api/v1" }],
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

/// `/sites/{site}/seats` becomes `siteSeats`.
fn id(path: &str) -> String {
    let mut out = String::new();
    let single = path.replace("{site}/", "site/").replace("/sites/site", "/site");
    let words = single.split(['/', '{', '}']).filter(|word| !word.is_empty());
    for word in words {
        match out.is_empty() {
            true => out.push_str(word),
            false => out.push_str(&format!("{}{}", word[..1].to_uppercase(), &word[1..])),
        }
    }
    out
}

/// Objects have the keys that are named, and descriptions stand on one line.
fn closed(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(closed);
            if object.get("properties").is_some_and(Value::is_object) {
                object.insert("additionalProperties".to_owned(), false.into());
            }
            // Widths of numbers are nobody's business.
            if object.get("format").is_some_and(|f| f != "date-time" && f != "date") {
                object.shift_remove("format");
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(closed),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_path_has_an_id_of_its_own() {
        let ids: HashSet<_> = all().iter().map(|of| id(of.path)).collect();
        assert_eq!(ids.len(), all().len(), "{ids:?}");
        assert_eq!(id("/sites/{site}/seats"), "siteSeats");
    }
}
