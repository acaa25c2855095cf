//! Users in full: many in one request, and nobody who isn't read whole.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::get;
use bursar::license::PersonRead;
use bursar::simulator::{Population, PropertySpec, UserSpec};
use serde_json::{Value, json};
use uuid::Uuid;

use super::plain::serve;
use super::*;

const FULL: &str = "/qrs/user/full";

/// So many users, of whom each has something that protects.
fn crowd(users: usize) -> Scenario {
    let user = |n: usize| UserSpec {
        tags: vec!["keep".into()],
        custom_properties: vec![PropertySpec { name: "P".into(), value: n.to_string() }],
        groups: vec!["staff".into()],
        roles: vec!["ContentAdmin".into()],
        ..UserSpec::of("CORP", &format!("user{n:04}"))
    };
    Scenario {
        population: Population::none(),
        users: (0..users).map(user).collect(),
        ..Scenario::default()
    }
}

async fn site(users: usize) -> (Site, Vec<Uuid>) {
    let site = Site::with(crowd(users)).await;
    let users = site.running.control().users();
    let ids = users.iter().filter(|user| user.directory == "CORP").map(|user| user.id).collect();
    (site, ids)
}

fn whole(read: &HashMap<Uuid, PersonRead>) -> usize {
    read.values().filter(|person| matches!(person, PersonRead::Whole(_))).count()
}

/// Why none of them was read.
#[track_caller]
fn whys(read: &HashMap<Uuid, PersonRead>) -> Vec<&str> {
    let mut whys = Vec::new();
    for person in read.values() {
        let PersonRead::Unreadable(why) = person else { panic!("{person:?}") };
        whys.push(why.as_str());
    }
    whys
}

#[tokio::test]
async fn people_are_read_many_at_a_time() {
    let (site, mut ids) = site(1000).await;
    let client = site.client();
    let asked = ids.clone();
    ids.extend_from_within(..10);
    let read = client.people(&ids, soon()).await;
    assert_eq!((read.len(), whole(&read)), (1000, 1000));
    let control = site.running.control();
    for user in control.users().iter().filter(|user| user.directory == "CORP") {
        let PersonRead::Whole(person) = &read[&user.id] else { panic!() };
        assert_eq!((person.id, &*person.user_id), (user.id, user.user_id.as_str()));
        assert_eq!(&*person.properties[0].1, user.custom_properties[0].1);
        let texts = (&*person.tags[0], person.groups.as_ref().map(|g| &*g[0]));
        assert_eq!(texts, ("keep", Some("staff")));
        assert_eq!(person.roles.as_ref().map(|r| &*r[0]), Some("ContentAdmin"));
    }
    let requests = control.requests();
    assert_eq!(requests.len(), 7, "no count, because all came");
    for request in &requests {
        assert_eq!(request.path, FULL);
        let length = request.path.len() + 1 + request.query.len();
        assert!(length < 8000, "{length}");
        assert!(request.query.matches("%20or%20").count() < 150);
    }
    let longest = requests.iter().map(|r| r.path.len() + 1 + r.query.len()).max();
    assert!(longest > Some(7900), "{longest:?}");
    assert!(control.connections() <= 4);

    assert!(client.people(&[], soon()).await.is_empty());
    let one = client.people(&asked[..1], soon()).await;
    assert_eq!((one.len(), whole(&one)), (1, 1));
}

#[tokio::test]
async fn somebody_who_is_gone_spoils_nobody_else() {
    let (site, mut ids) = site(50).await;
    let control = site.running.control();
    assert!(control.remove_user("CORP", "user0007"));
    let nobody = Uuid::from_u128(7);
    ids.push(nobody);
    let read = site.client().people(&ids, soon()).await;
    assert_eq!((read.len(), whole(&read)), (51, 49));
    let gone = read.iter().filter(|(_, person)| **person == PersonRead::Gone);
    assert_eq!(gone.count(), 2);
    assert_eq!(read[&nobody], PersonRead::Gone);
    assert_eq!(control.request_count(), 2 + 2, "a list, its count, and those two");
}

