//! Seats and the people who hold them, and what is done to seats.

use bursar::license::PersonRead;
use bursar::license::{Moment, SeatType};
use bursar::qrs::write::Writer;
use bursar::simulator::{
    DeletedUser, LicenseVariant, Population, SeatKind, SeatSpec, UserSpec, When,
};
use serde_json::Value;
use uuid::Uuid;

use super::*;

/// Two Professionals and three Analyzers, and nobody else.
fn small() -> Scenario {
    let user = |id: &str| UserSpec::of("CORP", id);
    Scenario {
        population: Population::none(),
        users: ["anna", "ben", "cleo"].map(user).into(),
        seats: vec![
            SeatSpec::of(SeatKind::Professional, "CORP\\anna", When::days_ago(40)),
            SeatSpec::of(SeatKind::Professional, "CORP\\ben", When::Never),
            SeatSpec::of(SeatKind::Analyzer, "CORP\\anna", When::days_ago(3)),
            SeatSpec::of(SeatKind::Analyzer, "CORP\\cleo", When::days_ago(90)),
            SeatSpec::of(SeatKind::Analyzer, "CORP\\gone", When::days_ago(90)),
        ],
        ..Scenario::default()
    }
}

#[tokio::test]
async fn seats_are_read_and_given_and_taken() {
    let site = Site::with(small()).await;
    let client = site.client();
    let seats = client.seats(SeatType::Professional, soon()).await.unwrap();
    assert!(seats.server_date.is_some());
    let [anna, ben] = &seats.value[..] else { panic!("{seats:?}") };
    let holder = anna.holder.clone().unwrap();
    assert_eq!(holder.account(), r"CORP\anna");
    assert!(matches!(anna.last_used, Moment::At(_)) && ben.last_used == Moment::Never);
    assert_eq!(
        client.seat(SeatType::Professional, anna.id, soon()).await.unwrap().as_ref(),
        Some(anna)
    );
    assert_eq!(client.seat(SeatType::Analyzer, anna.id, soon()).await, Ok(None));
    let seats = client.seats_of(SeatType::Professional, holder.id, soon()).await.unwrap();
    assert_eq!(seats, std::slice::from_ref(anna));
    let analyzers = client.seats(SeatType::Analyzer, soon()).await.unwrap().value;
    assert_eq!(analyzers[2].holder, None);

    let PersonRead::Whole(person) = client.person(holder.id, soon()).await else { panic!() };
    assert_eq!(&*person.user_id, "anna");
    let nobody = Uuid::from_u128(7);
    let people = client.people(&[holder.id, nobody], soon()).await;
    assert_eq!(people[&holder.id], PersonRead::Whole(person));
    assert_eq!(people[&nobody], PersonRead::Gone);

    let writer = Writer::new(client.clone());
    let taken = writer.deallocate(SeatType::Professional, anna.id, later(), &|| true).await;
    assert_eq!(taken, Ok(204));
    assert_eq!(client.seat(SeatType::Professional, anna.id, soon()).await, Ok(None));
    let again = writer.deallocate(SeatType::Professional, anna.id, later(), &|| true).await;
    assert_eq!(again.unwrap_err().status(), Some(404));
    let back = writer.allocate(SeatType::Professional, holder.id, later(), &|| true).await.unwrap();
    assert_eq!(back.holder, Some(holder));
    assert!(client.license_fingerprint(soon()).await.unwrap().is_some());
}

#[tokio::test]
async fn an_answer_that_is_not_the_seat_is_an_error() {
    let site = Site::with(small()).await;
    let client = site.client();
    let seat = client.seats(SeatType::Analyzer, soon()).await.unwrap().value[0].clone();
    let field = |name: &str, value: Value| Fault::Field { name: name.into(), value };
    for (fault, code, text) in [
        (field("id", Uuid::from_u128(7).to_string().into()), "unexpected-shape", "another seat"),
        (
            field("schemaPath", "License.ProfessionalAccessType".into()),
            "unexpected-shape",
            "a row of another type",
        ),
        (Fault::FieldMissing { name: "quarantined".into() }, "unexpected-shape", "quarantined"),
        (field("quarantined", Value::Null), "unexpected-shape", "null"),
        (Fault::EmptyObject, "unexpected-shape", "id"),
        (Fault::Null, "unexpected-shape", "null"),
        (Fault::HtmlOk, "not-json", "an HTML page"),
        (Fault::BrokenJson, "not-json", "a truncated body"),
        (Fault::Truncate, "not-json", "a truncated body"),
        (Fault::Forbidden, "forbidden", "403"),
        (status(204), "unexpected-status", "204"),
        (status(500), "server-error", "500"),
    ] {
        site.fault(fault.clone());
        let error = client.seat(SeatType::Analyzer, seat.id, once()).await.unwrap_err();
        assert_error(&error, code, &[text, "/qrs/license/analyzeraccesstype"]);
        site.running.control().clear_faults();
    }
    assert_eq!(client.seat(SeatType::Analyzer, seat.id, once()).await, Ok(Some(seat)));
}

