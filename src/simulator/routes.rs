//! From a request to an answer: the checks in the server's order, then the endpoints.

use hyper::body::Bytes;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::access::{Deallocated, NotAllocated};
use super::lists::{Kind, Wanted};
use super::people::SeatKind;
use super::site::Site;
use super::{operations, selections, wire};

/// The text of a request without a matching XSRF key.
pub const XSRF_TEXT: &str = "XSRF prevention check failed. Possible XSRF discovered.";
/// The text of a request by a user without rights.
pub const FORBIDDEN_TEXT: &str = "Forbidden";
/// The text of a query that was cut by an unescaped `&`.
pub const MISSING_VALUE_TEXT: &str = "Missing parameter value(s)";

/// http.sys refuses longer ones before the service sees them.
const MAX_URL: usize = 16 * 1024;

const JSON: &str = "application/json;charset=UTF-8";
const TEXT: &str = "text/plain;charset=UTF-8";
pub(super) const HTML: &str = "text/html;charset=UTF-8";

/// A request, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub method: String,
    /// As sent.
    pub path: String,
    /// Lower case, percent-decoded, without a slash at the end.
    pub route: String,
    /// As sent.
    pub query: String,
    /// Names in lower case, values decoded.
    pub params: Vec<(String, String)>,
    /// A part of the query without `=`.
    pub cut_query: bool,
    pub xrf_header: Option<String>,
    pub user_header: Option<String>,
    pub content_type: Option<String>,
    pub body: Bytes,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str, query: Option<&str>) -> Self {
        let query = query.unwrap_or_default().to_owned();
        let parts = || query.split('&').filter(|part| !part.is_empty());
        let params = parts()
            .flat_map(|part| form_urlencoded::parse(part.as_bytes()))
            .map(|(name, value)| (name.to_lowercase(), value.into_owned()))
            .collect();
        let cut_query = parts().any(|part| !part.contains('='));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            route: decoded(path).to_lowercase().trim_end_matches('/').to_owned(),
            params,
            cut_query,
            query,
            xrf_header: None,
            user_header: None,
            content_type: None,
            body: Bytes::new(),
        }
    }

    /// Path and query as sent.
    fn url_length(&self) -> usize {
        self.path.len() + 1 + self.query.len()
    }

    /// A body is there and is not said to be JSON.
    fn has_other_body(&self) -> bool {
        let kind = self.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
        !self.body.is_empty() && !kind.starts_with("application/json")
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The XSRF key is there twice, the same, 16 letters and digits.
    pub(crate) fn xrf_ok(&self) -> bool {
        let (Some(query), Some(header)) = (self.param("xrfkey"), &self.xrf_header) else {
            return false;
        };
        query == header && query.len() == 16 && query.bytes().all(|b| b.is_ascii_alphanumeric())
    }
}

fn decoded(path: &str) -> String {
    // Signs that mean something in a query and nothing in a path.
    let path = path.replace('+', "%2B").replace('&', "%26");
    let pair = form_urlencoded::parse(path.as_bytes()).next();
    pair.map_or_else(String::new, |(name, value)| {
        if value.is_empty() { name.into_owned() } else { format!("{name}={value}") }
    })
}

/// An answer before it is sent.
#[derive(Debug, Clone)]
pub(super) struct HttpResponse {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Bytes,
    /// Seconds in a `Retry-After` header.
    pub retry_after: Option<u32>,
}

impl HttpResponse {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type, body: body.into(), retry_after: None }
    }

    pub(crate) fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, TEXT, text.into())
    }

    pub(crate) fn html(status: u16, title: &str) -> Self {
        let page = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n\
             <body><h1>{title}</h1></body></html>\n"
        );
        Self::new(status, HTML, page)
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self::bytes(value.to_string())
    }

    /// 200 with JSON that is text already.
    pub(crate) fn bytes(json: impl Into<Bytes>) -> Self {
        Self::new(200, JSON, json)
    }

    pub(crate) fn created(value: &Value) -> Self {
        Self::new(201, JSON, value.to_string())
    }

    pub(crate) fn no_content() -> Self {
        Self::text(204, "")
    }

    pub(crate) fn not_found() -> Self {
        Self::text(404, "")
    }

    pub(crate) fn forbidden() -> Self {
        Self::text(403, FORBIDDEN_TEXT)
    }

    pub(crate) fn count(count: usize) -> Self {
        Self::bytes(format!("{{\"value\":{count}}}"))
    }
}