#[tokio::test]
async fn not_a_whole_site_is_read_one_by_one() {
    let (site, ids) = site(1).await;
    let many: Vec<Uuid> = (0..1000).map(Uuid::from_u128).chain(ids).collect();
    let read = site.client().people(&many, soon()).await;
    assert_eq!((read.len(), whole(&read)), (1001, 1));
    assert_eq!(read.values().filter(|person| **person == PersonRead::Gone).count(), 100);
    let why = read.values().find_map(|person| match person {
        PersonRead::Unreadable(why) => Some(why),
        _ => None,
    });
    assert!(why.unwrap().contains("1000 such users are too many"), "{why:?}");
    assert_eq!(site.running.control().request_count(), 7 + 7 + 100);
}

#[tokio::test]
async fn one_try_each_is_no_limit_of_the_whole() {
    let (site, mut ids) = site(1200).await;
    ids.push(Uuid::from_u128(7));
    let read = site.client().people(&ids, once()).await;
    assert_eq!((read.len(), whole(&read)), (1201, 1200));
    assert_eq!(read[&Uuid::from_u128(7)], PersonRead::Gone);
}

#[tokio::test]
async fn nobody_is_asked_for_once_the_time_for_all_is_over() {
    let (site, ids) = site(5).await;
    let over = once().ending_at(tokio::time::Instant::now());
    let read = site.client().people(&ids, over).await;
    let whys = whys(&read);
    assert!(whys.iter().all(|why| why.contains("the time for the whole reading was over")));
    assert_eq!((whys.len(), site.running.control().request_count()), (5, 0));
}

/// Those whom the list did not have are asked for by themselves, until the time is over.
#[tokio::test]
async fn the_end_of_all_cuts_what_is_under_way() {
    let (site, mut ids) = site(5).await;
    ids.push(Uuid::from_u128(7));
    site.fault(FaultRule::on("/qrs/user/00000000", Fault::Hang));
    let end = tokio::time::Instant::now() + Duration::from_millis(1500);
    let read = site.client().people(&ids, once().ending_at(end)).await;
    let PersonRead::Unreadable(why) = &read[&ids[5]] else { panic!("{read:?}") };
    assert!(why.contains("the time for the whole reading was over"), "{why}");
    assert_eq!(whole(&read), 5);
}

#[tokio::test]
async fn a_site_that_is_down_is_not_asked_for_hours() {
    let (site, _) = site(1).await;
    site.fault(status(503));
    let many: Vec<Uuid> = (0..10_000).map(Uuid::from_u128).collect();
    let read = site.client().people(&many, once()).await;
    assert!(whys(&read).iter().all(|why| why.contains("503")));
    let requests = site.running.control().request_count();
    assert!((20..=23).contains(&requests), "{requests} of 69");
}

#[tokio::test]
async fn a_list_that_is_cut_is_asked_again_and_made_up_for() {
    let (site, ids) = site(30).await;
    let control = site.running.control();
    site.fault(FaultRule::on(FULL, Fault::ShortList { drop: 3 }).times(1));
    let read = site.client().people(&ids, soon()).await;
    assert_eq!((whole(&read), control.request_count()), (30, 3), "list, count, list");
    // It stays cut, or security rules hide the rows from the count, too.
    for fault in [
        FaultRule::on(FULL, Fault::ShortList { drop: 3 }),
        FaultRule::on("/qrs/user/full", Fault::HiddenRows { drop: 3 }),
    ] {
        site.fault(fault);
        let read = site.client().people(&ids, soon()).await;
        assert_eq!(whole(&read), 30);
        control.clear_faults();
    }
    for form in ["full", "count"] {
        let path = format!("/qrs/user/{form}");
        site.fault(FaultRule::on(&path, Fault::HiddenRows { drop: 3 }));
    }
    let before = control.request_count();
    let read = site.client().people(&ids, soon()).await;
    assert_eq!((whole(&read), control.request_count() - before), (30, 2 + 3));
    site.fault(FaultRule::on("/qrs/user/", Fault::Forbidden).skip(2));
    let read = site.client().people(&ids, soon()).await;
    assert_eq!((read.len(), whole(&read)), (30, 27), "hidden people are kept");
}

