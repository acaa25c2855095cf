//! The bodies in `samples/`, read from end to end.
//!
//! Their shape and their texts come from real or documented answers (`.constructed` in a name: the
//! combination was put together); all ids, names and keys are invented.

use chrono::NaiveDate;

use super::server::{Expiry, Kind};
use super::{Pools, ServerLicense, assess, wire};
use crate::license::DateOrder;
use crate::license::LicenseState;

macro_rules! sample {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!("samples/", $name, ".json")))
            .expect("a sample is JSON")
    };
}

fn license(answer: &serde_json::Value) -> ServerLicense {
    let answer = wire::License::parse(answer).expect("a sample is a license");
    ServerLicense::read(answer.as_ref(), DateOrder::Unset)
}

fn day(y: i32, m: u32, d: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(y, m, d).expect("a day")
}

#[test]
fn licenses() {
    let today = day(2026, 11, 23);
    let cases = [
        (
            sample!("license_signed_key"),
            (Kind::SignedKey, Expiry::On(day(2027, 3, 16)), LicenseState::Valid, Some(113)),
        ),
        (
            sample!("license_signed_key_other_culture.constructed"),
            (Kind::SignedKey, Expiry::On(day(2027, 3, 16)), LicenseState::Valid, Some(113)),
        ),
        (
            sample!("license_signed_key_no_valid_to.constructed"),
            (Kind::SignedKey, Expiry::Perpetual, LicenseState::Perpetual, None),
        ),
        (
            sample!("license_expired.constructed"),
            (Kind::SignedKey, Expiry::On(day(2024, 3, 16)), LicenseState::Expired, Some(-982)),
        ),
        (
            sample!("license_lef_2017"),
            (Kind::Lef, Expiry::On(day(2018, 1, 30)), LicenseState::Expired, Some(-3219)),
        ),
        (sample!("license_none"), (Kind::None, Expiry::Unknown, LicenseState::None, None)),
    ];
    for (answer, expected) in cases {
        let status = assess(license(&answer), 30, today);
        let ServerLicense { kind, expiry, .. } = status.license;
        assert_eq!((kind, expiry, status.state, status.days_until_expiry), expected, "{answer}");
    }
}

#[test]
fn overviews() {
    let pools = Pools::read(&sample!("accesstypeoverview_professional_analyzer_capacity"));
    let pools = pools.expect("a sample is an overview");
    assert_eq!(
        pools.professional.map(|p| (p.total, p.allocated, p.available)),
        Some((25.0, 5.0, 20.0))
    );
    assert_eq!(pools.analyzer_capacity.map(|p| p.allocated_minutes), Some(700.0));
    assert_eq!(pools.tokens.map(|t| t.enabled), Some(false));

    let pools = Pools::read(&sample!("accesstypeoverview_old_without_excess_and_time"));
    let pools = pools.expect("a sample is an overview");
    assert_eq!(pools.analyzer_capacity, None);
    assert_eq!(pools.analyzer.map(|p| (p.enabled, p.excess)), Some((false, 0.0)));

    let pools = Pools::read(&sample!("accesstypeoverview_tokens.constructed"));
    let pools = pools.expect("a sample is an overview");
    assert_eq!(pools.tokens.map(|t| (t.total_tokens, t.available_tokens)), Some((200.0, 39.0)));
    assert_eq!(pools.token_login.map(|p| p.token_cost), Some(0.1));
    assert_eq!(pools.token_user.map(|p| p.allocated_tokens), Some(61.0));
}