/// The checks in the server's order, then the endpoint.
pub(super) fn answer(site: &mut Site, request: &Request) -> HttpResponse {
    let mut answer = checked(site, request);
    reshape(site, &mut answer);
    answer
}

/// Takes out what an older server lacks, and puts in what a newer one adds.
fn reshape(site: &Site, answer: &mut HttpResponse) {
    let quirks = &site.quirks;
    if quirks.without.is_empty() && quirks.added.is_empty() || answer.content_type != JSON {
        return;
    }
    let Ok(mut json) = serde_json::from_slice::<Value>(&answer.body) else { return };
    take_out(&mut json, &quirks.without);
    let rows = match &mut json {
        Value::Array(rows) => rows.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    for row in rows.iter_mut().filter_map(Value::as_object_mut) {
        row.extend(quirks.added.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    answer.body = json.to_string().into();
}

fn take_out(value: &mut Value, names: &[String]) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| take_out(value, names)),
        Value::Object(map) => {
            map.retain(|name, _| !names.contains(name));
            map.values_mut().for_each(|value| take_out(value, names));
        }
        _ => {}
    }
}

fn checked(site: &mut Site, request: &Request) -> HttpResponse {
    if request.url_length() > MAX_URL {
        return HttpResponse::html(414, "Request-URI Too Long");
    }
    if request.method == "GET" && request.route == "/v1/systeminfo" {
        // Another service, which wants the client certificate alone.
        return HttpResponse::json(&site.system_info);
    }
    if !request.xrf_ok() {
        return HttpResponse::text(403, XSRF_TEXT);
    }
    let acting = request.user_header.as_deref();
    if !site.may_act(acting) && !site.is_granted(acting, &request.method, &request.route) {
        return HttpResponse::forbidden();
    }
    if request.cut_query {
        return HttpResponse::text(400, MISSING_VALUE_TEXT);
    }
    let Some(rest) = request.route.strip_prefix("/qrs/") else {
        return HttpResponse::not_found();
    };
    if request.has_other_body() {
        return HttpResponse::text(415, "");
    }
    let segments: Vec<&str> = rest.split('/').collect();
    site.catch_up();
    match (request.method.as_str(), &segments[..]) {
        ("GET", ["about"]) => HttpResponse::json(&site.about()),
        ("GET", ["ssl", "ping"]) => HttpResponse::text(200, "Ping successful"),
        ("GET", ["license"]) => HttpResponse::json(&site.license_answer()),
        ("GET", ["license", "accesstypeoverview"]) => HttpResponse::json(&site.overview()),
        ("GET", ["license", "accesstypeinfo"]) => HttpResponse::json(&site.info()),
        ("GET", ["about", "api", "enums"]) => HttpResponse::json(&operations::enums()),
        ("POST", ["license", name]) if name.ends_with("accessgroup") => {
            create_group(site, request, name)
        }
        (_, ["license", "analyzertimeaccessusage", rest @ ..]) => {
            objects(site, request, Kind::CapacityUsage, rest)
        }
        (_, ["license", name, rest @ ..]) => {
            let kind = SeatKind::ALL.into_iter().find(|kind| kind.route() == *name);
            kind.map_or_else(HttpResponse::not_found, |kind| seats(site, request, kind, rest))
        }
        (_, ["selection", rest @ ..]) => selections::answer(site, request, rest),
        ("GET", ["reloadtask", task, "scriptlog"]) => {
            script_log(site, task, true, request.param("filereferenceid"))
        }
        ("GET", ["reloadtask", task, "scriptlogfile"]) => {
            script_log(site, task, false, request.param("executionresultid"))
        }
        ("GET", ["download", "reloadtask", reference, _]) => {
            let now = site.now();
            let log = site.operations.download(reference, now);
            log.map_or_else(HttpResponse::not_found, |text| HttpResponse::text(200, text))
        }
        ("GET", ["servernodeconfiguration", "local"]) => {
            HttpResponse::json(&Value::Array(site.operations.nodes_full())[0])
        }
        ("POST", ["systemrule"]) => create_rule(site, request),
        ("POST", ["notification"])
            if request.param("name").is_none()
                || serde_json::from_slice::<String>(&request.body).is_err() =>
        {
            HttpResponse::text(400, "Invalid body")
        }
        ("POST", ["notification"]) => {
            let id = site.fresh_id();
            HttpResponse::json(&json!({ "value": id.to_string() }))
        }
        ("DELETE", ["notification"]) => {
            let handle = request.param("handle").and_then(|text| Uuid::try_parse(text).ok());
            handle.map_or_else(HttpResponse::not_found, |_| HttpResponse::no_content())
        }
        (_, [name, rest @ ..]) => match Kind::of_route(name) {
            Some(kind) => objects(site, request, kind, rest),
            None => HttpResponse::not_found(),
        },
        _ => HttpResponse::not_found(),
    }
}

