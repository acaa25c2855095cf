//! Selections: sets of objects kept on the server, to work on together.

use serde_json::{Value, json};
use uuid::Uuid;

use super::lists::{Kind, Wanted};
use super::people::SeatKind;
use super::routes::{HttpResponse, Request};
use super::site::Site;
use super::wire::time_text;

pub(super) fn answer(site: &mut Site, request: &Request, rest: &[&str]) -> HttpResponse {
    let id_of = |text: &str| Uuid::try_parse(text).ok();
    match (request.method.as_str(), rest) {
        ("POST", []) => by_items(site, request),
        ("POST", [area]) => match kind_of(area) {
            Some(kind) => by_filter(site, request, area, kind),
            None => HttpResponse::not_found(),
        },
        ("GET", [id]) => {
            let id = id_of(id).filter(|id| site.selections.contains_key(id));
            id.map_or_else(HttpResponse::not_found, |id| HttpResponse::json(&object(site, id)))
        }
        ("DELETE", [id]) => match id_of(id).and_then(|id| site.selections.remove(&id)) {
            Some(_) => HttpResponse::no_content(),
            None => HttpResponse::not_found(),
        },
        ("GET", [id, area @ .., form @ ("full" | "count")]) => {
            listed(site, request, id_of(id), area, form)
        }
        ("GET", [id, area @ ..]) => listed(site, request, id_of(id), area, ""),
        _ => HttpResponse::not_found(),
    }
}

/// The type in a selection's path: `user`, or the last part of `license/useraccesstype`.
fn kind_of(area: &str) -> Option<Kind> {
    let seat = SeatKind::ALL.into_iter().find(|kind| kind.route() == area);
    seat.map(Kind::Seats).or_else(|| Kind::of_route(area))
}

fn by_items(site: &mut Site, request: &Request) -> HttpResponse {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(items) = body["items"].as_array() else {
        return HttpResponse::text(400, "Invalid body");
    };
    let area = items.first().and_then(|item| item["type"].as_str()).unwrap_or("User").to_owned();
    let ids: Option<Vec<Uuid>> =
        items.iter().map(|item| Uuid::try_parse(item["objectID"].as_str()?).ok()).collect();
    match ids {
        Some(ids) => created(site, area, ids),
        None => HttpResponse::text(400, "invalid property objectID"),
    }
}

fn by_filter(site: &mut Site, request: &Request, area: &str, kind: Kind) -> HttpResponse {
    let wanted = match Wanted::of(request, site.entity(kind)) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    let rows = site.rows(kind, &wanted);
    let ids = rows.iter().filter_map(|row| Uuid::try_parse(row["id"].as_str()?).ok()).collect();
    created(site, area.to_owned(), ids)
}

fn created(site: &mut Site, area: String, ids: Vec<Uuid>) -> HttpResponse {
    let id = site.fresh_id();
    site.selections.insert(id, (area, ids));
    HttpResponse::created(&object(site, id))
}

fn listed(
    site: &mut Site,
    request: &Request,
    id: Option<Uuid>,
    area: &[&str],
    form: &str,
) -> HttpResponse {
    let selected = id.and_then(|id| site.selections.get(&id)).map(|(_, ids)| ids.clone());
    let kind = area.last().and_then(|area| kind_of(area));
    let (Some(ids), Some(kind)) = (selected, kind) else { return HttpResponse::not_found() };
    match Wanted::of(request, site.entity(kind)) {
        Ok(wanted) => site.list(kind, form, &wanted.among(ids)),
        Err(refusal) => refusal,
    }
}

fn object(site: &Site, id: Uuid) -> Value {
    let now = time_text(site.now());
    let by = "INTERNAL\\sa_api";
    let empty = (String::new(), Vec::new());
    let (area, ids) = site.selections.get(&id).unwrap_or(&empty);
    let name = |id: Uuid| site.users.get(id).map_or("", |user| user.name.as_str());
    let items: Vec<Value> = ids
        .iter()
        .map(|object| {
            json!({
                "id": super::wire::named_id("item", &object.to_string()).to_string(),
                "createdDate": now,
                "modifiedDate": now,
                "modifiedByUserName": by,
                "type": area,
                "objectID": object.to_string(),
                "objectName": name(*object),
                "schemaPath": "SelectionItem",
            })
        })
        .collect();
    json!({
        "id": id.to_string(),
        "createdDate": now,
        "modifiedDate": now,
        "modifiedByUserName": by,
        "items": items,
        "privileges": null,
        "schemaPath": "Selection",
    })
}