#[tokio::test]
async fn a_list_of_seats_is_whole_or_an_error() {
    let site = Site::with(small()).await;
    let client = site.client();
    let list = "/qrs/license/analyzeraccesstype/full";
    for (fault, code) in [
        (Fault::ShortList { drop: 1 }, "incomplete-list"),
        (Fault::ObjectForList, "unexpected-shape"),
        (Fault::EmptyObject, "unexpected-shape"),
        (Fault::Null, "unexpected-shape"),
        (Fault::FieldMissing { name: "quarantined".into() }, "unexpected-shape"),
        (Fault::Field { name: "id".into(), value: "x".into() }, "unexpected-shape"),
        (Fault::HtmlOk, "not-json"),
        (Fault::EmptyOk, "not-json"),
        (Fault::BrokenJson, "not-json"),
        (Fault::Truncate, "not-json"),
    ] {
        site.fault(FaultRule::on(list, fault.clone()));
        let error = client.seats(SeatType::Analyzer, once()).await.unwrap_err();
        assert_eq!(error.code(), code, "{fault:?} {error}");
        site.running.control().clear_faults();
    }
    // What came before a break is not counted twice.
    for fault in [Fault::Truncate, Fault::BrokenJson, Fault::ResetHandled] {
        site.fault(FaultRule::on(list, fault.clone()).times(2));
        let seats = client.seats(SeatType::Analyzer, soon()).await.unwrap().value;
        assert_eq!(seats.len(), 3, "{fault:?}");
    }
    site.fault(FaultRule::on(list, Fault::ShortList { drop: 1 }).times(1));
    assert_eq!(client.seats(SeatType::Analyzer, soon()).await.unwrap().value.len(), 3);
    site.fault(FaultRule::on(list, Fault::SlowDrip { bytes: 7, millis: 0 }));
    assert_eq!(client.seats(SeatType::Analyzer, soon()).await.unwrap().value.len(), 3);
    assert!(client.seats(SeatType::User, soon()).await.unwrap().value.is_empty());
}

#[tokio::test]
async fn quarantine_and_excess_and_odd_users_show() {
    let mut scenario = small();
    scenario.seats[2].excess = true;
    scenario.seats[3].quarantined_until = When::in_days(3);
    let site = Site::with(scenario).await;
    let client = site.client();
    let seats = client.seats(SeatType::Analyzer, soon()).await.unwrap().value;
    let flags: Vec<_> = seats.iter().map(|s| (s.excess, s.quarantined.is_some())).collect();
    assert_eq!(flags, [(true, false), (false, true), (false, false)]);
    assert!(matches!(seats[1].quarantined, Some(Moment::At(_))));
    assert_eq!(seats[2].deleted_user.as_deref(), Some(r"CORP\gone"));
    site.running.control().update_quirks(|quirks| {
        quirks.deleted_user = DeletedUser::Missing;
        quirks.with_deleted_user_fields = false;
    });
    let seats = client.seats(SeatType::Analyzer, soon()).await.unwrap().value;
    assert_eq!((&seats[2].holder, &seats[2].deleted_user), (&None, &None));
    // A quarantined seat is among those of its user.
    let cleo = seats[1].holder.clone().unwrap();
    assert_eq!(
        client.seats_of(SeatType::Analyzer, cleo.id, soon()).await.unwrap(),
        [seats[1].clone()]
    );
    let nameless = serde_json::json!({"id": cleo.id, "name": "Cleo"});
    site.fault(Fault::Field { name: "user".into(), value: nameless });
    let seats = client.seats(SeatType::Analyzer, soon()).await.unwrap().value;
    assert!(seats.len() == 3 && seats.iter().all(|seat| seat.holder.is_none()));
}

#[tokio::test]
async fn seats_of_somebody_else_are_not_taken_for_a_users() {
    let row = |n: u128| {
        serde_json::json!({"id": Uuid::from_u128(n).to_string(), "quarantined": false,
            "user": {"id": Uuid::from_u128(n).to_string(), "userId": "u", "userDirectory": "D"}})
    };
    let router = axum::Router::new()
        .route(
            "/qrs/license/useraccesstype/full",
            axum::routing::get(async move || axum::Json(vec![row(1), row(2)])),
        )
        .route(
            "/qrs/license/useraccesstype/count",
            axum::routing::get(async || axum::Json(serde_json::json!({"value": 2}))),
        );
    let client = client(&plain::serve(router).await);
    let error = client.seats_of(SeatType::User, Uuid::from_u128(1), soon()).await.unwrap_err();
    assert_error(&error, "unexpected-shape", &["another seat", "useraccesstype"]);
}

#[tokio::test]
async fn a_fingerprint_tells_licenses_apart_and_nothing_of_them() {
    let site = Site::start().await;
    let client = site.client();
    let signed = client.license_fingerprint(soon()).await.unwrap().unwrap();
    assert_eq!(client.license_fingerprint(soon()).await, Ok(Some(signed.clone())));
    let other = Site::with(Scenario { seed: 2, ..Scenario::default() }).await;
    assert_eq!(other.client().license_fingerprint(soon()).await, Ok(Some(signed.clone())));
    let number = "0001 0002 0003 0005".to_owned();
    let own = LicenseVariant { number, ..LicenseVariant::default() };
    site.running.control().set_license(own);
    assert_ne!(client.license_fingerprint(soon()).await, Ok(Some(signed.clone())));
    assert!(signed.bytes().all(|b| b.is_ascii_hexdigit()) && !signed.contains("00010002"));
    // A LEF writes the same number without blanks.
    site.running.control().set_license(LicenseVariant::lef(When::Never));
    assert_eq!(client.license_fingerprint(soon()).await, Ok(Some(signed)));
    site.running.control().set_license(LicenseVariant::none());
    assert_eq!(client.license_fingerprint(soon()).await, Ok(None));
    for fault in [Fault::EmptyObject, Fault::HtmlOk] {
        site.fault(FaultRule::from(fault).times(1));
        assert!(client.license_fingerprint(once()).await.is_err());
    }
}