/// Correction: a record that answers 200 with something else switches no protection off.
#[tokio::test]
async fn an_answer_that_is_not_the_user_is_never_a_whole_one() {
    let (site, ids) = site(10).await;
    site.running.control().add_user(&UserSpec::of("CORP", "stranger"));
    let client = site.client();
    let another = Fault::AnotherUser { user: "CORP\\stranger".into() };
    let field = |name: &str, value: Value| Fault::Field { name: name.into(), value };
    let missing = |name: &str| Fault::FieldMissing { name: name.into() };
    for (fault, text) in [
        (Fault::HtmlOk, "an HTML page"),
        (Fault::Status { code: 200, html: true, retry_after_seconds: None }, "an HTML page"),
        (Fault::EmptyObject, ""),
        (Fault::EmptyOk, "an empty body"),
        (Fault::Null, "null"),
        (Fault::BrokenJson, "a truncated body"),
        (Fault::Truncate, "a truncated body"),
        (another, "found another user"),
        (field("id", "10000000-0000-4000-8000-00000000ffff".into()), "another user"),
        (missing("userId"), "userId"),
        (field("userId", "".into()), "userId"),
        (missing("userDirectory"), "userDirectory"),
        (missing("inactive"), "inactive"),
        (field("inactive", Value::Null), "null"),
        (field("blacklisted", "no".into()), ""),
        (missing("removedExternally"), "removedExternally"),
        (field("tags", json!({})), ""),
        (field("tags", json!([{}])), "name"),
        (field("customProperties", json!([{"value": "x"}])), "definition"),
        (field("customProperties", json!(["x"])), ""),
        (status(204), "204"),
        (status(302), "302"),
        (status(403), "403"),
        (status(500), "500"),
        (Fault::ResetHandled, ""),
    ] {
        site.fault(FaultRule::on("/qrs/user/", fault.clone()));
        let read = client.people(&ids, once()).await;
        assert_eq!(read.len(), 10, "{fault:?}");
        assert!(whys(&read).iter().all(|why| why.contains(text)), "{fault:?} {read:?}");
        let PersonRead::Unreadable(why) = client.person(ids[0], once()).await else {
            panic!("{fault:?}")
        };
        assert!(why.contains(text), "{fault:?} {why}");
        site.running.control().clear_faults();
    }
    for fault in [missing("roles"), missing("attributes"), missing("name")] {
        site.fault(FaultRule::on("/qrs/user/", fault.clone()));
        let read = client.people(&ids, once()).await;
        assert_eq!(whole(&read), 10, "{fault:?} {read:?}");
        assert!(matches!(client.person(ids[0], once()).await, PersonRead::Whole(_)), "{fault:?}");
        site.running.control().clear_faults();
    }
    // Who has none has an empty list. Without one, nobody knows.
    for fault in [
        missing("tags"),
        field("tags", Value::Null),
        missing("customProperties"),
        field("customProperties", Value::Null),
    ] {
        site.fault(FaultRule::on("/qrs/user/", fault.clone()));
        let read = client.people(&ids, once()).await;
        assert_eq!((read.len(), whole(&read)), (10, 0), "{fault:?} {read:?}");
        let one = client.person(ids[0], once()).await;
        assert!(matches!(one, PersonRead::Unreadable(_)), "{fault:?} {one:?}");
        site.running.control().clear_faults();
    }
}

#[tokio::test]
async fn a_batch_that_fails_takes_no_other_along() {
    let (mut site, ids) = site(500).await;
    site.connection.max_concurrency = 1;
    let client = site.client();
    let control = site.running.control();
    for fault in [Fault::HtmlOk, Fault::Forbidden, Fault::Null] {
        site.fault(FaultRule::on(FULL, fault.clone()).skip(1).times(1));
        let read = client.people(&ids, soon()).await;
        let unread = read.len() - whole(&read);
        assert!((140..150).contains(&unread), "{fault:?} {unread}");
        control.clear_faults();
    }
    // What passes is tried again.
    for fault in [status(500), Fault::Truncate, Fault::ResetHandled] {
        site.fault(FaultRule::on(FULL, fault.clone()).skip(1).times(2));
        let read = client.people(&ids, soon()).await;
        assert_eq!(whole(&read), 500, "{fault:?}");
        control.clear_faults();
    }
}

#[tokio::test]
async fn a_site_that_refuses_is_not_asked_to_the_end() {
    let (site, ids) = site(5000).await;
    let client = site.client();
    let control = site.running.control();
    site.fault(FaultRule::on(FULL, Fault::Forbidden));
    let read = client.people(&ids, soon()).await;
    assert_eq!((read.len(), whole(&read)), (5000, 0));
    assert!(whys(&read).iter().all(|why| why.contains("403")));
    assert!(control.request_count() < 10, "{}", control.request_count());
}

