//! What a site holds, as the client reads it: licenses of every form, pools, lists, the clock.

use bursar::license::ServerLicense;
use bursar::qrs::Field;
use bursar::simulator::{
    DateStyle, KeyDetails, LicenseVariant, PerpetualStyle, Population, Section, UserSpec, When,
};
use chrono::{TimeDelta, Utc};
use serde_json::Value;

use super::*;

const SEATS: &str = "license/professionalaccesstype";

async fn read(site: &Site, license: LicenseVariant) -> ServerLicense {
    site.running.control().set_license(license);
    site.client().server_license(DateOrder::Unset, soon()).await.expect("a license")
}

#[tokio::test]
async fn licenses_of_every_form() {
    let site = Site::start().await;
    let end = Utc::now() + TimeDelta::days(400);
    let at = When::At(end);
    // Day and month of this end may be the same or ambiguous, depending on the day of the test.
    for style in [DateStyle::Documented, DateStyle::Iso, DateStyle::IsoDate, DateStyle::DayDotMonth]
    {
        let license = read(&site, LicenseVariant::signed_as(at, style)).await;
        assert_eq!(license.expiry, Expiry::On(end.date_naive()), "{style:?}");
        assert!(!license.allotments.is_empty(), "{style:?}");
    }
    for style in [DateStyle::DaySlashMonth, DateStyle::Us] {
        let end = "2027-03-16T00:00:00Z".parse().unwrap();
        let license = read(&site, LicenseVariant::signed_as(When::At(end), style)).await;
        assert_eq!(license.expiry, Expiry::On(end.date_naive()), "{style:?}");
        let end = "2027-03-04T00:00:00Z".parse().unwrap();
        let license = read(&site, LicenseVariant::signed_as(When::At(end), style)).await;
        assert!(matches!(license.expiry, Expiry::Unreadable(_)), "{style:?} {license:?}");
    }
    let license = read(&site, LicenseVariant::signed_as(at, DateStyle::Unreadable)).await;
    assert_eq!(license.expiry, Expiry::Unreadable("soon".into()));
    for style in [PerpetualStyle::LineMissing, PerpetualStyle::Year9999, PerpetualStyle::Year0001] {
        let license = read(&site, LicenseVariant::perpetual(style)).await;
        assert_eq!(license.expiry, Expiry::Perpetual, "{style:?}");
    }
    for key_details in [KeyDetails::Null, KeyDetails::Absent, KeyDetails::Empty] {
        let license =
            read(&site, LicenseVariant { key_details, ..LicenseVariant::signed(at) }).await;
        assert_eq!((license.kind, license.expiry), (Kind::SignedKey, Expiry::Unknown));
    }
    let lef =
        LicenseVariant { maintenance_ends: Some(When::in_days(30)), ..LicenseVariant::lef(at) };
    let license = read(&site, lef).await;
    assert_eq!((license.kind, &license.expiry), (Kind::Lef, &Expiry::On(end.date_naive())));
    assert!(license.maintenance_end.is_some_and(|day| day < end.date_naive()));
    let license = read(&site, LicenseVariant::lef(When::Never)).await;
    assert_eq!((license.kind, license.expiry), (Kind::Lef, Expiry::Perpetual));
    assert_eq!(read(&site, LicenseVariant::none()).await.kind, Kind::None);

    let crlf = LicenseVariant {
        crlf: true,
        blacklisted: true,
        invalid: true,
        ..LicenseVariant::signed(at)
    };
    let license = read(&site, crlf).await;
    assert!(license.blacklisted && license.invalid && !license.server_says_expired);
    let license = read(&site, LicenseVariant::signed(When::days_ago(3))).await;
    assert!(license.server_says_expired);
    assert_eq!(license.expired_reason.as_deref(), Some("License has expired"));
}

#[tokio::test]
async fn pools_of_old_servers_and_token_sites() {
    let site = Site::start().await;
    let control = site.running.control();
    control.update_pools(|pools| {
        pools.with_excess = false;
        pools.omit = vec![Section::AnalyzerTimeAccess, Section::UserAccess];
        pools.tokens.enabled = true;
        pools.tokens.total = 200;
    });
    let pools = site.client().pools(soon()).await.unwrap();
    assert_eq!((pools.analyzer_capacity, pools.token_user), (None, None));
    assert_eq!(pools.professional.map(|pool| pool.excess), Some(0.0));
    assert_eq!(
        pools.tokens.map(|tokens| (tokens.enabled, tokens.total_tokens)),
        Some((true, 200.0))
    );
    assert!(pools.token_login.is_some());
}