/// What all types of objects have in common.
fn objects(site: &mut Site, request: &Request, kind: Kind, rest: &[&str]) -> HttpResponse {
    let wanted = match Wanted::of(request, site.entity(kind)) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    match (request.method.as_str(), rest) {
        ("GET", []) => site.list(kind, "", &wanted),
        ("GET", [form @ ("full" | "count")]) => site.list(kind, form, &wanted),
        ("GET", [id]) => {
            let row = Uuid::try_parse(id).ok().and_then(|id| site.row(kind, id));
            row.map_or_else(HttpResponse::not_found, |row| HttpResponse::json(&row))
        }
        ("POST", ["table"]) => site.table(kind, &wanted, request),
        (_, [] | [_]) => HttpResponse::text(405, ""),
        _ => HttpResponse::not_found(),
    }
}

/// Allocations: as other objects, and they can be made and taken away.
fn seats(site: &mut Site, request: &Request, kind: SeatKind, rest: &[&str]) -> HttpResponse {
    let by = acting_name(request);
    let id = |text: &str| Uuid::try_parse(text).ok();
    let read = match (request.method.as_str(), rest) {
        ("GET", [text]) => id(text),
        _ => None,
    };
    site.show_deallocations(read);
    match (request.method.as_str(), rest) {
        ("POST", []) => allocate(site, request, kind, &by),
        ("PUT", [text]) => match id(text) {
            Some(id) => reinstate(site, request, kind, id, &by),
            None => HttpResponse::not_found(),
        },
        ("DELETE", [text]) => match id(text).map(|id| site.deallocate(kind, id, &by)) {
            Some(Deallocated::Freed | Deallocated::Quarantined) => HttpResponse::no_content(),
            Some(Deallocated::Refused) => HttpResponse::text(400, "The access is in quarantine"),
            Some(Deallocated::NotFound) | None => HttpResponse::not_found(),
        },
        _ => objects(site, request, Kind::Seats(kind), rest),
    }
}

fn allocate(site: &mut Site, request: &Request, kind: SeatKind, by: &str) -> HttpResponse {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let user = body["user"]["id"].as_str().and_then(|id| Uuid::try_parse(id).ok());
    let Some(place) = user.and_then(|id| site.users.place(id)) else {
        return HttpResponse::text(400, "invalid property user with EMPTY GuID");
    };
    match site.allocate(kind, place, by) {
        Ok(id) => {
            let row = site.row(Kind::Seats(kind), id);
            row.map_or_else(HttpResponse::not_found, |row| HttpResponse::created(&row))
        }
        Err(why) => HttpResponse::text(
            400,
            match why {
                NotAllocated::NoUser => "invalid property user with EMPTY GuID",
                NotAllocated::HasOne => "The user already has this access",
                NotAllocated::NoneFree => "Broken rules: not enough access passes available",
            },
        ),
    }
}