#[tokio::test]
async fn a_filter_that_is_refused_leads_to_single_reads() {
    let (site, ids) = site(1000).await;
    let client = site.client();
    let control = site.running.control();
    site.fault(FaultRule::on(FULL, status(400)));
    let read = client.people(&ids[..60], soon()).await;
    assert_eq!(whole(&read), 60);
    let before = control.request_count();
    let read = client.people(&ids, soon()).await;
    assert_eq!((read.len(), whole(&read)), (1000, 100));
    assert!(control.request_count() - before < 150, "{}", control.request_count() - before);
    for why in read.values().filter_map(|person| match person {
        PersonRead::Unreadable(why) => Some(why),
        _ => None,
    }) {
        assert!(why.contains("400"), "{why}");
    }
}

fn user(id: Uuid) -> Value {
    json!({"id": id.to_string(), "userId": "u", "userDirectory": "D", "name": "n",
        "inactive": false, "blacklisted": false, "removedExternally": false, "tags": [],
        "customProperties": []})
}

/// The ids of a filter.
fn ids_of(query: &HashMap<String, String>) -> Vec<Uuid> {
    let filter = query.get("filter").map(String::as_str).unwrap_or_default();
    filter.split(" or ").map(|term| term["id eq ".len()..].parse().unwrap()).collect()
}

#[tokio::test]
async fn shorter_requests_where_long_ones_are_refused() {
    for refusal in [StatusCode::URI_TOO_LONG, StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST] {
        let router = Router::new().route(
            FULL,
            get(async move |Query(query): Query<HashMap<String, String>>| {
                let ids = ids_of(&query);
                if ids.len() > 40 {
                    return Err(refusal);
                }
                Ok(axum::Json(ids.into_iter().map(user).collect::<Vec<_>>()))
            }),
        );
        let client = client(&serve(router).await);
        let ids: Vec<Uuid> = (1..=500).map(Uuid::from_u128).collect();
        let read = client.people(&ids, soon()).await;
        assert_eq!((read.len(), whole(&read)), (500, 500), "{refusal}");
    }
}

#[tokio::test]
async fn lists_of_other_people_are_told() {
    let strangers: Vec<Value> = (1000..6000).map(|n| user(Uuid::from_u128(n))).collect();
    let router = Router::new()
        .route(FULL, get(async move || axum::Json(strangers)))
        .route("/qrs/user/{id}", get(async |Path(_): Path<String>| StatusCode::FORBIDDEN));
    let client = client(&serve(router).await);
    let ids: Vec<Uuid> = (1..=20).map(Uuid::from_u128).collect();
    let read = client.people(&ids, soon()).await;
    assert!(whys(&read).iter().all(|why| why.contains("expected at most 40 rows")), "{read:?}");
}

#[tokio::test]
async fn odd_rows_spoil_only_themselves() {
    let router = Router::new()
        .route(
            FULL,
            get(async |Query(query): Query<HashMap<String, String>>| {
                let mut rows: Vec<Value> = ids_of(&query).into_iter().map(user).collect();
                rows[0] = Value::Null;
                rows[1]["inactive"] = "no".into();
                rows[2]["tags"] = json!([{"label": "keep"}]);
                rows.push(rows[3].clone());
                axum::Json(rows)
            }),
        )
        .route("/qrs/user/count", get(async || axum::Json(json!({"value": 20}))))
        .route("/qrs/user/{id}", get(async |Path(id): Path<Uuid>| axum::Json(user(id))));
    let client = client(&serve(router).await);
    let ids: Vec<Uuid> = (1..=20).map(Uuid::from_u128).collect();
    let read = client.people(&ids, soon()).await;
    assert!(matches!(&read[&ids[0]], PersonRead::Whole(_)), "read by itself");
    for (id, text) in [(ids[1], "bool"), (ids[2], "name"), (ids[3], "twice")] {
        let PersonRead::Unreadable(why) = &read[&id] else { panic!("{:?}", read[&id]) };
        assert!(why.contains(text), "{why}");
    }
    assert_eq!(whole(&read), 17);
}
