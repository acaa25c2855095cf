//! Seats and the people who hold them, and what is done to seats.

use bursar::license::{Moment, SeatType};
use bursar::qrs::write::{Deleted, Writer};
use bursar::release::plan::PersonRead;
use bursar::simulator::{Population, SeatKind, SeatSpec, UserSpec, When};
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
    assert_eq!(
        client.seats_of(SeatType::Professional, holder.id, soon()).await.unwrap(),
        [anna.clone()]
    );
    let analyzers = client.seats(SeatType::Analyzer, soon()).await.unwrap().value;
    assert_eq!(analyzers[2].holder, None);

    let PersonRead::Whole(person) = client.person(holder.id, soon()).await else { panic!() };
    assert_eq!(&*person.user_id, "anna");
    let nobody = Uuid::from_u128(7);
    let people = client.people(&[holder.id, nobody], soon()).await;
    assert_eq!(people[&holder.id], PersonRead::Whole(person));
    assert_eq!(people[&nobody], PersonRead::Gone);

    let writer = Writer::new(client.clone());
    let taken = writer.deallocate(SeatType::Professional, anna.id, soon()).await;
    assert_eq!(taken, Ok(Deleted::Accepted));
    assert_eq!(client.seat(SeatType::Professional, anna.id, soon()).await, Ok(None));
    let again = writer.deallocate(SeatType::Professional, anna.id, soon()).await;
    assert_eq!(again, Ok(Deleted::NotFound));
    let back = writer.allocate(SeatType::Professional, holder.id, soon()).await.unwrap();
    assert_eq!(back.holder, Some(holder));
    assert!(client.license_fingerprint(soon()).await.unwrap().is_some());
}