#[tokio::test]
async fn the_clocks_can_be_compared() {
    let site = Site::start().await;
    site.fault(Fault::ClockSkew { seconds: -3600 });
    let about = site.client().about(soon()).await.unwrap();
    let behind = Utc::now() - about.server_date.unwrap();
    assert!((3595..=3610).contains(&behind.num_seconds()), "{behind}");
}

#[tokio::test]
async fn servers_without_tls_1_3() {
    let site = Site::with(Scenario { tls12_only: true, ..Scenario::default() }).await;
    site.client().pools(soon()).await.unwrap();
}

fn with_people() -> Scenario {
    let awkward = |user_id: &str| UserSpec {
        directory: "CORP".into(),
        user_id: user_id.into(),
        ..UserSpec::default()
    };
    Scenario {
        population: Population { users: 300, professional: 40, ..Population::default() },
        users: vec![
            awkward("o'brien"),
            awkward(r"ends\"),
            awkward("a & b # c + d"),
            awkward("jürgen"),
        ],
        ..Scenario::default()
    }
}

#[tokio::test]
async fn whole_lists_are_read_and_counted() {
    let site = Site::with(with_people()).await;
    let client = site.client();
    let seats: Vec<Value> = client.list_full(SEATS, None, soon()).await.unwrap().value;
    assert_eq!(seats.len(), 40);
    let quarantined = Field::new("quarantined").eq(true);
    let some: Vec<Value> = client.list_full(SEATS, Some(&quarantined), soon()).await.unwrap().value;
    assert_eq!(client.count(SEATS, Some(&quarantined), soon()).await, Ok(some.len() as u64));
    let before = Field::new("lastUsed").lt(Utc::now() - TimeDelta::days(30));
    let idle = client.count(SEATS, Some(&before), soon()).await.unwrap();
    let recent = Field::new("lastUsed").ge(Utc::now() - TimeDelta::days(30));
    assert!(idle > 0 && idle < 40);
    assert_eq!(client.count(SEATS, Some(&before.or(recent)), soon()).await, Ok(40));
}

#[tokio::test]
async fn awkward_names_are_found_by_a_filter() {
    let site = Site::with(with_people()).await;
    let client = site.client();
    for name in ["o'brien", r"ends\", "a & b # c + d", "JÜRGEN"] {
        let filter = Field::new("userId").eq(name).and(Field::new("userDirectory").eq("corp"));
        let users: Vec<Value> =
            client.list_full("user", Some(&filter), soon()).await.unwrap().value;
        assert_eq!(users.len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_filter_the_site_cannot_parse_is_told_with_its_words() {
    let site = Site::start().await;
    let query = [("filter", "name eq 'Q1''25'")];
    let error = site.client().get_json::<Value>("user/full", &query, soon()).await.unwrap_err();
    assert_error(&error, "bad-filter", &["Cannot parse the expression: name eq"]);
}

#[tokio::test]
async fn short_and_wrapped_lists_are_told() {
    let site = Site::with(with_people()).await;
    let client = site.client();
    site.fault(Fault::ShortList { drop: 3 });
    let error = client.list_full::<Value>(SEATS, None, soon()).await.unwrap_err();
    assert_error(&error, "incomplete-list", &["37 rows", "40"]);
    site.running.control().clear_faults();
    site.fault(Fault::ObjectForList);
    let error = client.list_full::<Value>(SEATS, None, soon()).await.unwrap_err();
    assert_error(&error, "unexpected-shape", &["expected a list, found an object"]);
}

#[tokio::test]
async fn rows_that_are_no_rows_are_told_without_their_content() {
    #[derive(Debug, serde::Deserialize)]
    struct Row {
        #[expect(dead_code, reason = "only its type matters")]
        id: u32,
    }
    let site = Site::with(with_people()).await;
    let error = site.client().list_full::<Row>("user", None, soon()).await.unwrap_err();
    assert_error(&error, "unexpected-shape", &["invalid type: string ..., expected u32"]);
}