/// `PUT` of a seat: only the end of a quarantine has an effect.
fn reinstate(
    site: &mut Site,
    request: &Request,
    kind: SeatKind,
    id: Uuid,
    by: &str,
) -> HttpResponse {
    let Ok(body @ Value::Object(_)) = serde_json::from_slice::<Value>(&request.body) else {
        return HttpResponse::text(400, "Invalid body");
    };
    let now = site.now();
    let Some(current) = site.row(Kind::Seats(kind), id) else {
        return HttpResponse::not_found();
    };
    if body["id"] != current["id"] {
        return HttpResponse::text(400, "invalid property id");
    }
    if body["modifiedDate"] != current["modifiedDate"] {
        return HttpResponse::text(409, "The object was modified by somebody else");
    }
    if body["quarantined"] == Value::Bool(false)
        && let Some(seat) = site.seats.place(id).and_then(|place| site.seats.at_mut(place))
    {
        seat.quarantined_until = None;
        seat.modified = now;
        seat.modified_by = by.to_owned();
    }
    let row = site.row(Kind::Seats(kind), id);
    row.map_or_else(HttpResponse::not_found, |row| HttpResponse::json(&row))
}

/// A group that license rules give access through.
fn create_group(site: &mut Site, request: &Request, route: &str) -> HttpResponse {
    let kind = match route {
        "professionalaccessgroup" => "Professional",
        "analyzeraccessgroup" => "Analyzer",
        "useraccessgroup" => "User",
        _ => return HttpResponse::not_found(),
    };
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let own = json!({
        "name": body["name"].as_str().unwrap_or_default(),
        "privileges": null,
        "schemaPath": format!("License.{kind}AccessGroup"),
    });
    HttpResponse::created(&created(site, request, own))
}

/// A rule that was posted is listed and does nothing else: the rules that act are the scenario's.
fn create_rule(site: &mut Site, request: &Request) -> HttpResponse {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if !body["name"].is_string() || !body["category"].is_string() {
        return HttpResponse::text(400, "invalid property name with EMPTY value");
    }
    let rule = created(site, request, body);
    site.posted_rules.push(rule.clone());
    HttpResponse::created(&rule)
}

/// A new object: what all of them begin with, then its own fields.
fn created(site: &mut Site, request: &Request, own: Value) -> Value {
    let now = wire::time_text(site.now());
    let mut object = json!({
        "id": site.fresh_id().to_string(),
        "createdDate": now,
        "modifiedDate": now,
        "modifiedByUserName": acting_name(request),
    });
    if let (Value::Object(object), Value::Object(own)) = (&mut object, own) {
        for (name, value) in own {
            object.entry(name).or_insert(value);
        }
    }
    object
}

/// `DIR\id` of the acting user.
fn acting_name(request: &Request) -> String {
    let user = request.user_header.as_deref().and_then(acting_user);
    user.map_or_else(String::new, |(directory, id)| format!("{directory}\\{id}"))
}

fn script_log(site: &mut Site, task: &str, old: bool, reference: Option<&str>) -> HttpResponse {
    let now = site.now();
    let found = site.operations.script_log(task, old, reference.unwrap_or_default(), now);
    found.map_or_else(HttpResponse::not_found, |value| HttpResponse::json(&value))
}

/// The user of an `X-Qlik-User` header, as directory and id.
pub(super) fn acting_user(header: &str) -> Option<(String, String)> {
    let mut directory = None;
    let mut id = None;
    for part in header.split(';') {
        let (name, value) = part.split_once('=')?;
        let value = decoded(value.trim());
        match name.trim().to_lowercase().as_str() {
            "userdirectory" => directory = Some(value),
            "userid" => id = Some(value),
            _ => {}
        }
    }
    Some((directory?, id?))
}

/// A date for the header of the answer.
pub(super) fn date_header(site: &Site, skew_seconds: i64) -> String {
    wire::http_date(site.now() + chrono::TimeDelta::seconds(skew_seconds))
}
